"""The tray and its notifications on a real bus and display, the desktop's side played by the test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

from tests.qt.test_desktop import bus as _bus
from tests.qt.test_started import DEADLINE, Display
from tests.qt.test_started import display as _display
from tests.service import Process

bus, display = _bus, _display
pytestmark = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
)
WATCHER, NOTIFICATIONS = "org.kde.StatusNotifierWatcher", "org.freedesktop.Notifications"
ITEM = "org.kde.StatusNotifierItem"


class DesktopSide:
    """A tray host and a notification server, as KDE has them."""

    def __init__(self, address: str) -> None:
        self.items: Queue[str] = Queue()
        self.notified: Queue[tuple[Any, ...]] = Queue()
        self._connection = open_dbus_connection(address)
        for name in (WATCHER, NOTIFICATIONS):
            assert Proxy(message_bus, self._connection).RequestName(name)[0] == 1
        Thread(target=self._serve, daemon=True).start()
        self.asking: DBusConnection = open_dbus_connection(address)

    def _serve(self) -> None:
        while True:
            try:
                message = self._connection.receive()
            except (OSError, EOFError, ConnectionError):
                return
            if message.header.message_type == MessageType.method_call:
                self._connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        fields, body = message.header.fields, message.body
        match fields[HeaderFields.member]:
            case "Get" if body[1] == "IsStatusNotifierHostRegistered":
                return new_method_return(message, "v", (("b", True),))
            case "Get" if body[1] == "ProtocolVersion":
                return new_method_return(message, "v", (("i", 0),))
            case "RegisterStatusNotifierItem":
                self.items.put(fields[HeaderFields.sender])
                return new_method_return(message)
            case "GetCapabilities":
                return new_method_return(message, "as", (["body", "actions"],))
            case "GetServerInformation":
                return new_method_return(message, "ssss", ("test", "test", "1", "1.2"))
            case "Notify":
                self.notified.put(body)
                return new_method_return(message, "u", (7,))
            case _:
                return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")

    def call(self, owner: str, method: str, signature: str, *body: Any) -> None:
        address = DBusAddress("/StatusNotifierItem", bus_name=owner, interface=ITEM)
        self.asking.send_and_get_reply(new_method_call(address, method, signature, body), timeout=DEADLINE)

    def property(self, owner: str, name: str) -> Any:
        address = DBusAddress("/StatusNotifierItem", bus_name=owner, interface="org.freedesktop.DBus.Properties")
        reply = self.asking.send_and_get_reply(new_method_call(address, "Get", "ss", (ITEM, name)), timeout=DEADLINE)
        return reply.body[0][1]

    def click_notification(self) -> None:
        sender = DBusAddress("/org/freedesktop/Notifications", interface=NOTIFICATIONS)
        self._connection.send(new_signal(sender, "ActionInvoked", "us", (7, "default")))

    def close(self) -> None:
        self._connection.close()
        self.asking.close()


@pytest.fixture
def side(bus: str) -> Iterator[DesktopSide]:
    side = DesktopSide(bus)
    yield side
    side.close()


CHILD = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from aichat_qt.tray import Tray
app = QApplication(["aichat-qt"])
app.setApplicationName("aichat")
tray = Tray()
tray.clicked.connect(lambda number: print("clicked", number))
tray.show_requested.connect(lambda: print("show"))
tray.quick_ask_requested.connect(lambda: tray.show(3, "学霸助手", "95 毫克"))
app.exec()
"""


def test_the_tray(bus: str, side: DesktopSide, display: Display) -> None:
    """A click asks for the window, the middle button for the small one; a click on a notification names its place."""
    process = Process(
        [sys.executable, "-c", CHILD],
        {"DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb", "DBUS_SESSION_BUS_ADDRESS": bus},
    )
    try:
        item = side.items.get(timeout=DEADLINE)
        assert side.property(item, "Id") == "aichat"
        side.call(item, "Activate", "ii", 0, 0)
        process.wait_for("^show$")
        side.call(item, "SecondaryActivate", "ii", 0, 0)
        name, _, _, title, words, *_ = side.notified.get(timeout=DEADLINE)
        assert (name, title, words) == ("aichat", "学霸助手", "95 毫克")
        side.click_notification()
        process.wait_for("^clicked 3$")
    finally:
        process.child.kill()
        process.child.wait(DEADLINE)
