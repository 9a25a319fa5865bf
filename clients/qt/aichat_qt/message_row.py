"""What every row of the message list has: a day divider above, actions on hover and focus, layout by `fit`."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from aichat_qt.theme import META_PX, XL, L, S, sized, theme

DIVIDER = 48


class Row(QWidget):
    """What both kinds have: a day divider above, actions on hover and focus."""

    resized = Signal()
    """Its height may be another one now."""
    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_placed = False
        """Whether it stands where it belongs; a new row does not, and must not be taken for what is in view."""
        self._divider = ""
        self._current = False
        self._top = 0
        self._height = -1
        self._width = -1
        self._actions: list[QWidget] | None = None  # made when they are first shown
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def is_current(self) -> bool:
        return self._current

    @property
    def top(self) -> int:
        """Where the message begins, below the divider."""
        return self._top

    @property
    def content(self) -> str:
        """The message's words, for the clipboard."""
        raise NotImplementedError

    def set_divider(self, words: str) -> None:
        if words != self._divider:
            self._divider = words
            self.stale()

    def set_current(self, current: bool) -> None:
        """The row that the keyboard is on."""
        if current != self._current:
            self._current = current
            self._show_actions()
            self.update()

    def stale(self) -> None:
        """Measure again at the next `fit`."""
        self._height = -1

    def fit(self, width: int) -> int:
        """Lay out in a width -> the height it takes."""
        if width != self._width or self._height < 0:
            self._width = width
            self._top = DIVIDER if self._divider else 0
            self._height = self._lay_out(width, self._top)
            if self._actions is not None:
                self._place_actions()
        return self._height

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.content)

    def _lay_out(self, width: int, top: int) -> int:
        raise NotImplementedError

    @property
    def is_lit(self) -> bool:
        """Whether the pointer or the keyboard is here."""
        return self._current or self.underMouse()

    def _make_actions(self) -> list[QWidget]:
        """The buttons that show on hover and focus; most rows never need them."""
        return []

    def _place_actions(self) -> None:
        """Put the actions where they belong and show those that fit."""

    def _show_actions(self) -> None:
        if self.is_lit:
            if self._actions is None:
                self._actions = self._make_actions()
            self._place_actions()
        for action in self._actions or []:
            action.setVisible(self.is_lit and action.isEnabled())
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_actions()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_actions()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._divider:
            font = sized(self.font(), META_PX)
            painter.setFont(font)
            words = QFontMetrics(font).horizontalAdvance(self._divider)
            middle = (DIVIDER - XL) // 2 + 2
            painter.setPen(theme().colour("muted"))
            painter.drawText(
                QRectF(0, 0, self.width(), DIVIDER - XL + S), Qt.AlignmentFlag.AlignCenter, self._divider
            )
            painter.setPen(theme().colour("line"))
            half = (self.width() - words) // 2 - L
            if half > 0:
                painter.drawLine(0, middle + 2, half, middle + 2)
                painter.drawLine(self.width() - half, middle + 2, self.width(), middle + 2)
        self._paint(painter)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        pass
