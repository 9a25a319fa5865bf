"""The socket: the only file that knows it.

Tells the session what happened and writes what the session hands out. When the connection is lost it tries again
after the delay that the session names, and counts the seconds down for whoever shows them.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from math import ceil
from threading import Thread
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, QUrl, Signal
from PySide6.QtNetwork import QSslError
from PySide6.QtWebSockets import QWebSocket

from aichat.protocol.address import Address
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import LoggedIn, Welcome
from aichat.protocol.session import Session, State
from aichat.protocol.tokens import Tokens
from aichat_qt.certificate import Doubt, doubt

log = logging.getLogger(__name__)

HANDSHAKE_MS = 10_000
PING_MS = 20_000
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""A page of history may hold many long messages; more than this is no chat server."""

T = TypeVar("T")


class Link(QObject):
    """One session's connection, made anew as long as that is of use."""

    changed = Signal()
    """The session's state, or the seconds until the next try."""
    received = Signal(object, object)
    """A frame and the list of changes that it made."""
    kept = Signal(bool)
    """After a login: whether a keyring has it now."""
    _returned = Signal(object)

    trusted = Signal(str)
    """The fingerprint of a certificate that the user trusts from now on."""

    def __init__(
        self, session: Session, find: Callable[[], Address], certificate: str = "", parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.certificate = certificate
        """The fingerprint that the user trusts, where no authority vouches for the server."""
        self.doubt: Doubt | None = None
        """What the server showed; nothing is sent to it before the user answers with `trust`."""
        self.address = find()
        self.tokens = Tokens(session, find, self._aside, self.kept.emit)
        self.trouble = ""
        self._preparing = False
        self._returned.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self.connecting = False
        self._socket: QWebSocket | None = None
        self._answered = True
        self._retry_at = 0.0
        self._retry = QTimer(self, singleShot=True)
        self._retry.timeout.connect(self.connect_now)
        self._second = QTimer(self, interval=1000)
        self._second.timeout.connect(self.changed)
        self._handshake = QTimer(self, singleShot=True, interval=HANDSHAKE_MS)
        self._handshake.timeout.connect(lambda: self._end(self.tr("The server did not answer in time.")))
        self._ping = QTimer(self, interval=PING_MS)
        self._ping.timeout.connect(self._check_alive)

    def connect_now(self) -> None:
        """Try now, whatever the timer says. Does nothing while a connection stands or is being made."""
        if self._socket is not None or self._preparing:
            return
        self._retry.stop()
        self._second.stop()
        self.doubt = None
        self.connecting = self._preparing = True
        try:
            self.tokens.prepare(self._connect)
        except (OSError, ValueError) as error:
            self._over(self.tr("The token file cannot be read: {0}").format(error))
            return
        self.changed.emit()

    def _connect(self, url: str) -> None:
        if not self._preparing:
            return  # left meanwhile
        self._preparing = False
        socket = self._socket = QWebSocket(parent=self)
        socket.setMaxAllowedIncomingMessageSize(MAX_MESSAGE_BYTES)
        socket.setMaxAllowedIncomingFrameSize(MAX_MESSAGE_BYTES)
        socket.connected.connect(self._opened)
        socket.textMessageReceived.connect(self._received)
        socket.disconnected.connect(self._disconnected)
        socket.errorOccurred.connect(self._failed)
        socket.sslErrors.connect(self._doubt)
        socket.pong.connect(self._pong)
        self._handshake.start()
        socket.open(QUrl(url))

    def trust(self) -> None:
        """The certificate in doubt is the server's: it is taken from now on, and no other."""
        if self.doubt is not None:
            self.certificate = self.doubt.fingerprint
            self.trusted.emit(self.certificate)
            self.connect_now()

    def close(self) -> None:
        """Leave for good."""
        self._drop()
        self._retry.stop()
        self._second.stop()

    def use_token(self, token: str, *, keep: bool = False) -> None:
        """Try again with another token; `keep` it in the keyring once the server has taken it."""
        self._drop()
        self.tokens.use(token, keep=keep)
        self.connect_now()

    def log_in(self, name: str, password: str, *, keep: bool = True) -> None:
        """Try again with a name and a password; `keep` the token that comes in the keyring."""
        self._drop()
        self.tokens.log_in(name, password, keep=keep)
        self.connect_now()

    def log_out(self) -> None:
        """Forget who this is, and wait for a login."""
        self._drop()
        self._retry.stop()
        self._second.stop()
        self.trouble = ""
        self.tokens.log_out()
        self.changed.emit()

    def flush(self) -> None:
        """Write what the session has to say. Call it after every call on the session."""
        frames = self.session.take()
        if self._socket is not None:
            for frame in frames:
                self._socket.sendTextMessage(frame.decode())

    @property
    def seconds_left(self) -> int:
        """Until the next try; 0 if none is planned."""
        return max(1, ceil(self._retry_at - time.monotonic())) if self._retry.isActive() else 0

    def _doubt(self, errors: list[QSslError]) -> None:
        """TLS found fault with the certificate. What is not ignored here ends the handshake."""
        if self._socket is None:
            return
        self.doubt = doubt(self._socket.sslConfiguration().peerCertificate(), errors, self.certificate)
        if self.doubt is None:
            self._socket.ignoreSslErrors(errors)

    def _opened(self) -> None:
        if self._socket is not None and self._socket.requestUrl().scheme() == "wss":
            self.doubt = doubt(self._socket.sslConfiguration().peerCertificate(), [], self.certificate)
            if self.doubt is not None:
                self._end("")
                return
        self._handshake.stop()
        self.connecting = False
        self.trouble = ""
        self._answered = True
        self._ping.start()
        self.session.opened()
        self.flush()
        self.changed.emit()

    def _received(self, text: str) -> None:
        before = self.session.state
        try:
            frame, changes = self.session.received(text)
        except AichatError as error:
            log.warning("%s", error)
            return
        self.flush()
        if isinstance(frame, LoggedIn):
            self.tokens.logged_in()
        elif isinstance(frame, Welcome):
            self.tokens.welcomed()
        if frame is not None:
            self.received.emit(frame, changes)
        if self.session.state is not before:
            self.changed.emit()

    def _disconnected(self) -> None:
        if self._socket is not None:
            self._end(self._socket.closeReason(), self._close_code())

    def _failed(self) -> None:
        """Under TLS this comes before `disconnected`, with the close code of the server already there."""
        if self._socket is not None:
            self._end(self._socket.closeReason() or self._socket.errorString(), self._close_code())

    def _close_code(self) -> int | None:
        return None if self._socket is None else getattr(self._socket.closeCode(), "value", None)

    def _end(self, trouble: str, code: int | None = None) -> None:
        """The connection is over, or did not come about."""
        if self._socket is not None:
            self._over(trouble, code)

    def _over(self, trouble: str, code: int | None = None) -> None:
        self._drop()
        self.trouble = trouble
        delay = self.session.closed(code)
        if self.doubt is not None:  # it would be asked again and again
            self.trouble, delay = self.tr("The certificate of the server is not trusted."), None
        if self.session.state is State.REFUSED and trouble and not self.session.refusal:
            self.session.refusal = trouble
        if delay is not None:
            self._retry_at = time.monotonic() + delay
            self._retry.start(ceil(delay * 1000))
            self._second.start()
        if self.session.state is State.REFUSED:
            self.tokens.refused(self.connect_now, self.changed.emit)
        else:
            self.changed.emit()

    def _drop(self) -> None:
        self.connecting = self._preparing = False
        self._handshake.stop()
        self._ping.stop()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.disconnect(self)
            socket.abort()
            socket.deleteLater()

    def _aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run what may block on a thread of its own, which nobody waits for at the end."""

        def run() -> None:
            result = work()
            with contextlib.suppress(RuntimeError):  # the window is gone
                self._returned.emit(lambda: then(result))

        Thread(target=run, daemon=True).start()

    def _call(self, then: Callable[[], None]) -> None:
        then()

    def _check_alive(self) -> None:
        """A line that went dead (a laptop that slept) does not say so by itself."""
        if not self._answered:
            self._end(self.tr("The connection went silent."))
        elif self._socket is not None:
            self._answered = False
            self._socket.ping()

    def _pong(self, _elapsed: int, _payload: object) -> None:
        self._answered = True
