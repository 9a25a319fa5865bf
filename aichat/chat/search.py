"""Search, and the filling of its index when nobody has to wait for it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater

from aichat.chat.turns import Turns
from aichat.log import make_logger
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import SearchRequest, SearchResults
from aichat.store import Store

QUIET_SECONDS, QUIET_MOST = 5.0, 12
"""The index is filled so long after an answer ended; while others are being written that is put off, so often."""

PAUSE_SECONDS = 0.05
"""Between two steps, for everybody else's writes."""

STEPS_AT_ONCE = 10
"""A search first puts in what is missing, in so many steps at most."""


class Search:
    """Finds messages, one request at a time for all users: it may be long, and others read from the file too."""

    _log = make_logger("aichat.chat.search")

    def __init__(self, reactor: Any, store: Store, turns: Turns) -> None:
        self._reactor = reactor
        self._store = store
        self._turns = turns
        self._one = DeferredLock()
        self._behind: dict[int, None] = {}
        """Users of whom something may not be in the index."""
        self._others: int | None = 0
        """All users after this one too: nobody has looked yet."""
        self._timer: IDelayedCall | None = None
        self._put_off = 0
        self._filling: Deferred[None] = succeed(None)
        self._is_filling = False
        self._stopping = False

    async def find(self, user_id: int, request: SearchRequest) -> SearchResults:
        """The newest matches. Errors: AichatError not_found, bad_frame, storage_failed."""
        await self._one.acquire()
        try:
            for _ in range(STEPS_AT_ONCE):
                if not await self._store.search.index(user_id):
                    return await self._store.search.find(user_id, request)
            self.note(user_id)
            return replace(await self._store.search.find(user_id, request), indexing=True)
        finally:
            self._one.release()

    def start(self) -> None:
        """Begin soon with what is in no index: a database from before, or what was left when the service stopped."""
        self._wait()

    def note(self, user_id: int) -> None:
        """Something of this user is not in the index."""
        self._behind[user_id] = None
        self._wait()

    def stop(self) -> Deferred[None]:
        """No more steps; fires when the one under way is done."""
        self._stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        return self._filling

    def _wait(self) -> None:
        if self._timer is None and not self._is_filling and not self._stopping:
            self._timer = self._reactor.callLater(QUIET_SECONDS, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._put_off += 1
        if self._turns.running and self._put_off < QUIET_MOST:
            self._wait()
            return
        self._put_off, self._is_filling = 0, True
        self._filling = ensureDeferred(self._fill())

    async def _fill(self) -> None:
        try:
            while not self._stopping and (user_id := await self._next()) is not None:
                if await self._store.search.index(user_id):
                    self._behind[user_id] = None  # after the others
                    await deferLater(self._reactor, PAUSE_SECONDS)
        except AichatError as error:
            self._log.warn("the search index waits: {error}", error=error)
        except Exception:
            self._log.failure("filling the search index failed")
        finally:
            self._is_filling = False

    async def _next(self) -> int | None:
        """Whose messages come next."""
        if self._others is not None and (other := await self._store.log.user_after(self._others)):
            self._others = other
            self._behind[other] = None
        else:
            self._others = None
        user_id = next(iter(self._behind), None)
        self._behind.pop(user_id or 0, None)
        return user_id
