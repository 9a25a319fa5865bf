"""The app among the others of the desktop: tray, notifications, badge, quick question, later starts.

`Desktop` is made after the window is shown, so that none of it costs the start anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from aichat_qt.attention import Attention
from aichat_qt.global_key import GlobalKey
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.quick_ask import QuickAsk
from aichat_qt.single_instance import QUICK_ASK, SingleInstance
from aichat_qt.tray import Tray

if TYPE_CHECKING:
    from aichat_qt.notifications import Notifier


class Desktop(QObject):
    """Belongs to one main window and ends with it."""

    def __init__(self, window: MainWindow, instance: SingleInstance | None = None) -> None:
        super().__init__(window)
        self._window = window
        self.quick: QuickAsk | None = None
        self.tray: Tray | None = None
        self._notifier: Notifier | None = None
        self.attention = Attention(window.model, self._looked_at, lambda: not window.isActiveWindow(), self)
        self.attention.changed.connect(self._mark)
        self.attention.ended.connect(self._notify)
        window.focused.connect(self.attention.look)
        window.quick_ask_requested.connect(self.quick_ask)
        window.closing.connect(self.close)
        languages().changed.connect(self._speak)
        if instance is not None:
            instance.wanted.connect(self.wanted)
        if Tray.is_there():
            self._make_tray()
        self.key = GlobalKey(self)
        self.key.pressed.connect(self.quick_ask)

    def wanted(self, want: str) -> None:
        """Another start of the app says what it is for."""
        if want == QUICK_ASK:
            self.quick_ask()
        else:
            self._window.come_forward()

    def quick_ask(self) -> None:
        """The small window: made when it is wanted, gone when it is closed."""
        if self.quick is None:
            self.quick = QuickAsk(self._window.model)
            self.quick.destroyed.connect(self._quick_gone)
            self.quick.opened.connect(self.open)
        self.quick.come_forward()

    def open(self, conversation_id: int) -> None:
        """A conversation in the main window, which comes forward."""
        self._window.model.open_conversation(conversation_id)
        self._window.come_forward()

    def close(self) -> None:
        """The main window is gone."""
        if self.quick is not None:
            self.quick.close()
        if self.tray is not None:
            self.tray.close()
        self.key.close()
        QGuiApplication.quit()

    def _make_tray(self) -> None:
        tray = self.tray = Tray(self)
        tray.show_requested.connect(self._window.come_forward)
        tray.quick_ask_requested.connect(self.quick_ask)
        tray.new_requested.connect(self._new)
        tray.quit_requested.connect(self._window.quit)
        tray.clicked.connect(self.open)
        self._window.menu.offer_stay(True)

    def _new(self) -> None:
        self._window.come_forward()
        self._window.chat.new_conversation()

    def _quick_gone(self) -> None:
        """An app that was started for one question ends with it, unless it can be found in the tray."""
        self.quick = None
        if not self._window.isVisible() and self.tray is None:
            self._window.quit()

    def _looked_at(self) -> set[int]:
        """What the user has before them."""
        shown = set()
        if self._window.isActiveWindow():
            shown.add(self._window.model.conversation_id)
        if self.quick is not None and self.quick.isActiveWindow():
            shown.add(self.quick.model.conversation_id)
        return {number for number in shown if number is not None}

    def _mark(self, count: int) -> None:
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.setBadgeNumber(count)
        if self.tray is not None:
            self.tray.mark(count)

    def _notify(self, number: int, title: str, words: str) -> None:
        if self._notifier is None:
            self._notifier = self._find_notifier()
        if self._notifier is not None:
            self._notifier.show(number, title, words)
        QApplication.alert(self._window)

    def _find_notifier(self) -> Notifier | None:
        if self.tray is not None:
            return self.tray
        from PySide6.QtDBus import QDBusConnection  # noqa: PLC0415 - loaded by the first answer in the background

        from aichat_qt.notifications import PortalNotifier  # noqa: PLC0415

        bus = QDBusConnection.sessionBus()
        if not PortalNotifier.is_there(bus):
            return None
        portal = PortalNotifier(bus, self)
        portal.clicked.connect(self.open)
        return portal

    def _speak(self) -> None:
        """Another language: the window has a new menu, the tray new words, a quick question begins anew."""
        if self.tray is not None:
            self.tray.speak()
            self._window.menu.offer_stay(True)
        if self.quick is not None:
            self.quick.close()
