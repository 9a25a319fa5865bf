"""A box that is ticked: the style's own is hardly seen in the dark."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QCheckBox

from aichat_qt.theme import HIT, S, theme

BOX = 16
_TICK = ((0.28, 0.52), (0.44, 0.68), (0.74, 0.34))


def draw_box(painter: QPainter, box: QRectF, *, checked: bool, focused: bool = False) -> None:
    """A box of `BOX` pixels; the outline has the contrast of text."""
    t = theme()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(t.colour("accent" if checked or focused else "muted"), 1.4))
    painter.setBrush(t.colour("accent") if checked else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 3, 3)
    if checked:
        pen = QPen(t.colour("on_accent"), 1.8)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        corner, size = box.topLeft(), box.width()
        painter.drawPolyline(QPolygonF([corner + QPointF(x * size, y * size) for x, y in _TICK]))
    painter.restore()


class CheckBox(QCheckBox):
    """Box and words on one line."""

    def sizeHint(self) -> QSize:
        return QSize(BOX + S + self.fontMetrics().horizontalAdvance(self.text()) + 2, HIT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, _place: object) -> bool:
        return True

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        top = (self.height() - BOX) / 2
        draw_box(painter, QRectF(0, top, BOX, BOX), checked=self.isChecked(), focused=self.hasFocus())
        painter.setPen(theme().colour("text" if self.isEnabled() else "muted"))
        words = self.rect().adjusted(BOX + S, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextShowMnemonic, self.text())
        painter.end()
