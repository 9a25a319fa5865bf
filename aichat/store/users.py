"""Users and their tokens. Only a token's SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from aichat.store.database import Database


class User(NamedTuple):
    """Who somebody is. `role` is owner or member."""

    id: int
    name: str
    role: str


class Users:
    """Who may come in."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def owner(self, kept_token: str) -> Deferred[tuple[User, str]]:
        """The owner, made at the first start -> (user, token); `kept_token` is given back while it is theirs."""

        def write(connection: sqlite3.Connection) -> tuple[User, str]:
            row = self._queries.owner(connection)
            if row is not None and kept_token and row[3] == token_hash(kept_token):
                return User(*row[:3]), kept_token
            token = secrets.token_urlsafe(32)
            if row is None:
                ident = self._queries.add_user(connection, name="owner", role="owner", token_hash=token_hash(token))
                return User(ident, "owner", "owner"), token
            self._queries.set_token(connection, id=row[0], token_hash=token_hash(token))
            return User(*row[:3]), token

        return self._database.write(write)

    def by_token(self, token: str) -> Deferred[User | None]:
        """Whose token this is."""

        def read(connection: sqlite3.Connection) -> User | None:
            row = self._queries.user_by_token(connection, token_hash=token_hash(token))
            return None if row is None else User(*row)

        return self._database.read(read)


def token_hash(token: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
