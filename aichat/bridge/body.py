"""Asks over HTTP and reads the answer's body as it comes, with timers; closes the socket when cancelled.

treq's own time-out ends with the headers, and its collectors neither stop early nor tell a cut body from a whole
one where no length was announced; whoever reads here must know the end by its content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from aichat.direct import direct_reader
from aichat.pace import Pace, pace_of
from aichat.protocol.errors import AichatError

R = TypeVar("R", bound=IResponse)
OnData = Callable[[bytes], bool | None]
"""Gets each piece of a body; True means: that was all that matters, close the socket."""


FIRST_READS = 2
"""Of a stream, always at once: headers and first words."""


class TooSlow(Exception):
    """Nothing came for as long as we wait."""


class _Body(Protocol):
    def __init__(self, reactor: IReactorTime, patience: float, on_data: OnData, *, paced: bool = False) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._close())
        self._on_data = on_data
        self._failure: Failure | None = None
        self._closed = False
        self._reactor = reactor
        self._patience = patience
        self._timer: IDelayedCall | None = None
        self._heard = 0.0
        self._pace = pace_of(reactor) if paced else None
        self._read: Callable[[], None] | None = None
        self._paused = False
        self._reads = 0

    def connectionMade(self) -> None:
        self._heard = self._reactor.seconds()
        self._timer = self._reactor.callLater(self._patience, self._look)
        if self._pace is not None:
            self._pace.streams += 1
            self._read = direct_reader(self.transport)

    def dataReceived(self, data: bytes) -> None:
        if self._closed:
            return
        self._heard = self._reactor.seconds()
        try:
            enough = self._on_data(data)
        except Exception:
            self._fail(Failure())
        else:
            if enough and not self._closed:
                self._leave()
                self._tell(None)
            elif self._pace is not None and self._pace.is_busy and not self._closed:
                self._rest(self._pace)

    def _rest(self, pace: Pace) -> None:
        """Under load: no more before the next tick; but the first words come as soon as they can."""
        self._reads += 1
        if self._reads > FIRST_READS and not self._paused:
            self._paused = True
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]
            pace.rest(self)

    def read_on(self) -> None:
        """The rest is over: read once, and rest again while there is load."""
        pace = self._pace
        if self._closed or pace is None:
            return
        if pace.is_busy and self._read is not None:
            self._read()
            if not self._closed:
                pace.rest(self)
        else:
            self._paused = False
            assert self.transport is not None
            self.transport.resumeProducing()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # noqa: B008 - Twisted's signature
        self._stop_timer()
        if self._closed:
            return
        self._closed = True
        if reason.check(ResponseDone, PotentialDataLoss):
            self._tell(None)
        else:
            self._tell(reason)

    def _look(self) -> None:
        """The patience since the last look is over: is it since the last piece?"""
        self._timer = None
        left = self._heard + self._patience - self._reactor.seconds()
        if left > 0:
            self._timer = self._reactor.callLater(left, self._look)
        else:
            self._fail(Failure(TooSlow(f"no data for {self._patience:g} s")))

    def _fail(self, failure: Failure) -> None:
        if not self._closed:
            self._close()
            self._tell(failure)

    def _tell(self, result: Failure | None) -> None:
        done = self.done
        del self.done  # it refers to this, which need not wait for the collector
        done.callback(result)

    def _leave(self) -> None:
        """All that matters is here: the rest may come, so that the connection can be asked again."""
        self._closed = True
        self._stop_timer()
        assert self.transport is not None
        self.transport.loseConnection()

    def _close(self) -> None:
        self._closed = True
        self._stop_timer()
        transport = self.transport
        if transport is not None:
            abort = getattr(transport, "abortConnection", None) or transport.loseConnection
            abort()

    def _stop_timer(self) -> None:
        if self._pace is not None:
            self._pace.streams -= 1
            self._pace = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def in_time(asking: Deferred[R], reactor: IReactorTime, patience: float) -> Deferred[R]:
    """A request that was begun -> its response, the body not read yet. Errors: TooSlow if that takes longer."""
    return asking.addTimeout(patience, reactor, lambda _, seconds: Failure(TooSlow(f"no answer for {seconds:g} s")))


def stream_body(
    response: IResponse, reactor: IReactorTime, patience: float, on_data: OnData, *, paced: bool = False
) -> Deferred[None]:
    """Give each piece of the body to `on_data`; fires at its end, or when `on_data` has enough.

    Errors: what `on_data` raises, TooSlow after `patience` seconds without data, the reason of a broken
    connection; the socket is closed in each case, and when the Deferred is cancelled. `paced`: under load it is
    read with many others (`pace`).
    """
    body = _Body(reactor, patience, on_data, paced=paced)
    done = body.done
    response.deliverBody(body)
    return done


def hang_up(response: IResponse, reactor: IReactorTime) -> None:
    """Close the socket of a response that nobody wants to read; unread, it would stay open."""
    unread = stream_body(response, reactor, 1.0, lambda _: True)
    unread.addErrback(lambda _: None)  # it is cancelled, or its end was here already
    unread.cancel()


async def read_start(response: IResponse, reactor: IReactorTime, patience: float, most: int) -> bytes:
    """The first `most` bytes of a body, or what came of them before it broke off. Errors: CancelledError."""
    start = b""

    def add(data: bytes) -> bool:
        nonlocal start
        start = (start + data)[:most]
        return len(start) == most

    try:
        await stream_body(response, reactor, patience, add)
    except CancelledError:
        raise
    except Exception:
        return start
    return start


async def read_body(response: IResponse, reactor: IReactorTime, patience: float, most: int) -> bytes:
    """The whole body. Errors: as `stream_body`; AichatError upstream_invalid if it is over `most` bytes."""
    pieces: list[bytes] = []
    size = 0

    def add(data: bytes) -> None:
        nonlocal size
        size += len(data)
        if size > most:
            raise AichatError("upstream_invalid", f"The model service's answer is over {most} bytes.")
        pieces.append(data)

    await stream_body(response, reactor, patience, add)
    return b"".join(pieces)
