"""The text cursor comes to rest when nobody types.

Each blink draws the window around the cursor again, twice a second for as long as the app is in front: that was all
the CPU that an idle window took. As in other toolkits the cursor stays lit after a while, and blinks again at the
next key.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

REST_MS = 5_000
"""As long as Windows lets a cursor blink."""


class CursorRest(QObject):
    """Whatever field of the app the cursor is in."""

    def __init__(self) -> None:
        super().__init__(QApplication.instance())
        self._rate = 0
        self.soon = QTimer(self, singleShot=True, interval=REST_MS)
        self.soon.timeout.connect(self._stop)
        QGuiApplication.inputMethod().cursorRectangleChanged.connect(self._moved)
        self.soon.start()

    def _stop(self) -> None:
        self._rate = QApplication.cursorFlashTime()
        QApplication.setCursorFlashTime(0)

    def _moved(self) -> None:
        """By a key, or into another field."""
        if self._rate:
            QApplication.setCursorFlashTime(self._rate)
            self._rate = 0
        self.soon.start()


@cache
def cursor_rest() -> CursorRest:
    """The app's one."""
    return CursorRest()
