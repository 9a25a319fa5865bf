"""What can be done with one message: by its buttons, by a menu, by a key while the keyboard is on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu

from aichat.protocol.values import AI, Message, can_continue
from aichat_qt.composer_bar import Purpose
from aichat_qt.dialogs import ask_delete
from aichat_qt.model import Draft, Model
from aichat_qt.words import duration, moment, one_line

if TYPE_CHECKING:
    from aichat_qt.message_row import Row

Item = Message | Draft


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done; `key` does it where the keyboard is on a message."""

    name: str
    picture: str
    words: str
    key: Qt.Key

    @property
    def keys(self) -> str:
        return QKeySequence(self.key).toString(QKeySequence.SequenceFormat.NativeText)


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def message_actions() -> dict[str, Action]:
    """All there are by their names, in the order of the menu, in the language spoken now."""
    found = [
        Action("copy", "copy", _tr("Copy"), Qt.Key.Key_C),
        Action("quote", "quote", _tr("Quote"), Qt.Key.Key_Q),
        Action("edit", "edit", _tr("Edit"), Qt.Key.Key_E),
        Action("regenerate", "retry", _tr("Answer anew"), Qt.Key.Key_R),
        Action("go_on", "play", _tr("Continue"), Qt.Key.Key_G),
        Action("branch", "branch", _tr("Branch from here"), Qt.Key.Key_B),
        Action("before", "left", _tr("Previous version"), Qt.Key.Key_Left),
        Action("after", "right", _tr("Next version"), Qt.Key.Key_Right),
        Action("delete", "trash", _tr("Delete…"), Qt.Key.Key_Delete),
    ]
    return {action.name: action for action in found}


class MessageActions(QObject):
    """Knows what can be done with each message, and does it."""

    quoted = Signal(str)
    """Words for the composer."""
    purposed = Signal(object)
    """The next words are for this: a Purpose."""

    def __init__(self, model: Model, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def possible(self, item: Item, *, last: bool, busy: bool) -> list[str]:
        """The names of what can be done now.

        `last`: it is the last stored message of what is shown; `busy`: an answer is being written there.
        """
        if isinstance(item, Draft):
            return ["copy"]
        ended, may = item.status != "running", self._model.can_chat and not busy
        siblings = self._model.siblings(item.id)
        can = {
            "copy": bool(item.content),
            "quote": bool(item.content) and self._model.can_chat,
            "edit": ended and may,
            "regenerate": item.sender_type == AI and ended and may,
            "go_on": last and may and can_continue(item),
            "branch": item.sender_type == AI and ended and may and not last,
            "before": item.id != siblings[0],
            "after": item.id != siblings[-1],
            "delete": ended,
        }
        return [name for name, possible in can.items() if possible]

    def do(self, name: str, item: Item, row: Row) -> None:
        """Carry one out."""
        if name == "copy":
            row.copy()
        elif name == "quote":
            self.quoted.emit(quote(row.selected_text or item.content))
        elif isinstance(item, Message):
            self._do(name, item, row)

    def _do(self, name: str, message: Message, row: Row) -> None:
        siblings = self._model.siblings(message.id)
        match name:
            case "edit" | "branch":
                self.purposed.emit(Purpose("edit" if name == "edit" else "branch", message.id, message.content))
            case "regenerate":
                self._model.regenerate(message.id)
            case "go_on":
                self._model.go_on()
            case "delete" if ask_delete(
                row.window(),
                _tr("Delete this message?"),
                _tr("This message and everything below it will be gone for good.")
                if len(siblings) == 1
                else _tr("This version, and everything below it, will be gone for good."),
            ):
                self._model.delete_message(message.id)

    def select(self, message_id: int) -> None:
        """Show the branch that a message is in."""
        self._model.select_branch(message_id)

    def key(self, event: QKeyEvent) -> str:
        """Which action a key asks for; "" if none."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return "copy" if event.matches(QKeySequence.StandardKey.Copy) else ""
        return next((a.name for a in message_actions().values() if a.key == event.key()), "")

    def menu(self, item: Item, row: Row, at: QPoint) -> QMenu:
        """Everything that can be done here, and below it what there is to know."""
        menu = QMenu(row)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if selected := row.selected_text:
            menu.addAction(_tr("Copy selection"), lambda: QGuiApplication.clipboard().setText(selected))
        if link := row.link_at(at):
            menu.addAction(_tr("Copy link address"), lambda: QGuiApplication.clipboard().setText(link))
        if not menu.isEmpty():
            menu.addSeparator()
        known = message_actions()
        for name in row.verbs:
            action = known[name]
            menu.addAction(f"{action.words}\t{action.keys}", partial(row.asked.emit, name))
        facts = about(item)
        if facts:
            menu.addSeparator()
        for fact in facts:
            menu.addAction(fact).setEnabled(False)
        return menu


def about(item: Item) -> list[str]:
    """When it was said, by which model, how long that thought: what is told on demand."""
    if isinstance(item, Draft):
        return []
    facts = [moment(item.send_time), one_line(item.model)]
    if item.reasoning_ms:
        facts.append(_tr("Thought for {0}").format(duration(item.reasoning_ms)))
    return [fact for fact in facts if fact]


def quote(text: str) -> str:
    """A text as a quotation in Markdown."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))
