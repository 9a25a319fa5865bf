"""Labels that show text as it is: names, titles and errors come from outside and must not become markup."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from aichat_qt.theme import sized


def label(parent: QWidget, role: str, words: str = "", *, px: int = 0, bold: bool = False) -> QLabel:
    """A label in one of the stylesheet's roles."""
    result = QLabel(words, parent)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("role", role)
    if px:
        result.setFont(sized(parent.font(), px, bold=bold))
    return result


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where the room ends, and asks for no room."""

    def __init__(self, parent: QWidget, role: str, *, px: int, bold: bool = False) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setFont(sized(parent.font(), px, bold=bold))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


def set_role(widget: QLabel, role: str) -> None:
    """Change a label's role."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def tooltip(words: str) -> str:
    """Text from outside as a tooltip, which would take it for markup if it looked like it."""
    return f"<span>{escape(words)}</span>" if words else ""
