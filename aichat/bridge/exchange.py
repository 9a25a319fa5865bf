"""One request and its response on a connection, for the agent."""

from __future__ import annotations

import typing
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from aichat.direct import direct_writer

DRAIN_MOST = 4_096
"""Bytes of an answer that may still come after its reader has enough, before it is cut off."""

HEAD_MOST = 65_536
"""Bytes of a response that are no body, in a row: its head, or trailers."""


class Keeper(typing.Protocol):
    """What an exchange asks of its agent: what becomes of the connection."""

    def keep(self, line: Line) -> bool:
        """A connection whose answer is over -> whether it waits for the next request."""
        ...

    def forget(self, line: Line) -> None:
        """A connection waits no longer."""
        ...

    def drain(self, exchange: Exchange) -> IDelayedCall | None:
        """A reader has enough before the end -> the timer until which what is left may come, None if it may not."""
        ...


class Target:
    """Where an address leads, and the connections to it that wait for their next request, the last used last."""

    def __init__(self, endpoint: IStreamClientEndpoint, host: bytes, path: bytes) -> None:
        self.endpoint = endpoint
        self.host = host
        self.path = path
        self.idle: list[Line] = []


@implementer(IResponse)
class _Response:
    """What came before the body. `request` and `previousResponse` are there for the interface's sake."""

    version = (b"HTTP", 1, 1)
    request: Any = None
    previousResponse: Any = None

    def __init__(self, code: int, phrase: bytes, headers: Headers, length: Any, exchange: Exchange) -> None:
        self.code = code
        self.phrase = phrase
        self.headers = headers
        self.length = length
        self._exchange = exchange

    def deliverBody(self, protocol: IProtocol) -> None:
        """The body goes to a protocol: `connectionLost` says ResponseDone, PotentialDataLoss or ResponseFailed."""
        self._exchange.read_by(protocol)

    def setPreviousResponse(self, response: Any) -> None:
        """Redirects are not followed."""
        self.previousResponse = response


class Line(Protocol):
    """A connection. It carries one exchange at a time, or waits."""

    def __init__(self, agent: Keeper, target: Target, exchange: Exchange) -> None:
        self.agent = agent
        self.target = target
        self.exchange: Exchange | None = exchange

    def connectionMade(self) -> None:
        if self.exchange is not None:
            self.exchange.connected(self)

    def dataReceived(self, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.received(data)
        else:
            self.drop()  # nobody asked

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's signature
        self.agent.forget(self)
        if self.exchange is not None:
            self.exchange.lost(reason)

    def drop(self) -> None:
        """Close it; at once, since a polite end waits for the peer's, over TLS without limit."""
        self.agent.forget(self)
        self.transport.abortConnection()  # type: ignore[union-attr]


class Exchange:
    """One request and its response; for the reader of the response's body it is the transport."""

    def __init__(self, request: bytes, target: Target, agent: Keeper) -> None:
        self._request = request
        self._target = target
        self._agent = agent
        self._responded: Any = Deferred(self._cancel)
        self._connecting: Deferred[IProtocol] | None = None
        self._line: Line | None = None
        self._again = False
        """Whether the connection was used before and may be gone without our knowing."""
        self._parser: Any = _lenient_parser(self)
        self._phrase = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._response: _Response | None = None
        self._pieces: list[bytes] = []
        self._not_body = 0
        self._reader: IProtocol | None = None
        self._paused = False
        self._draining: IDelayedCall | None = None
        self._drained = 0
        self._end: Failure | None = None
        """How the body ended, until the reader was told."""
        self._over = self._clean = False

    def begin(self) -> Deferred[IResponse]:
        """Connect and ask."""
        responded: Deferred[IResponse] = self._responded
        self._connecting = self._target.endpoint.connect(_Once(Line(self._agent, self._target, self)))
        self._connecting.addErrback(self._not_connected)
        return responded

    def begin_on(self, line: Line) -> Deferred[IResponse]:
        """Ask on a connection that is there."""
        self._again = True
        line.exchange = self
        self.connected(line)
        responded: Deferred[IResponse] = self._responded
        return responded

    def _not_connected(self, failure: Failure) -> None:
        if not self._over:
            self._over = True
            self._responded.errback(failure)
        self._forget()

    def _cancel(self, _: Deferred[IResponse]) -> None:
        self._over = True
        if self._line is None:
            assert self._connecting is not None
            self._connecting.cancel()
        else:
            self._line.drop()

    # what the connection says

    def connected(self, line: Line) -> None:
        self._line = line
        self._connecting = None
        direct_writer(line.transport)(self._request)

    def received(self, data: bytes) -> None:
        if self._over:
            return
        self._again = False
        had_response = self._response is not None
        self._not_body += len(data)
        if self._draining is not None:
            self._drained += len(data)
        try:
            self._parser.feed_data(data)
            if self._not_body > HEAD_MOST or self._drained > DRAIN_MOST:
                raise HttpParserError(f"more than {HEAD_MOST} bytes without a body")
        except (HttpParserError, HttpParserUpgrade) as error:
            self._clean = False
            self._finish(Failure(ResponseFailed([Failure(error)])))
        if self._over:
            self._leave_line()
        if not had_response and self._response is not None:
            self._responded.callback(self._response)
        if self._reader is not None:
            self._hand_over(self._reader)
        elif self._response is not None and not self._over and self._draining is None:
            self.pauseProducing()
        if self._over:
            self._forget()

    def lost(self, reason: Failure) -> None:
        self._line = None
        if self._over:
            self._forget()
            return
        if self._again:
            self._again = False
            self.begin()  # it was closed while nobody looked: not a byte came of an answer
            return
        if self._response is not None and self._response.length is None and reason.check(ConnectionDone):
            self._finish(Failure(PotentialDataLoss()))  # its end was to be the connection's
        else:
            self._finish(Failure(ResponseFailed([reason])))
        if self._reader is not None:
            self._hand_over(self._reader)
        self._forget()

    def _leave_line(self) -> None:
        """The response is over: the connection waits for the next request, or is closed."""
        line, self._line = self._line, None
        assert line is not None
        line.exchange = None
        if self._clean and self._agent.keep(line):
            if self._paused:
                line.transport.resumeProducing()  # type: ignore[union-attr]
        else:
            line.drop()

    def _forget(self) -> None:
        """What refers to itself in a circle would stay until the collector's next full round, and make that one long:
        40,000 objects and 0.09 s after 200 answers."""
        if self._draining is not None and self._draining.active():
            self._draining.cancel()
        self._response = self._reader = self._connecting = self._parser = self._responded = None

    # what the parser says

    def on_status(self, phrase: bytes) -> None:
        self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._response is None:  # else it is a trailer
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        code = self._parser.get_status_code()
        if code == 101:
            changes = HttpParserError("it changes to another protocol")
            self._finish(Failure(ResponseFailed([Failure(changes)])))
        if code < 200 or self._over:  # not the answer yet, or one more than was asked for
            self._phrase, self._headers = b"", []
            return
        headers = Headers()
        for name, value in self._headers:
            headers.addRawHeader(name, value)
        length: Any = None
        if (codings := headers.getRawHeaders(b"transfer-encoding")) is not None:
            length = UNKNOWN_LENGTH if b"chunked" in codings[-1].lower() else None
        elif (announced := headers.getRawHeaders(b"content-length")) is not None:
            length = int(announced[0])
        self._response = _Response(code, self._phrase, headers, length, self)

    def on_body(self, piece: bytes) -> None:
        self._not_body = 0
        if not self._over:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._response is not None:
            self._clean = not self._over and self._response.length is not None and self._parser.should_keep_alive()
            self._finish(Failure(ResponseDone()))

    def on_message_begin(self) -> None:
        if self._over:
            self._clean = False  # more than was asked for

    # what the response wants

    def read_by(self, reader: IProtocol) -> None:
        """Give the body to a protocol."""
        self._reader = reader
        reader.makeConnection(self)  # type: ignore[arg-type]
        if self._paused and not self._over:
            self.resumeProducing()
        self._hand_over(reader)

    @property
    def transport(self) -> Any:
        """What the bytes come from; None when they all came."""
        return self._line and self._line.transport

    def pauseProducing(self) -> None:
        """Until somebody wants the body."""
        self._paused = True
        if self._line is not None:
            self._line.transport.pauseProducing()  # type: ignore[union-attr]

    def resumeProducing(self) -> None:
        """Somebody wants it."""
        self._paused = False
        if self._line is not None:
            self._line.transport.resumeProducing()  # type: ignore[union-attr]

    def abortConnection(self) -> None:
        """Nobody wants the rest."""
        self._over = True
        self._reader = None
        if self._line is not None:
            self._line.drop()

    def loseConnection(self) -> None:
        """The reader has all that matters: what is left of the response may come, if it is little."""
        self._reader = None
        if self._line is not None and not self._over:
            self._draining = self._agent.drain(self)
            if self._draining is not None:
                self.resumeProducing()
            else:
                self.abortConnection()

    def _hand_over(self, reader: IProtocol) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            reader.dataReceived(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._end is not None:
            end, self._end, self._reader = self._end, None, None
            reader.connectionLost(end)

    def _finish(self, how: Failure) -> None:
        """No more comes: the reader hears of it after the bytes before, or the asker, where there is no response."""
        if self._over:
            return
        self._over = True
        if self._response is None:
            self._responded.errback(how)
        else:
            self._end = how


def _lenient_parser(exchange: Exchange) -> HttpResponseParser:
    """One that lets through what small servers and odd proxies do, and what every other client takes. The socket
    carries this response alone, so none can be smuggled in behind it."""
    parser = HttpResponseParser(exchange)
    parser.set_dangerous_leniencies(
        lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
    )
    return parser


class _Once(Factory):
    """Connects one protocol that is there already, and forgets it: Twisted's connector stays until the collector
    comes, and should keep nothing else."""

    noisy = False

    def __init__(self, line: Line) -> None:
        self._lines = [line]

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._lines.pop()
