"""Who comes through the SSH door: by a key of an account, or, where a setting allows it, by name and password.

A key says whose it is: the name before the @ counts for a password only.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.conch.error import ConchError, ValidPublicKey
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.keys import BadKeyError, Key
from twisted.conch.ssh.transport import DISCONNECT_TOO_MANY_CONNECTIONS
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.credentials import ISSHPrivateKey, IUsernamePassword, SSHPrivateKey, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, ensureDeferred

from aichat.doors.ssh.wire import SIGNATURES, SILENT
from aichat.gate import is_local
from aichat.log import make_logger
from aichat.protocol.errors import AichatError

if TYPE_CHECKING:
    from aichat.doors.ssh.wire import Wire

LOGIN_SECONDS = 60
"""How long somebody may take to log in: a password has to be typed."""

TRIES_MOST = 10
"""Keys and passwords that one connection may try; an agent offers all the keys it has."""

RSA_BITS_LEAST = 2_048

Outcome = tuple[object, object, Any]


class Login(SSHUserAuthServer):
    """The login of one connection."""

    _log = SILENT
    loginTimeout = LOGIN_SECONDS
    attemptsBeforeDisconnect = TRIES_MOST
    transport: Wire | None

    def serviceStarted(self) -> None:
        """They want to log in."""
        super().serviceStarted()  # type: ignore[no-untyped-call]
        assert self.transport is not None
        self.portal = Clerk(self.transport)

    def timeoutAuthentication(self) -> None:
        """They took too long; whether they read that or not, they leave."""
        super().timeoutAuthentication()  # type: ignore[no-untyped-call]
        assert self.transport is not None
        self.transport.abort()


class Methods:
    """Which ways there are to log in: what Conch asks a portal for."""

    def __init__(self, *, password: bool) -> None:
        self._kinds = [ISSHPrivateKey, *([IUsernamePassword] if password else [])]

    def listCredentialsInterfaces(self) -> list[Any]:
        return self._kinds


class Clerk:
    """Checks what one connection shows."""

    _problems = make_logger("aichat.doors.ssh")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._accounts = wire.factory.accounts

    def login(self, shown: object, mind: object, *interfaces: object) -> Deferred[Outcome]:
        """What is shown -> (interface, avatar, log-out), as Conch wants it. Errors: its own."""
        return ensureDeferred(self._login(shown))

    async def _login(self, shown: object) -> Outcome:
        try:
            if isinstance(shown, SSHPrivateKey):
                identity, leave = await self._by_key(shown)
            elif isinstance(shown, UsernamePassword):
                identity, leave = await self._by_password(shown)
            else:
                raise UnauthorizedLogin("unknown credentials")
        except AichatError as error:
            if error.code == "rate_limited":
                self._wire.say_goodbye(error.message.encode(), DISCONNECT_TOO_MANY_CONNECTIONS)
            raise UnauthorizedLogin(error.message) from None
        except (UnauthorizedLogin, ConchError):
            raise
        except Exception:
            self._problems.failure("a login over SSH failed")
            raise UnauthorizedLogin("a fault") from None
        if self._wire.is_gone or self._wire.identity is not None:  # left meanwhile, or in already
            leave()
            raise UnauthorizedLogin("nobody waits for this")
        self._wire.is_known(identity, leave)
        return ISSHPrivateKey, identity, leave

    async def _by_key(self, shown: SSHPrivateKey) -> Any:
        key = parse(shown.algName, shown.blob)
        text = base64.b64encode(shown.blob).decode()
        if shown.signature is None:
            if await self._accounts.knows_key(text):
                raise ValidPublicKey
            raise UnauthorizedLogin("unknown key")
        if not is_signed(key, shown.algName, shown.signature, shown.sigData):
            raise UnauthorizedLogin("bad signature")
        return await self._accounts.admit_key(text, throw_out=self._wire.throw_out)

    async def _by_password(self, shown: UsernamePassword) -> Any:
        peer: Any = self._wire.transport.getPeer()
        address = "" if is_local(peer, ()) else str(getattr(peer, "host", ""))
        try:
            name, password = shown.username.decode(), shown.password.decode()
        except UnicodeDecodeError:
            raise UnauthorizedLogin("not UTF-8") from None
        return await self._accounts.admit_password(name, password, address, throw_out=self._wire.throw_out)


def parse(algorithm: bytes, blob: bytes) -> Key:
    """A public key that may sign with an algorithm. Errors: UnauthorizedLogin."""
    try:
        key: Key = Key.fromString(blob)
    except (BadKeyError, ValueError, UnsupportedAlgorithm, LookupError):
        raise UnauthorizedLogin("no key") from None
    fits = algorithm.startswith(b"rsa-sha2-") if key.type() == "RSA" else algorithm == key.sshType()
    if algorithm not in SIGNATURES or not fits or (key.type() == "RSA" and key.size() < RSA_BITS_LEAST):
        raise UnauthorizedLogin("a key that is too weak")
    return key


def is_signed(key: Key, algorithm: bytes, signature: bytes, data: bytes) -> bool:
    """Whether a signature is a key's, made by the very algorithm that was named."""
    try:
        return bool(getNS(signature)[0] == algorithm and key.verify(signature, data))
    except Exception:  # whatever is no signature
        return False
