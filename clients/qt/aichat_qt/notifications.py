"""Notifications of the desktop: by the tray where there is one, else by the desktop's portal on D-Bus (GNOME)."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import SLOT, QObject, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage

SERVICE, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
INVOKED = SLOT("invoked(QString,QString)")
INTERFACE = "org.freedesktop.portal.Notification"


class Notifier(Protocol):
    """Shows what ended; a click is told by its owner's signal."""

    def show(self, number: int, title: str, words: str) -> None: ...


class PortalNotifier(QObject):
    """One notification a conversation: a later one takes the place of an earlier."""

    clicked = Signal(int)

    def __init__(self, bus: QDBusConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = bus
        bus.connect(SERVICE, PATH, INTERFACE, "ActionInvoked", self, INVOKED)  # type: ignore[call-overload]

    @staticmethod
    def is_there(bus: QDBusConnection) -> bool:
        """Whether a portal runs or would be started."""
        known = bus.interface() if bus.isConnected() else None
        if known is None:
            return False
        found = known.isServiceRegistered(SERVICE).value()
        return bool(found) or SERVICE in known.activatableServiceNames().value()

    def show(self, number: int, title: str, words: str) -> None:
        call = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "AddNotification")
        told = {"title": title, "body": words, "default-action": "open", "priority": "normal"}
        call.setArguments([f"answer-{number}", told])
        self._bus.send(call)

    @Slot(str, str)
    def invoked(self, name: str, _action: str) -> None:
        kind, _, number = name.partition("-")
        if kind == "answer" and number.isdecimal():
            self.clicked.emit(int(number))
