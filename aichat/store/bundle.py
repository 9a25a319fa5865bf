"""A user's personas and conversations as one file: written beside a running service, taken in by the store.

JSON: {"format": "aichat", "version": 1, "user", "personas": […], "conversations": [{…, "messages": […]}]}, with the
fields of docs/protocol.md. Ids in it only join its parts: what is taken in gets ids of its own. Of each conversation
the shown messages are in it; other branches stay behind.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec
from msgspec.structs import asdict
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import AnyPush, ConversationSaved, MessageAdded, PersonaSaved
from aichat.protocol.values import Conversation, Failure, PersonaConfig, PersonaId, Status, Tags, Title
from aichat.store.backup import open_read_only
from aichat.store.conversations import get_conversation
from aichat.store.database import Database, next_seq
from aichat.store.personas import get_persona, insert_persona
from aichat.store.queries import load_queries
from aichat.store.rows import to_conversation, to_message, to_persona

BYTES_MOST = 512 * 1_048_576

Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")]
Text = Annotated[str, msgspec.Meta(max_length=4_000_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class BundledPersona(PersonaConfig, frozen=True, kw_only=True):
    """A persona; `owner` is set on another user's, of which only what its reader saw is here."""

    id: PersonaId
    create_time: str = ""
    owner: str = ""


class BundledMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message."""

    sender_type: Literal[0, 1]
    content: Text
    send_time: Time
    status: Status = "done"
    reasoning: Text = ""
    reasoning_ms: Count = 0
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    failure: Failure | None = None
    seams: list[Count] = []


class BundledConversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, oldest message first."""

    persona_id: PersonaId
    title: Title
    create_time: Time
    update_time: Time
    messages: list[BundledMessage]
    pinned: bool = False
    archived: bool = False
    tags: Tags = []


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """The file. Conversations stand in the order in which they were spoken in, the oldest first."""

    format: Literal["aichat"]
    version: Literal[1]
    user: str
    personas: list[BundledPersona]
    conversations: list[BundledConversation]


class Taken(NamedTuple):
    """What was taken in, and the events for whoever is connected."""

    personas: int
    conversations: int
    messages: int
    user_id: int
    events: list[AnyPush]


def write_bundle(database: Path, user_name: str, target: Path) -> tuple[int, int]:
    """Write all of a user's into a new file, mode 0600 -> (conversations, bytes).

    Errors: AichatError not_found, sqlite3.Error, OSError (the file exists, no room).
    """
    with closing(open_read_only(database)) as connection:
        connection.execute("BEGIN")
        bundle = _gather(load_queries(), connection, user_name)
    data = msgspec.json.format(msgspec.json.encode(bundle), indent=1)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    return len(bundle.conversations), len(data)


def read_bundle(path: Path) -> tuple[Bundle, str]:
    """A file -> (what is in it, its digest). Errors: OSError, AichatError bad_frame, too_large."""
    if path.stat().st_size > BYTES_MOST:
        raise AichatError("too_large", f"{path} is over {BYTES_MOST} bytes.")
    data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=Bundle), hashlib.sha256(data).hexdigest()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AichatError("bad_frame", f"{path} is no export of aichat: {error}") from None


class Bundles:
    """Takes bundles in."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def take_in(self, user_name: str, bundle: Bundle, digest: str) -> Deferred[Taken]:
        """Add all of a bundle to a user's, in one transaction. Errors: AichatError not_found, conflict (a repeat)."""

        def write(connection: sqlite3.Connection) -> Taken:
            queries = self._queries
            row = queries.user_named(connection, name=user_name)
            if row is None:
                raise AichatError("not_found", f"There is no user {user_name!r}.")
            if not queries.take_import(connection, digest=f"bundle {row[0]} {digest}"):
                raise AichatError("conflict", "This file was imported before; nothing was done.")
            return self._take_in(connection, row[0], bundle)

        return self._database.write(write)

    def _take_in(self, connection: sqlite3.Connection, user_id: int, bundle: Bundle) -> Taken:
        queries = self._queries
        events: list[AnyPush] = []
        ids: dict[str, str] = {}
        made = 0
        for persona in bundle.personas:
            ids[persona.id], is_new = self._place(connection, user_id, persona)
            made += is_new
            if is_new:
                events.append(PersonaSaved(persona=get_persona(queries, connection, user_id, ids[persona.id])))
        messages = 0
        for conversation in bundle.conversations:
            if conversation.persona_id not in ids:
                raise AichatError("bad_frame", f"The persona {conversation.persona_id!r} is not in the file.")
            seq = next_seq(connection)
            ident = queries.import_conversation(
                connection,
                persona_id=ids[conversation.persona_id],
                user_id=user_id,
                title=conversation.title,
                create_time=conversation.create_time,
                update_time=conversation.update_time,
                pinned=conversation.pinned,
                archived=conversation.archived,
                tags=msgspec.json.encode(conversation.tags).decode(),
                seq=seq,
            )
            at, message_id = len(events), 0
            for message in conversation.messages:
                message_id = queries.import_message(
                    connection,
                    conversation_id=ident,
                    user_id=user_id,
                    parent_id=message_id,
                    seq=next_seq(connection),
                    **_columns(message),
                )
                events.append(MessageAdded(message=to_message(queries.message(connection, id=message_id))))
            queries.show_leaf(connection, leaf_id=message_id, seq=seq, id=ident)
            conversation_saved = ConversationSaved(conversation=get_conversation(queries, connection, user_id, ident))
            events.insert(at, conversation_saved)
            messages += len(conversation.messages)
        return Taken(made, len(bundle.conversations), messages, user_id, events)

    def _place(self, connection: sqlite3.Connection, user_id: int, persona: BundledPersona) -> tuple[str, bool]:
        """Where a persona of a bundle is here: the same if the user can chat with it, else a new one of theirs."""
        row = self._queries.persona(connection, id=persona.id, user_id=user_id)
        if row is not None:
            known = to_persona(row, user_id)
            if known.name == persona.name and (known.shared or not known.owner):
                return known.id, False
        taken = self._queries.persona_exists(connection, id=persona.id)
        ident = f"p{uuid.uuid4().hex[:12]}" if taken else persona.id
        config = msgspec.convert(
            {name: getattr(persona, name) for name in PersonaConfig.__struct_fields__} | {"shared": False},
            PersonaConfig,
        )
        insert_persona(self._queries, connection, user_id, ident, config, persona.create_time or None)
        return ident, True


def _gather(queries: Any, connection: sqlite3.Connection, user_name: str) -> Bundle:
    row = queries.user_named(connection, name=user_name)
    if row is None:
        raise AichatError("not_found", f"There is no user {user_name!r}.")
    user_id: int = row[0]
    conversations = [to_conversation(r) for r in queries.conversations_of(connection, user_id=user_id, limit=-1)]
    used = {conversation.persona_id for conversation in conversations}
    personas = [to_persona(r, user_id) for r in queries.personas_since(connection, user_id=user_id, seq=-1)]
    return Bundle(
        format="aichat",
        version=1,
        user=user_name,
        personas=[
            _bundled(p, BundledPersona, card="" if p.owner else queries.card(connection, id=p.id))
            for p in personas
            if not p.owner or p.id in used
        ],
        conversations=[
            BundledConversation(
                persona_id=conversation.persona_id,
                title=conversation.title,
                create_time=conversation.create_time,
                update_time=conversation.update_time or conversation.create_time,
                messages=[
                    _bundled(_at_rest(to_message(r[:-1])), BundledMessage)
                    for r in reversed(list(_shown(queries, connection, conversation)))
                ],
                pinned=conversation.pinned,
                archived=conversation.archived,
                tags=conversation.tags,
            )
            for conversation in reversed(conversations)
        ],
    )


def _shown(queries: Any, connection: sqlite3.Connection, conversation: Conversation) -> Iterable[Any]:
    """Rows of all messages that a conversation shows, newest first."""
    return cast(
        Iterable[Any],
        queries.page(
            connection, conversation_id=conversation.id, leaf_id=conversation.leaf_id, before=2**62, limit=-1
        ),
    )


def _bundled(value: Any, kind: Any, **more: Any) -> Any:
    return kind(**{name: getattr(value, name) for name in kind.__struct_fields__ if name not in more}, **more)


def _at_rest(message: Any) -> Any:
    """A message as a file can have it: one that is being written is broken off there."""
    if message.status != "running":
        return message
    return msgspec.structs.replace(message, status="interrupted" if message.content else "failed")


def _columns(message: BundledMessage) -> dict[str, Any]:
    values = asdict(_at_rest(message))
    failure = message.failure
    return values | {
        "failure": msgspec.json.encode(failure).decode() if failure else "",
        "seams": msgspec.json.encode([s for s in message.seams if s <= len(message.content)]).decode(),
    }
