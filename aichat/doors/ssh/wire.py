"""One SSH connection: which algorithms it speaks, how long it may take to say who is there, and what it may hold up.

Conch does the protocol. Here is what it leaves open: only algorithms without known weakness; a time for each step
of the way in; bounds for what waits when the other side does not read, or begins to change keys and does not go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.conch.ssh._kex import getSupportedKeyExchanges
from twisted.conch.ssh.transport import (
    DISCONNECT_BY_APPLICATION,
    DISCONNECT_PROTOCOL_ERROR,
    SSHServerTransport,
    SSHTransportBase,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure

from aichat.log import make_logger
from aichat.rates import Rate
from aichat.store.users import Identity

if TYPE_CHECKING:
    from aichat.doors.ssh.door import SSHDoor

SILENT = Logger(namespace="twisted.conch", observer=LogPublisher())
"""For Conch's own lines: they are many, and have in them what strangers sent and what people say."""

KEX_WANTED = (b"mlkem768x25519-sha256", b"curve25519-sha256", b"curve25519-sha256@libssh.org")
CIPHERS = [b"aes256-ctr", b"aes192-ctr", b"aes128-ctr"]
MACS = [b"hmac-sha2-512", b"hmac-sha2-256"]
SIGNATURES = (
    b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com", b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521", b"sk-ecdsa-sha2-nistp256@openssh.com", b"rsa-sha2-512", b"rsa-sha2-256",
)  # fmt: skip
"""With which a person's key may sign. The host's own key is Ed25519."""

HANDSHAKE_SECONDS = 10.0
"""From the connection to the end of the key exchange; later key exchanges have as long."""

REKEYS_PER_MINUTE = 60
"""A key exchange costs about a millisecond of CPU. Before somebody is known there is one."""

ALIVE_SECONDS = 60.0
"""How often the other side is asked for a sign of life; without one for five times as long it is taken for gone."""


class Wire(SSHServerTransport):
    """One connection. `visitor` and `identity` are set by the login."""

    _log = SILENT
    log = make_logger("aichat.doors.ssh")
    version = b"aichat"
    ourVersionString = b"SSH-2.0-aichat"
    supportedKeyExchanges = [name for name in KEX_WANTED if name in getSupportedKeyExchanges()]  # noqa: RUF012
    supportedCiphers = CIPHERS
    supportedMACs = MACS
    supportedCompressions = [b"none"]  # noqa: RUF012
    factory: SSHDoor
    service: Any
    transport: Any
    identity: Identity | None = None
    leave: Callable[[], None] | None = None
    is_gone = False
    is_clogged = False
    _handshake: IDelayedCall | None = None
    _alive: IDelayedCall | None = None
    _silent_for = 0

    def connectionMade(self) -> None:
        """Somebody is here, and has some time to show that they speak SSH."""
        self._rekeys = Rate(self.factory.reactor.seconds, REKEYS_PER_MINUTE)
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        self.factory.arrived(self)
        super().connectionMade()  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        """What came. Conch raises at whatever is no SSH."""
        self._silent_for = 0
        try:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
        except Exception:
            if self.identity is not None:
                self.log.failure("an SSH connection was cut")
            self.abort()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """They are gone, and so are their programs, soon."""
        self.is_gone = True
        self._cancel("_handshake")
        self._cancel("_alive")
        try:
            super().connectionLost(reason)
        finally:
            self.factory.left(self)

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None and not self.is_gone:
            self.transport.abortConnection()

    # the way in

    def sendKexInit(self) -> None:
        """A key exchange begins; it has its time, and nobody's output piles up meanwhile."""
        super().sendKexInit()  # type: ignore[no-untyped-call]
        self._cancel("_handshake")
        self._handshake = self.factory.reactor.callLater(HANDSHAKE_SECONDS, self.abort)
        self._tell_channels()

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """The other side begins a key exchange."""
        again = self.sessionID is not None
        if again and (self.identity is None or self._rekeys.wait(None) > 0):
            self.say_goodbye(b"too many key exchanges", DISCONNECT_PROTOCOL_ERROR)
            return
        super().ssh_KEXINIT(packet)

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        """A key exchange is over. The first one leaves some time to log in, which `Login` watches."""
        super().ssh_NEWKEYS(packet)
        self._cancel("_handshake")
        if self.service is None:
            self._handshake = self.factory.reactor.callLater(HANDSHAKE_SECONDS, self.abort)
        self._tell_channels()

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """They want to log in."""
        super().ssh_SERVICE_REQUEST(packet)
        self._cancel("_handshake")

    def sendExtInfo(self, extensions: list[tuple[bytes, bytes]]) -> None:
        """Conch would name the host key's algorithm only."""
        super().sendExtInfo([(b"server-sig-algs", b",".join(SIGNATURES))])  # type: ignore[no-untyped-call]

    def is_known(self, identity: Identity, leave: Callable[[], None]) -> None:
        """The login was good."""
        self.identity, self.leave = identity, leave
        self.factory.known(self)
        self._alive = self.factory.reactor.callLater(ALIVE_SECONDS, self._ask_for_life)

    def throw_out(self, why: str) -> None:
        """Who is here may be here no longer, or the service stops."""
        if self.service is not None and hasattr(self.service, "end_all"):
            self.service.end_all(why)
        self.say_goodbye(why.encode(), DISCONNECT_BY_APPLICATION)

    def say_goodbye(self, why: bytes, code: int) -> None:
        """Say why, then disconnect, whether or not they read it."""
        if not self.is_gone:
            self.sendDisconnect(code, why)  # type: ignore[no-untyped-call]
            self.factory.reactor.callLater(1, self.abort)

    # what waits

    @property
    def is_held(self) -> bool:
        """Whether output would only pile up here."""
        return self.is_clogged or self._keyExchangeState != SSHTransportBase._KEY_EXCHANGE_NONE

    def pauseProducing(self) -> None:
        """The other side does not read. Then it is not read either: answers would pile up."""
        self.is_clogged = True
        self.transport.pauseProducing()
        self._tell_channels()

    def resumeProducing(self) -> None:
        """It has read everything."""
        self.is_clogged = False
        self.transport.resumeProducing()
        self._tell_channels()

    def stopProducing(self) -> None:
        """The socket is gone; `connectionLost` follows."""

    def _tell_channels(self) -> None:
        for channel in list(getattr(self.service, "channels", {}).values()):
            channel.wire_changed(self.is_held)

    def _ask_for_life(self) -> None:
        self._silent_for += 1
        if self._silent_for > 5:
            self.abort()
            return
        self._alive = self.factory.reactor.callLater(ALIVE_SECONDS, self._ask_for_life)
        if not self.is_clogged and hasattr(self.service, "ask_for_life"):
            self.service.ask_for_life()

    def _cancel(self, name: str) -> None:
        timer = getattr(self, name)
        setattr(self, name, None)
        if timer is not None and timer.active():
            timer.cancel()
