"""Folds events into what a client shows: personas, conversations, messages and live text.

The one place in which a client changes its picture of the world. Every value carries the `seq` of its last
change, so whatever order replies and events arrive in, the newer state stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec.structs import replace

from aichat.protocol import frames
from aichat.protocol.journal import Journal
from aichat.protocol.tree import Tree
from aichat.protocol.values import Conversation, Message, Persona, can_continue


class Change(NamedTuple):
    """What to draw again. `key` is a persona id, conversation id or message id, or None for all of that kind.

    personas: the list of personas · conversations: the list of conversations · messages: which messages a
    conversation has (key: conversation id) · message: one message (key: message id) · live: its live text grew
    (key: message id) · gap: live text is missing, subscribe anew (key: conversation id) · missing: messages that are
    to be shown are not here, load the newest page (key: conversation id).
    """

    kind: Literal["personas", "conversations", "messages", "message", "live", "gap", "missing"]
    key: str | int | None = None


class LiveText:
    """The text so far of a running answer, and of its reasoning."""

    __slots__ = ("content", "reasoning")

    def __init__(self, content: str = "", reasoning: str = "") -> None:
        self.content = content
        self.reasoning = reasoning

    def grow(self, delta: frames.MessageDelta) -> bool:
        """Append a delta at its offsets; what is known already is skipped. False if text in between is missing."""
        if delta.offset > len(self.content) or delta.reasoning_offset > len(self.reasoning):
            return False
        if delta.content:
            self.content += delta.content[len(self.content) - delta.offset :]
        if delta.reasoning:
            self.reasoning += delta.reasoning[len(self.reasoning) - delta.reasoning_offset :]
        return True


class Timeline:
    """Everything a client knows. Read the attributes freely; change them through `apply`, `clear`, `restore` only."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal = journal
        """Takes down what changes, where somebody wants to know."""
        self.personas: dict[str, Persona] = {}
        self.conversations: dict[int, Conversation] = {}
        self.live: dict[int, LiveText] = {}
        self.queued: dict[int, int] = {}
        """Message id -> which place in the queue a running answer has; none once it is being written."""
        self.older: dict[int, bool] = {}
        """Conversation id -> whether older messages exist than those loaded; a key means: loaded."""
        self.personas_known = False
        self.conversations_known = False
        self._trees: dict[int, Tree] = {}
        self._gone: dict[tuple[str, str | int], int] = {}
        """What was deleted, with the `seq` of that: what comes back has a higher one."""

    def clear(self) -> None:
        """Forget everything: the position was too old, or the store is another one."""
        self.__init__(None if self.journal is None else Journal(cleared=True))  # type: ignore[misc]

    def restore(self, personas: Iterable[Persona], conversations: Iterable[Conversation]) -> None:
        """Begin with what was known when a position was reached that is resumed from; the journal stays empty."""
        self.personas = {persona.id: persona for persona in personas}
        self.conversations = {conversation.id: conversation for conversation in conversations}
        self.personas_known = self.conversations_known = True

    def restore_messages(
        self, conversation_id: int, messages: Iterable[Message], *, more: bool, siblings: Iterable[list[int]] = ()
    ) -> None:
        """Add the kept messages of a conversation that is not loaded; what came since stays as it is.

        `siblings` are what `forks` said of it. It counts as loaded only if its last message is among them.
        """
        if self.is_loaded(conversation_id) or conversation_id not in self.conversations:
            return
        self._restore(conversation_id, messages, more, siblings)
        if not self._trees[conversation_id].knows_leaf:
            del self.older[conversation_id]

    def restore_older(
        self, conversation_id: int, messages: Iterable[Message], *, more: bool, siblings: Iterable[list[int]] = ()
    ) -> None:
        """Add kept messages that stand before those of a loaded conversation, as `restore_messages` does."""
        if self.is_loaded(conversation_id):
            self._restore(conversation_id, messages, more, siblings)

    def _restore(
        self, conversation_id: int, messages: Iterable[Message], more: bool, siblings: Iterable[list[int]]
    ) -> None:
        journal, self.journal = self.journal, None
        tree = self._load(conversation_id, more=more)
        if not more:
            tree.begin()
        known = tree.messages.copy()
        fresh = [message for message in messages if self._is_news(message, known.get(message.id))]
        tree.restore(fresh)
        for message in fresh:
            if message.status == "running" or message.id in self.live:
                self._follow(message, known.get(message.id))
        for each in siblings:
            tree.add_siblings(each)
        self._look_up(conversation_id)
        self.journal = journal

    def apply(self, frame: frames.AnyPush) -> list[Change]:
        """Fold in one frame from the server and say what changed; frames without state change nothing."""
        match frame:
            case frames.PersonaList():
                for persona in frame.personas:  # deletions come as events: the list may be older than one of them
                    self._save_persona(persona)
                self.personas_known = True
                return [Change("personas")]
            case frames.PersonaSaved():
                self._save_persona(frame.persona)
                return [Change("personas", frame.persona.id)]
            case frames.PersonaDeleted():
                return self._delete_persona(frame.persona_id, frame.seq)
            case frames.ConversationListReply():
                for conversation in frame.conversations:
                    self._save_conversation(conversation)
                self.conversations_known = True
                return [Change("conversations")]
            case frames.ConversationSaved():
                made = frame.conversation
                if (
                    self.conversations_known
                    and made.touched == made.seq
                    and made.id > max(self.conversations, default=0)
                ):
                    self._load(made.id, more=False).begin()  # made just now: its messages follow
                return self._apply_conversation(made)
            case frames.ConversationDeleted():
                return self._delete_conversation(frame.conversation_id, frame.seq)
            case frames.HistoryResponse():
                return self._apply_history(frame)
            case frames.MessageAdded() | frames.MessageDone():
                return self._apply_message(frame.message)
            case frames.MessageDeleted():
                return self._delete_message(frame)
            case frames.MessageDelta():
                return self._apply_delta(frame)
            case frames.MessageSnapshot():
                if not self._is_final(frame.conversation_id, frame.message_id):
                    self.live[frame.message_id] = LiveText(frame.content, frame.reasoning)
                    self.queued.pop(frame.message_id, None)  # the place follows, if it waits still
                return [Change("live", frame.message_id)]
            case frames.MessageQueued():
                return self._apply_place(frame)
            case _:
                return []

    def is_loaded(self, conversation_id: int) -> bool:
        """Whether the newest page of a conversation is here."""
        return conversation_id in self.older

    def messages(self, conversation_id: int) -> list[Message]:
        """The shown messages of a loaded conversation, oldest first; running ones carry their live text."""
        if conversation_id not in self.older:
            return []
        tree = self._trees[conversation_id]
        result = [tree.messages[ident] for ident in tree.path]
        for at in map(tree.place, self.live):  # few run, and there may be ten thousand
            if at is not None:
                result[at] = self.shown(result[at])
        return result

    def siblings(self, conversation_id: int, message_id: int) -> list[int]:
        """The ids of all messages that stand where this one does, itself among them, in order: of the third of five
        a switcher shows "3 / 5", and `branch_select` with another one's id shows that one."""
        tree = self._trees.get(conversation_id)
        return [message_id] if tree is None else tree.siblings(message_id)

    def forks(self, conversation_id: int) -> list[list[int]]:
        """All siblings that are known in a conversation, to be kept beside its messages."""
        tree = self._trees.get(conversation_id)
        return [] if tree is None else tree.forks

    def message(self, conversation_id: int, message_id: int) -> Message | None:
        """One known message, shown or not, with its live text if it is running."""
        message = self._known(conversation_id, message_id)
        return None if message is None else self.shown(message)

    def shown(self, message: Message) -> Message:
        """The message as it should be drawn: a running one with its live text."""
        live = self.live.get(message.id)
        if live is None or message.status != "running":
            return message
        return replace(message, content=live.content, reasoning=live.reasoning)

    def running(self, conversation_id: int) -> Message | None:
        """The answer being written in a conversation, if there is one."""
        if conversation_id not in self.older:
            return None
        tree = self._trees[conversation_id]
        known = [tree.messages[ident] for ident in self.live if tree.place(ident) is not None]
        newest = max((m for m in known if m.status == "running"), key=lambda m: m.id, default=None)
        return None if newest is None else self.shown(newest)

    def unfinished(self, conversation_id: int) -> Message | None:
        """The last answer of a conversation, if `chat_continue` can go on with it."""
        last = self.last(conversation_id)
        return last if last is not None and can_continue(last) else None

    def last(self, conversation_id: int) -> Message | None:
        """The last shown message of a loaded conversation."""
        path = self._trees[conversation_id].path if conversation_id in self.older else []
        return self.message(conversation_id, path[-1]) if path else None

    def conversations_with(self, persona_id: str) -> list[Conversation]:
        """The conversations with one persona, the one spoken in last first."""
        mine = (c for c in self.conversations.values() if c.persona_id == persona_id)
        return sorted(mine, key=lambda c: (c.touched, c.id), reverse=True)

    def _save_persona(self, persona: Persona) -> None:
        known = self.personas.get(persona.id)
        if self._gone.get(("persona", persona.id), -1) < persona.seq and (known is None or known.seq <= persona.seq):
            self.personas[persona.id] = persona
            if self.journal is not None:
                self.journal.personas.add(persona.id)

    def _delete_persona(self, persona_id: str, seq: int) -> list[Change]:
        self._gone["persona", persona_id] = seq
        self.personas.pop(persona_id, None)
        if self.journal is not None:
            self.journal.personas.add(persona_id)
        changes = [Change("personas", persona_id)]
        for conversation in self.conversations_with(persona_id):
            changes += self._delete_conversation(conversation.id, seq)
        return changes

    def _save_conversation(self, conversation: Conversation) -> bool:
        """-> False if what it shows now has to be loaded."""
        known, tree = self.conversations.get(conversation.id), self._trees.get(conversation.id)
        gone = self._gone.get(("conversation", conversation.id), -1)
        if gone >= conversation.seq or (known is not None and known.seq > conversation.seq):
            return True
        self.conversations[conversation.id] = conversation
        self._gone.pop(("conversation", conversation.id), None)  # it was brought back
        if self.journal is not None:
            self.journal.conversations.add(conversation.id)
        if tree is None or tree.leaf_id == conversation.leaf_id:
            return True
        follows = conversation.touched == conversation.seq  # then it is about what was said just now
        return tree.show(conversation.leaf_id) and (tree.knows_leaf or follows)

    def _apply_conversation(self, conversation: Conversation) -> list[Change]:
        ident, tree = conversation.id, self._trees.get(conversation.id)
        leaf_id = None if tree is None else tree.leaf_id
        whole = self._save_conversation(conversation)
        changes = [Change("conversations", ident)]
        if tree is not None and tree.leaf_id != leaf_id and self.is_loaded(ident):
            self._look_up(ident)
            changes += [Change("messages", ident)] if whole else [Change("messages", ident), Change("missing", ident)]
        return changes

    def _delete_conversation(self, conversation_id: int, seq: int) -> list[Change]:
        known = self.conversations.get(conversation_id)
        if known is not None and known.seq > seq:
            return []  # it was brought back since
        self._gone["conversation", conversation_id] = max(seq, self._gone.get(("conversation", conversation_id), 0))
        self.conversations.pop(conversation_id, None)
        if self.journal is not None:
            self.journal.conversations.add(conversation_id)
        self.older.pop(conversation_id, None)
        tree = self._trees.pop(conversation_id, None)
        for message_id in tree.messages if tree is not None else ():
            self._settle(message_id)
        return [Change("conversations", conversation_id), Change("messages", conversation_id)]

    def _delete_message(self, frame: frames.MessageDeleted) -> list[Change]:
        """One and all below it."""
        ident = frame.conversation_id
        for message_id in self._tree(ident).delete(frame.message_id):
            self._gone["message", message_id] = frame.seq
            self._note_message(ident, message_id)
            self._settle(message_id)
        self._look_up(ident)
        self._note_page(ident)
        return [Change("messages", ident)]

    def _load(self, conversation_id: int, *, more: bool) -> Tree:
        self.older[conversation_id] = more
        self._note_page(conversation_id)
        return self._tree(conversation_id)

    def _tree(self, conversation_id: int) -> Tree:
        tree = self._trees.get(conversation_id)
        if tree is None:
            known = self.conversations.get(conversation_id)
            tree = self._trees[conversation_id] = Tree(0 if known is None else known.leaf_id)
        return tree

    def _known(self, conversation_id: int, message_id: int) -> Message | None:
        tree = self._trees.get(conversation_id)
        return None if tree is None else tree.messages.get(message_id)

    def _look_up(self, conversation_id: int) -> None:
        """Whether older messages exist than those shown."""
        reaches_top = self._tree(conversation_id).reaches_top
        if reaches_top is not None and conversation_id in self.older:
            self.older[conversation_id] = not reaches_top

    def _apply_history(self, frame: frames.HistoryResponse) -> list[Change]:
        for conversation in frame.conversations:
            self._save_conversation(conversation)
        changes = [Change("conversations")]
        if frame.conversation_id and ("conversation", frame.conversation_id) not in self._gone:
            ident, tree = frame.conversation_id, self._tree(frame.conversation_id)
            reaches_back = not tree.path or not frame.messages or frame.messages[0].id < tree.path[0]
            if reaches_back or ident not in self.older:
                self._load(ident, more=frame.more)
            for message in frame.messages:
                self._save_message(message, in_page=True)
            for siblings in frame.siblings:
                tree.add_siblings([sibling for sibling in siblings if ("message", sibling) not in self._gone])
            self._look_up(ident)
            self._note_page(ident)
            changes.append(Change("messages", ident))
            if not tree.knows_leaf:  # the page was read before another branch was chosen
                changes.append(Change("missing", ident))
        return changes

    def _apply_message(self, message: Message) -> list[Change]:
        ident = message.conversation_id
        known = self._known(ident, message.id) is not None
        whole = self._save_message(message)  # of one not loaded too: a page under way may be older than this
        if not self.is_loaded(ident):
            return []
        self._look_up(ident)
        changes = [Change("message", message.id) if known else Change("messages", ident)]
        return changes if whole else [*changes, Change("missing", ident)]

    def _save_message(self, message: Message, *, in_page: bool = False) -> bool:
        """-> False if what comes to be shown by it has to be loaded."""
        known = self._known(message.conversation_id, message.id)
        if not self._is_news(message, known):
            return True
        whole = self._tree(message.conversation_id).save(message, in_page=in_page)
        self._note_message(message.conversation_id, message.id)
        self._follow(message, known)
        return whole

    def _is_news(self, message: Message, known: Message | None) -> bool:
        return ("message", message.id) not in self._gone and (known is None or known.seq <= message.seq)

    def _follow(self, message: Message, known: Message | None) -> None:
        """Live text is there as long as a message runs."""
        if message.status != "running":
            self._settle(message.id)
        elif message.id not in self.live or (known is not None and known.seq < message.seq):
            self.live[message.id] = LiveText(message.content, message.reasoning)  # it grows on from what is stored

    def _note_page(self, conversation_id: int) -> None:
        if self.journal is not None and self.is_loaded(conversation_id):
            self.journal.loaded.add(conversation_id)

    def _note_message(self, conversation_id: int, message_id: int) -> None:
        if self.journal is not None:
            self.journal.messages.add((conversation_id, message_id))

    def _settle(self, message_id: int) -> None:
        """An answer no longer runs."""
        self.live.pop(message_id, None)
        self.queued.pop(message_id, None)

    def _apply_place(self, frame: frames.MessageQueued) -> list[Change]:
        if self._is_final(frame.conversation_id, frame.message_id):
            return []
        if frame.position:
            self.queued[frame.message_id] = frame.position
        else:
            self.queued.pop(frame.message_id, None)
        return [Change("message", frame.message_id)]

    def _apply_delta(self, delta: frames.MessageDelta) -> list[Change]:
        if self._is_final(delta.conversation_id, delta.message_id):
            return []
        self.queued.pop(delta.message_id, None)
        live = self.live.setdefault(delta.message_id, LiveText())
        return [Change("live", delta.message_id) if live.grow(delta) else Change("gap", delta.conversation_id)]

    def _is_final(self, conversation_id: int, message_id: int) -> bool:
        known = self._known(conversation_id, message_id)
        return (known is not None and known.status != "running") or ("message", message_id) in self._gone
