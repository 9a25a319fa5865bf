"""The first look at a connection: what goes straight to the WebSocket door, and that no answer differs by the way."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from klein import Klein
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from aichat.doors.crowd import Crowd, CrowdFactory
from aichat.doors.front import HEAD_MOST, Front, is_handshake
from aichat.doors.websocket import WebSocketDoor
from aichat.gate import HEADERS_SECONDS, Gate, QuietSite
from tests.service import RunningService
from tests.soak.raw import frame

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
LINES = ["Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", KEY]


def head(*lines: str, first: str = "GET /ws HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def without(name: str) -> list[str]:
    return [line for line in LINES if not line.startswith(name)]


@pytest.mark.parametrize(
    "data",
    [
        head(*LINES),
        head(*LINES) + frame(b"{}"),
        head(*LINES, "Origin: http://127.0.0.1", "authorization: Bearer abc", "Cookie:"),
        head("UPGRADE:WebSocket", "host:x"),
    ],
)
def test_what_every_client_sends_goes_straight_on(data: bytes) -> None:
    assert is_handshake(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01",
        head(*LINES)[:-1],
        head(*LINES, first="GET /ws?x HTTP/1.1"),
        head(*LINES, first="GET /ws HTTP/1.0"),
        head(*LINES, first="POST /ws HTTP/1.1"),
        head(*LINES, first="GET  /ws HTTP/1.1"),
        head(*LINES, first="\r\nGET /ws HTTP/1.1"),
        head(),
        head(*without("Upgrade")),
        head(*without("Upgrade"), "Upgrade: h2c"),
        head(*LINES, "Content-Length: 2") + b"{}",
        head(*LINES, "transfer-encoding: chunked"),
        head(*LINES, "Expect: 100-continue"),
        head(*LINES, "X-Folded: a", " b"),
        head(*LINES, "X-Name : a"),
        head(*LINES, "no colon"),
        head(*LINES, "X-Next: a\x85Host: evil.example"),
        head(*LINES, "X-Null: \0"),
        head(*LINES, "X-Return: a\rHost: evil.example"),
        head(*LINES).replace(b"\r\n", b"\n"),
        head(*LINES, "X-Long: " + "x" * HEAD_MOST),
    ],
)
def test_whatever_is_in_doubt_goes_the_long_way(data: bytes) -> None:
    assert not is_handshake(data)


def answer(port: int, data: bytes) -> str:
    """The first line that the service writes."""
    with socket.create_connection(("127.0.0.1", port), 10) as link:
        link.sendall(data)
        return link.makefile("rb").readline().decode()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (LINES, 101),
        ([*LINES, "Sec-WebSocket-Protocol: a, b"], 101),
        ([*without("Host"), "Host: localhost"], 101),
        ([*without("Host"), "Host: evil.example"], 403),
        ([*LINES, "Origin: https://evil.example"], 403),
        ([*LINES, "Origin: null"], 400),
        ([*LINES, "Host: evil.example"], 400),
        (without("Connection"), 400),
        ([*without(KEY), "Sec-WebSocket-Key: short"], 400),
        ([*without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 7"], 400),
        ([*without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"], 400),
    ],
)
def test_both_ways_answer_alike(service: RunningService, lines: list[str], status: int) -> None:
    """By the long way two headers of one name have become one, which fits nowhere: another code for two Hosts."""
    straight, long = head(*lines), head(*lines, first="GET /ws? HTTP/1.1")
    assert (is_handshake(straight), is_handshake(long)) == (True, False)
    assert int(answer(service.port, straight).split()[1]) == status
    assert int(answer(service.port, long).split()[1]) == (403 if "Host: evil.example" in lines else status)


def test_frames_may_come_with_the_handshake(service: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", service.port), 10) as link:
        link.sendall(head(*LINES) + frame(b'{"type": "persona_list"}'))
        got = b""
        while b'"persona_list"' not in got:
            more = link.recv(65_536)
            assert more
            got += more


class Stage:
    """A front on a clock that the test moves, and one guest."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.crowd = Crowd(self.clock.seconds, most=0, per_address=0, per_minute=0)
        use_cases: Any = None
        door = WebSocketDoor(self.clock, Gate(), use_cases)
        self.factory = CrowdFactory(Front(QuietSite(Klein()), door), self.crowd)
        guest = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert guest is not None
        self.guest: Any = guest
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 1))
        self.guest.makeConnection(self.transport)


def test_who_says_nothing_is_cut() -> None:
    stage = Stage()
    stage.clock.advance(HEADERS_SECONDS - 0.1)
    assert not stage.transport.disconnected
    stage.clock.advance(0.2)
    assert stage.transport.disconnected


def test_who_leaves_without_a_word_leaves_nothing_behind() -> None:
    stage = Stage()
    assert stage.crowd.total == 1
    stage.guest.connectionLost()
    assert (stage.crowd.total, stage.clock.getDelayedCalls()) == (0, [])
