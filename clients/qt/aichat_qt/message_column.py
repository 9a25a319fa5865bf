"""What holds the rows of messages."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from aichat_qt.message_row import Row
from aichat_qt.own_row import OwnRow
from aichat_qt.theme import M, theme


class MessageColumn(QWidget):
    """Holds the rows, and marks the one that the keyboard is on beside it."""

    current: Row | None = None

    def paintEvent(self, _event: QPaintEvent) -> None:
        row = self.current
        if row is not None and row.is_current:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour("accent"))
            x = row.x() + row.width() + M - 3 if isinstance(row, OwnRow) else row.x() - M
            painter.drawRoundedRect(x, row.y() + row.top, 3, row.height() - row.top, 1.5, 1.5)
            painter.end()
