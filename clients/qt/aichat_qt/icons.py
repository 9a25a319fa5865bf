"""The small icons, drawn here as strokes, and the application's icon."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from aichat_qt.theme import HIT, theme

PATHS = {
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "send": '<path d="M12 19V5.5M5.5 12 12 5.5 18.5 12"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="2" fill="COLOUR"/>',
    "down": '<path d="m6.5 9.5 5.5 5.5 5.5-5.5"/>',
    "right": '<path d="m9.5 6.5 5.5 5.5-5.5 5.5"/>',
    "arrow-down": '<path d="M12 5v13.5M5.5 12l6.5 6.5 6.5-6.5"/>',
    "search": '<circle cx="11" cy="11" r="6"/><path d="m15.5 15.5 4.5 4.5"/>',
    "more": '<g fill="COLOUR" stroke="none"><circle cx="5.5" cy="12" r="1.6"/><circle cx="12" cy="12" r="1.6"/>'
    '<circle cx="18.5" cy="12" r="1.6"/></g>',
    "copy": '<rect x="8.5" y="8.5" width="11" height="11" rx="2"/>'
    '<path d="M15.5 5.5v-.2a1.8 1.8 0 0 0-1.8-1.8H5.3a1.8 1.8 0 0 0-1.8 1.8v8.4a1.8 1.8 0 0 0 1.8 1.8h.2"/>',
    "quote": '<path d="M10.5 6.500H5V13h5.500zM10.500 13c0 2.600-1.600 4-4.500 4.500M19 6.500h-5.500V13H19zM19 13'
    'c0 2.600-1.600 4-4.500 4.500"/>',
    "play": '<path d="M8 5.500v13l10.500-6.500z"/>',
    "branch": '<circle cx="7" cy="5.5" r="2.25"/><circle cx="7" cy="18.5" r="2.25"/><circle cx="17" cy="8.5"'
    ' r="2.25"/><path d="M7 7.750v8.500M17 10.750c0 3.250-3.500 3.250-6.500 3.500-2 .2-3.500.8-3.500 2"/>',
    "left": '<path d="m14.5 6.5-5.5 5.5 5.5 5.5"/>',
    "up": '<path d="m6.5 14.5 5.500-5.500 5.500 5.500"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "retry": '<path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 4v4.5H15"/>',
    "compose": '<path d="M11 5H6.5a2 2 0 0 0-2 2v10.5a2 2 0 0 0 2 2H17a2 2 0 0 0 2-2V13"/>'
    '<path d="m10 14 .7-3L18 3.7a1.6 1.6 0 0 1 2.3 2.3L13 13.3z"/>',
    "edit": '<path d="m4.5 19.5 1-4L16 5a2.1 2.1 0 0 1 3 3L8.5 18.5z"/>',
    "trash": '<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.400L17.5 7M10.5 11v4.5M13.5 11v4.5"/>',
    "menu": '<path d="M4.5 7h15M4.5 12h15M4.5 17h15"/>',
    "close": '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
    "alert": '<path d="M12 4.5 20.5 19h-17z"/><path d="M12 10.5v4M12 16.800v.1"/>',
    "chats": '<path d="M20 14.5a2 2 0 0 1-2 2H9l-4.5 3.5V6.5a2 2 0 0 1 2-2H18a2 2 0 0 1 2 2z"/>',
    "picture": '<rect x="4" y="5" width="16" height="14" rx="2"/><circle cx="9" cy="10" r="1.5"/>'
    '<path d="m5 17.5 4.5-4 3 2.5 3-3.5 4 4"/>',
    "person": '<circle cx="12" cy="8" r="3.75"/><path d="M4.75 20a7.25 7.25 0 0 1 14.500 0"/>',
    "people": '<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 19.5a6.5 6.5 0 0 1 13 0M15.5 5.300a3.5 3.5 0 0 1 0 6.4'
    'M18 13.800a6.5 6.5 0 0 1 3.5 5.700"/>',
    "settings": '<path d="M4.5 7.5h9M17.5 7.5h2M4.5 16.5h2M10.5 16.5h9"/><circle cx="15.5" cy="7.5" r="2"/>'
    '<circle cx="8.5" cy="16.5" r="2"/>',
    "keyboard": '<rect x="3" y="6" width="18" height="12" rx="2"/><path d="M7 10h.1M10.3 10h.1M13.7 10h.1M17 10h.1'
    'M8.5 14h7"/>',
    "shield": '<path d="M12 3.500 5 6v5.500c0 4.300 2.900 7.600 7 9 4.100-1.400 7-4.700 7-9V6z"/>'
    '<path d="M12 8.500v4M12 15.300v.1"/>',
    "eye": '<path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z"/>'
    '<circle cx="12" cy="12" r="2.750"/>',
    "pin": '<path d="M9 4h6l-.6 6 3.100 3.500H6.500L9.600 10zM12 13.500V20"/>',
    "plug": '<path d="M9 4v4M15 4v4M7 8h10v3.5a5 5 0 0 1-10 0zM12 16.5V20"/>',
}


@lru_cache(maxsize=256)
def pixmap(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """One icon in one colour at one size."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="{colour}" '
        f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">{PATHS[name]}</svg>'
    )
    result = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(svg.replace("COLOUR", colour).encode())).render(
        painter, QRectF(0, 0, result.width(), result.height())
    )
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


def icon(name: str, colour: str, size: int = 18, disabled: str = "") -> QIcon:
    """One icon for every screen density."""
    result = QIcon()
    for ratio in (1.0, 2.0, 3.0):
        result.addPixmap(pixmap(name, colour, size, ratio))
        result.addPixmap(pixmap(name, disabled or colour, size, ratio), QIcon.Mode.Disabled)
    return result


def app_icon() -> QIcon:
    """The application's icon in whatever sizes are installed beside this file."""
    result = QIcon()
    for path in sorted((Path(__file__).parent / "icons").glob("aichat*.png")):
        result.addFile(str(path))
    return result


class IconButton(QToolButton):
    """A square button of an icon; `words` is its tooltip and its name for a screen reader."""

    def __init__(
        self,
        name: str,
        words: str,
        parent: QWidget | None = None,
        *,
        colour: str = "muted",
        hit: int = HIT,
        size: int = 18,
    ) -> None:
        super().__init__(parent)
        self._name, self._colour, self._size = name, colour, size
        self.setFixedSize(hit, hit)
        self.setIconSize(QSize(size, size))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.say(words)
        self._draw()
        theme().changed.connect(self._draw)

    def say(self, words: str) -> None:
        self.setToolTip(words)
        self.setAccessibleName(words)

    def show_icon(self, name: str, colour: str = "") -> None:
        """Change the icon, and its colour if one is named."""
        if (name, colour or self._colour) != (self._name, self._colour):
            self._name, self._colour = name, colour or self._colour
            self._draw()

    def _draw(self) -> None:
        tokens = theme().tokens
        self.setIcon(icon(self._name, getattr(tokens, self._colour), self._size, tokens.muted))


def button(words: str, role: str = "", parent: QWidget | None = None) -> QPushButton:
    """A button with words, in one of the stylesheet's roles."""
    result = QPushButton(words, parent)
    result.setProperty("role", role)
    result.setAccessibleName(words)
    result.setAutoDefault(False)
    result.setCursor(Qt.CursorShape.PointingHandCursor)
    return result
