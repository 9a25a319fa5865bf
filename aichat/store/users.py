"""Users, and what they show to come in: passwords, tokens, SSH keys. Only hashes of secrets are stored."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.store.database import Database

T = TypeVar("T")

TokenKind = Literal["file", "login", "api"]

TOKEN_PREFIX = "aichat_"  # noqa: S105 - so that a leaked one is recognised as what it is


class User(NamedTuple):
    """Who somebody is. `role` is owner or member."""

    id: int
    name: str
    role: str


class Identity(NamedTuple):
    """Who came in, and by what: `credential` is `token:<id>`, `key:<id>`, `password:<user id>`, or `local`."""

    user: User
    credential: str


class Account(NamedTuple):
    """A user as the one who looks after the service sees it."""

    id: int
    name: str
    role: str
    disabled: bool
    has_password: bool
    create_time: str


class Token(NamedTuple):
    """A token without its secret; times are UTC, `last_used` is kept to the minute."""

    id: int
    name: str
    kind: str
    create_time: str
    last_used: str | None


class Key(NamedTuple):
    """An SSH public key."""

    id: int
    name: str
    type: str
    fingerprint: str
    create_time: str
    last_used: str | None


class Users:
    """Who may come in."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def owner(self, kept_token: str) -> Deferred[tuple[User, str]]:
        """The owner, made at the first start -> (user, token); `kept_token` is given back while it is theirs."""

        def write(connection: sqlite3.Connection) -> tuple[User, str]:
            queries = self._queries
            row = queries.owner(connection)
            if row is None:
                user = User(
                    queries.add_user(connection, name="owner", role="owner", password_hash=""), "owner", "owner"
                )
            else:
                user = User(*row)
            if kept_token:
                known = queries.user_by_token(connection, hash=token_hash(kept_token))
                if known is not None and known[0] == user.id:
                    return user, kept_token
            queries.delete_tokens_of_kind(connection, user_id=user.id, kind="file")
            return user, self._add_token(connection, user.id, "owner.token", "file")[1]

        return self._database.write(write)

    def by_tokens(self, tokens: Iterable[str]) -> Deferred[list[Identity | None]]:
        """Whose tokens these are, in their order; None for one that is unknown, or whose user is disabled."""

        def read(connection: sqlite3.Connection) -> list[Identity | None]:
            rows = [self._queries.user_by_token(connection, hash=token_hash(token)) for token in tokens]
            return [row and Identity(User(*row[:3]), f"token:{row[3]}") for row in rows]

        return self._database.read(read)

    def by_key(self, key: str) -> Deferred[Identity | None]:
        """Whose SSH key this is (base64, as in authorized_keys); None if unknown or disabled."""

        def read(connection: sqlite3.Connection) -> Identity | None:
            row = self._queries.user_by_key(connection, key=key)
            return None if row is None else Identity(User(*row[:3]), f"key:{row[3]}")

        return self._database.read(read)

    def used(self, credential: str) -> Deferred[int]:
        """Remember that a token or key was used just now."""
        kind, _, ident = credential.partition(":")
        mark = self._queries.token_used if kind == "token" else self._queries.key_used
        return self._database.write(lambda connection: int(mark(connection, id=int(ident))))

    def password_of(self, name: str) -> Deferred[tuple[User, str] | None]:
        """An enabled user and the hash of their password ("" without one), by name."""

        def read(connection: sqlite3.Connection) -> tuple[User, str] | None:
            row = self._queries.user_named(connection, name=name)
            return None if row is None or row[3] else (User(*row[:3]), str(row[4]))

        return self._database.read(read)

    def all(self) -> Deferred[list[Account]]:
        """Every user, disabled ones too."""
        return self._database.read(
            lambda connection: [
                Account(row[0], row[1], row[2], bool(row[3]), bool(row[4]), row[5])
                for row in self._queries.all_users(connection)
            ]
        )

    def add(self, name: str, role: str, password_hash: str) -> Deferred[User]:
        """Make a user. Errors: AichatError conflict if the name is taken."""

        def write(connection: sqlite3.Connection) -> User:
            if self._queries.user_named(connection, name=name) is not None:
                raise AichatError("conflict", f"There is a user {name!r} already.")
            ident = self._queries.add_user(connection, name=name, role=role, password_hash=password_hash)
            return User(ident, name, role)

        return self._database.write(write)

    def set_password(self, name: str, password_hash: str) -> Deferred[tuple[User, list[str]]]:
        """Give a user another password; the tokens got with the old one go -> (user, credentials that went).

        Errors: AichatError not_found.
        """

        def change(connection: sqlite3.Connection, user: User) -> tuple[User, list[str]]:
            self._queries.set_password(connection, id=user.id, password_hash=password_hash)
            tokens = [Token(*row) for row in self._queries.tokens_of(connection, user_id=user.id)]
            self._queries.delete_tokens_of_kind(connection, user_id=user.id, kind="login")
            return user, [f"token:{token.id}" for token in tokens if token.kind == "login"]

        return self._of(name, change)

    def rehash(self, user_id: int, password_hash: str) -> Deferred[int]:
        """Keep the same password under today's costs."""
        return self._database.write(
            lambda connection: int(self._queries.set_password(connection, id=user_id, password_hash=password_hash))
        )

    def set_disabled(self, name: str, disabled: bool) -> Deferred[User]:
        """Shut a user out, or let them in again. Errors: AichatError not_found, conflict for the last owner."""

        def change(connection: sqlite3.Connection, user: User) -> User:
            self._queries.set_disabled(connection, id=user.id, disabled=int(disabled))
            if self._queries.owner(connection) is None:
                raise AichatError("conflict", f"{name!r} is the last owner: make another one first.")
            return user

        return self._of(name, change)

    def add_token(self, name: str, token_name: str, kind: TokenKind) -> Deferred[tuple[Identity, str]]:
        """A new token for a user -> (identity, token); the token is told this once. Errors: AichatError not_found."""

        def add(connection: sqlite3.Connection, user: User) -> tuple[Identity, str]:
            ident, token = self._add_token(connection, user.id, token_name, kind)
            return Identity(user, f"token:{ident}"), token

        return self._of(name, add)

    def tokens(self, name: str) -> Deferred[list[Token]]:
        """A user's tokens. Errors: AichatError not_found."""
        return self._of(
            name, lambda connection, user: [Token(*r) for r in self._queries.tokens_of(connection, user_id=user.id)]
        )

    def revoke_token(self, name: str, which: str) -> Deferred[list[str]]:
        """Take back a user's token by its id or name -> the credentials. Errors: AichatError not_found."""

        def remove(connection: sqlite3.Connection, user: User) -> list[str]:
            tokens = [Token(*row) for row in self._queries.tokens_of(connection, user_id=user.id)]
            found = [t for t in tokens if str(t.id) == which] or [t for t in tokens if t.name == which]
            if not found:
                raise AichatError("not_found", f"{name!r} has no token {which!r}.")
            for token in found:
                self._queries.delete_token(connection, id=token.id)
            return [f"token:{token.id}" for token in found]

        return self._of(name, remove)

    def add_key(self, name: str, key_name: str, kind: str, key: str, fingerprint: str) -> Deferred[int]:
        """Let a user in by SSH key. Errors: AichatError not_found, conflict if somebody has it already."""

        def add(connection: sqlite3.Connection, user: User) -> int:
            try:
                return int(
                    self._queries.add_key(
                        connection, user_id=user.id, name=key_name, type=kind, key=key, fingerprint=fingerprint
                    )
                )
            except sqlite3.IntegrityError:
                raise AichatError("conflict", f"The key {fingerprint} is in use already.") from None

        return self._of(name, add)

    def keys(self, name: str) -> Deferred[list[Key]]:
        """A user's SSH keys. Errors: AichatError not_found."""
        return self._of(
            name, lambda connection, user: [Key(*r) for r in self._queries.keys_of(connection, user_id=user.id)]
        )

    def revoke_key(self, name: str, which: str) -> Deferred[list[str]]:
        """Take back a user's key by id, name or fingerprint -> the credentials. Errors: AichatError not_found."""

        def remove(connection: sqlite3.Connection, user: User) -> list[str]:
            keys = [Key(*row) for row in self._queries.keys_of(connection, user_id=user.id)]
            found = [k for k in keys if which in (str(k.id), k.fingerprint)] or [k for k in keys if k.name == which]
            if not found:
                raise AichatError("not_found", f"{name!r} has no SSH key {which!r}.")
            for key in found:
                self._queries.delete_key(connection, id=key.id)
            return [f"key:{key.id}" for key in found]

        return self._of(name, remove)

    def _of(self, name: str, work: Callable[[sqlite3.Connection, User], T]) -> Deferred[T]:
        """Do something for the user of a name, in one transaction. Errors: AichatError not_found."""

        def write(connection: sqlite3.Connection) -> T:
            row = self._queries.user_named(connection, name=name)
            if row is None:
                raise AichatError("not_found", f"There is no user {name!r}.")
            return work(connection, User(*row[:3]))

        return self._database.write(write)

    def _add_token(self, connection: sqlite3.Connection, user_id: int, name: str, kind: str) -> tuple[int, str]:
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        ident = self._queries.add_token(connection, user_id=user_id, name=name, kind=kind, hash=token_hash(token))
        return ident, token


def token_hash(token: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
