"""The pill that leads back to the newest message while one reads further up."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from aichat_qt.icons import icon
from aichat_qt.theme import HIT, L, theme


class JumpPill(QPushButton):
    """Floats over the lower end of its parent; says "New" when something came meanwhile."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setProperty("role", "pill")
        self.setAccessibleName(self.tr("To the newest message"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()
        self._dress()
        theme().changed.connect(self._dress)

    def place(self, *, wanted: bool, news: bool) -> None:
        """Stand where it belongs, if it is wanted."""
        self.setVisible(wanted)
        self.setText(self.tr("New") if news else "")
        size, room = self.sizeHint(), self._over.size()
        self.setGeometry((room.width() - size.width()) // 2, room.height() - HIT - L, size.width(), HIT)
        self.raise_()

    def _dress(self) -> None:
        self.setIcon(icon("arrow-down", theme().tokens.accent, 16))
