"""When the streams of a bridge are read: at once where there are few, together where there are many.

What a delta costs is mostly what a read, a wake-up and a write cost. Under load each stream is read every
`TICK_SECONDS`: what came of it in between is one piece from there on, for everybody it goes to. Streams whose time
comes within one `SLOT_SECONDS` are read together, on one timer; and they are read without asking the reactor, which
would need two changes of what epoll watches and a wake-up for each.
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
SLOT_SECONDS = 0.005
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
        self._resting: deque[tuple[float, Stream]] = deque()
        """With the time at which each reads on; in that order, since all rest for as long."""
        self._ticking = self._reading = False
        self._soon: list[Callable[[], None]] = []

    @property
    def is_busy(self) -> bool:
        """Whether there are so many streams that they are read together."""
        return self.streams >= MANY

    def rest(self, stream: Stream) -> None:
        """A stream was read; it reads on a tick later."""
        self._resting.append((self._now() + TICK_SECONDS, stream))
        if not self._ticking:
            self._ticking = True
            self._later(TICK_SECONDS, self._tick)

    def soon(self, work: Callable[[], None]) -> None:
        """Do something when this turn of the reactor, or this tick, is over: in order, and all of it on one timer."""
        if not self._soon and not self._reading:
            self._later(0, self._do)
        self._soon.append(work)

    def _tick(self) -> None:
        resting, until = self._resting, self._now() + SLOT_SECONDS / 2
        self._reading = True
        while resting and resting[0][0] <= until:
            _, stream = resting.popleft()
            try:
                stream.read_on()
            except Exception:
                self._log.failure("a stream could not be read on")
        self._reading = False
        self._do()
        self._ticking = bool(resting)
        if resting:
            self._later(max(SLOT_SECONDS, resting[0][0] - self._now()), self._tick)

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
