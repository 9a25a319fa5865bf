"""The event log: positions, what changed since one, and the first reply to each request id."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    Ack,
    AnyPush,
    Command,
    ConversationDeleted,
    ConversationSaved,
    MessageAdded,
    MessageDeleted,
    MessageDone,
    PersonaDeleted,
    PersonaSaved,
)
from aichat.protocol.values import Position
from aichat.store.database import Database
from aichat.store.rows import to_conversation, to_message, to_persona
from aichat.store.trash import remove_expired

CATCH_UP_MOST = 2_000
"""Messages in one catch-up; a client further behind loads everything anew, which is less."""


REPLIES_AGE, REPLIES_MOST = "-7 days", 10_000
"""First replies to request ids are kept so long, and so many of one user."""

TOMBSTONES_AGE, TOMBSTONES_MOST = "-30 days", 10_000

PRUNE_STEP = 500
"""Rows of one kind that one transaction forgets."""


class Missed(NamedTuple):
    """What happened since a position, in order, up to `position`; `events` is None if it must be loaded anew."""

    position: Position
    events: list[AnyPush] | None


class Log:
    """Reads the log; the other nouns write it with `next_seq` and `bury`."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def since(self, user_id: int, resume: Position | None) -> Deferred[Missed]:
        """What a user missed since a position, on one snapshot."""

        def read(connection: sqlite3.Connection) -> Missed:
            epoch, seq = self._queries.position(connection)
            here = Position(epoch=epoch, seq=seq)
            if resume is None or resume.epoch != epoch or resume.seq > seq:
                return Missed(here, None)
            if resume.seq < (self._queries.pruned(connection, user_id=user_id) or 0):
                return Missed(here, None)  # deletions since then are forgotten
            return Missed(here, self._events(connection, user_id, resume.seq))

        return self._database.read(read)

    def _events(self, connection: sqlite3.Connection, user_id: int, seq: int) -> list[AnyPush] | None:
        queries = self._queries
        at: list[tuple[int, AnyPush]] = []
        for row in queries.personas_since(connection, user_id=user_id, seq=seq):
            persona = to_persona(row, user_id)
            at.append((persona.seq, PersonaSaved(persona=persona)))
        for row in queries.conversations_since(connection, user_id=user_id, seq=seq):
            conversation = to_conversation(row)
            at.append((conversation.seq, ConversationSaved(conversation=conversation)))
        messages = list(queries.messages_since(connection, user_id=user_id, seq=seq, limit=CATCH_UP_MOST + 1))
        if len(messages) > CATCH_UP_MOST:
            return None
        for row in messages:
            message = to_message(row)
            added = message.sender_type == 0 or message.status == "running"
            at.append((message.seq, MessageAdded(message=message) if added else MessageDone(message=message)))
        for buried, kind, ref, conversation_id in queries.tombstones_since(connection, user_id=user_id, seq=seq):
            at.append((buried, _deletion(buried, kind, ref, conversation_id)))
        return [event for _, event in sorted(at, key=lambda pair: pair[0])]

    def user_after(self, user_id: int) -> Deferred[int | None]:
        """The next user by id, if there is one."""
        return self._database.read(lambda connection: self._queries.user_after(connection, id=user_id))

    def users_after(self, user_id: int, most: int) -> Deferred[list[int]]:
        """The next users by id."""
        return self._database.read(
            lambda connection: [row[0] for row in self._queries.users_after(connection, id=user_id, limit=most)]
        )

    def prune(self, user_id: int) -> Deferred[int]:
        """Forget some of a user's old replies, tombstones and deleted conversations -> how many rows; 0: none."""

        def write(connection: sqlite3.Connection) -> int:
            queries, mine = self._queries, {"user_id": user_id, "limit": PRUNE_STEP}
            replies = queries.forget_old_replies(connection, age=REPLIES_AGE, **mine)
            replies += queries.forget_surplus_replies(connection, most=REPLIES_MOST, **mine)
            buried = [seq for (seq,) in queries.forget_old_tombstones(connection, age=TOMBSTONES_AGE, **mine)]
            surplus = queries.forget_surplus_tombstones(connection, most=TOMBSTONES_MOST, **mine)
            buried += [seq for (seq,) in surplus]
            if buried:
                queries.keep_pruned(connection, user_id=user_id, seq=max(buried))
            return int(replies) + len(buried) + remove_expired(queries, connection, user_id, PRUNE_STEP)

        return self._database.write(write)

    def first_time(self, user_id: int, command: Command) -> Deferred[bool]:
        """Remember a command that changes nothing here -> whether its request id is new."""

        def write(connection: sqlite3.Connection) -> bool:
            return not once(self._queries, connection, user_id, command, lambda: Ack(request_id=command.request_id))[
                1
            ]

        return self._database.write(write)


def _deletion(seq: int, kind: str, ref: str, conversation_id: int) -> AnyPush:
    match kind:
        case "persona":
            return PersonaDeleted(seq=seq, persona_id=ref)
        case "conversation":
            return ConversationDeleted(seq=seq, conversation_id=int(ref))
        case _:
            return MessageDeleted(seq=seq, conversation_id=conversation_id, message_id=int(ref))


def once(
    queries: Any,
    connection: sqlite3.Connection,
    user_id: int,
    command: Command,
    work: Callable[[], Ack],
    known: Sequence[Any] | None = None,
) -> tuple[Ack, bool]:
    """Run `work` unless this user's `request_id` was answered before -> (its ack, whether it is a repeat).

    `known` are digest and text of the first reply, None each if there is none, for who has looked it up already.
    Errors: AichatError request_id_reused if it was another command.
    """
    if not command.request_id:
        return work(), False
    digest = hashlib.sha256(msgspec.json.encode(command)).hexdigest()
    first = known or queries.first_reply(connection, user_id=user_id, request_id=command.request_id)
    if first is not None and first[0] is not None:
        if first[0] != digest:
            raise AichatError("request_id_reused")
        return msgspec.json.decode(first[1], type=Ack), True
    ack = work()
    reply = msgspec.json.encode(ack).decode()
    queries.keep_reply(connection, user_id=user_id, request_id=command.request_id, digest=digest, reply=reply)
    return ack, False
