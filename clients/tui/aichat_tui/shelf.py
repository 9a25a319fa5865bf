"""What one does with conversations: find, order, mark, delete and bring back; no Textual, no socket."""

from __future__ import annotations

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat.protocol.values import Conversation, ConversationChanges
from aichat_tui.desk import Desk
from aichat_tui.text import label

TAGS_MOST, TAG_MOST = 20, 40
OLDER = 500
"""Messages asked for at once on the way to one that was found."""


def arranged(desk: Desk, wanted: str = "", *, archived: bool = False) -> list[Conversation]:
    """Those with the persona spoken with: pinned ones first, then by what was said last; or those in the archive.

    `wanted`: only those with all its words in title or tags; a word with # in front is looked for in tags.
    """
    words = wanted.casefold().split()
    everything = desk.timeline.conversations_with(desk.persona_id)
    here = [c for c in everything if c.archived is archived and all(_has(c, word) for word in words)]
    return sorted(here, key=lambda c: not c.pinned)


def _has(conversation: Conversation, word: str) -> bool:
    tags = [tag.casefold() for tag in conversation.tags]
    if word.startswith("#"):
        return any(tag.startswith(word[1:]) for tag in tags)
    return word in label(conversation.title).casefold() or any(word in tag for tag in tags)


def parse_tags(text: str) -> list[str] | None:
    """ "travel, 海边" -> the tags, each once; None if there are too many or one is too long."""
    tags = list(dict.fromkeys(label(part).lstrip("#").strip() for part in text.replace("，", ",").split(",")))
    tags = [tag for tag in tags if tag]
    return tags if len(tags) <= TAGS_MOST and all(len(tag) <= TAG_MOST for tag in tags) else None


class Shelf:
    """The verbs. What was deleted last can be brought back until something else is deleted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.deleted: Conversation | None = None

    def change(self, conversation: Conversation, changes: ConversationChanges) -> None:
        """Pin, archive, tag."""
        self._desk.request(frames.ConversationUpdate(conversation_id=conversation.id, changes=changes))

    def pin(self, conversation: Conversation) -> None:
        """Or unpin."""
        self.change(conversation, ConversationChanges(pinned=not conversation.pinned))

    def archive(self, conversation: Conversation) -> None:
        """Or take it out of the archive."""
        self.change(conversation, ConversationChanges(archived=not conversation.archived))

    def rename(self, conversation: Conversation, title: str) -> None:
        """Another title."""
        self._desk.request(frames.ConversationRename(conversation_id=conversation.id, title=title[:200]))

    def delete(self, conversation: Conversation) -> None:
        """Without a question: it can be brought back for 30 days."""
        self.deleted = conversation
        self._desk.request(frames.ConversationDelete(conversation_id=conversation.id))

    def restore(self) -> Conversation | None:
        """Bring back what was deleted last -> it; None if there is nothing."""
        conversation, self.deleted = self.deleted, None
        if conversation is not None:
            self._desk.request(frames.ConversationRestore(conversation_id=conversation.id))
        return conversation


class Seeker:
    """On the way to a message that was found: pages are loaded until it is there."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wanted: tuple[int, int] | None = None
        self._oldest = 0
        self._switched = False

    def go(self, conversation_id: int, message_id: int) -> None:
        """To this message (0: to the conversation)."""
        self._wanted = (conversation_id, message_id) if message_id else None
        self._oldest, self._switched = 0, False
        self._desk.choose_conversation(conversation_id)

    def arrived(self) -> int:
        """Call it when something changed -> the id of the message once it is loaded, and then 0."""
        desk = self._desk
        if self._wanted is None:
            return 0
        conversation_id, message_id = self._wanted
        if desk.conversation_id != conversation_id:
            self._wanted = None
            return 0
        messages = desk.messages
        if desk.loading or not messages:
            return 0
        if any(message.id == message_id for message in messages):
            self._wanted = None
            return message_id
        oldest = messages[0].id
        if desk.has_older and oldest > message_id:
            if oldest != self._oldest:
                self._oldest = oldest
                desk.load_older(OLDER)
        elif not self._switched:  # it is in another branch
            self._switched = True
            desk.request(frames.BranchSelect(conversation_id=conversation_id, message_id=message_id))
        return 0


def mark_read(desk: Desk) -> None:
    """All of the conversation on the screen has been seen: tell the other devices."""
    conversation = desk.conversation
    if conversation is None or desk.session.state is not State.LIVE or not desk.messages:
        return
    if conversation.unread and desk.running is None and desk.read.get(conversation.id) != conversation.seq:
        desk.read[conversation.id] = conversation.seq  # once for each state of it
        newest = desk.messages[-1].id
        desk.questions.ask(frames.ConversationRead(conversation_id=conversation.id, message_id=newest), _nothing)


def _nothing(frame: frames.AnyPush | None) -> None:
    """An answer that nobody needs."""
