"""The HTTP client of the bridge: one socket for each request, and a body that comes read by read.

An agent as twisted.web's own and treq's have it, for what this program asks: requests that are whole at the start,
answers that are long streams of small chunks, and a connection that is closed to end one. httptools (llhttp, in C)
takes the response apart: all body bytes of one read are handed on as one piece, where twisted.web's parser gives each
chunk by itself. A delta costs 4 µs here instead of 21, a request 0.25 ms instead of 1.1 (bench/README.md).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IConsumer, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.client import URI, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

HEAD_MOST = 65_536
"""Bytes of a response that are no body, in a row: its head, or trailers."""


@implementer(IBodyProducer)
class Whole:
    """A request's body that is there from the start."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """For agents other than ours."""
        consumer.write(self.data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is written already."""

    def resumeProducing(self) -> None:
        """It is written already."""

    def stopProducing(self) -> None:
        """It is written already."""


class _Target(NamedTuple):
    endpoint: IStreamClientEndpoint
    host: bytes
    path: bytes


@implementer(IAgent)
class StreamingAgent:
    """Asks over a new connection each time. Nothing is followed, kept or decoded: no redirects, cookies, gzip."""

    def __init__(self, endpoints: IAgentEndpointFactory) -> None:
        self._target = lru_cache(256)(lambda uri: _target(endpoints, uri))

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        """See `IAgent.request`; a body must be a `Whole`. Cancelling closes the connection (CancelledError).

        Errors: what the connection fails with; ResponseFailed with the reason where it broke off before the headers.
        """
        if bodyProducer is not None and not isinstance(bodyProducer, Whole):
            raise TypeError("the body of a request must be a Whole")
        endpoint, host, path = self._target(uri)
        lines = [b"%s %s HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n" % (method, path, host)]
        for name, values in headers.getAllRawHeaders() if headers else ():
            lines += [b"%s: %s\r\n" % (name, value) for value in values]
        if bodyProducer is not None:
            lines.append(b"content-length: %d\r\n\r\n%s" % (bodyProducer.length, bodyProducer.data))
        else:
            lines.append(b"\r\n")
        return _Exchange(b"".join(lines)).begin(endpoint)


def _target(endpoints: IAgentEndpointFactory, uri: bytes) -> _Target:
    if not re.fullmatch(rb"[!-~]+", uri):
        raise ValueError(f"not an address: {uri!r}")
    parsed = URI.fromBytes(uri)
    return _Target(endpoints.endpointForURI(parsed), parsed.netloc, parsed.originForm)


@implementer(IResponse)
class _Response:
    """What came before the body. `request` and `previousResponse` are there for the interface's sake."""

    version = (b"HTTP", 1, 1)
    request: Any = None
    previousResponse: Any = None

    def __init__(self, code: int, phrase: bytes, headers: Headers, length: Any, exchange: _Exchange) -> None:
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


class _Exchange(Protocol):
    """One request and its response."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._responded: Deferred[IResponse] = Deferred(self._cancel)
        self._connecting: Deferred[IProtocol]
        self._parser = _lenient_parser(self)
        self._phrase = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._response: _Response | None = None
        self._pieces: list[bytes] = []
        self._not_body = 0
        self._reader: IProtocol | None = None
        self._paused = False
        self._end: Failure | None = None
        """How the body ended, until the reader was told."""
        self._over = False

    def begin(self, endpoint: IStreamClientEndpoint) -> Deferred[IResponse]:
        """Connect and ask."""
        self._connecting = endpoint.connect(_Once(self))
        self._connecting.addErrback(self._not_connected)
        return self._responded

    def _not_connected(self, failure: Failure) -> None:
        if not self._over:
            self._over = True
            self._responded.errback(failure)

    def _cancel(self, _: Deferred[IResponse]) -> None:
        self._over = True
        if self.transport is None:
            self._connecting.cancel()
        else:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    # what the connection says

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)
        self._request = b""

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        had_response = self._response is not None
        self._not_body += len(data)
        try:
            self._parser.feed_data(data)
            if self._not_body > HEAD_MOST:
                raise HttpParserError(f"more than {HEAD_MOST} bytes without a body")
        except (HttpParserError, HttpParserUpgrade) as error:
            self._finish(Failure(ResponseFailed([Failure(error)])))
        if self._over:  # at once: a polite end waits for the peer's, over TLS without limit
            self.transport.abortConnection()
        if not had_response and self._response is not None:
            self._responded.callback(self._response)
        if self._reader is not None:
            self._hand_over(self._reader)
        elif self._response is not None and not self._over:
            self._pause()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's signature
        self._lost(reason)
        # What refers to itself in a circle would stay until the collector's next full round, and make that one long:
        # 40,000 objects and 0.09 s after 200 answers.
        self._response = self._reader = None
        del self._parser, self._responded, self._connecting

    def _lost(self, reason: Failure) -> None:
        if self._over:
            return
        if self._response is not None and self._response.length is None and reason.check(ConnectionDone):
            self._finish(Failure(PotentialDataLoss()))  # its end was to be the connection's
        else:
            self._finish(Failure(ResponseFailed([reason])))
        if self._reader is not None:
            self._hand_over(self._reader)

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
            self._finish(Failure(ResponseDone()))

    # what the response wants

    def read_by(self, reader: IProtocol) -> None:
        """Give the body to a protocol."""
        assert self.transport is not None
        self._reader = reader
        reader.makeConnection(self.transport)
        if self._paused and not self._over:
            self.transport.resumeProducing()  # type: ignore[attr-defined]
        self._hand_over(reader)

    def _pause(self) -> None:
        """Until somebody wants the body."""
        assert self.transport is not None
        self._paused = True
        self.transport.pauseProducing()  # type: ignore[attr-defined]

    def _hand_over(self, reader: IProtocol) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            reader.dataReceived(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._end is not None:
            end, self._end = self._end, None
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


def _lenient_parser(exchange: _Exchange) -> HttpResponseParser:
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

    def __init__(self, exchange: _Exchange) -> None:
        self._exchanges = [exchange]

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._exchanges.pop()
