"""Read-only text of a message: as tall as what it holds, selectable, and closed to everything outside."""

from __future__ import annotations

from math import ceil
from typing import Any

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSizeF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QTextEdit, QWidget

from aichat_qt.check_box import BOX, draw_box
from aichat_qt.render import BULLET, QUOTE, QUOTE_PX, RULE, Writer, line_height
from aichat_qt.theme import LINE_PX, XL, theme

CARET_WIDTH = 7
LONG = 2_000
"""Characters of plain text that fill a whole width in any case."""
MOST_FOUND = 200
NOTHING = QByteArray(b" ")
NONE_KEPT = -1
"""0 is a place too: behind a rule, which has no text."""


class TextView(QTextBrowser):
    """A QTextBrowser without frame, scroll bars, navigation and resources."""

    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kept = NONE_KEPT
        """Everything before this position in the document stays when the rest is written anew."""
        self.caret = 0.0
        """How strongly the caret of live text is drawn; 0: not at all."""
        self._marks = False
        self._plain = self._needle = ""
        self.found: list[QTextCursor] = []
        """Where what is looked for stands."""
        self._fitted = (-1, -1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setOpenLinks(False)
        self.setUndoRedoEnabled(False)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.viewport().setAutoFillBackground(False)
        document = self.document()
        document.setDocumentMargin(0)
        document.setIndentWidth(XL)
        self.anchorClicked.connect(lambda url: self.link_clicked.emit(url.toString()))

    def loadResource(self, _type: int, _name: QUrl | str) -> Any:
        """No picture, style or page is ever fetched, neither from the network nor from this machine.

        Something must be given: for nothing the document itself would look among the files.
        """
        return NOTHING

    def write(self, tokens: list[Any]) -> None:
        """Write Markdown tokens in place of everything after `kept`."""
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.setPosition(max(0, self.kept))
        kept_form = cursor.blockFormat()
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if self.kept >= 0:
            cursor.setBlockFormat(kept_form)  # an empty block takes over the form of what was removed behind it
        writer = Writer(cursor, fresh=self.kept < 0)
        writer.write(tokens)
        cursor.endEditBlock()
        self._marks |= writer.marks
        self.touched()

    def grow_plain(self, text: str, colour: str = "text") -> None:
        """Show plain text; if it only grew, the rest is added."""
        if not self._plain or not text.startswith(self._plain):
            self.write_plain(text, colour)
        elif len(text) > len(self._plain):
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._plain) :])
            self._plain = text
            self.touched()

    def write_plain(self, text: str, colour: str = "text", line_px: int = LINE_PX) -> None:
        """Show text as it is."""
        self._plain = text
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        form = cursor.charFormat()
        form.setForeground(theme().colour(colour))
        cursor.insertText(text, form)
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(line_height(cursor.blockFormat(), line_px))
        cursor.endEditBlock()
        self.touched()

    def keep(self) -> None:
        """What stands here now is settled."""
        self.kept = self.document().characterCount() - 1

    def find_all(self, needle: str) -> list[QTextCursor]:
        """Mark where a text stands, whatever its case -> the places, at most 200."""
        self._needle = needle
        found: list[QTextCursor] = []
        cursor = self.document().find(needle) if needle else QTextCursor()
        while not cursor.isNull() and len(found) < MOST_FOUND:
            found.append(cursor)
            cursor = self.document().find(needle, cursor)
        self.found = found
        self.mark_found(None)
        return found

    def mark_found(self, now: QTextCursor | None) -> None:
        """Show the places found; the one that the reader is at stands out."""
        marks = []
        for cursor in self.found:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor
            mark.format.setBackground(theme().colour("mark_now" if cursor is now else "mark"))
            mark.format.setForeground(theme().colour("on_mark"))
            marks.append(mark)
        if marks or self.extraSelections():
            self.setExtraSelections(marks)

    def touched(self) -> None:
        """The text is another one: measure again."""
        self._fitted = (-1, -1)
        if self._needle:
            self.find_all(self._needle)
        cursor = self.textCursor()
        if cursor.position() and not cursor.hasSelection():
            cursor.setPosition(0)  # it was carried to the end, and the view would scroll to it
            self.setTextCursor(cursor)

    def fit(self, width: int) -> int:
        """Lay the text out in a width -> the height it takes."""
        if self._fitted[0] != width:
            if self.width() != width:
                self.resize(width, self.height())
            document = self.document()
            if document.textWidth() != width:
                document.setTextWidth(width)
            self._fitted = (width, ceil(document.size().height()))
        return self._fitted[1]

    def ideal_width(self, most: int) -> int:
        """The width that plain text would like to have; a long one, or one with tabs, takes what it can get.

        By the font, not by the document: one that was laid out before it was shown keeps its old measures at times.
        """
        if len(self._plain) > LONG or "\t" in self._plain:
            return most
        self.ensurePolished()  # else it would be measured in a font that is not its own
        metrics = QFontMetrics(self.font())
        return min(most, max(metrics.horizontalAdvance(line) for line in self._plain.split("\n")) + 2)

    def set_caret(self, strength: float) -> None:
        if strength != self.caret:
            self.caret = strength
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._marks and not self.caret:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._marks:
            self._paint_marks(painter, event.rect().top(), event.rect().bottom())
        if self.caret:
            self._paint_caret(painter)
        painter.end()

    def _paint_marks(self, painter: QPainter, top: int, bottom: int) -> None:
        """Bars of quotations, rules and bullets, of the blocks in view."""
        layout = self.document().documentLayout()
        block = self.document().begin()
        while block.isValid():
            form = block.blockFormat()
            depth, rule, bullet = form.property(QUOTE), form.property(RULE), form.property(BULLET)
            if depth or rule or bullet:
                box = layout.blockBoundingRect(block)
                if box.top() > bottom:
                    return
                if box.bottom() >= top:
                    painter.setBrush(theme().colour("line"))
                    if rule:
                        painter.drawRect(QRectF(0, box.center().y(), self.viewport().width(), 1))
                    follows = block.next()
                    end = box.bottom()
                    if depth and follows.isValid() and follows.blockFormat().property(QUOTE):
                        end = layout.blockBoundingRect(follows).top() + 1
                    bars, indent = divmod(int(depth or 0), 100)
                    for level in range(bars):
                        x = indent * XL + level * QUOTE_PX
                        painter.drawRoundedRect(QRectF(x, box.top(), 3, end - box.top()), 1.5, 1.5)
                    if bullet:
                        self._paint_bullet(painter, box, int(bullet), form.leftMargin())
            block = block.next()

    @staticmethod
    def _paint_bullet(painter: QPainter, box: QRectF, depth: int, margin: float) -> None:
        colour = theme().colour("muted")
        if depth < 0:
            depth, done = divmod(-depth, 2)
            corner = QPointF(margin + depth * XL - BOX - 6, box.top() + (LINE_PX - BOX) / 2 + 1)
            draw_box(painter, QRectF(corner, QSizeF(BOX, BOX)), checked=bool(done))
            return
        centre = QPointF(margin + depth * XL - 12, box.top() + LINE_PX / 2 + 1)
        if depth == 2:
            painter.setPen(QPen(colour, 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, 2.4, 2.4)
            painter.setPen(Qt.PenStyle.NoPen)
        else:
            painter.setBrush(colour)
            painter.drawEllipse(centre, 2.6, 2.6)

    def _paint_caret(self, painter: QPainter) -> None:
        end = QTextCursor(self.document())
        end.movePosition(QTextCursor.MoveOperation.End)
        box = self.cursorRect(end)
        colour = QColor(theme().tokens.accent)
        colour.setAlphaF(self.caret)
        painter.setBrush(colour)
        x = min(box.left() + 3, self.viewport().width() - CARET_WIDTH)
        painter.drawRoundedRect(QRectF(x, box.center().y() - 8, CARET_WIDTH, 16), 2, 2)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()  # the message has a menu, for all that is in it

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the list of messages scrolls, not a message

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copying and selecting is ours; every other key belongs to the window."""
        if event.matches(QKeySequence.StandardKey.Copy) or event.matches(QKeySequence.StandardKey.SelectAll):
            super().keyPressEvent(event)
        else:
            event.ignore()

    def focusNextPrevChild(self, _next: bool) -> bool:
        return QWidget.focusNextPrevChild(self, _next)
