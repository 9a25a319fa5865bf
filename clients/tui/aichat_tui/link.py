"""The socket: the only file that knows one. It keeps one connection and tells the session what happened.

    start -> connect -> opened -> (frames both ways) -> closed -> wait as long as the session says -> connect ...

Works on the default reactor (`ask`) and, after `adopt_running_loop`, on the asyncio loop of the app.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from aichat.protocol.address import Address
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import AnyPush
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat_tui import __version__

if TYPE_CHECKING:
    from autobahn.twisted.websocket import WebSocketClientProtocol

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""A page of the longest messages fits; more is not the server we know."""

CLIENT = f"aichat-tui {__version__}"


class Listener(Protocol):
    """Who is told about the link."""

    def on_frame(self, frame: AnyPush | None, changes: list[Change]) -> None:
        """The server sent a frame, and this is what it changed."""

    def on_state(self) -> None:
        """The session's state, or the time of the next try, is another one."""


class Link(Protocol):
    """What the app and `ask` use of a link; tests put their own in its place."""

    retry_at: float | None
    """When the next try is due on the monotonic clock; None: connected, connecting, or refused."""

    def start(self, listener: Listener) -> None:
        """Connect, and stay connected."""

    def flush(self) -> None:
        """Write what the session has to say; call it after each call to the session."""

    def retry_now(self) -> None:
        """Do not wait for the next try."""

    def stop(self) -> None:
        """Disconnect for good."""


class SocketLink:
    """A WebSocket to the server."""

    def __init__(self, session: Session, find: Callable[[], Address]) -> None:
        self.session = session
        self.retry_at: float | None = None
        self._find = find
        self._listener: Listener | None = None
        self._protocol: WebSocketClientProtocol | None = None
        self._connector: Any = None
        self._timer: Any = None
        self._stopped = False

    def start(self, listener: Listener) -> None:
        """Connect, and stay connected."""
        self._listener = listener
        self._connect()

    def flush(self) -> None:
        """Write what the session has to say."""
        if self._protocol is not None:
            for data in self.session.take():
                self._protocol.sendMessage(data, isBinary=False)

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        if self._connector is None and not self._stopped:
            self._cancel_timer()
            self._connect()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopped = True
        self._cancel_timer()
        if self._protocol is not None:
            self._protocol.sendClose(1000)
        elif self._connector is not None:
            self._connector.disconnect()

    def _connect(self) -> None:
        from autobahn.twisted.websocket import connectWS  # noqa: PLC0415 - a third of a second, after the first screen

        self.retry_at = None
        try:
            # Looked up at each try: the server may have started, and left its token, since the last one.
            address = self._find()
            self.session.token = address.token
            factory = _factory(self, address.url)
            self._connector = connectWS(factory, _tls_options(address.url), timeout=10)
        except (OSError, ValueError) as error:
            self.session.refusal = str(error)
            self._gone(None)
            return
        self._tell_state()

    def _opened(self, protocol: WebSocketClientProtocol) -> None:
        self._protocol = protocol
        self.session.opened()
        self.flush()
        self._tell_state()

    def _received(self, payload: bytes) -> None:
        before = self.session.state
        try:
            frame, changes = self.session.received(payload)
        except AichatError:
            if self._protocol is not None:
                self._protocol.sendClose(3000, "not a frame")
            return
        self.flush()
        if self._listener is not None:
            self._listener.on_frame(frame, changes)
        if self.session.state is not before:
            self._tell_state()

    def _gone(self, code: int | None) -> None:
        self._protocol = self._connector = None
        delay = self.session.closed(code)
        if delay is not None and not self._stopped:
            from twisted.internet import reactor  # noqa: PLC0415 - installs a reactor when imported

            self.retry_at = time.monotonic() + delay
            self._timer = reactor.callLater(delay, self._connect)
        self._tell_state()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.retry_at = None

    def _tell_state(self) -> None:
        if self._listener is not None and not self._stopped:
            self._listener.on_state()


def _factory(link: SocketLink, url: str) -> Any:
    """An Autobahn client factory whose one protocol reports to the link."""
    from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol  # noqa: PLC0415

    class OneSocket(WebSocketClientProtocol):
        was_open = False

        def onOpen(self) -> None:
            self.was_open = True
            link._opened(self)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            link._received(payload)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            link._gone(code if self.was_open else None)

    class OneFactory(WebSocketClientFactory):
        def clientConnectionFailed(self, connector: object, reason: object) -> None:
            link._gone(None)

    untyped: Any = OneFactory
    factory = untyped(url, useragent=CLIENT)
    factory.protocol = OneSocket
    factory.setProtocolOptions(
        openHandshakeTimeout=10,
        autoPingInterval=20,
        autoPingTimeout=10,
        tcpNoDelay=True,
        maxFramePayloadSize=MAX_MESSAGE_BYTES,
        maxMessagePayloadSize=MAX_MESSAGE_BYTES,
    )
    return factory


def _tls_options(url: str) -> Any:
    """For wss: the system's trust and the host's name, both checked (Autobahn's default checks neither)."""
    if urlsplit(url).scheme != "wss":
        return None
    from twisted.internet.ssl import optionsForClientTLS  # noqa: PLC0415

    return optionsForClientTLS(urlsplit(url).hostname or "")


def adopt_running_loop() -> None:
    """Let Twisted run on the asyncio loop that is running now."""
    import asyncio  # noqa: PLC0415

    from twisted.internet import asyncioreactor  # noqa: PLC0415

    asyncioreactor.install(asyncio.get_running_loop())
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    reactor.startRunning(installSignalHandlers=False)
    silence_log()


def release_loop() -> None:
    """End Twisted's threads (they look up names), else the process waits for them; the loop is not ours to stop."""
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    if reactor.threadpool is not None:
        reactor.threadpool.stop()


def silence_log() -> None:
    """Twisted prints critical events to stderr until someone takes the log: that would tear the screen."""
    from twisted.logger import LogPublisher, globalLogBeginner  # noqa: PLC0415

    globalLogBeginner.beginLoggingTo([LogPublisher()], redirectStandardIO=False, discardBuffer=True)


def is_live(session: Session) -> bool:
    """Whether the session is welcomed and current."""
    return session.state is State.LIVE
