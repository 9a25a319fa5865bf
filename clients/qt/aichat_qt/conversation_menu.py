"""What can be done with a conversation, as a menu; and where one goes that was dropped on a filter."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from aichat.protocol.values import Conversation, ConversationChanges, Tag
from aichat_qt.dialogs import ask_line
from aichat_qt.history_filters import ALL, ARCHIVE, PIN
from aichat_qt.limits import limit_of
from aichat_qt.model import Model
from aichat_qt.words import one_line

TAGS_MOST = 20


class ConversationMenu(QMenu):
    """For one conversation; `rename`, `delete` and `export` are told its number, and the last one the format."""

    def __init__(
        self,
        model: Model,
        conversation: Conversation,
        parent: QWidget,
        *,
        rename: Callable[[int], object],
        delete: Callable[[int], object],
        export: Callable[[int, str], object],
    ) -> None:
        super().__init__(parent)
        self._model, self._conversation, self._parent = model, conversation, parent
        number = conversation.id
        self.addAction(self.tr("Rename"), lambda: rename(number))
        pin = self.tr("Unpin") if conversation.pinned else self.tr("Pin")
        self.addAction(pin, lambda: self._change(ConversationChanges(pinned=not conversation.pinned)))
        away = self.tr("Take out of the archive") if conversation.archived else self.tr("Archive")
        self.addAction(away, lambda: self._change(ConversationChanges(archived=not conversation.archived)))
        tags = self.addMenu(self.tr("Tags"))
        for tag in known_tags(model):
            action = tags.addAction(one_line(tag).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(tag in conversation.tags)
            action.triggered.connect(lambda on, tag=tag: self._tag(tag, on=on))
        tags.addSeparator()
        tags.addAction(self.tr("New tag…"), self._new_tag)
        out = self.addMenu(self.tr("Export"))
        out.addAction(self.tr("As Markdown…"), lambda: export(number, "md"))
        out.addAction(self.tr("As JSON…"), lambda: export(number, "json"))
        self.addSeparator()
        self.addAction(self.tr("Delete"), lambda: delete(number))

    def _change(self, changes: ConversationChanges) -> None:
        self._model.change_conversation(self._conversation.id, changes)

    def _tag(self, tag: str, *, on: bool) -> None:
        kept = [each for each in self._conversation.tags if each != tag]
        self._change(ConversationChanges(tags=[*kept, tag][:TAGS_MOST] if on else kept))

    def _new_tag(self) -> None:
        most = limit_of(Tag)
        tag = ask_line(self._parent.window(), self.tr("New tag"), self.tr("Add"), "", most)
        if tag:
            self._tag(tag, on=True)


def known_tags(model: Model) -> list[str]:
    """All tags that the user has given, by name."""
    return sorted({tag for c in model.timeline.conversations.values() for tag in c.tags}, key=str.casefold)


def put(model: Model, conversation_id: int, where: str) -> None:
    """Do what dropping a conversation on a filter means."""
    conversation = model.timeline.conversations.get(conversation_id)
    if conversation is None:
        return
    if where == PIN:
        changes = ConversationChanges(pinned=True)
    elif where == ARCHIVE:
        changes = ConversationChanges(archived=True)
    elif where == ALL:
        changes = ConversationChanges(archived=False, pinned=False)
    elif where not in conversation.tags:
        changes = ConversationChanges(tags=[*conversation.tags, where][:TAGS_MOST])
    else:
        return
    model.change_conversation(conversation_id, changes)
