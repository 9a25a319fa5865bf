"""One request of the bridge's own HTTP client to a server whose bytes a test writes, on a clock that it turns."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import URI, ResponseFailed
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import StreamingAgent, Whole
from aichat.bridge.inprocess import InProcessEndpoint
from aichat.bridge.providers.openai_errors import lost

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"content-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Peer(Protocol):
    """The server's end: what came, and how it was left."""

    def __init__(self) -> None:
        self.received = b""
        self.left = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's
        self.left = True


class Reader(Protocol):
    """The asker's end of a body."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        assert not self.ends, "nothing after the end"
        self.pieces.append(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's
        self.ends.append(reason.value)


@implementer(IAgentEndpointFactory)
class Asking:
    """One request in this process. With `read` the body is read as soon as there is one."""

    def __init__(self, *, read: bool = True) -> None:
        self.clock = Clock()
        self.peer = Peer()
        self.reader = Reader()
        self.outcomes: list[Any] = []
        self.read = read
        self.asked: Deferred[Any] = StreamingAgent(self).request(b"POST", b"http://host/way?a=b", None, Whole(b"{}"))
        self.asked.addCallbacks(self._responded, lambda failure: self.outcomes.append(failure.value))
        self.clock.advance(0)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        def build() -> Peer:
            return self.peer

        return InProcessEndpoint(self.clock, Factory.forProtocol(build))  # type: ignore[arg-type, no-any-return]

    def _responded(self, response: Any) -> None:
        self.outcomes.append(response)
        if self.read:
            response.deliverBody(self.reader)

    def hear(self, *pieces: bytes, end: bool = False) -> Asking:
        """The server says this, each piece in one read of the client."""
        for piece in pieces:
            self.peer.transport.write(piece)  # type: ignore[union-attr]
            self.clock.advance(0)
        if end:
            self.peer.transport.loseConnection()  # type: ignore[union-attr]
            self.clock.advance(0)
        return self

    @property
    def response(self) -> Any:
        (response,) = self.outcomes
        return response

    @property
    def body(self) -> bytes:
        return b"".join(self.reader.pieces)

    @property
    def error(self) -> Exception:
        """The one failure of it all, of which nothing is left."""
        (error,) = self.reader.ends or self.outcomes
        assert isinstance(error, ResponseFailed), error
        assert self.peer.left
        assert not self.clock.getDelayedCalls()
        (reason,) = error.reasons
        value: Exception = reason.value
        return value

    def words(self) -> str:
        """What a person is told."""
        (error,) = self.reader.ends or self.outcomes
        return lost(error, False, "http://host").message
