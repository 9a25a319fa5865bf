"""A window that nobody uses draws nothing: the cursor stops to blink, and begins again at the next key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aichat_qt.cursor_rest import REST_MS, cursor_rest
from aichat_qt.main_window import MainWindow
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot


class Paints(QObject):
    """Counts what is drawn."""

    count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def hasty() -> Iterator[None]:
    """The cursor rests soon."""
    cursor_rest().soon.setInterval(100)
    yield
    cursor_rest().soon.setInterval(REST_MS)


def test_the_cursor_rests_until_the_next_key(window: MainWindow, qtbot: QtBot, hasty: None) -> None:
    composer = window.chat.input.composer
    window.activateWindow()
    composer.setFocus()
    qtbot.keyClicks(composer, "a b")
    rate = QApplication.cursorFlashTime()
    assert rate > 0
    paints = Paints()
    composer.viewport().installEventFilter(paints)
    qtbot.waitUntil(lambda: paints.count > 0)
    qtbot.waitUntil(lambda: QApplication.cursorFlashTime() == 0)
    window.repaint()
    paints.count = 0
    with qtbot.waitSignal(QApplication.inputMethod().cursorRectangleChanged, timeout=2 * rate, raising=False):
        pass  # nothing comes in the time of two blinks
    assert paints.count == 0
    qtbot.keyClick(composer, Qt.Key.Key_Left)
    assert QApplication.cursorFlashTime() == rate
    paints.count = 0
    qtbot.waitUntil(lambda: paints.count > 0)
    qtbot.waitUntil(lambda: QApplication.cursorFlashTime() == 0)
