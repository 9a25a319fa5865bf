"""The bridge's own HTTP client over real sockets, plain and with TLS: read by the reactor and without it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from aichat.bridge.agent import StreamingAgent
from aichat.bridge.body import FIRST_READS, read_body, stream_body
from aichat.bridge.http import Sockets
from aichat.bridge.providers.openai_errors import lost
from aichat.direct import direct_reader
from aichat.pace import MANY, TICK_SECONDS, pace_of
from tests.bridge.listening import CHUNKED, HEAD, Listener, arrived, reset


@pytest.fixture(params=["plain", "tls"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path, request.param == "tls")
    yield made
    made.close()


@pytest_twisted.async_yield_fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Every socket that a test opened is closed by what it tests, not by its peer."""
    before = set(reactor.getReaders())  # type: ignore[attr-defined]
    yield
    await deferLater(reactor, 0)  # type: ignore[arg-type]
    left = set(reactor.getReaders()) - before  # type: ignore[attr-defined]
    assert not left


class Keeper(Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[type[BaseException]] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's
        self.ends.append(type(reason.value))


@pytest.mark.parametrize(
    ("how", "end"),
    [("close", ConnectionDone), ("half", ConnectionDone), ("reset", ConnectionLost), ("abort", ConnectionAborted)],
)
@pytest_twisted.ensureDeferred
async def test_reading_without_the_reactor(listener: Listener, how: str, end: type[Exception]) -> None:
    keeper = Keeper()
    connecting = connectProtocol(listener.endpoint(), keeper)
    link = await listener.accept()
    await connecting
    transport: Any = keeper.transport
    transport.write(b"hello")
    assert await deferToThread(link.recv, 5) == b"hello", "the handshake is through"
    transport.pauseProducing()
    read = direct_reader(transport)
    assert read is not None
    read()
    assert keeper.data == b"", "nothing is there, and nothing happens"
    link.sendall("漢字".encode())
    while not keeper.data:
        arrived(transport)
        read()
    assert keeper.data.decode() == "漢字"
    link.sendall(b"x" * 10_000)
    while len(keeper.data) < 10_006 and how != "abort":
        arrived(transport)
        read()
    if how == "abort":
        arrived(transport)
        transport.abortConnection()
        read()
        assert len(keeper.data) == 6
        await deferLater(reactor, 0)  # type: ignore[arg-type]
    elif how == "close":
        link.close()
    elif how == "half":
        link.shutdown(socket.SHUT_WR)
    elif how == "reset":
        reset(link)
    while not keeper.ends:
        arrived(transport)
        read()
    read()
    await deferLater(reactor, 0)  # type: ignore[arg-type]
    assert keeper.ends == [ConnectionLost if listener.tls else end], "told once"


def test_what_has_no_socket_is_not_read_directly() -> None:
    assert direct_reader(object()) is None


class Stream:
    """One paced stream and what it gave, on a clock that the test turns."""

    def __init__(self, clock: Clock, response: Any, link: Any) -> None:
        self.transport = response._exchange.transport
        self.link = link
        self.pieces: list[bytes] = []
        self.ends: list[Any] = []
        self._waiting: Deferred[None] | None = None
        self.done = stream_body(response, clock, 60, self._on_data, paced=True)
        self.done.addBoth(self.ends.append)

    def _on_data(self, data: bytes) -> None:
        self.pieces.append(data)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def send(self, data: bytes) -> None:
        self.link.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    async def say(self, data: bytes) -> None:
        """Send, and wait until the reactor has read it."""
        self._waiting = waiting = Deferred()
        self.send(data)
        await waiting.addTimeout(10, reactor)  # type: ignore[arg-type]


async def streams_under_load(listener: Listener, clock: Clock) -> list[Stream]:
    """So many that three may go and it is still load."""
    streams = [Stream(clock, *await listener.ask(CHUNKED)) for _ in range(MANY + 3)]
    for stream in streams:
        for n in range(FIRST_READS + 1):
            await stream.say(b"%d" % n)
    assert pace_of(clock).streams == MANY + 3
    return streams


@pytest_twisted.ensureDeferred
async def test_many_streams_of_sockets_are_read_once_a_tick(listener: Listener) -> None:
    clock = Clock()
    streams = await streams_under_load(listener, clock)
    first, second, third, fourth, *others = streams
    said = len(first.pieces)
    for stream in streams:
        stream.link.sendall(b"1\r\na\r\n1\r\nb\r\n")
        arrived(stream.transport)
    await deferLater(reactor, 0)  # type: ignore[arg-type]
    assert all(len(stream.pieces) == said for stream in streams), "they rest"
    clock.advance(TICK_SECONDS)
    assert all(stream.pieces[said:] == [b"ab"] for stream in streams)
    # a peer that goes is noticed with the next tick, and what it said before comes first
    reset(first.link)
    second.send(b"last")
    second.link.close()
    third.send(b"end")
    third.link.sendall(b"0\r\n\r\n")
    assert not first.ends and not second.ends and not third.ends
    for stream in (first, second, third):
        while not stream.ends:
            arrived(stream.transport)
            clock.advance(TICK_SECONDS)
    assert [type(end.value) for end in (*first.ends, *second.ends)] == [ResponseFailed] * 2, "no turn of the reactor"
    assert second.pieces[-1] == b"last"
    assert third.pieces[-1] == b"end" and third.ends == [None]
    # one less than MANY: after their rest the others are read as it comes
    assert pace_of(clock).streams == MANY
    others.pop().done.cancel()
    clock.advance(TICK_SECONDS)
    await fourth.say(b"x")
    await fourth.say(b"y")
    assert fourth.pieces[-2:] == [b"x", b"y"]
    for stream in (fourth, *others):
        stream.done.cancel()
    assert pace_of(clock).streams == 0
    clock.advance(TICK_SECONDS)
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("how", ["length", "chunks", "204", "wrong"])
@pytest_twisted.ensureDeferred
async def test_the_end_closes_the_socket_whatever_the_peer_does(listener: Listener, how: str) -> None:
    """It keeps its end open, and over TLS says no goodbye."""
    raw = {
        "length": HEAD + b"content-length: 5\r\n\r\nhello",
        "chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        "204": b"HTTP/1.1 204 None\r\n\r\n",
        "wrong": CHUNKED + b"5\r\nhello\r\nwrong\r\n",
    }[how]
    response, _ = await listener.ask(raw)
    if how == "wrong":
        with pytest.raises(ResponseFailed):
            await read_body(response, reactor, 10, 100)  # type: ignore[arg-type]
    else:
        body = await read_body(response, reactor, 10, 100)  # type: ignore[arg-type]
        assert body == (b"" if how == "204" else b"hello")


@pytest.mark.parametrize(("head", "whole"), [(HEAD + b"content-length: 9\r\n\r\n", False), (HEAD + b"\r\n", True)])
@pytest.mark.parametrize("how", ["close", "goodbye", "reset"])
@pytest_twisted.ensureDeferred
async def test_a_peer_that_goes(listener: Listener, head: bytes, whole: bool, how: str) -> None:
    response, link = await listener.ask(head)
    link.sendall(b"hello")
    asking = ensureDeferred(read_body(response, reactor, 10, 100))  # type: ignore[arg-type]
    if how == "reset":
        reset(link)
    elif how == "close" or not listener.tls:
        link.close()
    else:
        plain = await deferToThread(link.unwrap)
        plain.close()
    if whole and (how == "goodbye" or (how == "close" and not listener.tls)):
        assert await asking == b"hello"
    else:
        with pytest.raises(ResponseFailed) as caught:
            await asking
        assert "broke off" in lost(caught.value, False, "http://host").message


@pytest.mark.parametrize("fault", ["nobody's certificate", "another name", "no TLS"])
@pytest_twisted.ensureDeferred
async def test_a_connection_that_is_not_safe_is_told_in_words(tmp_path: Path, fault: str) -> None:
    listener = Listener(tmp_path, tls=True)
    name = "example.org" if fault == "another name" else "localhost"
    agent = StreamingAgent(Sockets(reactor, 10) if fault != "another name" else listener)
    asked = agent.request(b"GET", b"https://%s:%d/" % (name.encode(), listener.port))
    if fault == "no TLS":
        listener.tls = None
        (await listener.accept()).sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            link = await listener.accept()
            await deferToThread(link.recv, 1)
    with pytest.raises(ResponseFailed) as caught:
        await asked
    listener.close()
    words = lost(caught.value, False, f"https://{name}").message
    assert words.startswith(f"The model service at https://{name} could not be reached: ")
    said = {"nobody's certificate": "verify failed", "another name": "is for another name", "no TLS": "version"}
    assert said[fault] in words
    assert "Does it speak https, and does this machine trust its certificate?" in words
