"""Passwords: argon2id at OWASP's costs (19 MiB, 2 passes, 1 lane), in threads of their own, few waiting.

Hashing takes tens of milliseconds of a core, on purpose. It runs beside the reactor in one thread, so that a flood of
logins takes one core and no chat waits for it; more than `WAITING_MOST` are refused.
"""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from aichat.protocol.errors import AichatError

T = TypeVar("T")

WAITING_MOST = 16
SHORTEST, LONGEST = 8, 200

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


class Passwords:
    """Hashes and checks. `close` ends the thread."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, 1, "passwords")
        self._pool.start()
        self._nobody = ""
        self.waiting = 0

    async def hash(self, password: str) -> str:
        """What is stored of a password. Errors: AichatError bad_frame (too short, too long), rate_limited."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise AichatError("bad_frame", f"A password has {SHORTEST} to {LONGEST} characters.")
        return await self._run(lambda: _hasher.hash(_same_form(password)))

    async def check(self, stored: str, password: str) -> bool:
        """Whether a password is right; takes as long for a user who does not exist ("") as for one who does.

        Errors: AichatError rate_limited.
        """
        if not self._nobody:
            self._nobody = await self._run(lambda: _hasher.hash("nobody's password"))
        right = await self._run(lambda: _verify(stored or self._nobody, _same_form(password[:LONGEST])))
        return right and bool(stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed at other costs than today's."""
        return _hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the thread; what it is at is finished first."""
        self._pool.stop()

    async def _run(self, work: Callable[[], T]) -> T:
        if self.waiting >= WAITING_MOST:
            raise AichatError("rate_limited", "Too many people log in at once: try again in a moment.", retry_after=2)
        self.waiting += 1
        try:
            result: T = await deferToThreadPool(self._reactor, self._pool, _politely, work)
            return result
        finally:
            self.waiting -= 1


def _politely(work: Callable[[], T]) -> T:
    """Run in this thread, which lets every other one go first, where the system can tell threads apart."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    return work()


def _same_form(password: str) -> str:
    """The same characters are the same password, whichever keyboard composed them (RFC 8265: NFC)."""
    return unicodedata.normalize("NFC", password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
