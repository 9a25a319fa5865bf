"""The WebSocket door at `/ws`: Autobahn's part. What the frames mean is in `connection`."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IDelayedCall

import aichat
from aichat.direct import direct_writer
from aichat.doors.connection import Connection, UseCases
from aichat.doors.whole import whole_text
from aichat.gate import Gate, is_local
from aichat.metrics import counts
from aichat.protocol import frames
from aichat.protocol.errors import AichatError
from aichat.rates import Rate

CLOSE_GOING_AWAY = 1001

PIECES_MOST = 4_096
"""Of a message that comes in more pieces than these, those so far become one: a piece of 2 bytes costs 43."""

HELLO_SECONDS = 10
"""How long whoever needs a token may stay without having shown one."""

SPENT = (
    "http_request_data", "http_response_data", "http_status_line", "http_headers", "http_request_uri",
    "http_request_path", "http_request_params", "http_request_host", "websocket_origin", "websocket_protocols",
    "websocket_extensions", "_wskey",
)  # fmt: skip
"""What Autobahn keeps of a handshake that is over: 1.3 KB a connection."""

HARD_FRAME_BYTES = 4 * frames.MAX_FRAME_BYTES
"""Over MAX_FRAME_BYTES a frame gets an error; over this the connection is closed before all of it is read."""


class WebSocketDoor(WebSocketServerFactory):
    """Makes a connection for each socket."""

    def __init__(self, reactor: Any, gate: Gate, use_cases: UseCases, frames_per_second: int = 0) -> None:
        super().__init__(server=f"aichat/{aichat.__version__}", reactor=reactor)  # type: ignore[no-untyped-call]
        self.gate = gate
        self.use_cases = use_cases
        self.sockets: set[AutobahnSocket] = set()
        self.strangers: dict[AutobahnSocket, float] = {}
        """Who has not had the time yet to say who they are, and when it is over, the first to be over first."""
        self._asking = False
        self.trusting_nobody: set[int] = set()
        """Ports on which even whoever is on this machine has to say who they are."""
        self.frames_per_second = frames_per_second
        self.last_text = self.last_frame = b""
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
        # Autobahn copies each option into each socket, and writes a log line of all of them that nobody reads:
        # 0.2 ms and 1.5 KB a connection. Here they are the class's.
        options = {name: getattr(self, name) for name in AutobahnSocket.CONFIG_ATTRS}
        options["perMessageCompressionAccept"] = staticmethod(self.perMessageCompressionAccept)
        self.protocol = type("Socket", (AutobahnSocket,), {**options, "CONFIG_ATTRS": []})  # type: ignore[assignment]

    def greet(self, socket: AutobahnSocket) -> None:
        """Somebody is here, and has some time to say who they are."""
        self.sockets.add(socket)
        self.strangers[socket] = self.reactor.seconds() + HELLO_SECONDS
        if not self._asking:
            self._asking = True
            self.reactor.callLater(HELLO_SECONDS, self._ask_strangers)

    def miss(self, socket: AutobahnSocket) -> None:
        """They are gone."""
        self.sockets.discard(socket)
        self.strangers.pop(socket, None)

    def _ask_strangers(self) -> None:
        self._asking = False
        now = self.reactor.seconds()
        for socket, due in list(self.strangers.items()):
            if due > now:
                self._asking = True
                self.reactor.callLater(due - now, self._ask_strangers)
                return
            del self.strangers[socket]
            if socket.connection is not None:
                socket.connection.say_hello_first()

    def framed(self, data: bytes) -> bytes:
        """A text message as an unmasked WebSocket frame; the last one is kept, for all others who get the same."""
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x81, size)
        elif size < 65_536:
            head = struct.pack("!BBH", 0x81, 126, size)
        else:
            head = struct.pack("!BBQ", 0x81, 127, size)
        self.last_text, self.last_frame = data, head + data
        return self.last_frame

    def close_all(self) -> None:
        """The service goes away: close every connection with 1001."""
        for socket in list(self.sockets):
            socket.close(CLOSE_GOING_AWAY, "the server is stopping")


class AutobahnSocket(WebSocketServerProtocol):
    """One socket."""

    factory: WebSocketDoor
    connection: Connection | None = None
    early_timer: IDelayedCall | None = None
    rate: Rate
    pieces, pieces_since, pieces_most = 0, 0.0, float("inf")
    write_bytes: Callable[[bytes], None]
    early: deque[tuple[bytes, bool]] | tuple[()] = ()
    send_queue: Any

    def connectionMade(self) -> None:
        """The socket is here."""
        assert self.transport is not None
        self.write_bytes = direct_writer(self.transport)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """What came from the network."""
        is_between = self.state == self.STATE_OPEN and not self.data and not self.inside_message
        text = whole_text(data) if is_between and self.current_frame is None else None
        if text is None:
            super().dataReceived(data)
            return
        if self.autoPingTimeoutCall is not None:
            self._cancelAutoPingTimeoutCall()  # whoever speaks is there
        self.onMessage(text, False)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """All that Autobahn says by itself goes out at once, like what we say; it is never written in chops here."""
        self.write_bytes(data)

    def onConnect(self, request: ConnectionRequest) -> None:
        """The handshake: who may come at all."""
        headers = request.headers
        try:
            self.factory.gate.check(headers.get("host"), headers.get("origin"))
        except AichatError as error:
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, error.message) from None
        assert self.transport is not None
        peer = self.transport.getPeer()
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_here = is_local(peer, ())
        is_trusting = getattr(self.transport.getHost(), "port", 0) not in self.factory.trusting_nobody
        self.connection = Connection(
            self,
            self.factory.use_cases,
            is_local=is_here and is_trusting and is_local(peer, (name.encode() for name in headers)),
            address="" if is_here else getattr(peer, "host", ""),
            header_token=token.strip() if scheme.lower() == "bearer" else "",
        )

    def onOpen(self) -> None:
        """The handshake is done."""
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)  # the factory's own option does not reach accepted sockets: 39 ms a delta
        self.factory.greet(self)
        per_second = self.factory.frames_per_second
        self.rate = Rate(self.factory.reactor.seconds, 60 * per_second, burst=2 * per_second)
        self.pieces_most = 2 * per_second or float("inf")
        assert self.transport is not None
        # twisted.web's channel is still the transport's producer: past 64 KiB of unsent output it would stop
        # reading from the client, and, with a request that never ends, not begin again.
        self.transport.unregisterProducer()  # type: ignore[attr-defined]
        self.transport.registerProducer(self, True)  # type: ignore[attr-defined]
        for name in SPENT:
            self.__dict__.pop(name, None)
        self.send_queue = ()  # a deque is 0.8 KB, and it is for writing in chops, which nobody does here

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

    def onPing(self, payload: bytes) -> None:
        """Whoever reads is answered; for the others answers would pile up."""
        self.count_piece()
        if self.connection is not None and not self.connection.out.is_clogged:
            super().onPing(payload)

    def onMessageFrameData(self, payload: bytes) -> None:
        """A piece of a frame, as it came from the network."""
        super().onMessageFrameData(payload)
        _join_many(self.frame_data)

    def onMessageFrame(self, payload: list[bytes]) -> None:  # type: ignore[override]  # its own is wrong
        """The pieces of one frame of a message."""
        super().onMessageFrame(payload)  # type: ignore[arg-type]
        _join_many(self.message_data)
        if not self.current_frame.fin:
            self.count_piece()

    def count_piece(self) -> None:
        """Pings and pieces of messages cost as much as messages: too many of them wait in the network."""
        now = self.factory.reactor.seconds()
        if now - self.pieces_since >= 1:
            self.pieces, self.pieces_since = 0, now
        self.pieces += 1
        if self.pieces > self.pieces_most and (self.early_timer is None or not self.early_timer.active()):
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]
            self.early_timer = self.factory.reactor.callLater(0, self.read_on)  # when all that was read is counted

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """One message."""
        if self.early:
            self.early.append((payload, isBinary))
        elif wait := self.rate.wait(None):
            self.early = deque([(payload, isBinary)])
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]  # what was read already is all that waits
            self.early_timer = self.factory.reactor.callLater(wait, self.read_on)
        else:
            self.take(payload, isBinary)

    def read_on(self) -> None:
        """Whoever sends too fast is read at the pace that is allowed, and loses nothing."""
        while self.early:
            if wait := self.rate.wait(None):
                self.early_timer = self.factory.reactor.callLater(wait, self.read_on)
                return
            self.take(*self.early.popleft())
        if self.pieces > self.pieces_most:
            wait, self.pieces = self.pieces / self.factory.frames_per_second, 0
            self.early_timer = self.factory.reactor.callLater(wait, self.read_on)
        elif self.transport is not None:
            self.transport.resumeProducing()  # type: ignore[attr-defined]

    def take(self, payload: bytes, is_binary: bool) -> None:
        """One message, in its time."""
        assert self.connection is not None
        if is_binary:
            self.connection.refuse(AichatError("bad_frame", "Frames are text messages here, not binary ones."), "")
        else:
            self.connection.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The socket is gone."""
        self.factory.miss(self)
        if self.early_timer is not None and self.early_timer.active():
            self.early_timer.cancel()
        if self.connection is not None:
            self.early = ()
            self.connection.lost()

    def write(self, data: bytes) -> None:
        """Send one text message, if the socket is open; as it is, since Autobahn's limit of size is for both ways."""
        if self.state == self.STATE_OPEN:
            counts.frames_out += 1
            counts.bytes_out += len(data)
            factory = self.factory
            self.write_bytes(factory.last_frame if data is factory.last_text else factory.framed(data))

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket code; Autobahn's own sendClose knows no 1001 and no 1008."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=reason.encode(), isReply=False)


def _join_many(pieces: list[bytes]) -> None:
    if len(pieces) > PIECES_MOST:
        pieces[:] = [b"".join(pieces)]
