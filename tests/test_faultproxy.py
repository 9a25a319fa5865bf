"""The fault proxy itself: each fault is what it says, seen from both ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faultproxy import FaultProxy, Line

Join = Callable[[Line], tuple[socket.socket, socket.socket]]


@pytest.fixture
def join() -> Iterator[Join]:
    """A line with these faults -> its client's end and its server's end."""
    opened: list[Any] = []

    def join_it(line: Line) -> tuple[socket.socket, socket.socket]:
        server = socket.create_server(("127.0.0.1", 0))
        proxy = FaultProxy(server.getsockname()[1], lambda: line)
        client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        accepted, _ = server.accept()
        accepted.settimeout(10)
        opened.extend((proxy, server, client, accepted))
        return client, accepted

    yield join_it
    for each in opened:
        each.close()


def whole(end: socket.socket) -> bytes:
    """All that comes until the end."""
    data = b""
    while more := end.recv(65536):
        data += more
    return data


def test_a_good_line_forwards_everything_both_ways(join: Join) -> None:
    client, server = join(Line())
    client.sendall(b"x" * 300_000)
    assert len(server.recv(1)) == 1
    server.sendall(b"y" * 10)
    assert client.recv(10) == b"y" * 10
    client.shutdown(socket.SHUT_WR)
    assert len(whole(server)) == 299_999


@pytest.mark.parametrize("up", [True, False])
def test_a_line_is_cut_at_the_byte(join: Join, up: bool) -> None:
    client, server = join(Line(cut_up=7) if up else Line(cut_down=7))
    source, sink = (client, server) if up else (server, client)
    source.sendall(b"0123456789")
    assert whole(sink) == b"0123456"
    assert whole(source) == b""


def test_a_reset_is_a_reset(join: Join) -> None:
    client, server = join(Line(cut_up=3, ending="reset"))
    client.sendall(b"0123456789")
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            whole(end)


def test_silence_tells_nobody(join: Join) -> None:
    client, server = join(Line(cut_up=3, ending="silence"))
    client.sendall(b"0123456789")
    assert server.recv(10) == b"012"
    server.sendall(b"who is there?")
    for end in (client, server):
        end.settimeout(0.3)
        with pytest.raises(TimeoutError):
            end.recv(10)


def test_latency_and_rate(join: Join) -> None:
    client, server = join(Line(latency=0.2))
    began = time.monotonic()
    client.sendall(b"?")
    assert server.recv(1) == b"?"
    assert time.monotonic() - began >= 0.2
    client, server = join(Line(rate=10_000))
    began = time.monotonic()
    server.sendall(b"z" * 5_000)
    server.shutdown(socket.SHUT_WR)
    assert len(whole(client)) == 5_000
    assert time.monotonic() - began >= 0.4
