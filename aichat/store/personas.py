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
from aichat.protocol.frames import Ack, PersonaCreate, PersonaDelete, PersonaUpdate
from aichat.protocol.values import (
    Avatar,
    Greeting,
    ModelName,
    Name,
    Persona,
    PersonaConfig,
    PersonaId,
    Prompt,
    Starters,
)
from aichat.store.database import Database
from aichat.store.log import once
from aichat.store.rows import PERSONA_FIELDS, to_persona


class Saved(NamedTuple):
    """What a write did: the ack, the persona as it is now (None if deleted), and whether it is a repeat."""

    ack: Ack
    persona: Persona | None
    seq: int
    repeated: bool


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
        """All personas of a user, oldest first."""
        return self._database.read(
            lambda connection: [to_persona(r) for r in self._queries.personas_of(connection, user_id=user_id)]
        )

    def get(self, user_id: int, persona_id: str) -> Deferred[Persona]:
        """One persona. Errors: AichatError not_found."""
        return self._database.read(lambda connection: self._get(connection, user_id, persona_id))

    def create(self, user_id: int, command: PersonaCreate) -> Deferred[Saved]:
        """Make a persona, once per request id."""

        def write(connection: sqlite3.Connection) -> Saved:
            def insert() -> Ack:
                ident = f"p{uuid.uuid4().hex[:12]}"
                self._insert(connection, user_id, ident, command.persona_config, None)
                return Ack(request_id=command.request_id, persona_id=ident)

            ack, repeated = once(self._queries, connection, user_id, command, insert)
            return self._saved(connection, user_id, ack, repeated)

        return self._database.write(write)

    def update(self, user_id: int, command: PersonaUpdate) -> Deferred[Saved]:
        """Change a persona's given fields. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> Saved:
            def change() -> Ack:
                persona = self._get(connection, user_id, command.persona_id)
                fields = {name: getattr(persona, name) for name in PERSONA_FIELDS}
                fields |= msgspec.to_builtins(command.persona_config)
                fields["starters"] = json.dumps(fields["starters"], ensure_ascii=False)
                self._queries.update_persona(
                    connection, id=persona.id, seq=self._queries.next_seq(connection), **fields
                )
                return Ack(request_id=command.request_id, persona_id=persona.id)

            ack, repeated = once(self._queries, connection, user_id, command, change)
            return self._saved(connection, user_id, ack, repeated)

        return self._database.write(write)

    def delete(self, user_id: int, command: PersonaDelete) -> Deferred[Saved]:
        """Delete a persona with its conversations. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> Saved:
            seq = 0

            def remove() -> Ack:
                nonlocal seq
                queries = self._queries
                persona = self._get(connection, user_id, command.persona_id)
                for row in list(
                    queries.conversations_with(connection, user_id=user_id, persona_id=persona.id, limit=-1)
                ):
                    queries.delete_messages(connection, conversation_id=row[0])
                    queries.delete_conversation(connection, id=row[0])
                queries.delete_persona(connection, id=persona.id)
                seq = queries.next_seq(connection)
                queries.bury(connection, seq=seq, user_id=user_id, kind="persona", ref=persona.id, conversation_id=0)
                return Ack(request_id=command.request_id, persona_id=persona.id)

            ack, repeated = once(self._queries, connection, user_id, command, remove)
            return Saved(ack, None, seq, repeated)

        return self._database.write(write)

    def take_files(self, user_id: int, files: Iterable[bytes]) -> Deferred[list[str]]:
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
                )
                self._insert(connection, user_id, persona.id, config, persona.create_time)
                made.append(persona.id)
            return made

        return self._database.write(write)

    def _saved(self, connection: sqlite3.Connection, user_id: int, ack: Ack, repeated: bool) -> Saved:
        row = self._queries.persona(connection, id=ack.persona_id, user_id=user_id)
        persona = None if row is None else to_persona(row)
        return Saved(ack, persona, persona.seq if persona else 0, repeated)

    def _get(self, connection: sqlite3.Connection, user_id: int, persona_id: str) -> Persona:
        row = self._queries.persona(connection, id=persona_id, user_id=user_id)
        if row is None:
            raise AichatError("not_found", f"There is no persona {persona_id!r} here.")
        return to_persona(row)

    def _insert(
        self,
        connection: sqlite3.Connection,
        user_id: int,
        ident: str,
        config: PersonaConfig,
        create_time: str | None,
    ) -> None:
        self._queries.insert_persona(
            connection,
            id=ident,
            user_id=user_id,
            name=config.name,
            prompt=config.prompt,
            avatar=config.avatar,
            model=config.model,
            greeting=config.greeting,
            starters=json.dumps(config.starters, ensure_ascii=False),
            create_time=create_time,
            seq=self._queries.next_seq(connection),
        )
