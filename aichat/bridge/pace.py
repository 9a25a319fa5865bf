"""When the streams of a bridge are read: at once where there are few, together where there are many.

What a delta costs is mostly what a read, a wake-up and a write cost. Under load all streams are read every
`TICK_SECONDS`: what came of one in between is one piece from there on, for everybody it goes to. They are read
without asking the reactor, which would need two changes of what epoll watches and a wake-up for each; and in one go,
step by step: all are read, then all pieces go their way, then all that goes to clients is sent. A processor that does
one thing many times does it faster than many things in turn, and is slow when it just woke up. At 200 streams a delta
cost a sixth less in one go than in slots of 5 ms, a sixth less by 256 than by 32, a tenth less with sending last
(bench/run.py). Between every `AT_ONCE` streams the reactor has a turn, so that whoever else wants something does not
wait for them all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from aichat.log import make_logger

TICK_SECONDS = 0.030
AT_ONCE = 256
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

    _log = make_logger("aichat.bridge.pace")

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
        """Whether streams of a tick are being read and their pieces are on their way: `last` may be called."""

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
        """Do something when the pieces of this tick have gone their way."""
        self._last.append(work)

    def _tick(self) -> None:
        self._began = self._now()
        self._due.extend(self._resting)
        self._resting.clear()
        self._read_some()

    def _read_some(self) -> None:
        self._reading = self.is_stepping = True
        for _ in range(min(AT_ONCE, len(self._due))):
            try:
                self._due.popleft().read_on()
            except Exception:
                self._log.failure("a stream could not be read on")
        self._reading = False
        self._do()
        self.is_stepping = False
        works, self._last = self._last, []
        self._all(works)
        if self._due:
            self._later(0, self._read_some)
        elif self._resting:
            self._later(max(REST_SECONDS, self._began + TICK_SECONDS - self._now()), self._tick)
        else:
            self._ticking = False

    def _do(self) -> None:
        works, self._soon = self._soon, []
        self._all(works)

    def _all(self, works: list[Callable[[], None]]) -> None:
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


def direct_reader(transport: Any) -> Callable[[], None] | None:
    """How to read once from the socket of a paused transport, as the reactor would; None where there is no socket.

    What comes goes the transport's own way, through TLS where that is, and a lost connection is told as ever.
    """
    inner = transport
    while isinstance(inner, ProtocolWrapper):
        inner = inner.transport
    if not isinstance(inner, Connection):
        return None

    def read() -> None:
        if inner.connected and not inner.disconnecting:
            lost = inner.doRead()
            if lost is not None:
                inner.connectionLost(Failure(lost))

    return read
