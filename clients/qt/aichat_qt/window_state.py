"""What the app remembers between starts: the window's place, what was shown in it, how it looks and speaks."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow

SIDEBAR, LEAST_SIDEBAR, MOST_SIDEBAR = 260, 200, 400


class WindowState:
    """Named values over the settings file; without one (`None`) nothing is remembered."""

    def __init__(self, settings: QSettings | None) -> None:
        self._settings = settings

    def text(self, name: str) -> str:
        """What was kept under a name, "" if nothing."""
        return "" if self._settings is None else str(self._settings.value(name, "") or "")

    def number(self, name: str) -> int:
        """What was kept under a name, 0 if nothing or no number."""
        kept = self.text(name)
        return int(kept) if kept.isdecimal() else 0

    def keep(self, name: str, value: str | int | QByteArray) -> None:
        if self._settings is not None:
            self._settings.setValue(name, value)

    @property
    def sidebar(self) -> int:
        """How wide the personas are, in pixels."""
        kept = self.number("sidebar")
        return max(LEAST_SIDEBAR, min(kept, MOST_SIDEBAR)) if kept else SIDEBAR

    def restore(self, window: QMainWindow) -> None:
        """Put the window where it was; Qt moves it back onto a screen that exists."""
        geometry = self._settings.value("geometry") if self._settings is not None else None
        if isinstance(geometry, QByteArray):
            window.restoreGeometry(geometry)

    def keep_place(self, window: QMainWindow) -> None:
        self.keep("geometry", window.saveGeometry())
