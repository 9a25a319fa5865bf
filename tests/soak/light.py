"""Hundreds of clients in one thread, the reactor's: real sessions on Autobahn's sockets. A test calls from another.

`Lines` is to them what `FaultProxy` is to others: each connection's line ends as it was planned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from hyperlink import URL
from twisted.internet import reactor as default_reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import LoopingCall
from twisted.internet.threads import blockingCallFromThread

from aichat.protocol.session import State
from tests.faultproxy import Line
from tests.soak.device import PACE, Client, Visiting

reactor: Any = default_reactor

LOOK_SECONDS = 0.2
SILENCE = 10.0
"""As a device's, of a machine that is full."""


class Lines:
    """The network of light clients."""

    def __init__(self, url: str, plan: Callable[[], Line] = Line) -> None:
        self.url = url
        self.plan = plan
        """Asked for the line of each new connection."""
        self.drops = 0
        """Connections that ended by their plan."""
        self.standing: set[Wire] = set()

    def cut(self) -> None:
        """Break what stands."""
        blockingCallFromThread(reactor, lambda: [wire.break_off() for wire in list(self.standing)])

    def close(self) -> None:
        """As a proxy has it; there is nothing to close."""


class Wire(WebSocketClientProtocol):
    """One connection, which loses what is beyond its line's end."""

    def __init__(self, client: Light, line: Line) -> None:
        super().__init__()
        self.client = client
        self.line = line
        self.up, self.down = line.cut_up, line.cut_down
        self.dropped = False

    def connectionMade(self) -> None:
        self.client.lines.standing.add(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        if self.dropped:
            return
        if self.down is not None:
            data = data[: self.down]
            self.down -= len(data)
        super().dataReceived(data)
        if self.down == 0:
            self.drop()

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        if self.dropped:
            return
        if self.up is not None:
            data = data[: self.up]
            self.up -= len(data)
        super().sendData(data, sync, chopsize)
        if self.up == 0:
            self.drop()

    def drop(self) -> None:
        """The line's end; silence is for the client to notice."""
        self.dropped = True
        self.client.lines.drops += 1
        match self.line.ending:
            case "close":
                self.transport.loseConnection()
            case "reset":
                self.transport.abortConnection()
            case "silence":
                self.transport.pauseProducing()

    def break_off(self) -> None:
        """At once."""
        self.dropped = True
        self.transport.abortConnection()

    def onOpen(self) -> None:
        self.client.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.client.received(payload)

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        self.client.lines.standing.discard(self)
        self.client.lost()


class _Factory(WebSocketClientFactory):
    def __init__(self, client: Light) -> None:
        super().__init__(client.lines.url)
        self.setProtocolOptions(openHandshakeTimeout=SILENCE)
        self.client = client

    def buildProtocol(self, addr: object) -> Wire:
        wire = Wire(self.client, self.client.lines.plan())
        wire.factory = self
        return wire


class Light(Client):
    """One of them."""

    def __init__(self, name: str, lines: Lines, token: str = "") -> None:
        super().__init__(name, lambda: lines.url, token)
        self.lines = lines
        self._wire: Wire | None = None
        self._factory = _Factory(self)
        self._endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", URL.from_text(lines.url).port, timeout=SILENCE)
        self._looking = LoopingCall(self._look)
        self._leaves_at = self._heard_at = 0.0

    def start(self) -> None:
        reactor.callFromThread(self._begin)

    def end(self) -> None:
        self.over.set()
        blockingCallFromThread(reactor, self._stop)

    def _begin(self) -> None:
        self._looking.start(LOOK_SECONDS, now=False)
        self._connect()

    def _stop(self) -> None:
        if self._looking.running:
            self._looking.stop()
        if self._wire is not None:
            self._wire.break_off()

    def _connect(self) -> None:
        if not self.over.is_set():
            self._endpoint.connect(self._factory).addErrback(lambda _: self.lost())

    def opened(self, wire: Wire) -> None:
        """The handshake is over."""
        self._wire = wire
        self.connections += 1
        self._heard_at, self._leaves_at = time.monotonic(), self.leaves_at()
        with self.changed:
            self.session.opened()
        self._speak()

    def received(self, payload: bytes) -> None:
        """One frame."""
        self._heard_at = time.monotonic()
        with self.changed:
            self.take_in(payload)
            self.changed.notify_all()
        self._speak()

    def lost(self) -> None:
        """The line is gone, or was never there."""
        self._wire = None
        with self.changed:
            pause = self.session.closed()
        assert pause is not None
        if not self.over.is_set():
            reactor.callLater(pause * PACE, self._connect)

    def _look(self) -> None:
        if self._wire is None:
            return
        now = time.monotonic()
        if now > self._leaves_at or (self.is_due() and now - self._heard_at > SILENCE):
            self._wire.break_off()
        else:
            self._speak()

    def _speak(self) -> None:
        with self.changed:
            if self.session.state is State.LIVE:
                self.act()
            outgoing = self.session.take()
        for data in outgoing:
            if self._wire is not None:
                self._wire.sendMessage(data)


class LightVisitor(Visiting, Light):
    """A second device, as a light client."""
