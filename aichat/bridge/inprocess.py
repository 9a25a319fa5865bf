"""An endpoint that joins a client protocol and a server site in one process, without a socket.

So the service reaches its own bridge through the very treq and Klein code that reaches one elsewhere. Two
transports hand each other bytes on the next turn of the reactor: never within `write`, so that neither side is
called while it is still speaking. A paused side's bytes wait in the other's buffer; past `HIGH_WATER` its
producer is asked to pause, as with a socket.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from aichat.log import make_logger
from aichat.pace import pace_of

_log = make_logger("aichat.bridge.inprocess")

HIGH_WATER = 65_536
ADDRESS = IPv4Address("TCP", "127.0.0.1", 0)


@implementer(IStreamClientEndpoint)
class InProcessEndpoint:
    """Connects to `site` (any protocol factory) in this process."""

    def __init__(self, reactor: Any, site: IProtocolFactory) -> None:
        self._reactor = reactor
        self._site = site

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Build both protocols and join them -> the client's."""
        client, server = factory.buildProtocol(ADDRESS), self._site.buildProtocol(ADDRESS)
        assert client is not None and server is not None
        near, far = _Side(self._reactor), _Side(self._reactor)
        near.join(client, far)
        far.join(server, near)
        server.makeConnection(far)
        client.makeConnection(near)
        return succeed(client)


@implementer(ITransport, IPushProducer)
class _Side:
    """The transport of one protocol; what it writes arrives at the peer's protocol."""

    disconnecting = False
    producer: Any = None

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._soon = pace_of(reactor).soon
        self._out: list[bytes] = []
        self._size = 0
        self._scheduled = False
        self._paused = False
        self._closed: Failure | None = None
        self._producer_paused = False
        self._streaming = True

    def join(self, protocol: Any, peer: _Side) -> None:
        self.protocol = protocol
        self.peer = peer

    # ITransport

    def write(self, data: bytes) -> None:
        if not data or self._closed or self.disconnecting:
            return
        self._out.append(bytes(data))
        self._size += len(data)
        self._schedule()
        if self._size > HIGH_WATER and self.producer is not None and not self._producer_paused:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def loseConnection(self, reason: Failure | None = None) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._schedule()

    def abortConnection(self) -> None:
        self._out, self._size = [], 0
        if self._closed is None:
            self._end(ConnectionAborted())

    def getPeer(self) -> IAddress:
        return ADDRESS

    def getHost(self) -> IAddress:
        return ADDRESS

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no Nagle to turn off."""

    # the producer of this side's own output

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError(f"cannot register {producer}: {self.producer} is registered already")
        if self._closed is not None:
            producer.stopProducing()
            return
        self.producer, self._streaming, self._producer_paused = producer, streaming, False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.disconnecting:
            self._schedule()

    # IPushProducer: the protocol of this side asks its input to wait

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if self._closed is None:
            self.peer._schedule()

    def stopProducing(self) -> None:
        self.loseConnection()

    # inside

    def _schedule(self) -> None:
        if not self._scheduled and self._closed is None:
            self._scheduled = True
            self._soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._closed is not None or (self._out and self.peer._paused):
            return
        if self._out:
            data, self._out, self._size = b"".join(self._out), [], 0
            try:
                self.peer.protocol.dataReceived(data)
            except Exception:  # as the reactor does with a socket's protocol
                _log.failure("a protocol failed on what it received")
                self._end(ConnectionAborted())
        if self._out or self._closed is not None:
            return
        if self.producer is not None and (self._producer_paused or not self._streaming):
            self._producer_paused = False
            self.producer.resumeProducing()
        elif self.disconnecting and self.producer is None:
            self._end(ConnectionDone())

    def _end(self, why: Exception) -> None:
        """Close both directions, as a TCP socket that is closed does."""
        for side in (self, self.peer):
            if side._closed is None:
                side._closed = Failure(why)
                side._reactor.callLater(0, side._tell)

    def _tell(self) -> None:
        """The last word to the protocol; what refers to itself in a circle need not wait for the collector."""
        protocol = self.protocol
        self.producer = None
        del self.protocol, self.peer
        protocol.connectionLost(self._closed)
