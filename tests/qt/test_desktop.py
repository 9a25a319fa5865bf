"""The app among the others of a desktop: quick question, what was not seen, notifications over a real D-Bus."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from aichat_qt.desktop import Desktop
from aichat_qt.main_window import MainWindow
from aichat_qt.notifications import INTERFACE, PATH, SERVICE, PortalNotifier
from aichat_qt.tray import marked
from jeepney import DBusAddress, HeaderFields, MessageType, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection
from PySide6.QtCore import Qt
from PySide6.QtDBus import QDBusConnection
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_chat import say
from tests.qt.test_service import WAIT, visit
from tests.service import RunningService

MakeDesktop = Callable[[MainWindow], Desktop]


@pytest.fixture
def desktop_of(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> MakeDesktop:
    """What `main` puts around a window; its end does not end the tests."""
    monkeypatch.setattr("aichat_qt.desktop.QGuiApplication.quit", lambda: None)
    return Desktop


def elsewhere(qtbot: QtBot) -> QWidget:
    """Another window, which the user works in."""
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    return other


def test_a_quick_question_on_the_real_service(
    open_window: Open, service: RunningService, qtbot: QtBot, desktop_of: MakeDesktop
) -> None:
    window = visit(open_window, service, qtbot, "quick")
    desktop = desktop_of(window)
    say(window, qtbot, "in the main window")
    qtbot.waitUntil(lambda: len(window.model.messages()) == 2 and window.model.running() is None, timeout=WAIT)
    before = window.model.conversation_id
    qtbot.keyClick(window, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    quick = desktop.quick
    assert quick is not None and quick.isVisible() and quick.who.text() == "quick"
    qtbot.keyClicks(quick.input.composer, "quickly")
    qtbot.keyClick(quick.input.composer, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: [row.content for row in quick.display.rows()] == ["quickly", "你说：quickly"], timeout=WAIT
    )
    assert window.model.conversation_id == before, "the main window stays where it was"
    qtbot.keyClicks(quick.input.composer, "!slow")
    qtbot.keyClick(quick.input.composer, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(quick.display.rows()) == 4 and quick.model.running() is not None, timeout=WAIT)
    number = quick.model.conversation_id
    qtbot.keyClick(quick, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    assert window.model.conversation_id == number
    qtbot.waitUntil(lambda: desktop.quick is None)
    qtbot.waitUntil(lambda: window.model.running() is None, timeout=WAIT)
    qtbot.waitUntil(lambda: window.chat.display.rows()[-1].content == window.model.messages()[-1].content)
    assert window.chat.display.rows()[-1].content.count("word") == 20, "all of it, before and after the hand-over"


def test_closing_the_quick_question_does_not_deafen_the_main_window(
    open_window: Open, server: FakeServer, qtbot: QtBot, desktop_of: MakeDesktop
) -> None:
    window = open_window()
    desktop = desktop_of(window)
    desktop.quick_ask()
    quick = desktop.quick
    assert quick is not None
    quick.input.set_text("hi")
    quick.input.button.click()
    qtbot.waitUntil(lambda: server.is_running() and quick.model.running() is not None)
    assert quick.model.conversation_id is not None
    window.model.open_conversation(quick.model.conversation_id)
    quick.close()
    server.delta("still heard")
    qtbot.waitUntil(lambda: window.chat.display.rows()[-1].content == "still heard")


def test_a_refused_quick_question_stays_typed(
    open_window: Open, server: FakeServer, qtbot: QtBot, desktop_of: MakeDesktop
) -> None:
    desktop = desktop_of(open_window())
    desktop.quick_ask()
    quick = desktop.quick
    assert quick is not None
    server.refuse(frames.ConversationCreate, "limit_reached", "You have too many conversations.", retryable=False)
    quick.input.set_text("hi")
    quick.input.button.click()
    qtbot.waitUntil(lambda: quick._trouble.text() == "You have too many conversations.")
    assert quick.input.text() == "hi" and quick.input.button.isEnabled()
    qtbot.keyClick(quick, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: desktop.quick is None)


def test_answers_that_nobody_saw(
    open_window: Open, server: FakeServer, qtbot: QtBot, desktop_of: MakeDesktop
) -> None:
    first = server.add_conversation("p1", "first")
    window = open_window()
    desktop = desktop_of(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    counts: list[int] = []
    told: list[tuple[int, str, str]] = []
    desktop.attention.changed.connect(counts.append)
    desktop.attention.ended.connect(lambda *what: told.append(what))
    window.model.select_persona("p1")
    say(window, qtbot, "looked at")
    qtbot.waitUntil(server.is_running)
    server.delta("seen")
    server.finish()
    qtbot.waitUntil(lambda: window.model.running() is None)
    assert counts == [] and told == [], "it ended before the user's eyes"
    say(window, qtbot, "look away")
    qtbot.waitUntil(server.is_running)
    other = elsewhere(qtbot)
    server.delta("An **answer**\n\nof two parts")
    server.finish()
    qtbot.waitUntil(lambda: counts == [1])
    assert told == [(first, "学霸助手", "An **answer** of two parts")]
    other.close()
    window.activateWindow()
    qtbot.waitUntil(lambda: counts == [1, 0])
    window.model.select_persona("p2")
    window.model.select_persona("p1")
    say(window, qtbot, "and stop")
    qtbot.waitUntil(server.is_running)
    window.model.select_persona("p2")
    server.finish("stopped")
    qtbot.waitUntil(lambda: not server.is_running())
    assert counts == [1, 0], "who stopped it knows"


def test_the_mark_on_the_icon(dressed: QApplication) -> None:
    plain, with_dot = marked(0).pixmap(32, 32).toImage(), marked(3).pixmap(32, 32).toImage()
    assert plain != with_dot
    assert with_dot.pixelColor(26, 6).red() > with_dot.pixelColor(26, 6).blue()


class Portal:
    """The desktop's notification portal, played over a real bus; a click is what a user would do."""

    def __init__(self, address: str) -> None:
        self.shown: list[tuple[str, dict[str, Any]]] = []
        self._connection = open_dbus_connection(address)
        assert Proxy(message_bus, self._connection).RequestName(SERVICE)[0] == 1
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                message = self._connection.receive()
            except (OSError, EOFError, ConnectionError):
                return
            fields = message.header.fields
            if message.header.message_type == MessageType.method_call:
                assert fields[HeaderFields.signature] == "sa{sv}"
                if fields[HeaderFields.member] == "AddNotification":
                    name, told = message.body
                    self.shown.append((name, {key: value[1] for key, value in told.items()}))
                self._connection.send(new_method_return(message))

    def click(self, name: str) -> None:
        sender = DBusAddress(PATH, interface=INTERFACE)
        self._connection.send(new_signal(sender, "ActionInvoked", "ssav", (name, "open", [])))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def bus() -> Iterator[str]:
    """A session bus of its own -> its address."""
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        assert re.match(r"unix:", address)
        yield address
        daemon.terminate()


def test_a_notification_and_a_click_on_it(
    bus: str, open_window: Open, service: RunningService, qtbot: QtBot, desktop_of: MakeDesktop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    portal = Portal(bus)
    ours = QDBusConnection.connectToBus(bus, "test-portal")
    monkeypatch.setattr("PySide6.QtDBus.QDBusConnection.sessionBus", lambda: ours)
    assert PortalNotifier.is_there(ours)
    window = visit(open_window, service, qtbot, "通知")
    desktop = desktop_of(window)
    assert desktop.tray is None
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: window.model.running() is not None, timeout=WAIT)
    number = window.model.conversation_id
    window.model.select_conversation(None)
    other = elsewhere(qtbot)
    qtbot.waitUntil(lambda: bool(portal.shown), timeout=WAIT)
    name, told = portal.shown[0]
    assert told["title"] == "通知" and told["body"].startswith("慢慢地")
    assert desktop.attention.count() == 1
    portal.click(name)
    qtbot.waitUntil(lambda: window.model.conversation_id == number, timeout=WAIT)
    other.close()
    qtbot.waitUntil(lambda: desktop.attention.count() == 0)
    portal.close()
    QDBusConnection.disconnectFromBus("test-portal")
