"""When the streams of a bridge are read: at once where there are few, together where there are many.

What a delta costs is mostly what a read, a wake-up and a write cost. Under load all streams are read every
`TICK_SECONDS`: what came of one in between is one piece from there on, for everybody it goes to. They are read
without asking the reactor, which would need two changes of what epoll watches and a wake-up for each; and in one go,
step by step: all are read, then all pieces go their way, then all that goes to clients is sent. A processor that does
one thing many times does it faster than many things in turn, and is slow when it just woke up. At 200 streams a delta
cost a sixth less in one go than in slots of 5 ms, a sixth less by 256 than by 32, a tenth less with sending last
(bench/run.py). Between every `AT_ONCE` streams the reactor has a turn, so that whoever else wants something does not
wait for them all. What a delta waits at most is a tick and the work on the streams that are read with its own: by 112
instead of 256 that work is halved at 200 streams, which pays for a tick of 34 ms instead of 30: fewer reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from aichat.log import make_logger

TICK_SECONDS = 0.034
AT_ONCE = 112
REST_SECONDS = 0.016
"""From the end of a tick to the next one at least: where there is too much to do, each stream is read less often."""
MANY = 16
"""Streams at a time from which they are read together: fewer are read as they come, with no delay."""


class Stream(Protocol):
    """What can rest between two reads."""

    def read_on(self) -> None:
        """The rest is over."""


class Pace:
    """One for all streams of a reactor. `streams` counts those that are open."""

    _log = make_logger("aichat.pace")

    def __init__(self, reactor: Any) -> None:
        self._later = reactor.callLater
        self._now = reactor.seconds
        self.streams = 0
        self._resting: list[Stream] = []
        self._due: deque[Stream] = deque()
        """Of those that rested, who is still to be read in this tick."""
        self._began = 0.0
        self._ticking = self._reading = False
        self._soon: list[Callable[[], None]] = []
        self._last: list[Callable[[], None]] = []
        self.is_stepping = False
        """Whether things are being done together: `last` may be called."""

    @property
    def is_busy(self) -> bool:
        """Whether there are so many streams that they are read together."""
        return self.streams >= MANY

    def rest(self, stream: Stream) -> None:
        """A stream was read; it reads on with the next tick."""
        self._resting.append(stream)
        if not self._ticking:
            self._ticking = True
            self._later(TICK_SECONDS, self._tick)

    def soon(self, work: Callable[[], None]) -> None:
        """Do something when this turn of the reactor, or this tick, is over: in order, and all of it on one timer."""
        if not self._soon and not self._reading:
            self._later(0, self._do)
        self._soon.append(work)

    def last(self, work: Callable[[], None]) -> None:
        """Do something when all that is done together now is done."""
        self._last.append(work)

    def together(self, works: Iterable[Callable[[], object]]) -> None:
        """Do things of one kind one after the other; what they give to `last` comes when all are done."""
        self.is_stepping = True
        self._all(works)
        self.is_stepping = False
        last, self._last = self._last, []
        self._all(last)

    def _tick(self) -> None:
        self._began = self._now()
        self._due.extend(self._resting)
        self._resting.clear()
        self._read_some()

    def _read_some(self) -> None:
        self.together((self._read_due, self._do))
        if self._due:
            self._later(0, self._read_some)
        elif self._resting:
            self._later(max(REST_SECONDS, self._began + TICK_SECONDS - self._now()), self._tick)
        else:
            self._ticking = False

    def _read_due(self) -> None:
        self._reading = True
        self._all([self._due.popleft().read_on for _ in range(min(AT_ONCE, len(self._due)))])
        self._reading = False

    def _do(self) -> None:
        works, self._soon = self._soon, []
        self._all(works)

    def _all(self, works: Iterable[Callable[[], object]]) -> None:
        for work in works:
            try:
                work()
            except Exception:
                self._log.failure("what was to be done together failed")


_paces: WeakKeyDictionary[Any, Pace] = WeakKeyDictionary()


def pace_of(reactor: Any) -> Pace:
    """The pace of a reactor, the same one for all that use it."""
    pace = _paces.get(reactor)
    if pace is None:
        pace = _paces[reactor] = Pace(reactor)
    return pace
