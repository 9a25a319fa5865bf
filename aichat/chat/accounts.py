"""Who is asking: tokens, passwords and SSH keys become users; who is shut out leaves every door at once.

A door calls `admit` with how to throw that visitor out, and the function that comes back when the visitor has left.
`revoked` throws out whoever came in by what was revoked, whichever door it was.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from aichat.chat.passwords import Passwords
from aichat.chat.tickets import PREFIX, Tickets
from aichat.log import make_logger
from aichat.metrics import counts
from aichat.protocol.address import TOKEN_FILE
from aichat.protocol.errors import AichatError
from aichat.rates import Rate
from aichat.redact import keep_secret
from aichat.store import Store
from aichat.store.users import Identity, User

LOGINS_PER_MINUTE = 10
"""Tries to log in, right or wrong, for each address and for each name."""

USED_SECONDS = 60.0
"""A token's `last_used` is written this often at most."""

Leave = Callable[[str], None]
"""Throws a visitor out; called with the reason, in words."""


class _Visitor(NamedTuple):
    identity: Identity
    throw_out: Leave


class Accounts:
    """Recognises users. `trust_local`: whoever is on this machine is the owner, without a token.

    `most_per_user` visitors may be in as one user at a time, each user may ask for `messages_per_minute` answers; 0
    is any number.
    """

    _log = make_logger("aichat.chat.accounts")

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        state_dir: Path,
        *,
        trust_local: bool,
        seconds: Callable[[], float],
        most_per_user: int = 0,
        messages_per_minute: int = 0,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._token_file = state_dir / TOKEN_FILE
        self._trust_local = trust_local
        self._seconds = seconds
        self._most_per_user = most_per_user
        self._logins = Rate(seconds, LOGINS_PER_MINUTE)
        self._messages = Rate(seconds, messages_per_minute)
        self._visitors: dict[int, _Visitor] = {}
        self._count: Counter[int] = Counter()
        self._next_visitor = 0
        self._revocations = 0
        self._asked: list[tuple[str, Deferred[Identity | None]]] = []
        self._looking = False
        self._used: dict[str, float] = {}
        self.tickets = Tickets(seconds)
        self.owner: User

    async def open(self) -> None:
        """Make the owner and the token file (mode 0600) at the first start. Errors: OSError."""
        try:
            kept = self._token_file.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            kept = ""
        self.owner, token = await self._store.users.owner(kept)
        keep_secret(token)
        if token != kept:
            _write_private(self._token_file, token + "\n")

    def knows_unasked(self, *, local: bool) -> bool:
        """Whether somebody without a token may come in."""
        return local and self._trust_local

    async def admit(self, token: str, *, local: bool, throw_out: Leave) -> tuple[User, Callable[[], None]]:
        """The user of a token, or, without one, the owner on this machine -> (user, to be called when they leave).

        Errors: AichatError unauthorized, rate_limited.
        """
        if not token:
            if not self.knows_unasked(local=local):
                raise AichatError(
                    "unauthorized", "This server wants a token or a login; its owner finds a token in owner.token."
                )
            return self._enter(Identity(self.owner, "local"), throw_out)
        if token.startswith(PREFIX):
            return self._enter_by_ticket(token, throw_out)
        identity = await self._current(lambda: self._by_token(token))
        counts.logins["refused" if identity is None else "token"] += 1
        if identity is None:
            raise AichatError("unauthorized", "This token is not known here (any more).")
        return self._enter(identity, throw_out)

    async def recognise(self, token: str, *, local: bool) -> User:
        """Who is asking, for what is over at once. Errors: as `admit`."""
        user, leave = await self.admit(token, local=local, throw_out=lambda why: None)
        leave()
        return user

    async def knows_key(self, key: str) -> bool:
        """Whether somebody comes in by an SSH key (base64), before they have shown that it is theirs."""
        return await self._store.users.by_key(key) is not None

    async def admit_key(self, key: str, *, throw_out: Leave) -> tuple[Identity, Callable[[], None]]:
        """Who comes in by an SSH key (base64), and how they leave, as `admit`.

        Errors: AichatError unauthorized, rate_limited.
        """
        identity = await self._current(lambda: self._store.users.by_key(key))
        counts.logins["refused" if identity is None else "key"] += 1
        if identity is None:
            raise AichatError("unauthorized", "This key is not known here (any more).")
        return identity, self._enter(identity, throw_out)[1]

    async def admit_password(
        self, name: str, password: str, address: str, *, throw_out: Leave
    ) -> tuple[Identity, Callable[[], None]]:
        """Who comes in by name and password, for as long as they stay: no token is made. As `log_in`, `admit_key`."""
        while True:
            before = self._revocations
            user = await self._check_password(name, password, address)
            if before == self._revocations:
                break
        identity = Identity(user, f"password:{user.id}")
        return identity, self._enter(identity, throw_out)[1]

    async def log_in(self, name: str, password: str, client: str, address: str) -> tuple[User, str]:
        """A name and a password become a token -> (user, token). Errors: AichatError unauthorized, rate_limited.

        `address` is "" for this machine: behind a reverse proxy everybody comes from it.
        """
        user = await self._check_password(name, password, address)
        _, token = await self._store.users.add_token(user.name, client or "login", "login")
        return user, token

    async def _check_password(self, name: str, password: str, address: str) -> User:
        name = unicodedata.normalize("NFC", name)
        self._logins.take(("name", name))
        if address:
            self._logins.take(("address", address))
        known = await self._store.users.password_of(name)
        right = await self._passwords.check(known[1] if known else "", password)
        counts.logins["password" if known and right else "refused"] += 1
        if known is None or not right:
            self._log.info("a login was refused: {address}", address=address or "local")
            raise AichatError("unauthorized", "The name or the password is wrong.")
        if self._passwords.is_outdated(known[1]):
            await self._store.users.rehash(known[0].id, await self._passwords.hash(password))
        return known[0]

    def count_message(self, user_id: int) -> None:
        """Somebody wants an answer. Errors: AichatError rate_limited."""
        self._messages.take(user_id)

    def revoked(self, *, user_id: int = 0, credentials: tuple[str, ...] = (), why: str) -> int:
        """After the commit: throw out whoever came in as a user, or by one of these credentials -> how many."""
        self._revocations += 1

        def is_out(identity: Identity) -> bool:
            return identity.user.id == user_id or identity.credential in credentials

        self.tickets.void(is_out)
        out = [visitor for visitor in self._visitors.values() if is_out(visitor.identity)]
        for visitor in out:
            try:
                visitor.throw_out(why)
            except Exception:
                self._log.failure("a visitor could not be thrown out")
        return len(out)

    def _by_token(self, token: str) -> Deferred[Identity | None]:
        """Whose token this is. Those that come while the store is asked are asked for together: a crowd that comes
        back at once waits for one look-up each otherwise, 0.15 ms."""
        waiting: Deferred[Identity | None] = Deferred()
        self._asked.append((token, waiting))
        if not self._looking:
            self._look_up()
        return waiting

    def _look_up(self) -> None:
        asked, self._asked = self._asked, []
        self._looking = True
        self._store.users.by_tokens([token for token, _ in asked]).addBoth(
            self._looked_up, [waiting for _, waiting in asked]
        )

    def _looked_up(self, found: list[Identity | None] | Failure, asked: list[Deferred[Identity | None]]) -> None:
        self._looking = False
        if self._asked:
            self._look_up()
        for at, waiting in enumerate(asked):
            waiting.callback(found if isinstance(found, Failure) else found[at])  # a Failure goes to the errbacks

    async def _current(self, read: Callable[[], Awaitable[Identity | None]]) -> Identity | None:
        """What the store says; asked again if somebody was shut out meanwhile."""
        while True:
            before = self._revocations
            identity = await read()
            if before == self._revocations:
                return identity

    def _enter_by_ticket(self, ticket: str, throw_out: Leave) -> tuple[User, Callable[[], None]]:
        identity = self.tickets.redeem(ticket)
        if identity is None:
            raise AichatError("unauthorized", "This ticket was used, or is too old.")
        return self._enter(identity, throw_out)

    def _enter(self, identity: Identity, throw_out: Leave) -> tuple[User, Callable[[], None]]:
        user = identity.user
        if self._most_per_user and self._count[user.id] >= self._most_per_user:
            raise AichatError("rate_limited", f"{user.name} has {self._most_per_user} connections open already.")
        self._next_visitor += 1
        number = self._next_visitor
        self._visitors[number] = _Visitor(identity, throw_out)
        self._count[user.id] += 1
        self._note_use(identity.credential)

        def leave() -> None:
            if self._visitors.pop(number, None) is not None:
                self._count[user.id] -= 1

        return user, leave

    def _note_use(self, credential: str) -> None:
        if not credential.startswith(("token:", "key:")):
            return
        now = self._seconds()
        if now - self._used.get(credential, -USED_SECONDS) >= USED_SECONDS:
            self._used[credential] = now
            self._store.users.used(credential).addErrback(
                lambda failure: self._log.warn("last_used: {error}", error=failure.getErrorMessage())
            )


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    os.replace(temporary, path)
