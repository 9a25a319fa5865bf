"""Forgets, bit by bit, what is kept only for repeats and resumes that nobody will ask for any more."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import LoopingCall, deferLater

from aichat.log import make_logger
from aichat.protocol.errors import AichatError
from aichat.store import Store

PERIOD_SECONDS = 3_600.0

PAUSE_SECONDS = 0.05
"""Between two steps, for everybody else's writes."""


class Pruning:
    """Runs when the service starts, and every hour."""

    _log = make_logger("aichat.chat.pruning")

    def __init__(self, reactor: Any, store: Store) -> None:
        self._reactor = reactor
        self._store = store
        self._stopping = False
        self._loop = LoopingCall(lambda: ensureDeferred(self._run()))
        self._loop.clock = reactor
        self._over: Deferred[Any] = succeed(None)

    def start(self) -> None:
        """Begin now."""
        self._over = self._loop.start(PERIOD_SECONDS)

    def stop(self) -> Deferred[Any]:
        """No more steps; fires when the one under way is done."""
        self._stopping = True
        if self._loop.running:
            self._loop.stop()
        return self._over

    async def _run(self) -> None:
        try:
            gone = await self.prune()
        except AichatError as error:
            self._log.warn("pruning waits for the next hour: {error}", error=error)
        except Exception:
            self._log.failure("pruning failed")
        else:
            if gone:
                self._log.info("{n} old request ids and deletions forgotten", n=gone)

    async def prune(self) -> int:
        """Forget all that is old enough -> how many rows. Errors: AichatError storage_failed."""
        total, user_id = 0, await self._store.log.user_after(0)
        while user_id is not None and not self._stopping:
            gone = await self._store.log.prune(user_id)
            total += gone
            if gone:
                await deferLater(self._reactor, PAUSE_SECONDS)
            else:
                user_id = await self._store.log.user_after(user_id)
        return total
