"""A block of code in an answer: its language, a copy button, colours, and lines that scroll sideways."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QTextCharFormat, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QTextBrowser, QWidget

from aichat_qt.highlight import Colourer
from aichat_qt.icons import IconButton
from aichat_qt.labels import label
from aichat_qt.render import line_height
from aichat_qt.text_view import TextView
from aichat_qt.theme import CODE_LINE_PX, HIT, META_PX, RADIUS_CONTROL, XS, M, code_font, theme
from aichat_qt.words import one_line

HEAD = HIT
BAR = 10
NAMES = {"latex": "LaTeX"}
GROWING_LINES = 40
RECOLOUR_MS = 250
"""Growing code is coloured this often at most; in between new text is plain."""


class _Lines(TextView):
    """The code itself; takes the wheel only sideways."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            QTextBrowser.wheelEvent(self, event)
        else:
            event.ignore()


class CodeView(QWidget):
    """One code block."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._language = ""
        self._label = label(self, "muted", px=META_PX)
        self._copy = IconButton("copy", self.tr("Copy code"), self, size=16)
        self._copy.clicked.connect(self._copied)
        self.lines = _Lines(self)
        self.lines.setLineWrapMode(QTextBrowser.LineWrapMode.NoWrap)
        self.lines.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.lines.document().setDefaultFont(code_font())
        self.lines.setFont(code_font())
        self.colourer = Colourer(self.lines.document(), self)
        self._growing = False
        self._colour_soon = QTimer(self, singleShot=True, interval=RECOLOUR_MS)
        self._colour_soon.timeout.connect(self._colour)
        theme().changed.connect(self._colour)

    @property
    def text(self) -> str:
        return self._text

    def show_code(self, text: str, language: str, *, growing: bool = False) -> None:
        """Show code; if it only grew, what stands there stays."""
        if language != self._language or not self._label.text():
            self._language = language
            self._label.setText(NAMES.get(language) or one_line(language) or self.tr("code"))
            self.lines.setAccessibleName(self.tr("Code: {0}").format(self._label.text()))
        ended, self._growing = self._growing and not growing, growing
        if text == self._text:
            if ended:
                self._colour()
            return
        cursor = QTextCursor(self.lines.document())
        grew = bool(self._text) and text.startswith(self._text)
        if grew:
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._text) :])
        else:
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.setBlockFormat(line_height(cursor.blockFormat(), CODE_LINE_PX))
            cursor.insertText(text, QTextCharFormat())
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.mergeBlockFormat(line_height(cursor.blockFormat(), CODE_LINE_PX))
        self._text = text
        self.lines.touched()
        if not growing:
            self._colour_soon.stop()
            self._colour()
        elif not self._colour_soon.isActive():
            self._colour_soon.start()

    def fit(self, width: int) -> int:
        """Lay out in a width -> the height it takes."""
        inner = width - 2 * M
        document = self.lines.document()
        overflow = document.idealWidth() > inner if len(self._text) > inner // 10 else False
        lines = document.blockCount() * CODE_LINE_PX + (BAR if overflow else 0)
        self._label.setGeometry(M, 0, inner - HIT, HEAD)
        self._copy.move(width - HIT - XS, 0)
        self.lines.setGeometry(M, HEAD, inner, lines)
        return HEAD + lines + (XS if overflow else M)

    def set_caret(self, strength: float) -> None:
        self.lines.set_caret(strength)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().colour("code"))
        painter.drawRoundedRect(QRectF(self.rect()), RADIUS_CONTROL + 2, RADIUS_CONTROL + 2)
        painter.end()

    def _colour(self) -> None:
        self.colourer.colour(self._text, self._language, most=GROWING_LINES if self._growing else 0)

    def _copied(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self._copy.show_icon("check", "ok")
        self._copy.say(self.tr("Copied"))
        QTimer.singleShot(1500, self, self._uncopied)

    def _uncopied(self) -> None:
        self._copy.show_icon("copy", "muted")
        self._copy.say(self.tr("Copy code"))
