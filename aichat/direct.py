"""Reads from and writes to a TCP socket without asking the reactor.

A transport's own `write` keeps the bytes until the reactor's next turn: two changes of what epoll watches, a wake-up
and then the same `send`. Saved here: 9 µs a frame (bench/README.md). Where something waits already, where
the socket takes only a part, and where there is TLS in between, the transport does it as ever, so that order,
back-pressure and the way a lost connection is noticed stay Twisted's. What is written while things are done together
(`pace`) goes out when all of them are done.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from aichat.pace import pace_of


def direct_writer(transport: Any) -> Callable[[bytes], None]:
    """How to write to a transport: directly where it is a plain socket, else its own `write`."""
    inner = transport
    while isinstance(inner, ProtocolWrapper) and not isinstance(inner, TLSMemoryBIOProtocol):
        inner = inner.transport
    if not isinstance(inner, Connection) or getattr(inner, "TLS", False):
        untouched: Callable[[bytes], None] = transport.write
        return untouched

    pace = pace_of(inner.reactor)
    held: list[bytes] = []

    def write(data: bytes) -> None:
        if not pace.is_stepping:
            send(data)
            return
        if not held:
            pace.last(send_held)
        held.append(data)

    def send_held() -> None:
        data = b"".join(held)
        held.clear()
        send(data)

    def send(data: bytes) -> None:
        waiting = inner._tempDataBuffer or len(inner.dataBuffer) > inner.offset
        if waiting or not inner.connected or inner.disconnecting:
            inner.write(data)
            return
        try:
            sent = inner.socket.send(data)
        except OSError:  # full, or gone: the transport finds out which
            sent = 0
        if sent < len(data):
            inner.write(data[sent:])

    return write


def direct_reader(transport: Any) -> Callable[[], None] | None:
    """How to read once from the socket of a paused transport, as the reactor would; None where there is no socket.

    What comes goes the transport's own way, through TLS where that is, and a lost connection is told as ever.
    """
    inner = _innermost(transport)
    if not isinstance(inner, Connection):
        return None

    def read() -> None:
        if inner.connected and not inner.disconnecting:
            lost = inner.doRead()
            if lost is not None:
                inner.connectionLost(Failure(lost))

    return read


def lose_unheard(transport: Any, seconds: float) -> None:
    """From now on the connection is lost when what we wrote is not received for so long, where the system can do it.

    A connection that was left alone may lead nowhere (a laptop that slept, a router that forgot it), and a system
    sends again for a quarter of an hour before it says so.
    """
    inner = _innermost(transport)
    if isinstance(inner, Connection) and hasattr(socket, "TCP_USER_TIMEOUT"):
        inner.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1_000 * seconds))


def _innermost(transport: Any) -> Any:
    while (below := getattr(transport, "transport", None)) is not None:
        transport = below
    return transport
