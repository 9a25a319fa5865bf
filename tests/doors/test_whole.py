"""Whole text frames, taken in one step: the same as Autobahn takes, and nothing that it would not."""

from __future__ import annotations

import os
import struct
from typing import Any

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from aichat.doors.websocket import WebSocketDoor
from aichat.doors.whole import whole_text
from aichat.gate import Gate
from tests.soak.raw import frame

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def autobahn(data: bytes) -> list[tuple[bytes, bool]]:
    """The messages that Autobahn by itself makes of what came."""
    got: list[tuple[bytes, bool]] = []

    class Server(WebSocketServerProtocol):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            got.append((payload, isBinary))

    factory = WebSocketServerFactory(reactor=Clock())  # type: ignore[no-untyped-call]
    factory.protocol = Server
    protocol: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
    transport = StringTransport()
    transport.registerProducer(protocol, True)
    protocol.makeConnection(transport)
    protocol.dataReceived(HANDSHAKE)
    protocol.dataReceived(data)
    return got


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 255, 256, 4_095, 65_534, 65_535])
def test_a_whole_frame_of_any_size(size: int) -> None:
    for text in (b"x" * size, ("你好" * size).encode()[: size - size % 3], b"\0" * size):
        data = frame(text)
        assert whole_text(data) == text
        assert autobahn(data) == [(text, False)]


def with_length(length: bytes, payload: bytes) -> bytes:
    return b"\x81" + length + b"\0\0\0\0" + payload


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        b"\x81\x80\0\0\0",
        frame(b"hello")[:-1],
        frame(b"hello") + b"\x81",
        frame(b"hello") * 2,
        frame(b"x" * 65_536),
        frame(b"hello", 2),
        frame(b"hello", 0),
        frame(b"hello", 9),
        frame(b"hello", fin=False),
        frame(b"hello", rsv=4),
        b"\x81\x05hello",
        b"\x81\x00" + b"x" * 8,
        with_length(b"\xfe" + struct.pack("!H", 5), b"hello"),
        with_length(b"\xff" + struct.pack("!Q", 5), b"hello"),
        frame(b"\xff"),
        frame("你".encode()[:2]),
        frame(b"\xed\xa0\x80"),
        frame(b"\xc0\x80"),
        frame(b"\xf4\x90\x80\x80"),
    ],
)
def test_all_else_is_left_to_autobahn(data: bytes) -> None:
    assert whole_text(data) is None


def test_noise_is_taken_only_as_autobahn_takes_it() -> None:
    for _ in range(500):
        size = os.urandom(1)[0] % 12
        data = b"\x81" + bytes([0x80 | size]) + os.urandom(4 + size)
        text = whole_text(data)
        assert autobahn(data) == ([] if text is None else [(text, False)])


def test_who_speaks_is_there_and_need_not_answer_a_ping() -> None:
    said: list[bytes] = []
    use_cases: Any = None
    door = WebSocketDoor(Clock(), Gate(), use_cases)
    socket: Any = door.buildProtocol(None)
    transport = StringTransport()
    transport.registerProducer(socket, True)
    socket.makeConnection(transport)
    socket.dataReceived(HANDSHAKE)
    socket.take = lambda payload, is_binary: said.append(payload)
    socket._sendAutoPing()
    assert socket.autoPingTimeoutCall is not None
    socket.dataReceived(frame(b"I am here"))
    assert (said, socket.autoPingTimeoutCall) == ([b"I am here"], None)
    socket.connectionLost(Failure(ConnectionDone()))
