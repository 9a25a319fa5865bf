"""The conversations as rows of a list: what stands in them, and how they are painted and renamed."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from aichat.protocol.values import Conversation, SearchResult, Title
from aichat_qt.icons import icon
from aichat_qt.limits import limit_of
from aichat_qt.model import Model
from aichat_qt.theme import BODY_PX, META_PX, RADIUS_CONTROL, XS, M, S, sized, theme
from aichat_qt.words import one_line, when

ROW = Qt.ItemDataRole.UserRole + 1
LINE, RESULT, HEADING = 36, 54, 28
DOT = 8
TAG_MOST = 72
"""Pixels of a tag in a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list; a heading has no `conversation_id`."""

    title: str
    conversation_id: int = 0
    message_id: int = 0
    detail: str = ""
    """Below the title, with `matches` to be shown bold: (begin, end) in code points."""
    matches: list[tuple[int, int]] = field(default_factory=list)
    stamp: str = ""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    unread: bool = False

    @property
    def height(self) -> int:
        return HEADING if not self.conversation_id else RESULT if self.detail else LINE


def is_unread(model: Model, conversation: Conversation) -> bool:
    """Whether something was said that its user has not seen; while an answer is written there is nothing to say."""
    return conversation.unread and model.timeline.running(conversation.id) is None


def row_of(model: Model, conversation: Conversation) -> Row:
    """A conversation in the list of its persona."""
    return Row(
        one_line(conversation.title),
        conversation.id,
        stamp=when(conversation.update_time or conversation.create_time),
        tags=tuple(map(one_line, conversation.tags)),
        pinned=conversation.pinned,
        unread=is_unread(model, conversation) and conversation.id != model.conversation_id,
    )


def row_of_result(model: Model, result: SearchResult) -> Row:
    """A place that was found; whose it is stands before the words."""
    conversation = result.conversation
    persona = model.timeline.personas.get(conversation.persona_id)
    whose = one_line(persona.name) + ": " if persona and result.message_id and result.sender_type else ""
    if not result.message_id and persona:
        return Row(one_line(result.snippet), conversation.id, detail=one_line(persona.name), matches=[])
    matches = [(begin + len(whose), end + len(whose)) for begin, end in result.matches]
    return Row(
        one_line(conversation.title),
        conversation.id,
        result.message_id,
        whose + result.snippet,
        matches,
        when(result.send_time),
    )


class RowDelegate(QStyledItemDelegate):
    """Paints rows. `renamed` comes when a title was edited in place."""

    renamed = Signal(int, str)

    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, index.data(ROW).height)

    # renaming

    def createEditor(
        self, parent: QWidget, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setMaxLength(limit_of(Title))
        editor.setText(index.data(ROW).title)
        editor.setAccessibleName(self.tr("Title of the conversation"))
        editor.selectAll()
        return editor

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(0, 1, 0, -1))

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        pass  # written when it was made; a change from elsewhere is not to take it away

    def setModelData(self, editor: QWidget, _model: object, index: QModelIndex | QPersistentModelIndex) -> None:
        row: Row = index.data(ROW)
        if isinstance(editor, QLineEdit):
            title = one_line(editor.text())
            if title and title != row.title:
                self.renamed.emit(row.conversation_id, title)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc leaves the title as it was, and the panel open."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().eventFilter(watched, event)

    # painting

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: Row = index.data(ROW)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not row.conversation_id:
            painter.setFont(sized(painter.font(), META_PX, bold=True))
            painter.setPen(theme().colour("muted"))
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
            painter.drawText(rect.adjusted(M, 0, -M, -XS), flags, row.title)
        else:
            self._ground(painter, rect, state)
            upper = rect.adjusted(M, 0, -M, 0)
            if row.detail:
                upper.setBottom(rect.top() + RESULT // 2 + 2)
                upper.setTop(rect.top() + 6)
            self._title(painter, upper, row)
            if row.detail:
                lower = QRect(upper.left(), upper.bottom(), rect.width() - 2 * M, 20)
                _matched(painter, lower, row)
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour("own" if selected else "sunken"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), RADIUS_CONTROL, RADIUS_CONTROL)

    def _title(self, painter: QPainter, box: QRect, row: Row) -> None:
        t = theme()
        meta, body = sized(painter.font(), META_PX), sized(painter.font(), BODY_PX, bold=row.unread)
        right = box.right()
        painter.setFont(meta)
        painter.setPen(t.colour("muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.stamp)
        right -= QFontMetrics(meta).horizontalAdvance(row.stamp) + (S if row.stamp else 0)
        if row.pinned:
            icon("pin", t.tokens.muted, 14).paint(painter, right - 14, box.center().y() - 6, 14, 14)
            right -= 14 + XS
        for tag in row.tags[:2]:
            right = self._tag(painter, box, right, tag)
        left = box.left()
        if row.unread:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.colour("accent"))
            painter.drawEllipse(left, box.center().y() - DOT // 2 + 1, DOT, DOT)
            left += DOT + S
        painter.setFont(body)
        painter.setPen(t.colour("text"))
        title = QFontMetrics(body).elidedText(row.title, Qt.TextElideMode.ElideRight, right - left - S)
        room = QRect(left, box.top(), right - left, box.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def _tag(self, painter: QPainter, box: QRect, right: int, tag: str) -> int:
        t = theme()
        font = sized(painter.font(), META_PX)
        metrics = QFontMetrics(font)
        words = metrics.elidedText(tag, Qt.TextElideMode.ElideRight, TAG_MOST)
        width = metrics.horizontalAdvance(words) + S
        place = QRect(right - width, box.center().y() - 9, width, 19)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.colour("sunken"))
        painter.drawRoundedRect(place, XS, XS)
        painter.setFont(font)
        painter.setPen(t.colour("muted"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        return place.left() - XS


def _matched(painter: QPainter, box: QRect, row: Row) -> None:
    """A snippet in one line, the words that were looked for in bold."""
    t = theme()
    text = row.detail
    layout = QTextLayout(text, sized(painter.font(), META_PX))
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.NoWrap)
    layout.setTextOption(option)
    formats = []
    for begin, end in row.matches:
        match = QTextLayout.FormatRange()
        match.start, match.length = _utf16(text[:begin]), _utf16(text[begin:end])
        style = QTextCharFormat()
        style.setFontWeight(QFont.Weight.Bold)
        style.setForeground(t.colour("text"))
        match.format = style
        formats.append(match)
    layout.setFormats(formats)
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(10_000)
    layout.endLayout()
    painter.save()
    painter.setClipRect(box)
    painter.setPen(QColor(t.tokens.muted))
    layout.draw(painter, box.topLeft())
    painter.restore()


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
