"""Conversations: made, changed, deleted, brought back, listed, read page by page."""

from __future__ import annotations

import sqlite3
from time import gmtime, strftime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import asdict, replace
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    Ack,
    ConversationCreate,
    ConversationDelete,
    ConversationRead,
    ConversationRename,
    ConversationRestore,
    ConversationUpdate,
    HistoryRequest,
)
from aichat.protocol.values import Conversation, ConversationChanges, Message, Persona
from aichat.store import trash
from aichat.store.database import Database, next_seq
from aichat.store.log import once
from aichat.store.personas import get_persona
from aichat.store.rows import to_conversation, to_conversations, to_message

LIST_MOST = 1_000
"""Conversations in one list: more than anybody scrolls; older ones are found by search."""

PAGE_CHARS = 1_000_000
"""Text in one page of history: a page of very long messages has fewer of them."""

FIRST_TITLE = "新会话 · New conversation"


class Saved(NamedTuple):
    """What a write did: the ack, the conversation as it is now (None if deleted), and whether nothing is new.

    `persona` is set where its user may have been told that it is gone.
    """

    ack: Ack
    conversation: Conversation | None
    seq: int
    repeated: bool
    persona: Persona | None = None


class History(NamedTuple):
    """The conversations with a persona and a page of the shown messages, oldest first.

    `siblings` are the ids of those of them that do not stand alone below their parent, each with what stands there
    beside it, in order.
    """

    persona_id: str
    conversations: list[Conversation]
    conversation_id: int
    messages: list[Message]
    more: bool
    siblings: list[list[int]] = []  # noqa: RUF012 - never changed


class Conversations:
    """A user's conversations."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def all_of(self, user_id: int, persona_id: str = "") -> Deferred[list[Conversation]]:
        """A user's conversations, with one persona or with all, newest first, `LIST_MOST` at most."""
        return self._database.read(lambda connection: self._all_of(connection, user_id, persona_id))

    def check_owner(self, user_id: int, conversation_id: int) -> Deferred[Conversation]:
        """The conversation, if it is this user's. Errors: AichatError not_found."""
        return self._database.read(
            lambda connection: get_conversation(self._queries, connection, user_id, conversation_id)
        )

    def history(self, user_id: int, request: HistoryRequest) -> Deferred[History]:
        """A page of messages. Errors: AichatError not_found, bad_frame if nothing is named."""

        def read(connection: sqlite3.Connection) -> History:
            queries = self._queries
            if request.conversation_id is not None:
                chosen = get_conversation(queries, connection, user_id, request.conversation_id)
                if request.persona_id not in ("", chosen.persona_id):
                    raise AichatError("not_found", "That conversation is with another persona.")
            elif not request.persona_id:
                raise AichatError("bad_frame", "Name a `persona_id` or a `conversation_id`.")
            else:
                get_persona(queries, connection, user_id, request.persona_id)
                row = queries.newest_conversation_with(connection, user_id=user_id, persona_id=request.persona_id)
                if row is None:
                    return History(request.persona_id, [], 0, [], False)
                chosen = to_conversation(row)
            rows = list(
                queries.page(
                    connection,
                    conversation_id=chosen.id,
                    leaf_id=chosen.leaf_id,
                    before=request.before or 2**62,
                    limit=request.limit + 1,
                )
            )
            rows, more = _within(rows, request.limit)
            rows.reverse()
            messages = [to_message(row[:-1]) for row in rows]
            siblings = [sorted(map(int, row[-1].split(","))) for row in rows if "," in row[-1]]
            conversations = self._all_of(connection, user_id, chosen.persona_id) if request.before is None else []
            if request.before is None and not any(known.id == chosen.id for known in conversations):
                conversations.append(chosen)  # the list does not reach so far, and the page needs its leaf
            return History(chosen.persona_id, conversations, chosen.id, messages, more, siblings)

        return self._database.read(read)

    def create(self, user_id: int, command: ConversationCreate) -> Deferred[Saved]:
        """Start an empty conversation. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> Saved:
            def insert() -> Ack:
                get_persona(self._queries, connection, user_id, command.persona_id, to_chat=True)
                made = insert_conversation(
                    self._queries,
                    connection,
                    user_id,
                    command.persona_id,
                    command.title or FIRST_TITLE,
                    titled=bool(command.title),
                )
                return Ack(request_id=command.request_id, persona_id=command.persona_id, conversation_id=made.id)

            return self._saved(connection, user_id, *once(self._queries, connection, user_id, command, insert))

        return self._database.write(write)

    def update(self, user_id: int, command: ConversationUpdate | ConversationRename) -> Deferred[Saved]:
        """Change the given fields. Errors: AichatError not_found."""
        changes = (
            command.changes if isinstance(command, ConversationUpdate) else ConversationChanges(title=command.title)
        )

        def write(connection: sqlite3.Connection) -> Saved:
            def change() -> Ack:
                known = get_conversation(self._queries, connection, user_id, command.conversation_id)
                given = {name: value for name, value in asdict(changes).items() if value is not msgspec.UNSET}
                fields = {"title": known.title, "pinned": known.pinned, "archived": known.archived} | given
                fields["tags"] = msgspec.json.encode(_tidy(given.get("tags", known.tags))).decode()
                self._queries.update_conversation(
                    connection, id=known.id, titled="title" in given, seq=next_seq(connection), **fields
                )
                return Ack(request_id=command.request_id, conversation_id=known.id)

            return self._saved(connection, user_id, *once(self._queries, connection, user_id, command, change))

        return self._database.write(write)

    def give_title(self, user_id: int, conversation_id: int, title: str) -> Deferred[Conversation | None]:
        """Change a title that its user did not give, once -> the conversation, None if nothing changed."""

        def write(connection: sqlite3.Connection) -> Conversation | None:
            mine = {"id": conversation_id, "user_id": user_id}
            if not title or not self._queries.give_title(connection, title=title, seq=next_seq(connection), **mine):
                return None
            return get_conversation(self._queries, connection, user_id, conversation_id)

        return self._database.write(write)

    def read(self, user_id: int, command: ConversationRead) -> Deferred[Saved]:
        """Note up to where a conversation was read. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> Saved:
            is_new = False

            def note() -> Ack:
                nonlocal is_new
                queries, ident = self._queries, command.conversation_id
                known = get_conversation(queries, connection, user_id, ident)
                read = queries.where_read(connection, id=command.message_id, conversation_id=ident)
                if read is None:
                    raise AichatError("not_found", f"There is no message {command.message_id} in that conversation.")
                read = max(read, known.read)
                unread = bool(known.unread and queries.is_unread(connection, leaf_id=known.leaf_id, read_id=read))
                is_new = (read, unread) != (known.read, known.unread)
                if is_new:
                    seq = next_seq(connection)
                    queries.mark_read(connection, id=ident, read_id=read, unread=unread, seq=seq)
                return Ack(request_id=command.request_id, conversation_id=ident)

            ack, _ = once(self._queries, connection, user_id, command, note)
            return self._saved(connection, user_id, ack, not is_new)

        return self._database.write(write)

    def delete(self, user_id: int, command: ConversationDelete) -> Deferred[Saved]:
        """Delete a conversation with its messages, to be brought back or for good. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> Saved:
            seq = 0

            def remove() -> Ack:
                nonlocal seq
                queries, ident = self._queries, command.conversation_id
                if not (command.for_good and trash.is_thrown_away(queries, connection, user_id, ident)):
                    get_conversation(queries, connection, user_id, ident)
                if command.for_good:
                    trash.remove(queries, connection, ident)
                else:
                    trash.throw_away(queries, connection, user_id, ident, now())
                seq = next_seq(connection)
                queries.bury(
                    connection, seq=seq, user_id=user_id, kind="conversation", ref=str(ident), conversation_id=0
                )
                return Ack(request_id=command.request_id, conversation_id=ident)

            ack, repeated = once(self._queries, connection, user_id, command, remove)
            return Saved(ack, None, seq, repeated)

        return self._database.write(write)

    def restore(self, user_id: int, command: ConversationRestore) -> Deferred[Saved]:
        """Bring a deleted conversation back. Errors: AichatError not_found, conflict if it is not deleted."""

        def write(connection: sqlite3.Connection) -> Saved:
            persona: Persona | None = None

            def bring_back() -> Ack:
                nonlocal persona
                queries, ident = self._queries, command.conversation_id
                if not trash.is_thrown_away(queries, connection, user_id, ident):
                    get_conversation(queries, connection, user_id, ident)
                    raise AichatError("conflict", "That conversation is not deleted.")
                trash.bring_back(queries, connection, user_id, ident)
                persona_id = get_conversation(queries, connection, user_id, ident).persona_id
                known = get_persona(queries, connection, user_id, persona_id)
                if known.owner:  # no longer shared, its user may have been told that it is gone
                    persona = replace(known, seq=next_seq(connection))
                    queries.show_persona_again(connection, id=persona_id, seq=persona.seq)
                return Ack(request_id=command.request_id, persona_id=persona_id, conversation_id=ident)

            ack, repeated = once(self._queries, connection, user_id, command, bring_back)
            return self._saved(connection, user_id, ack, repeated)._replace(persona=persona)

        return self._database.write(write)

    def _all_of(self, connection: sqlite3.Connection, user_id: int, persona_id: str) -> list[Conversation]:
        if persona_id:
            rows = self._queries.conversations_with(
                connection, user_id=user_id, persona_id=persona_id, limit=LIST_MOST
            )
        else:
            rows = self._queries.conversations_of(connection, user_id=user_id, limit=LIST_MOST)
        return to_conversations(rows)

    def _saved(self, connection: sqlite3.Connection, user_id: int, ack: Ack, repeated: bool) -> Saved:
        row = self._queries.conversation(connection, id=ack.conversation_id, user_id=user_id)
        conversation = None if row is None else to_conversation(row)
        return Saved(ack, conversation, conversation.seq if conversation else 0, repeated)


def _within(rows: list[Any], limit: int) -> tuple[list[Any], bool]:
    """The first rows of a page within a count and `PAGE_CHARS` (one at least), and whether any are left out."""
    room = PAGE_CHARS
    for at, row in enumerate(rows[:limit]):
        room -= len(row[3]) + len(row[6])  # content and reasoning
        if room < 0 and at:
            return rows[:at], True
    return rows[:limit], len(rows) > limit


def get_conversation(
    queries: Any, connection: sqlite3.Connection, user_id: int, conversation_id: int
) -> Conversation:
    """The conversation, if it is this user's. Errors: AichatError not_found."""
    row = queries.conversation(connection, id=conversation_id, user_id=user_id)
    if row is None:
        raise no_conversation(conversation_id)
    return to_conversation(row)


def no_conversation(conversation_id: int) -> AichatError:
    """The error of who names one that is not there, or not theirs."""
    return AichatError("not_found", f"There is no conversation {conversation_id} here.")


def insert_conversation(
    queries: Any,
    connection: sqlite3.Connection,
    user_id: int,
    persona_id: str,
    title: str,
    *,
    titled: bool = False,
    unread: bool = False,
    leaf_id: int = 0,
) -> Conversation:
    """A new row -> what it says. `titled`: its user gave it the title; `unread`: something is said in it at once,
    down to the message `leaf_id`.
    """
    time, seq = now(), next_seq(connection)
    ident = queries.insert_conversation(
        connection,
        persona_id=persona_id,
        user_id=user_id,
        title=title,
        titled=titled,
        unread=unread,
        time=time,
        leaf_id=leaf_id,
        seq=seq,
    )
    return Conversation(
        id=ident,
        title=title,
        create_time=time,
        persona_id=persona_id,
        update_time=time,
        touched=seq,
        leaf_id=leaf_id,
        seq=seq,
        unread=unread,
    )


def _tidy(tags: list[str]) -> list[str]:
    """Tags without needless space, each once."""
    return list(dict.fromkeys(tidy for tag in tags if (tidy := " ".join(tag.split()))))


def now() -> str:
    """The time, as SQLite's CURRENT_TIMESTAMP has it."""
    return strftime("%Y-%m-%d %H:%M:%S", gmtime())
