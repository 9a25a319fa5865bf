"""The SSH door as a whole: its host key, who is on the way in, how many sessions there are, and its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.internet.interfaces import IAddress
from twisted.internet.task import deferLater

from aichat.chat.accounts import Accounts
from aichat.doors.ssh.hostkey import host_key
from aichat.doors.ssh.login import Login, Methods
from aichat.doors.ssh.session import Channels, SessionChannel
from aichat.doors.ssh.template import Template
from aichat.doors.ssh.wire import SILENT, Wire
from aichat.gate import is_local
from aichat.log import make_logger
from aichat.protocol.errors import AichatError
from aichat.store.users import User

STRANGERS_MOST = 100
"""Connections at a time that have not said who they are."""

STRANGERS_PER_ADDRESS = 10
"""Of one address, this machine excepted."""

STOP_SECONDS = 3.0
"""How long the end of the programs is waited for when the service stops."""


class SSHDoor(SSHFactory):
    """Makes a connection for each socket. `url` is where programs find the service: set it before the port opens."""

    _log = SILENT
    noisy = False
    protocol = Wire
    services = {b"ssh-userauth": Login, b"ssh-connection": Channels}  # noqa: RUF012
    primes = None
    log = make_logger("aichat.doors.ssh")

    def __init__(
        self,
        reactor: Any,
        accounts: Accounts,
        state_dir: Path,
        *,
        passwords: bool = False,
        sessions_most: int = 0,
        sessions_per_user: int = 0,
    ) -> None:
        self.reactor = reactor
        self.accounts = accounts
        self.portal: Any = Methods(password=passwords)
        self.url = ""
        self._state_dir = state_dir
        self._sessions_most, self._sessions_per_user = sessions_most, sessions_per_user
        self._wires: set[Wire] = set()
        self._strangers: dict[Wire, str] = {}
        self._sessions: Counter[int] = Counter()
        self.template = Template(reactor)
        self.children = 0

    @property
    def sessions(self) -> int:
        """How many there are."""
        return self._sessions.total()

    def open(self) -> None:
        """Read the host key, or make it, and have programs ready. Errors: OSError, ValueError."""
        key = host_key(self._state_dir)
        self.privateKeys: dict[bytes, Key] = {b"ssh-ed25519": key}
        self.publicKeys: dict[bytes, Key] = {b"ssh-ed25519": key.public()}
        self.template.warm()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Somebody comes; None: too many are on the way in already."""
        whose = "" if addr is None or is_local(addr, ()) else str(getattr(addr, "host", ""))
        from_there = sum(1 for address in self._strangers.values() if address == whose)
        if len(self._strangers) >= STRANGERS_MOST or (whose and from_there >= STRANGERS_PER_ADDRESS):
            return None
        wire = super().buildProtocol(addr)
        assert isinstance(wire, Wire)
        self._strangers[wire] = whose
        return wire

    def getService(self, transport: Any, service: bytes) -> Any:
        """What comes next: first the login, then the channels, and neither twice."""
        wanted = b"ssh-userauth" if transport.identity is None else b"ssh-connection"
        if service != wanted or isinstance(transport.service, Channels):
            return None
        return self.services[service]

    # connections

    def arrived(self, wire: Wire) -> None:
        """A socket is here."""
        self._wires.add(wire)

    def known(self, wire: Wire) -> None:
        """They said who they are."""
        self._strangers.pop(wire, None)

    def left(self, wire: Wire) -> None:
        """A socket is gone."""
        self._strangers.pop(wire, None)
        self._wires.discard(wire)

    # sessions

    def enter(self, user: User, channel: SessionChannel) -> Callable[[], None]:
        """One more session -> to be called at its end. Errors: AichatError rate_limited."""
        if self._sessions_most and self.sessions >= self._sessions_most:
            raise AichatError("rate_limited", "This server has no room for another session; try again later.")
        if self._sessions_per_user and self._sessions[user.id] >= self._sessions_per_user:
            raise AichatError(
                "rate_limited", f"{user.name} has {self._sessions_per_user} sessions open: end one first."
            )
        self._sessions[user.id] += 1

        def leave() -> None:
            self._sessions[user.id] -= 1
            if not self._sessions[user.id]:
                del self._sessions[user.id]

        return leave

    def child_came(self) -> None:
        """A program was started."""
        self.children += 1

    def child_gone(self) -> None:
        """A program is gone."""
        self.children -= 1

    async def close(self) -> None:
        """End every session, say that the server stops, and wait for the programs."""
        for wire in list(self._wires):
            wire.throw_out("the server is stopping")
        deadline = self.reactor.seconds() + STOP_SECONDS
        while (self.children or self._wires) and self.reactor.seconds() < deadline:
            await deferLater(self.reactor, 0.02)
        self.template.close()
        if self.children:
            self.log.warn("{n} programs of SSH sessions did not end", n=self.children)
