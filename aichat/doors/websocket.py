"""The WebSocket door at `/ws`: Autobahn's part. What the frames mean is in `connection`."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IDelayedCall

import aichat
from aichat.doors.connection import Connection, UseCases
from aichat.gate import Gate, is_local
from aichat.metrics import counts
from aichat.protocol import frames
from aichat.protocol.errors import AichatError

CLOSE_GOING_AWAY = 1001

HELLO_SECONDS = 10
"""How long whoever needs a token may stay without having shown one."""

HARD_FRAME_BYTES = 4 * frames.MAX_FRAME_BYTES
"""Over MAX_FRAME_BYTES a frame gets an error; over this the connection is closed before all of it is read."""


class WebSocketDoor(WebSocketServerFactory):
    """Makes a connection for each socket."""

    def __init__(self, reactor: Any, gate: Gate, use_cases: UseCases) -> None:
        super().__init__(server=f"aichat/{aichat.__version__}", reactor=reactor)  # type: ignore[no-untyped-call]
        self.protocol = AutobahnSocket
        self.gate = gate
        self.use_cases = use_cases
        self.sockets: set[AutobahnSocket] = set()
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            maxFramePayloadSize=HARD_FRAME_BYTES,
            maxMessagePayloadSize=HARD_FRAME_BYTES,
            openHandshakeTimeout=5,
            closeHandshakeTimeout=2,
            failByDrop=False,  # say why before closing
            autoPingInterval=30,
            autoPingTimeout=30,
            allowNullOrigin=False,
            perMessageCompressionAccept=lambda offers: None,  # 0.4 MB a connection, and nothing gained on deltas
        )

    def close_all(self) -> None:
        """The service goes away: close every connection with 1001."""
        for socket in list(self.sockets):
            socket.close(CLOSE_GOING_AWAY, "the server is stopping")


class AutobahnSocket(WebSocketServerProtocol):
    """One socket."""

    factory: WebSocketDoor
    connection: Connection | None = None
    hello_timer: IDelayedCall | None = None

    def onConnect(self, request: ConnectionRequest) -> None:
        """The handshake: who may come at all."""
        headers = request.headers
        try:
            self.factory.gate.check(headers.get("host"), headers.get("origin"))
        except AichatError as error:
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, error.message) from None
        assert self.transport is not None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        self.connection = Connection(
            self,
            self.factory.use_cases,
            is_local=is_local(self.transport.getPeer(), (name.encode() for name in headers)),
            header_token=token.strip() if scheme.lower() == "bearer" else "",
        )

    def onOpen(self) -> None:
        """The handshake is done."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)  # the factory's own option does not reach accepted sockets: 39 ms a delta
        self.factory.sockets.add(self)
        assert self.connection is not None
        self.hello_timer = self.factory.reactor.callLater(HELLO_SECONDS, self.connection.say_hello_first)
        assert self.transport is not None
        # twisted.web's channel is still the transport's producer: past 64 KiB of unsent output it would stop
        # reading from the client, and, with a request that never ends, not begin again.
        self.transport.unregisterProducer()  # type: ignore[attr-defined]
        self.transport.registerProducer(self, True)  # type: ignore[attr-defined]

    def pauseProducing(self) -> None:
        """The client reads more slowly than we write: the transport's buffer is full."""
        if self.connection is not None:
            self.connection.out.clog()

    def resumeProducing(self) -> None:
        """The buffer is empty again."""
        if self.connection is not None:
            self.connection.out.unclog()

    def stopProducing(self) -> None:
        """The transport is gone; `onClose` follows."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """One message."""
        assert self.connection is not None
        if isBinary:
            self.connection.refuse(AichatError("bad_frame", "Frames are text messages here, not binary ones."), "")
        else:
            self.connection.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone."""
        self.factory.sockets.discard(self)
        if self.hello_timer is not None and self.hello_timer.active():
            self.hello_timer.cancel()
        if self.connection is not None:
            self.connection.lost()

    def write(self, data: bytes) -> None:
        """Send one text message, if the socket is open; prepared, since Autobahn's limit of size is for both ways."""
        if self.state == self.STATE_OPEN:
            counts.frames_out += 1
            counts.bytes_out += len(data)
            self.sendPreparedMessage(self.factory.prepareMessage(data))

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket code; Autobahn's own sendClose knows no 1001 and no 1008."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=reason.encode(), isReply=False)
