"""Conversations: listed, read, made, changed, deleted, brought back; and what a client missed."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from aichat.chat.hub import Hub, Subscriber
from aichat.chat.turns import Turns
from aichat.protocol.frames import (
    Ack,
    BranchSelect,
    ConversationCreate,
    ConversationDelete,
    ConversationDeleted,
    ConversationRead,
    ConversationRename,
    ConversationRestore,
    ConversationSaved,
    ConversationUpdate,
    HistoryRequest,
    MessageDelete,
    MessageDeleted,
    PersonaSaved,
    encode,
)
from aichat.protocol.values import Conversation, Position
from aichat.store import Store
from aichat.store.conversations import History, Saved
from aichat.store.log import Missed

OnAck = Callable[[Ack], None]


class Conversations:
    """A user's conversations; every verb checks whose they are."""

    def __init__(self, store: Store, hub: Hub, turns: Turns) -> None:
        self._store = store
        self._hub = hub
        self._turns = turns
        self._newcomers: list[Deferred[Missed]] = []

    async def missed(self, user_id: int, resume: Position | None) -> Missed:
        """What a user's client missed since a position.

        Clients without one, which load everything anew, share a look-up where many come at once. It may have begun
        a moment before: then they hear again of what they have loaded, and never too little.
        """
        if resume is not None:
            return await self._store.log.since(user_id, resume)
        waiting: Deferred[Missed] = Deferred()
        self._newcomers.append(waiting)
        if len(self._newcomers) == 1:
            self._store.log.since(user_id, None).addBoth(self._tell_newcomers)
        return await waiting

    def _tell_newcomers(self, missed: Missed | Failure) -> None:
        newcomers, self._newcomers = self._newcomers, []
        for waiting in newcomers:
            waiting.callback(missed)  # a Failure goes to the errbacks

    async def all_of(self, user_id: int, persona_id: str) -> list[Conversation]:
        """The newest conversations, with one persona or with all."""
        return await self._store.conversations.all_of(user_id, persona_id)

    async def history(self, user_id: int, request: HistoryRequest) -> History:
        """A page of messages. Errors: AichatError not_found, bad_frame."""
        return await self._store.conversations.history(user_id, request)

    async def subscribe(self, subscriber: Subscriber, conversation_id: int) -> None:
        """Live text from now on: a snapshot and a place in the line if an answer runs, then deltas.

        Errors: AichatError not_found.
        """
        await self._store.conversations.check_owner(subscriber.user_id, conversation_id)
        self._hub.watch(subscriber, conversation_id)
        for frame in self._turns.standing(conversation_id):
            subscriber.send(encode(frame))

    async def create(self, user_id: int, command: ConversationCreate, on_ack: OnAck) -> None:
        """Start an empty conversation. Errors: AichatError not_found."""
        self._tell(user_id, await self._store.conversations.create(user_id, command), on_ack)

    async def update(self, user_id: int, command: ConversationUpdate | ConversationRename, on_ack: OnAck) -> None:
        """Change title, tags, and whether it is pinned or archived. Errors: AichatError not_found."""
        self._tell(user_id, await self._store.conversations.update(user_id, command), on_ack)

    async def read(self, user_id: int, command: ConversationRead, on_ack: OnAck) -> None:
        """Note up to where it was read. Errors: AichatError not_found."""
        self._tell(user_id, await self._store.conversations.read(user_id, command), on_ack)

    async def restore(self, user_id: int, command: ConversationRestore, on_ack: OnAck) -> None:
        """Bring a deleted one back. Errors: AichatError not_found, conflict."""
        self._tell(user_id, await self._store.conversations.restore(user_id, command), on_ack)

    async def delete(self, user_id: int, command: ConversationDelete, on_ack: OnAck) -> None:
        """Delete a conversation; a running answer ends. Errors: AichatError not_found."""
        saved = await self._store.conversations.delete(user_id, command)
        if not saved.repeated:
            self._turns.stop(user_id, command.conversation_id)
        on_ack(saved.ack)
        if not saved.repeated:
            self._hub.publish(user_id, ConversationDeleted(seq=saved.seq, conversation_id=command.conversation_id))

    async def select_branch(self, user_id: int, command: BranchSelect, on_ack: OnAck) -> None:
        """Show another branch. Errors: AichatError not_found, busy."""
        self._tell(user_id, await self._store.branches.select(user_id, command), on_ack)

    async def delete_message(self, user_id: int, command: MessageDelete, on_ack: OnAck) -> None:
        """Delete a message and all below it. Errors: AichatError not_found, busy."""
        saved = await self._store.branches.delete(user_id, command)
        self._tell(user_id, saved, on_ack)  # first what is shown from now on: nobody shows what is gone
        if not saved.repeated:
            gone = saved.ack.message_id
            deleted = MessageDeleted(seq=saved.seq, conversation_id=command.conversation_id, message_id=gone)
            self._hub.publish(user_id, deleted)

    def _tell(self, user_id: int, saved: Saved, on_ack: OnAck) -> None:
        on_ack(saved.ack)
        if saved.persona is not None:
            self._hub.publish(user_id, PersonaSaved(persona=saved.persona))
        if saved.conversation is not None and not saved.repeated:
            self._hub.publish(user_id, ConversationSaved(conversation=saved.conversation))
