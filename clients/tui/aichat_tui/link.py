"""The socket: the only file that knows one. It keeps one connection and tells the session what happened.

    start -> connect -> opened -> (frames both ways) -> closed -> wait as long as the session says -> connect ...

Works on the asyncio loop that is running when it starts: the app's own, or that of a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar

from aichat.protocol.address import Address
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import AnyPush, LoggedIn
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat.protocol.tokens import Tokens
from aichat_tui import __version__

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""A page of the longest messages fits; more is not the server we know."""

CLIENT = f"aichat-tui {__version__}"

T = TypeVar("T")

SETTLE_SECONDS = 2.0
"""At the end: for the server to hear that we go, and for a keyring at work."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # a line on standard error would tear the screen


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

    async def settle(self) -> None:
        """After `stop`: wait, not long, until it is done."""


class SocketLink:
    """A WebSocket to the server."""

    def __init__(self, session: Session, find: Callable[[], Address]) -> None:
        self.session = session
        self.retry_at: float | None = None
        self.tokens = Tokens(session, find, self._aside, self._tell_kept)
        self._listener: Listener | None = None
        self._preparing = False
        self._talk: asyncio.Task[None] | None = None  # this try; those that were left only say goodbye
        self._left: set[asyncio.Task[None]] = set()
        self._socket: ClientConnection | None = None
        self._waiting: deque[bytes] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._thread: Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether neither a connection stands nor one is being made."""
        return self._talk is None and not self._preparing

    def start(self, listener: Listener) -> None:
        """Connect, and stay connected."""
        self._listener = listener
        self._connect()

    def flush(self) -> None:
        """Write what the session has to say."""
        if self._socket is not None:
            self._waiting += self.session.take()
            if self._waiting and (self._writer is None or self._writer.done()):
                self._writer = asyncio.get_running_loop().create_task(self._write(self._socket))

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

    async def settle(self) -> None:
        """After `stop`: let the server hear of it, and a keyring finish, unless it asks somebody something."""
        if self._left:
            await asyncio.wait(self._left, timeout=SETTLE_SECONDS)
        if self._thread is not None:
            self._thread.join(SETTLE_SECONDS)

    def _leave(self) -> None:
        """End the connection, or the try; what it still says is not heard."""
        self._cancel_timer()
        self._preparing = False
        talk, self._talk, self._socket = self._talk, None, None
        self._waiting.clear()
        if talk is not None:
            self._left.add(talk)
            talk.add_done_callback(self._left.discard)
            talk.cancel()

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
        if self._preparing:  # else it was left meanwhile
            self._preparing = False
            self._talk = asyncio.get_running_loop().create_task(self._run(url))

    async def _run(self, url: str) -> None:
        """One connection, from the try to its end."""
        from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException  # noqa: PLC0415

        code = None
        try:
            async with _connect(url) as socket:
                self._socket = socket
                self.session.opened()
                self.flush()
                self._tell_state()
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        await self._received(socket, await socket.recv(decode=False))
            code = socket.close_code
        except InvalidURI as error:
            self._fail(error)
            return
        except (OSError, WebSocketException) as error:  # TimeoutError is an OSError
            _log.info("no connection to %s: %s", url, error)
        self._over(code)

    async def _received(self, socket: ClientConnection, payload: bytes) -> None:
        before = self.session.state
        try:
            frame, changes = self.session.received(payload)
        except AichatError:
            await socket.close(3000, "not a frame")
            return
        self.flush()
        if isinstance(frame, LoggedIn):
            self.tokens.logged_in()
        if self._listener is not None:
            self._listener.on_frame(frame, changes)
        if self.session.state is not before:
            self._tell_state()

    async def _write(self, socket: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

        with contextlib.suppress(ConnectionClosed):  # what was not said is said again after the next welcome
            while self._waiting and socket is self._socket:
                await socket.send(self._waiting.popleft(), text=True)

    def _over(self, code: int | None) -> None:
        """The connection is over, or did not come about."""
        self._preparing = False
        self._talk = self._socket = None
        self._waiting.clear()
        delay = self.session.closed(code)
        if delay is not None and not self._stopped:
            self.retry_at = time.monotonic() + delay
            self._timer = asyncio.get_running_loop().call_later(delay, self._connect)
        if self.session.state is State.REFUSED and not self._stopped:
            self.tokens.refused(self._connect, self._tell_state)
        else:
            self._tell_state()

    def _aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run what may block on a thread of its own, for which nobody waits long at the end."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            result = work()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._come_back, then, result)

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def _come_back(self, then: Callable[[T], None], result: T) -> None:
        if not self._stopped:
            then(result)

    def _tell_kept(self, done: bool) -> None:
        if self._listener is not None:
            self._listener.on_kept(done)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.retry_at = None

    def _tell_state(self) -> None:
        if self._listener is not None and not self._stopped:
            self._listener.on_state()


def _connect(url: str) -> connect:
    """A connection to be made; for wss the certificate is checked against the system's trust and the host's name."""
    from websockets.asyncio.client import connect  # noqa: PLC0415 - the first screen comes sooner

    class Straight(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc  # a token is shown to the server that was named and to nobody else

    return Straight(
        url, user_agent_header=CLIENT, proxy=None, compression=None, open_timeout=10, ping_interval=20,
        ping_timeout=10, close_timeout=SETTLE_SECONDS, max_size=MAX_MESSAGE_BYTES, logger=_log,
    )  # fmt: skip
