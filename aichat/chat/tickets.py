"""Tickets: what the service gives a program of its own to come in with, once and soon, as somebody it has let in.

The terminal app that runs behind the SSH door shows one. It is never written anywhere, and worth nothing once shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from aichat.store.users import Identity

PREFIX = "aichat_once_"

SECONDS = 60.0
"""How long a ticket can be used: a machine on which 200 sessions start at once is slow."""

HELD_MOST = 10_000


class _Held(NamedTuple):
    identity: Identity
    until: float


class Tickets:
    """Those that are out, in memory only."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._out: dict[str, _Held] = {}

    def issue(self, identity: Identity) -> str:
        """A new ticket for somebody who is in; the oldest go where there are too many."""
        now = self._seconds()
        for ticket, held in list(self._out.items()):  # in the order of their ends
            if held.until > now and len(self._out) < HELD_MOST:
                break
            del self._out[ticket]
        ticket = PREFIX + secrets.token_urlsafe(32)
        self._out[ticket] = _Held(identity, now + SECONDS)
        return ticket

    def redeem(self, ticket: str) -> Identity | None:
        """Whose it is, this once; None if it was used, is too old or was taken back."""
        held = self._out.pop(ticket, None)
        return held.identity if held is not None and held.until > self._seconds() else None

    def take_back(self, ticket: str) -> None:
        """Nobody needs it any more."""
        self._out.pop(ticket, None)

    def void(self, is_out: Callable[[Identity], bool]) -> None:
        """Somebody was shut out: what they hold is worth nothing."""
        self._out = {ticket: held for ticket, held in self._out.items() if not is_out(held.identity)}
