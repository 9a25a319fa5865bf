"""When the streams of a bridge are read and written: at once where there are few, together where there are many.

What a delta costs is mostly what a read, a wake-up and a write cost. Under load the streams are read together every
`TICK_SECONDS`: what came of one in between is one piece from there on, for everybody it goes to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from aichat.log import make_logger

TICK_SECONDS = 0.025
MANY = 16
"""Streams at a time from which they are read together: fewer are read as they come, with no delay."""


class Stream(Protocol):
    """What can rest between two reads."""

    def read_on(self) -> None:
        """The rest is over."""


class Pace:
    """One for all streams of a reactor. `streams` counts those that are open."""

    _log = make_logger("aichat.bridge.pace")

    def __init__(self, reactor: Any) -> None:
        self._later = reactor.callLater
        self.streams = 0
        self._resting: list[Stream] = []
        self._soon: list[Callable[[], None]] = []

    @property
    def is_busy(self) -> bool:
        """Whether there are so many streams that they are read together."""
        return self.streams >= MANY

    def rest(self, stream: Stream) -> None:
        """A stream was read; it reads on with the next tick."""
        if not self._resting:
            self._later(TICK_SECONDS, self._tick)
        self._resting.append(stream)

    def soon(self, work: Callable[[], None]) -> None:
        """Do something when this turn of the reactor is over: in order, and all of it on one timer."""
        if not self._soon:
            self._later(0, self._do)
        self._soon.append(work)

    def _tick(self) -> None:
        resting, self._resting = self._resting, []
        for stream in resting:
            stream.read_on()

    def _do(self) -> None:
        works, self._soon = self._soon, []
        for work in works:
            try:
                work()
            except Exception:
                self._log.failure("what was put off failed")


_paces: WeakKeyDictionary[Any, Pace] = WeakKeyDictionary()


def pace_of(reactor: Any) -> Pace:
    """The pace of a reactor, the same one for all that use it."""
    pace = _paces.get(reactor)
    if pace is None:
        pace = _paces[reactor] = Pace(reactor)
    return pace
