"""One persona in the list: picture, name, what was spoken of last and when."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from aichat.protocol.values import Persona
from aichat_qt.avatar import avatar_pixmap
from aichat_qt.icons import icon
from aichat_qt.theme import BODY_PX, META_PX, RADIUS_CONTROL, XS, L, M, S, sized, theme
from aichat_qt.words import one_line

HEIGHT = 60
AVATAR = 40
MARK = 14
BADGE = 18
OWNER = 64
"""Pixels of an owner's name at most."""


class PersonaItemWidget(QWidget):
    """Paints itself; the list it stands in does the choosing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._persona: Persona | None = None
        self._detail = self._when = ""
        self._selected = self._focused = self._busy = False
        self.unread = 0
        """Conversations with something not seen yet."""
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme().changed.connect(self.update)

    def show_persona(self, persona: Persona, detail: str, when: str, *, busy: bool, unread: int = 0) -> None:
        """`detail`: the title of the newest conversation; `busy`: an answer is being written."""
        self._persona, self._detail, self._when, self._busy = persona, one_line(detail), when, busy
        self.unread = unread
        self.setAccessibleName(one_line(persona.name))
        shared_by = self.tr("shared by {0}").format(one_line(persona.owner)) if persona.owner else ""
        news = self.tr("{0} unread").format(unread) if unread else ""
        self.setAccessibleDescription(" ".join(filter(None, (shared_by, news, self._detail))))
        self.update()

    def set_selected(self, selected: bool, *, focused: bool) -> None:
        if (selected, focused) != (self._selected, self._focused):
            self._selected, self._focused = selected, focused
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._persona is None:
            return
        t = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(S, 1, -S, -1)
        if self._selected or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.colour("own" if self._selected else "sunken"))
            painter.drawRoundedRect(box, RADIUS_CONTROL + 2, RADIUS_CONTROL + 2)
        if self._selected and self._focused:
            painter.setPen(t.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_CONTROL + 2, RADIUS_CONTROL + 2)
        persona = self._persona
        top = (self.height() - AVATAR) // 2
        picture = avatar_pixmap(persona.id, persona.name, persona.avatar, AVATAR, self.devicePixelRatioF())
        painter.drawPixmap(L, top, picture)
        left, right = L + AVATAR + M, self.width() - L - S
        self._paint_words(painter, left, right)
        painter.end()

    def _is_shared(self) -> bool:
        return self._persona is not None and (self._persona.shared or bool(self._persona.owner))

    def _mark(self, metrics: QFontMetrics, room: int) -> str:
        """Whose it is, if another user's."""
        owner = one_line(self._persona.owner) if self._persona else ""
        return metrics.elidedText(owner, Qt.TextElideMode.ElideRight, min(room, OWNER))

    def _paint_words(self, painter: QPainter, left: int, right: int) -> None:
        t = theme()
        name = one_line(self._persona.name) if self._persona else ""
        meta, bold = sized(self.font(), META_PX), sized(self.font(), BODY_PX, bold=True)
        middle = self.height() // 2
        painter.setFont(meta)
        painter.setPen(t.colour("muted"))
        when_width = QFontMetrics(meta).horizontalAdvance(self._when)
        two_lines = bool(self._detail) or self._busy
        upper = QRect(left, middle - 21 if two_lines else middle - 11, right - left, 22)
        centre_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(upper, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._when)
        painter.setFont(bold)
        painter.setPen(t.colour("text"))
        room = upper.width() - when_width - (S if when_width else 0)
        mark = self._mark(QFontMetrics(meta), room // 2)
        room -= QFontMetrics(meta).horizontalAdvance(mark) + MARK + S + XS if self._is_shared() else 0
        shown = QFontMetrics(bold).elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(upper, centre_left, shown)
        if self._is_shared():
            at = upper.left() + QFontMetrics(bold).horizontalAdvance(shown) + S
            top = upper.center().y() - MARK // 2 + 1
            icon("people", t.tokens.muted, MARK).paint(painter, at, top, MARK, MARK)
            painter.setFont(meta)
            painter.setPen(t.colour("muted"))
            painter.drawText(upper.adjusted(at + MARK + XS - upper.left(), 1, 0, 1), centre_left, mark)
        if two_lines:
            detail = self.tr("writing…") if self._busy else self._detail
            painter.setFont(meta)
            painter.setPen(t.colour("accent" if self._busy else "muted"))
            lower = QRect(left, middle, right - left, 20)
            if self.unread:
                lower.setRight(self._badge(painter, lower) - S)
                painter.setPen(t.colour("accent" if self._busy else "text"))
            painter.drawText(
                lower, centre_left, QFontMetrics(meta).elidedText(detail, Qt.TextElideMode.ElideRight, lower.width())
            )

    def _badge(self, painter: QPainter, box: QRect) -> int:
        """How many conversations have news, at the right end -> where it begins."""
        t = theme()
        words = str(self.unread) if self.unread < 100 else "99+"
        bold = sized(self.font(), META_PX - 1, bold=True)
        width = max(BADGE, QFontMetrics(bold).horizontalAdvance(words) + S + XS)
        place = QRect(box.right() - width + 1, box.center().y() - BADGE // 2 + 1, width, BADGE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.colour("accent"))
        painter.drawRoundedRect(place, BADGE / 2, BADGE / 2)
        painter.setFont(bold)
        painter.setPen(t.colour("on_accent"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        painter.setFont(sized(self.font(), META_PX))
        return place.left()
