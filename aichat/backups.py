"""Scheduled backups of a running service: every so many hours one more copy, the oldest ones removed."""

from __future__ import annotations

import sqlite3
import time
from calendar import timegm
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool

from aichat.log import make_logger
from aichat.store.backup import OWN_NAME, Copy, NotMade, back_up, copies, forget_old

AGAIN_SECONDS = 900.0
"""After a failure: sooner than the next one is due, where that is far away."""


class Backups:
    """Makes a copy in `folder` every `hours` (0: none), and keeps the newest `keep` of them."""

    _log = make_logger("aichat.backups")

    def __init__(self, reactor: Any, database: Path, folder: Path, hours: float, keep: int) -> None:
        self._reactor = reactor
        self._database = database
        self._folder = folder
        self._period = hours * 3_600
        self._keep = keep
        self._timer: IDelayedCall | None = None
        self._making: Deferred[None] | None = None
        self._stopping = False
        self.last_time = 0.0
        self.last_size = 0
        self.failed = ""

    @property
    def is_on(self) -> bool:
        """Whether copies are made at all."""
        return self._period > 0

    def start(self) -> None:
        """Plan the first copy: a period after the newest one there is, so that restarts do not put it off."""
        if not self.is_on:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            newest = copies(self._folder)[-1:]
        except OSError:
            newest = []  # the copy itself will say what is wrong
        for path in newest:
            match = OWN_NAME.fullmatch(path.name)
            assert match is not None
            self.last_time = timegm(time.strptime(match[1], "%Y%m%d-%H%M%S"))
            self.last_size = path.stat().st_size
        wait = min(self._period, max(0.0, self.last_time + self._period - time.time()))
        self._timer = self._reactor.callLater(wait, self._begin)

    def stop(self) -> Deferred[None]:
        """No more copies; fires when the one being made is given up."""
        self._stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._making or succeed(None)

    def _begin(self) -> None:
        self._making = ensureDeferred(self._make())
        self._making.addErrback(lambda failure: self._log.failure("the backup failed: a fault in aichat", failure))
        self._making.addBoth(self._over)

    def _over(self, _: None) -> None:
        self._making = None
        period = min(self._period, AGAIN_SECONDS) if self.failed else self._period
        self._timer = None if self._stopping else self._reactor.callLater(period, self._begin)

    async def _make(self) -> None:
        try:
            copy: Copy = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._work)
        except (NotMade, sqlite3.Error, OSError) as error:
            if not self._stopping:
                self.failed = str(error)
                self._log.error("the backup failed: {error}", error=error)
        else:
            self.failed, self.last_time, self.last_size = "", time.time(), copy.size
            self._log.info("backup {file}: {size} bytes in {s:.1f} s", file=copy.path, size=copy.size, s=copy.seconds)

    def _work(self) -> Copy:
        """In a thread."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy = back_up(self._database, self._folder, lambda: self._stopping)
        forget_old(self._folder, self._keep)
        return copy
