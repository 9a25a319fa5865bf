"""What can be done with one message: by its buttons, by a menu, by a key while the keyboard is on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu

from aichat.protocol.values import AI, Message, can_continue
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
    danger: bool = False

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
        Action("regenerate", "retry", _tr("Answer anew"), Qt.Key.Key_R),
        Action("go_on", "play", _tr("Continue"), Qt.Key.Key_G),
    ]
    return {action.name: action for action in found}


class MessageActions(QObject):
    """Knows what can be done with each message, and does it."""

    quoted = Signal(str)
    """Words for the composer."""

    def __init__(self, model: Model, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def possible(self, item: Item, *, last: bool) -> list[str]:
        """The names of what can be done now; `last`: it is the last stored message of what is shown."""
        if isinstance(item, Draft):
            return ["copy"]
        ended, may = item.status != "running", self._model.can_chat
        found = ["copy"] if item.content else []
        found += ["quote"] if item.content and may else []
        found += ["regenerate"] if item.sender_type == AI and last and ended and may else []
        found += ["go_on"] if last and may and can_continue(item) else []
        return found

    def do(self, name: str, item: Item, row: Row) -> None:
        """Carry one out."""
        match name:
            case "copy":
                row.copy()
            case "quote":
                self.quoted.emit(quote(row.selected_text or item.content))
            case "regenerate":
                self._model.regenerate()
            case "go_on":
                self._model.go_on()

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
            menu.addAction(f"{action.words}\t{action.keys}", partial(self.do, name, item, row))
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
