"""The message that the keyboard is on, and what its keys, its buttons and its menu do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent

from aichat.protocol.values import Message
from aichat_qt.find_bar import Key
from aichat_qt.message_actions import MessageActions
from aichat_qt.theme import XL, L

if TYPE_CHECKING:
    from aichat_qt.message_display_widget import MessageDisplayWidget


class CurrentMessage(QObject):
    """Which message of a MessageDisplayWidget the keyboard is on, if any."""

    def __init__(self, display: MessageDisplayWidget, actions: MessageActions) -> None:
        super().__init__(display)
        self._display, self._actions = display, actions
        self.key: Key | None = None
        self._coming = 0  # the id of a version that was chosen, and is not shown yet

    def choose(self, message_id: int, instead: Key) -> None:
        """Show another version of a message; the keyboard goes there too, and what is above stays in view."""
        self._coming = message_id
        if instead not in self._display.shown_keys[-1:]:
            self._display.hold()
        self._actions.select(message_id)

    def arrived(self) -> None:
        """Other messages are shown now."""
        if self._coming:
            for key, item in self._display.items.items():
                if isinstance(item, Message) and item.id == self._coming and self._display.row(key) is not None:
                    self._coming = 0
                    self.go(key)
                    return

    def pressed(self, event: QKeyEvent) -> bool:
        """Up and Down go from message to message; others are those of the message -> whether it was one of them."""
        key = event.key()
        if key in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self.move(-1 if key == Qt.Key.Key_Up else 1)
            return True
        row = self._display.row(self.key)
        if row is None or self.key is None:
            return False
        if key in {Qt.Key.Key_Menu, Qt.Key.Key_Return}:
            self.menu(self.key, row.mapToGlobal(QPoint(XL, row.top + XL)))
        elif verb := self._actions.key(event):
            self.do(verb, self.key)
        else:
            return False
        return True

    def do(self, verb: str, key: Key) -> None:
        """Something is wanted of a message: done if it can be."""
        row, item = self._display.row(key), self._display.items.get(key)
        if row is None or item is None or verb not in row.verbs:
            return
        if verb in {"before", "after"} and row.switcher is not None:
            row.switcher.step(-1 if verb == "before" else 1)
        else:
            self._actions.do(verb, item, row)

    def menu(self, key: Key, at: QPoint) -> None:
        """Open a message's menu at a place on the screen."""
        row, item = self._display.row(key), self._display.items.get(key)
        if row is not None and item is not None:
            self.go(key)
            self._actions.menu(item, row, at).popup(at)

    def move(self, step: int) -> None:
        """To the message above (-1) or below (1); from none to the last."""
        keys = self._display.shown_keys
        if keys:
            at = keys.index(self.key) + step if self.key in keys else len(keys) - 1
            self.go(keys[max(0, min(at, len(keys) - 1))])
            if (row := self._display.row(self.key)) is not None:
                self._display.ensureWidgetVisible(row, 0, L)

    def go(self, key: Key) -> None:
        """The keyboard is on this one now."""
        before, row = self._display.row(self.key), self._display.row(key)
        if before is not None:
            before.set_current(False)
        if row is not None:
            row.set_current(True)
        self.key = key
        self._display.show_current(row)
