"""Search, and the filling of its index when nobody has to wait for it."""

from __future__ import annotations

from itertools import islice
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
"""The index is filled so long after an answer ended; while others are being written it waits, so often at most."""

PAUSE_SECONDS = 0.05
"""Between two steps, for everybody else's writes."""

USERS_AT_ONCE = 200
"""In one step: where each said little, a transaction for each would cost more than what it brings."""

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
                if not await self._store.search.index([user_id]):
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

    @property
    def _must_wait(self) -> bool:
        return bool(self._turns.running) and self._put_off < QUIET_MOST

    def _begin(self) -> None:
        self._timer = None
        if self._must_wait:
            self._put_off += 1
            self._wait()
            return
        self._is_filling = True
        self._filling = ensureDeferred(self._fill())

    async def _fill(self) -> None:
        user_ids: list[int] = []
        is_broken_off = False
        try:
            while not is_broken_off and not self._stopping and (user_ids := await self._next()):
                for user_id in await self._store.search.index(user_ids):
                    self._behind[user_id] = None  # after the others
                await deferLater(self._reactor, PAUSE_SECONDS)
                is_broken_off = self._must_wait
            if not is_broken_off:
                self._put_off = 0
        except AichatError as error:
            self._behind.update(dict.fromkeys(user_ids))
            self._log.warn("the search index waits: {error}", error=error)
        except Exception:
            self._log.failure("filling the search index failed")
        finally:
            self._is_filling = False
        if is_broken_off:
            self._wait()

    async def _next(self) -> list[int]:
        """Whose messages come next."""
        if self._others is not None:
            others = await self._store.log.users_after(self._others, USERS_AT_ONCE)
            self._others = others[-1] if others else None
            self._behind.update(dict.fromkeys(others))
        user_ids = list(islice(self._behind, USERS_AT_ONCE))
        for user_id in user_ids:
            del self._behind[user_id]
        return user_ids
