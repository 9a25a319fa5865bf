"""The picture of a persona while it is made: drag it, zoom it; what is inside the circle is what all will see."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from aichat_qt.avatar import EDGE, avatar_pixmap
from aichat_qt.theme import XS, theme

MOST_ZOOM = 4.0
STEP = 1.15
"""One notch of the wheel, one press of + or -."""
KEY_MOVE = 8
"""Pixels that an arrow key moves the picture."""


class AvatarCrop(QWidget):
    """Without a picture it shows the generated avatar. `zoom` is 1 where the picture just fills the circle."""

    changed = Signal()
    """Another part of the picture is chosen, or another picture."""

    def __init__(self, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._image: QImage | None = None
        self._kept = ""
        self._name = ("", "")
        self._centre = QPointF()
        self._grabbed: QPointF | None = None
        self.zoom = 1.0
        self.touched = False
        """Whether what is shown is another cut than the picture that came."""
        self.setFixedSize(size, size)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def image(self) -> QImage | None:
        """The whole picture, of which a part is shown."""
        return self._image

    def show_name(self, key: str, name: str) -> None:
        """For the generated avatar."""
        self._name = (key, name)
        self.update()

    def take(self, image: QImage | None, *, touched: bool = True) -> None:
        """Show a picture from its middle, or with None the generated avatar."""
        self._image = image
        self.zoom, self.touched = 1.0, touched
        if image is not None:
            self._centre = QPointF(image.width() / 2, image.height() / 2)
            self.setCursor(Qt.CursorShape.OpenHandCursor)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        else:
            self.unsetCursor()
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._settle()

    def set_zoom(self, zoom: float) -> None:
        zoom = max(1.0, min(zoom, MOST_ZOOM))
        if self._image is not None and zoom != self.zoom:
            self.zoom, self.touched = zoom, True
            self._settle()

    def move_by(self, dx: float, dy: float) -> None:
        """Move the picture under the circle, in pixels of the screen."""
        if self._image is not None:
            scale = self._side() / self._size
            self._centre -= QPointF(dx * scale, dy * scale)
            self.touched = True
            self._settle()

    def cropped(self) -> QImage | None:
        """The square around the circle, at most `EDGE` wide."""
        if self._image is None:
            return None
        part = self._image.copy(self._source().toRect())
        edge = min(EDGE, part.width())
        ignore, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        return part.scaled(edge, edge, ignore, smooth)

    def _side(self) -> float:
        """Pixels of the picture that are across the circle."""
        return 0.0 if self._image is None else min(self._image.width(), self._image.height()) / self.zoom

    def _source(self) -> QRectF:
        side = self._side()
        return QRectF(self._centre.x() - side / 2, self._centre.y() - side / 2, side, side)

    def _settle(self) -> None:
        """Keep the circle inside the picture."""
        if self._image is not None:
            half = self._side() / 2
            x = max(half, min(self._centre.x(), self._image.width() - half))
            y = max(half, min(self._centre.y(), self._image.height() - half))
            self._centre = QPointF(x, y)
        self.changed.emit()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._image is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            moved = event.position() - self._grabbed
            self._grabbed = event.position()
            self.move_by(moved.x(), moved.y())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._image is None:
            event.ignore()
            return
        self.set_zoom(self.zoom * STEP ** (event.angleDelta().y() / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-KEY_MOVE, 0),
            Qt.Key.Key_Right: (KEY_MOVE, 0),
            Qt.Key.Key_Up: (0, -KEY_MOVE),
            Qt.Key.Key_Down: (0, KEY_MOVE),
        }
        if event.key() in moves:
            self.move_by(*moves[Qt.Key(event.key())])
        elif event.key() in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.set_zoom(self.zoom * STEP)
        elif event.key() == Qt.Key.Key_Minus:
            self.set_zoom(self.zoom / STEP)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        if self._image is None:
            size = self._size - XS
            painter.drawPixmap(2, 2, avatar_pixmap(*self._name, "", size, self.devicePixelRatioF()))
        else:
            circle = QPainterPath()
            circle.addEllipse(box)
            painter.setClipPath(circle)
            painter.drawImage(box, self._image, self._source())
            painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        focused = self.hasFocus()
        painter.setPen(QPen(theme().colour("accent" if focused else "line"), 2 if focused else 1))
        painter.drawEllipse(box)
        painter.end()
