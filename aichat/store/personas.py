"""Personas: the seed's table and `personas/*.json` files."""

from __future__ import annotations

import codecs
import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    Ack,
    PersonaCreate,
    PersonaDelete,
    PersonaDeleted,
    PersonaSaved,
    PersonaUpdate,
)
from aichat.protocol.values import (
    Avatar,
    Greeting,
    ModelName,
    Name,
    Persona,
    PersonaConfig,
    PersonaId,
    Prompt,
    ProviderName,
    Starters,
    Temperature,
)
from aichat.store import trash
from aichat.store.database import Database, next_seq
from aichat.store.log import once
from aichat.store.rows import PERSONA_FIELDS, to_persona


class Saved(NamedTuple):
    """What a write did: the ack, the persona as its owner sees it now (None if deleted), and whether it is a repeat.

    `others` are the events for other users, by user id: of a persona that is shared, or was.
    """

    ack: Ack
    persona: Persona | None
    seq: int
    repeated: bool
    others: dict[int, PersonaSaved | PersonaDeleted] = {}  # noqa: RUF012 - never changed


class PersonaFile(msgspec.Struct, kw_only=True):
    """A persona as a file of the seed has it, plus our optional fields."""

    id: PersonaId
    name: Name
    prompt: Prompt
    avatar: Avatar | None = ""
    create_time: str | None = None
    model: ModelName = ""
    greeting: Greeting = ""
    starters: Starters = []
    provider: ProviderName = ""
    fallback: ProviderName = ""
    temperature: Temperature | None = None


def parse_persona(data: bytes) -> PersonaFile:
    """A persona from a file's bytes (JSON, UTF-8). Errors: msgspec.DecodeError with what is wrong."""
    try:
        return msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8), type=PersonaFile)
    except UnicodeDecodeError:
        raise msgspec.DecodeError("it is not UTF-8") from None


class Personas:
    """Makes, changes, deletes and lists personas; every one has an owner."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def all_of(self, user_id: int) -> Deferred[list[Persona]]:
        """All personas that a user sees, oldest first."""

        def read(connection: sqlite3.Connection) -> list[Persona]:
            rows = self._queries.personas_since(connection, user_id=user_id, seq=-1)
            return sorted((to_persona(row, user_id) for row in rows), key=lambda p: (p.create_time, p.id))

        return self._database.read(read)

    def get(self, user_id: int, persona_id: str) -> Deferred[Persona]:
        """One persona that a user sees. Errors: AichatError not_found."""
        return self._database.read(lambda connection: get_persona(self._queries, connection, user_id, persona_id))

    def create(self, user_id: int, command: PersonaCreate) -> Deferred[Saved]:
        """Make a persona, once per request id."""

        def write(connection: sqlite3.Connection) -> Saved:
            def insert() -> Ack:
                ident = f"p{uuid.uuid4().hex[:12]}"
                insert_persona(self._queries, connection, user_id, ident, command.persona_config, None)
                return Ack(request_id=command.request_id, persona_id=ident)

            ack, repeated = once(self._queries, connection, user_id, command, insert)
            return self._saved(connection, user_id, ack, repeated, was_shared=False)

        return self._database.write(write)

    def update(self, user_id: int, command: PersonaUpdate) -> Deferred[Saved]:
        """Change a persona's given fields. Errors: AichatError not_found, forbidden if it is another user's."""

        def write(connection: sqlite3.Connection) -> Saved:
            was_shared = False

            def change() -> Ack:
                nonlocal was_shared
                persona = self._own(connection, user_id, command.persona_id)
                was_shared = persona.shared
                fields = {name: getattr(persona, name) for name in PERSONA_FIELDS}
                fields |= {"card": None} | msgspec.to_builtins(command.persona_config)
                fields["starters"] = json.dumps(fields["starters"], ensure_ascii=False)
                fields["shared"] = int(fields["shared"])
                self._queries.update_persona(connection, id=persona.id, seq=next_seq(connection), **fields)
                return Ack(request_id=command.request_id, persona_id=persona.id)

            ack, repeated = once(self._queries, connection, user_id, command, change)
            return self._saved(connection, user_id, ack, repeated, was_shared=was_shared)

        return self._database.write(write)

    def card(self, user_id: int, persona_id: str) -> Deferred[str]:
        """What a user's own persona keeps of its card. Errors: AichatError not_found, forbidden."""

        def read(connection: sqlite3.Connection) -> str:
            return str(self._queries.card(connection, id=self._own(connection, user_id, persona_id).id))

        return self._database.read(read)

    def delete(self, user_id: int, command: PersonaDelete) -> Deferred[Saved]:
        """Delete a persona with its owner's conversations; other users keep theirs, to read.

        Errors: AichatError not_found, forbidden if it is another user's.
        """

        def write(connection: sqlite3.Connection) -> Saved:
            seq, others = 0, {}

            def remove() -> Ack:
                nonlocal seq, others
                queries = self._queries
                persona = self._own(connection, user_id, command.persona_id)
                for row in list(
                    queries.conversations_with(connection, user_id=user_id, persona_id=persona.id, limit=-1)
                ):
                    trash.remove(queries, connection, row[0])
                for (ident,) in list(
                    queries.deleted_conversations_with(connection, user_id=-user_id, persona_id=persona.id)
                ):
                    trash.remove(queries, connection, ident)
                seq = next_seq(connection)
                queries.bury(connection, seq=seq, user_id=user_id, kind="persona", ref=persona.id, conversation_id=0)
                queries.retire_persona(connection, id=persona.id, seq=next_seq(connection))
                others = self._others(connection, user_id, persona.id, was_shared=persona.shared)
                if not queries.is_talked_with(connection, persona_id=persona.id):  # by others: our own are gone
                    queries.delete_persona(connection, id=persona.id)
                return Ack(request_id=command.request_id, persona_id=persona.id)

            ack, repeated = once(self._queries, connection, user_id, command, remove)
            return Saved(ack, None, seq, repeated, others)

        return self._database.write(write)

    def take_files(self, user_id: int, files: Iterable[bytes], *, shared: bool = False) -> Deferred[list[str]]:
        """Take in persona files whose content is new here -> the ids made.

        A persona whose id exists already stays as it is; so does one that was taken in once and then deleted.
        Errors: msgspec.DecodeError if a file is not a persona (nothing is taken in then).
        """
        parsed = [(data, parse_persona(data)) for data in files]

        def write(connection: sqlite3.Connection) -> list[str]:
            made = []
            for data, persona in parsed:
                digest = hashlib.sha256(data).hexdigest()
                if not self._queries.take_import(connection, digest=digest):
                    continue
                if self._queries.persona_exists(connection, id=persona.id):
                    continue
                config = PersonaConfig(
                    name=persona.name,
                    prompt=persona.prompt,
                    avatar=persona.avatar or "",
                    model=persona.model,
                    greeting=persona.greeting,
                    starters=persona.starters,
                    shared=shared,
                    provider=persona.provider,
                    fallback=persona.fallback,
                    temperature=persona.temperature,
                )
                insert_persona(self._queries, connection, user_id, persona.id, config, persona.create_time)
                made.append(persona.id)
            return made

        return self._database.write(write)

    def _saved(
        self, connection: sqlite3.Connection, user_id: int, ack: Ack, repeated: bool, *, was_shared: bool
    ) -> Saved:
        row = self._queries.persona(connection, id=ack.persona_id, user_id=user_id)
        persona = None if row is None else to_persona(row, user_id)
        others = {} if repeated else self._others(connection, user_id, ack.persona_id, was_shared=was_shared)
        return Saved(ack, persona, persona.seq if persona else 0, repeated, others)

    def _others(
        self, connection: sqlite3.Connection, user_id: int, persona_id: str, *, was_shared: bool
    ) -> dict[int, PersonaSaved | PersonaDeleted]:
        """What other users hear of a change: the persona as they see it now, or that they see it no longer."""
        queries = self._queries
        events: dict[int, PersonaSaved | PersonaDeleted] = {}
        for (other,) in list(queries.other_users(connection, user_id=user_id)):
            row = queries.persona(connection, id=persona_id, user_id=other)
            if row is not None:
                events[other] = PersonaSaved(persona=to_persona(row, other))
            elif was_shared:
                seq = next_seq(connection)
                queries.bury(connection, seq=seq, user_id=other, kind="persona", ref=persona_id, conversation_id=0)
                events[other] = PersonaDeleted(seq=seq, persona_id=persona_id)
        return events

    def _own(self, connection: sqlite3.Connection, user_id: int, persona_id: str) -> Persona:
        persona = get_persona(self._queries, connection, user_id, persona_id)
        if persona.owner:
            raise AichatError("forbidden", f"{persona.name} belongs to {persona.owner}, who alone can change it.")
        return persona


def get_persona(
    queries: Any, connection: sqlite3.Connection, user_id: int, persona_id: str, *, to_chat: bool = False
) -> Persona:
    """A persona that a user sees. Errors: AichatError not_found; `to_chat`: forbidden if it is no longer shared."""
    return persona_of(
        queries.persona(connection, id=persona_id, user_id=user_id), user_id, persona_id, to_chat=to_chat
    )


def persona_of(row: Any, user_id: int, persona_id: str, *, to_chat: bool = False) -> Persona:
    """The persona of a row, None if the user sees none. Errors: as `get_persona`."""
    if row is None:
        raise AichatError("not_found", f"There is no persona {persona_id!r} here.")
    persona = to_persona(row, user_id)
    if to_chat and persona.owner and not persona.shared:
        raise AichatError("forbidden", f"{persona.owner} does not share {persona.name} any more; you can read on.")
    return persona


def insert_persona(
    queries: Any,
    connection: sqlite3.Connection,
    user_id: int,
    ident: str,
    config: PersonaConfig,
    create_time: str | None,
) -> None:
    """A new row."""
    queries.insert_persona(
        connection,
        id=ident,
        user_id=user_id,
        name=config.name,
        prompt=config.prompt,
        avatar=config.avatar,
        model=config.model,
        greeting=config.greeting,
        starters=json.dumps(config.starters, ensure_ascii=False),
        shared=int(config.shared),
        provider=config.provider,
        fallback=config.fallback,
        card=config.card,
        temperature=config.temperature,
        create_time=create_time,
        seq=next_seq(connection),
    )
