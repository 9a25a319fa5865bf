"""The socket: the only file that knows one. It keeps one connection and tells the session what happened.

    start -> connect -> opened -> (frames both ways) -> closed -> wait as long as the session says -> connect ...

Works on the default reactor (`ask`) and, after `adopt_running_loop`, on the asyncio loop of the app.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from aichat.protocol.address import Address
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import AnyPush, LoggedIn
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat.protocol.tokens import Tokens
from aichat_tui import __version__

if TYPE_CHECKING:
    from autobahn.twisted.websocket import WebSocketClientProtocol

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""A page of the longest messages fits; more is not the server we know."""

CLIENT = f"aichat-tui {__version__}"

T = TypeVar("T")


SETTLE_SECONDS = 2.0


class Listener(Protocol):
    """Who is told about the link."""

    def on_frame(self, frame: AnyPush | None, changes: list[Change]) -> None:
        """The server sent a frame, and this is what it changed."""

    def on_state(self) -> None:
        """The session's state, or the time of the next try, is another one."""

    def on_kept(self, done: bool) -> None:
        """After a login: whether a keyring has it now."""


class Link(Protocol):
    """What the app and `ask` use of a link; tests put their own in its place."""

    retry_at: float | None
    """When the next try is due on the monotonic clock; None: connected, connecting, or refused."""

    @property
    def is_idle(self) -> bool:
        """Whether neither a connection stands nor one is being made."""
        ...

    def start(self, listener: Listener) -> None:
        """Connect, and stay connected."""

    def flush(self) -> None:
        """Write what the session has to say; call it after each call to the session."""

    def retry_now(self) -> None:
        """Do not wait for the next try; after a refusal or a log-out: as at the start."""

    def log_in(self, name: str, password: str) -> None:
        """Try with a name and a password."""

    def use_token(self, token: str) -> None:
        """Try with a token that was typed in."""

    def log_out(self) -> None:
        """Forget who this is, and wait for a login."""

    def stop(self) -> None:
        """Disconnect for good."""


class SocketLink:
    """A WebSocket to the server."""

    def __init__(self, session: Session, find: Callable[[], Address]) -> None:
        self.session = session
        self.retry_at: float | None = None
        self.tokens = Tokens(session, find, self._aside, self._tell_kept)
        self._listener: Listener | None = None
        self._preparing = False
        self._factory: Any = None  # of this try; what comes from an older one does not count
        self._protocol: WebSocketClientProtocol | None = None
        self._connector: Any = None
        self._timer: Any = None
        self._stopped = False
        self._thread: Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether neither a connection stands nor one is being made."""
        return self._connector is None and not self._preparing

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
        if self.is_idle and not self._stopped:
            self._cancel_timer()
            self._connect()

    def log_in(self, name: str, password: str) -> None:
        """Try with a name and a password."""
        self._leave()
        self.tokens.log_in(name, password)
        self._connect()

    def use_token(self, token: str) -> None:
        """Try with a token that was typed in."""
        self._leave()
        self.tokens.use(token)
        self._connect()

    def log_out(self) -> None:
        """Forget who this is, and wait for a login."""
        self._leave()
        self.tokens.log_out()
        self._tell_state()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopped = True
        self._leave()

    def _leave(self) -> None:
        """End the connection, or the try; what it still says is not heard."""
        self._cancel_timer()
        self._preparing = False
        protocol, connector = self._protocol, self._connector
        self._factory = self._protocol = self._connector = None
        if protocol is not None:
            protocol.sendClose(1000)
        elif connector is not None:
            connector.disconnect()

    def _connect(self) -> None:
        self.retry_at = None
        self._preparing = True
        try:
            self.tokens.prepare(self._open)
        except (OSError, ValueError) as error:
            self._fail(error)
            return
        self._tell_state()

    def _fail(self, error: Exception) -> None:
        self.session.refusal = str(error)
        self._over(None)

    def _open(self, url: str) -> None:
        from autobahn.twisted.websocket import connectWS  # noqa: PLC0415 - a third of a second, after the first screen

        if not self._preparing:
            return  # left meanwhile
        self._preparing = False
        try:
            self._factory = _factory(self, url)
            self._connector = connectWS(self._factory, _tls_options(url), timeout=10)
        except (OSError, ValueError) as error:
            self._fail(error)

    def _opened(self, protocol: WebSocketClientProtocol) -> None:
        if protocol.factory is not self._factory:
            protocol.sendClose(1000)
            return
        self._protocol = protocol
        self.session.opened()
        self.flush()
        self._tell_state()

    def _received(self, protocol: WebSocketClientProtocol, payload: bytes) -> None:
        if protocol is not self._protocol:
            return
        before = self.session.state
        try:
            frame, changes = self.session.received(payload)
        except AichatError:
            protocol.sendClose(3000, "not a frame")
            return
        self.flush()
        if isinstance(frame, LoggedIn):
            self.tokens.logged_in()
        if self._listener is not None:
            self._listener.on_frame(frame, changes)
        if self.session.state is not before:
            self._tell_state()

    def _gone(self, factory: object, code: int | None) -> None:
        if factory is self._factory:
            self._over(code)

    def _over(self, code: int | None) -> None:
        """The connection is over, or did not come about."""
        self._preparing = False
        self._factory = self._protocol = self._connector = None
        delay = self.session.closed(code)
        if delay is not None and not self._stopped:
            from twisted.internet import reactor  # noqa: PLC0415 - installs a reactor when imported

            self.retry_at = time.monotonic() + delay
            self._timer = reactor.callLater(delay, self._connect)
        if self.session.state is State.REFUSED and not self._stopped:
            self.tokens.refused(self._connect, self._tell_state)
        else:
            self._tell_state()

    def _aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run what may block on a thread of its own, for which nobody waits long at the end."""
        from twisted.internet import reactor as installed  # noqa: PLC0415

        reactor: Any = installed

        def run() -> None:
            result = work()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                reactor.callFromThread(self._come_back, then, result)

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """At the end of the process: let a keyring that is at work finish, unless it asks somebody something."""
        if self._thread is not None:
            self._thread.join(SETTLE_SECONDS)

    def _come_back(self, then: Callable[[T], None], result: T) -> None:
        if not self._stopped:
            then(result)

    def _tell_kept(self, done: bool) -> None:
        if self._listener is not None:
            self._listener.on_kept(done)

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
            link._received(self, payload)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            link._gone(self.factory, code if self.was_open else None)

    class OneFactory(WebSocketClientFactory):
        def clientConnectionFailed(self, connector: object, reason: object) -> None:
            link._gone(self, None)

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
