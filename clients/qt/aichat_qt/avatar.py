"""Round avatars: the persona's picture, or its initial on a colour that stays the same."""

from __future__ import annotations

import base64
import binascii
import zlib
from functools import lru_cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt, QTextBoundaryFinder
from PySide6.QtGui import QColor, QFont, QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from aichat.protocol.values import Avatar, Persona
from aichat_qt.limits import limit_of
from aichat_qt.theme import AVATAR_GROUNDS, AVATAR_TEXT
from aichat_qt.words import one_line

EDGE = 256
"""Pixels: what a picked picture is brought to."""
WHOLE_EDGE = 1600
"""Pixels: what a picture is kept at while a part of it is chosen."""
MOST_PIXELS = 50_000_000
MOST_FILE_BYTES = 30_000_000
MOST_ENCODED = limit_of(Avatar)


def read_image(data: bytes, edge: int = EDGE) -> QImage | None:
    """A picture cut to a square of at most `edge`; None if it is none or too big to open safely."""
    image = read_whole(data)
    if image is None:
        return None
    side = min(image.width(), image.height())
    square = image.copy((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    return _scaled(square, min(edge, side))


def read_whole(data: bytes) -> QImage | None:
    """A picture as it is, no longer than `WHOLE_EDGE`; None if it is none or too big to open safely."""
    if not data or len(data) > MOST_FILE_BYTES:
        return None
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    size = reader.size()
    if not size.isValid() or size.width() * size.height() > MOST_PIXELS:
        return None
    if bytes(reader.format().data()) not in {b"png", b"jpeg", b"jpg", b"gif", b"webp"}:
        return None
    image = reader.read()
    if image.isNull():
        return None
    if max(image.width(), image.height()) > WHOLE_EDGE:
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        image = image.scaled(WHOLE_EDGE, WHOLE_EDGE, keep, smooth)
    return image


def encode_avatar(image: QImage) -> str:
    """A picture as the protocol carries it: base64 of a PNG of at most 256 x 256, smaller if it would not fit."""
    edge = min(EDGE, image.width())
    while True:
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        _scaled(image, edge).save(buffer, "PNG")  # type: ignore[call-overload]
        encoded = base64.b64encode(data.data()).decode("ascii")
        if len(encoded) <= MOST_ENCODED or edge <= 32:
            return encoded
        edge = edge * 3 // 4


def _scaled(image: QImage, edge: int) -> QImage:
    ignore, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image if image.width() == edge else image.scaled(edge, edge, ignore, smooth)


def initial(name: str) -> str:
    """The first character that a reader would call one."""
    name = one_line(name)
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Grapheme, name)
    end = finder.toNextBoundary()
    first = name.encode("utf-16-le")[: 2 * end].decode("utf-16-le", "ignore") if end > 0 else ""
    return first.upper() or "?"


def ground(key: str) -> str:
    """A persona's own colour."""
    return AVATAR_GROUNDS[zlib.crc32(key.encode()) % len(AVATAR_GROUNDS)]


@lru_cache(maxsize=32)
def _decoded(avatar: str) -> QImage | None:
    try:
        return read_image(base64.b64decode(avatar, validate=True))
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=256)
def avatar_pixmap(key: str, name: str, avatar: str, size: int, ratio: float) -> QPixmap:
    """The round picture of a persona at a size."""
    pixels = round(size * ratio)
    result = QPixmap(QSize(pixels, pixels))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    circle = QPainterPath()
    circle.addEllipse(QRectF(0, 0, pixels, pixels))
    painter.setClipPath(circle)
    image = _decoded(avatar) if avatar else None
    if image is not None:
        scaled = image.scaled(
            pixels, pixels, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        painter.drawImage(0, 0, scaled)
    else:
        painter.fillPath(circle, QColor(ground(key)))
        font = QFont(QApplication.font())
        font.setPixelSize(max(1, round(pixels * 0.44)))
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(AVATAR_TEXT))
        painter.drawText(QRectF(0, 0, pixels, pixels), Qt.AlignmentFlag.AlignCenter, initial(name))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


class AvatarWidget(QWidget):
    """Shows a persona's picture."""

    def __init__(self, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._of = ("", "", "")
        self.setFixedSize(size, size)

    def show_persona(self, persona: Persona) -> None:
        self.show_parts(persona.id, persona.name, persona.avatar)

    def show_parts(self, key: str, name: str, avatar: str) -> None:
        if self._of != (key, name, avatar):
            self._of = (key, name, avatar)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, avatar_pixmap(*self._of, self._size, self.devicePixelRatioF()))
        painter.end()
