"""Connections that are asked again: when they are, and that none is that should not be; on a clock a test turns."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.web.client import URI, ResponseFailed
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import DRAIN_SECONDS, IDLE_MOST, IDLE_SECONDS, StreamingAgent, Whole
from aichat.bridge.body import stream_body
from aichat.bridge.exchange import DRAIN_MOST
from aichat.bridge.http import make_agent
from aichat.bridge.inprocess import InProcessEndpoint
from tests.bridge.asking import CHUNKED, OK, Peer

WHOLE = OK + b"content-length: 2\r\n\r\nab"
END = b"0\r\n\r\n"


@implementer(IAgentEndpointFactory)
class Kept:
    """An agent that keeps connections, and the server's end of each that it made."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.peers: list[Peer] = []
        self.agent = StreamingAgent(self, self.clock)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return InProcessEndpoint(self.clock, Factory.forProtocol(self._peer))  # type: ignore[arg-type]

    def _peer(self) -> Peer:
        self.peers.append(Peer())
        return self.peers[-1]

    def ask(self, stop: bytes = b"never") -> Asked:
        """One more request, whose reader has enough when it read `stop`."""
        asked = Asked(self, self.agent.request(b"POST", b"http://host/way", None, Whole(b"{}")), stop)
        self.clock.advance(0)
        return asked

    def says(self, *pieces: bytes, peer: int = -1, end: bool = False) -> None:
        """A server says this, each piece in one read."""
        for piece in pieces:
            self.peers[peer].transport.write(piece)  # type: ignore[union-attr]
            self.clock.advance(0)
        if end:
            self.peers[peer].transport.loseConnection()  # type: ignore[union-attr]
            self.clock.advance(0)

    @property
    def requests(self) -> list[int]:
        """How many requests came on each connection."""
        return [peer.received.count(b"POST ") for peer in self.peers]


class Asked:
    def __init__(self, kept: Kept, asking: Deferred[Any], stop: bytes) -> None:
        self.body = b""
        self.end: Any = None
        self.asking = asking

        def add(data: bytes) -> bool:
            self.body += data
            return stop in self.body

        def read(response: Any) -> Deferred[None]:
            return stream_body(response, kept.clock, 60, add)  # type: ignore[arg-type]

        self.reading = asking.addCallback(read)
        self.reading.addCallbacks(lambda _: self._ended("whole"), lambda failure: self._ended(failure.value))

    def _ended(self, how: Any) -> None:
        self.end = how


@pytest.mark.parametrize(
    "pieces", [[WHOLE], [CHUNKED + b"2\r\nab\r\n" + END], [CHUNKED, b"2\r\nab\r\n", END[:2], END[2:]]]
)
def test_a_connection_whose_answer_is_over_is_asked_again(pieces: list[bytes]) -> None:
    kept = Kept()
    for count in range(1, 4):
        asked = kept.ask()
        kept.says(*pieces)
        assert (asked.body, asked.end) == (b"ab", "whole")
        assert kept.requests == [count]
    assert b"connection: close" not in kept.peers[0].received


def test_two_at_a_time_have_one_each_and_the_last_used_is_asked_first() -> None:
    kept = Kept()
    kept.ask(), kept.ask()
    kept.says(WHOLE, peer=1)
    kept.says(WHOLE, peer=0)
    kept.ask()
    assert kept.requests == [2, 1]


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab",
        WHOLE + b"HTTP/1.1 200 OK\r\n",
        WHOLE + WHOLE,
        CHUNKED + b"2\r\nab\r\nx",
    ],
    ids=["it says so", "too old", "more follows", "another answer follows", "a fault"],
)
def test_a_connection_that_is_not_to_be_trusted_is_closed(answer: bytes) -> None:
    kept = Kept()
    asked = kept.ask()
    kept.says(answer)
    assert asked.body == b"ab"
    assert kept.peers[0].left
    kept.ask()
    assert kept.requests == [1, 1]


def test_one_that_nobody_asks_again_is_closed_after_a_while_and_leaves_no_timer() -> None:
    kept = Kept()
    kept.ask(), kept.ask()
    kept.says(WHOLE, peer=0)
    kept.clock.advance(IDLE_SECONDS / 2)
    kept.says(WHOLE, peer=1)
    kept.clock.advance(IDLE_SECONDS / 2)
    kept.clock.advance(0)
    assert [peer.left for peer in kept.peers] == [True, False]
    kept.clock.advance(IDLE_SECONDS / 2)
    kept.clock.advance(0)
    assert [peer.left for peer in kept.peers] == [True, True]
    assert not kept.clock.getDelayedCalls()


def test_one_that_its_server_closed_is_not_asked() -> None:
    kept = Kept()
    kept.ask()
    kept.says(WHOLE, end=True)
    kept.ask()
    assert kept.requests == [1, 1]


def test_one_that_speaks_unasked_is_closed() -> None:
    kept = Kept()
    kept.ask()
    kept.says(WHOLE, b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert kept.peers[0].left
    kept.ask()
    assert kept.requests == [1, 1]


def test_one_that_is_lost_before_a_byte_of_an_answer_came_is_replaced_once() -> None:
    kept = Kept()
    kept.ask()
    kept.says(WHOLE)
    asked = kept.ask()
    kept.says(peer=0, end=True)
    assert kept.requests == [2, 1]
    kept.says(WHOLE, peer=1)
    assert (asked.body, asked.end) == (b"ab", "whole")
    again = kept.ask()
    kept.says(OK[:5], peer=1, end=True)  # but not where an answer had begun
    assert isinstance(again.end, ResponseFailed)
    fresh = kept.ask()
    kept.says(peer=2, end=True)  # nor where the connection was new
    assert isinstance(fresh.end, ResponseFailed)
    assert kept.requests == [2, 2, 1]


def test_cancelling_closes_a_connection_that_is_asked_again() -> None:
    kept = Kept()
    kept.ask()
    kept.says(WHOLE)
    asked = kept.ask()
    asked.asking.cancel()
    kept.clock.advance(0)
    assert isinstance(asked.end, CancelledError)
    assert kept.peers[0].left
    assert kept.requests == [2]


def test_whoever_has_enough_lets_the_little_that_is_left_come() -> None:
    kept = Kept()
    asked = kept.ask(stop=b"ab")
    kept.says(CHUNKED + b"2\r\nab\r\n")
    assert asked.end == "whole"
    kept.ask()
    assert kept.requests == [1, 1]  # it is not free yet
    kept.says(END, peer=0)
    kept.ask()
    assert kept.requests == [2, 1]


@pytest.mark.parametrize("how", ["silent", "too much"])
def test_what_is_left_may_not_take_long_nor_be_much(how: str) -> None:
    kept = Kept()
    asked = kept.ask(stop=b"ab")
    kept.says(CHUNKED + b"2\r\nab\r\n")
    if how == "silent":
        kept.clock.advance(DRAIN_SECONDS)
    else:
        kept.says(b"%x\r\n%s\r\n" % (DRAIN_MOST, b"x" * DRAIN_MOST))
    kept.clock.advance(0)
    assert (asked.body, asked.end) == (b"ab", "whole")
    assert kept.peers[0].left
    assert not kept.clock.getDelayedCalls()


def test_no_more_are_kept_than_so_many() -> None:
    kept = Kept()
    for _ in range(IDLE_MOST + 1):
        kept.ask()
    for peer in range(IDLE_MOST + 1):
        kept.says(WHOLE, peer=peer)
    assert [peer.left for peer in kept.peers].count(True) == 1


@pytest_twisted.ensureDeferred
async def test_one_that_leads_nowhere_is_lost_soon() -> None:
    """The kernel is told to give up early on a connection that waited: a laptop may have slept meanwhile."""
    factory = Factory.forProtocol(Peer)
    accepted: list[Peer] = []
    build = factory.buildProtocol

    def remember(addr: Any) -> Any:
        accepted.append(build(addr))  # type: ignore[arg-type]
        return accepted[-1]

    factory.buildProtocol = remember  # type: ignore[method-assign]
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    agent = make_agent(reactor, 5.0)
    url = b"http://127.0.0.1:%d/" % port.getHost().port
    asking = agent.request(b"GET", url)
    while not accepted or not accepted[0].received:
        await _turn()
    accepted[0].transport.write(WHOLE)  # type: ignore[union-attr]
    response = await asking
    await stream_body(response, reactor, 5, lambda data: None)
    (line,) = agent._idle
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        set_to = line.transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)  # type: ignore[union-attr]
        assert set_to == 8_000
    line.drop()
    while not accepted[0].left:
        await _turn()
    await port.stopListening()


def _turn() -> Deferred[None]:
    turn: Deferred[None] = Deferred()
    reactor.callLater(0, turn.callback, None)  # type: ignore[attr-defined]
    return turn
