"""Writing to a socket directly: the same bytes in the same order as by the transport, whatever the socket takes."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from aichat.direct import direct_writer
from aichat.pace import pace_of
from tests.e2e.test_certificates import make_certificate


class Waiting(Protocol):
    """Counts pauses, and says when it is made and lost."""

    def __init__(self) -> None:
        self.made: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()
        self.paused = 0
        self.resumed = 0

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.registerProducer(self, True)  # type: ignore[attr-defined]
        self.made.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)

    def pauseProducing(self) -> None:
        self.paused += 1

    def resumeProducing(self) -> None:
        self.resumed += 1

    def stopProducing(self) -> None:
        pass


async def pair(wrap: Any = lambda factory: factory) -> tuple[Waiting, socket.socket, Any]:
    """A protocol of a real server, the plain socket at the other end, and the port."""
    protocol = Waiting()
    factory = Factory()
    factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign, assignment, return-value]
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(wrap(factory))
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", port.getHost().port))
    await protocol.made
    return protocol, client, port


async def turn() -> None:
    await deferLater(reactor, 0.001)  # type: ignore[arg-type]  # the reactor's turn, not a wait for something


async def received(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        try:
            data += client.recv(65_536)
        except BlockingIOError:
            await turn()
    return data


@pytest_twisted.ensureDeferred
async def test_a_write_is_in_the_socket_before_the_call_returns() -> None:
    protocol, client, port = await pair(WrappingFactory)
    direct_writer(protocol.transport)(b"now")
    client.setblocking(True)
    client.settimeout(5)
    assert client.recv(10) == b"now", "the reactor had no turn"
    client.close()
    await protocol.lost
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_what_the_socket_does_not_take_comes_later_in_order_and_pauses_the_producer() -> None:
    protocol, client, port = await pair()
    write = direct_writer(protocol.transport)
    pieces = [bytes([n % 256]) * 50_000 for n in range(200)]
    for piece in pieces:
        write(piece)
    assert protocol.paused
    got = await received(client, 10_000_000)
    assert got == b"".join(pieces)
    while not protocol.resumed:
        await turn()
    write(b"again")
    assert await received(client, 5) == b"again"
    client.close()
    await protocol.lost
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_peer_that_is_gone_is_noticed_as_ever() -> None:
    protocol, client, port = await pair()
    write = direct_writer(protocol.transport)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    while not protocol.lost.called:
        write(b"x" * 1_000)
        await turn()
    write(b"and nobody minds")
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_nothing_goes_past_a_goodbye() -> None:
    protocol, client, port = await pair()
    write = direct_writer(protocol.transport)
    write(b"x" * 5_000_000)
    assert protocol.transport is not None
    protocol.transport.unregisterProducer()  # type: ignore[attr-defined]
    protocol.transport.loseConnection()
    assert await received(client, 5_000_000) == b"x" * 5_000_000
    await protocol.lost
    client.close()
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_tls_is_not_gone_past() -> None:
    seen: list[Any] = []
    key, certificate, _ = make_certificate("localhost")
    options = PrivateCertificate.loadPEM(key + certificate).options()

    def wrap(factory: Any) -> Any:
        return TLSMemoryBIOFactory(options, False, WrappingFactory(factory))

    protocol, client, port = await pair(wrap)
    inner = protocol.transport
    while not isinstance(inner, TLSMemoryBIOProtocol):
        inner = inner.transport  # type: ignore[union-attr]
    inner.write = seen.append  # type: ignore[method-assign]
    direct_writer(protocol.transport)(b"secret")
    assert seen == [b"secret"]
    protocol.transport.abortConnection()  # type: ignore[union-attr]
    await protocol.lost
    client.close()
    await port.stopListening()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("closes", [False, True])
async def test_what_is_written_within_a_tick_goes_out_at_its_end_in_order_and_before_a_close(closes: bool) -> None:
    protocol, client, port = await pair()
    write = direct_writer(protocol.transport)

    class Stream:
        def read_on(self) -> None:
            write(b"one ")
            write(b"two ")
            with pytest.raises(BlockingIOError):
                client.recv(10)
            write(b"three")
            if closes:
                assert protocol.transport is not None
                protocol.transport.loseConnection()

    pace_of(reactor).rest(Stream())
    assert await received(client, 13) == b"one two three"
    if closes:
        await protocol.lost
        assert client.recv(10) == b""
    client.close()
    await protocol.lost
    await port.stopListening()
