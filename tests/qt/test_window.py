"""The main window between starts and at its edges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aichat_qt.__main__ import build
from aichat_qt.main_window import MainWindow
from aichat_qt.theme import theme
from aichat_qt.window_state import MOST_SIDEBAR, SIDEBAR
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from aichat.protocol.address import Address
from tests.qt.fake_server import FakeServer

Start = Callable[[], MainWindow]


@pytest.fixture
def start(dressed: QApplication, server: FakeServer, tmp_path: Path, qtbot: QtBot) -> Start:
    """The app as it starts again and again, with one settings file."""
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)

    def start_() -> MainWindow:
        window = build(lambda: Address(server.url, ""), settings, tmp_path / "data")
        qtbot.addWidget(window)
        window.show()
        window.model.servers.start()
        qtbot.waitUntil(lambda: window.model.persona is not None and window.model.timeline.conversations_known)
        return window

    return start_


def test_the_next_start_looks_like_the_last_end(start: Start, server: FakeServer, qtbot: QtBot) -> None:
    older = server.add_conversation("p2", "older")
    server.add_conversation("p2", "newer")
    window = start()
    window.resize(780, 611)  # the offscreen screen has 800 × 800
    window.set_sidebar(310)
    window.menu.choose_look("dark")
    window.model.open_conversation(older)
    window.close()
    theme().choose("light")
    window = start()
    qtbot.waitUntil(lambda: window.model.conversation_id == older)
    assert (window.width(), window.height()) == (780, 611)
    assert window.personas.width() == 310 and window.chat.x() == 310
    assert window.memory.text("appearance") == "dark"


def test_a_conversation_that_is_gone_is_not_waited_for(start: Start, server: FakeServer, qtbot: QtBot) -> None:
    gone = server.add_conversation("p2", "gone")
    kept = server.add_conversation("p2", "kept")
    window = start()
    window.model.open_conversation(gone)
    window.close()
    server.epoch = "e2"
    del server.conversations[gone]
    window = start()
    qtbot.waitUntil(lambda: (window.model.persona_id, window.model.conversation_id) == ("p2", kept))


def test_a_long_title_leaves_room_for_the_name_of_the_persona(start: Start, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p2", "A short story about a storm and a lighthouse " * 3)
    window = start()
    window.resize(780, 611)
    window.model.open_conversation(number)
    window.resize(573, 611)
    name = window.chat.header._name
    qtbot.waitUntil(lambda: window.width() == 573 and window.model.conversation_id == number)
    qtbot.waitUntil(lambda: name.width() >= name.fontMetrics().horizontalAdvance(name.text()) > 0)


def test_the_edge_of_the_personas_can_be_dragged(window: MainWindow, qtbot: QtBot) -> None:
    grip = window._grip
    qtbot.mousePress(grip, Qt.MouseButton.LeftButton, pos=QPoint(4, 300))
    qtbot.mouseMove(grip, QPoint(64, 300))
    assert window.personas.width() == SIDEBAR + 60 and window.chat.x() == SIDEBAR + 60
    window.set_sidebar(5000)
    assert window.personas.width() == MOST_SIDEBAR
    qtbot.mouseDClick(grip, Qt.MouseButton.LeftButton)
    assert window.personas.width() == SIDEBAR
    window.resize(600, 600)
    assert not grip.isVisible(), "a drawer has no edge to drag"


def test_a_window_that_stays_is_only_hidden(window: MainWindow, qtbot: QtBot) -> None:
    closed: list[bool] = []
    window.closing.connect(lambda: closed.append(True))
    window.menu.offer_stay(True)
    window.menu.stay.setChecked(True)
    window.close()
    assert not window.isVisible() and not closed and window.model.link.seconds_left == 0
    window.come_forward()
    assert window.isVisible()
    window.quit()
    assert closed == [True]


def test_the_menu_by_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    """F10 opens it with its first line marked, Esc closes it."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F10)
    assert window.menu.isVisible() and window.menu.activeAction() is window.menu.actions()[0]
    qtbot.keyClick(window.menu, Qt.Key.Key_Escape)
    assert not window.menu.isVisible()
