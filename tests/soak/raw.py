"""A WebSocket client without manners: it sends any bytes, in frames right or wrong, and reads only when told to."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from pathlib import Path
from typing import Any, NamedTuple

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class Frame(NamedTuple):
    """One WebSocket frame from the server."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """Of a close frame: its code."""
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) >= 2 else None


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame as a client sends it, masked with zeros (which leave the payload as it is)."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + b"\0\0\0\0" + payload


def upgrade(port: int, headers: str = "") -> bytes:
    """The request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode()


class RawSocket:
    """One connection to a port of this machine, or to a Unix socket."""

    def __init__(self, where: int | Path, *, headers: str = "", timeout: float = 20.0) -> None:
        if isinstance(where, Path):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(where))
        else:
            self.socket = socket.create_connection(("127.0.0.1", where))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self._received = b""
        self.socket.sendall(upgrade(where if isinstance(where, int) else 80, headers))
        while b"\r\n\r\n" not in self._received:
            self._more()
        self.answer, _, self._received = self._received.partition(b"\r\n\r\n")
        assert self.answer.startswith(b"HTTP/1.1 101"), self.answer

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the socket")
        self._received += data

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._more()
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def send(self, **fields: Any) -> None:
        """One protocol frame."""
        self.socket.sendall(frame(json.dumps(fields, ensure_ascii=False).encode()))

    def receive(self) -> Frame:
        """The next WebSocket frame; pings are answered. Errors: OSError if the socket is gone."""
        while True:
            first, size = self._take(2)
            if size == 126:
                size = int.from_bytes(self._take(2), "big")
            elif size == 127:
                size = int.from_bytes(self._take(8), "big")
            got = Frame(first & 15, self._take(size))
            if got.opcode != PING:
                return got
            self.socket.sendall(frame(got.payload, PONG))

    def get(self, kind: str) -> dict[str, Any]:
        """The next protocol frame of a type. Errors: ConnectionResetError if the server says goodbye first."""
        while True:
            got = self.receive()
            if got.opcode == CLOSE:
                raise ConnectionResetError(f"closed with {got.code}")
            fields: dict[str, Any] = json.loads(got.payload)
            if fields["type"] == kind:
                return fields

    def hello(self, **more: Any) -> dict[str, Any]:
        """Open the full protocol -> welcome."""
        self.send(type="hello", version=1, **more)
        return self.get("welcome")

    def close(self) -> None:
        """Hang up without a word."""
        self.socket.close()
