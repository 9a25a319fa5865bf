"""How many may come at a time, and how often: counted where sockets arrive, before anything of them is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer, noLongerProvides

from aichat.gate import is_local
from aichat.log import make_logger
from aichat.rates import Rate

SAY_AGAIN_SECONDS = 60.0


class Crowd:
    """Everybody at the open ports of a service. A limit of 0 is none.

    Limits by address do not count for this machine: behind a reverse proxy everybody seems to come from it.
    """

    _log = make_logger("aichat.doors.crowd")

    def __init__(self, seconds: Callable[[], float], *, most: int, per_address: int, per_minute: int) -> None:
        self._seconds = seconds
        self._most = most
        self._per_address = per_address
        self._arrivals = Rate(seconds, per_minute)
        self._here: Counter[str] = Counter()
        self.total = 0
        self.turned_away = 0
        self._said = -SAY_AGAIN_SECONDS

    def enter(self, peer: IAddress | None) -> str | None:
        """Somebody arrives -> the key to give back to `leave`, or None: not now."""
        key = "" if peer is None or is_local(peer, ()) else str(getattr(peer, "host", ""))
        full = bool(self._most) and self.total >= self._most
        if key and not full:
            full = bool(self._per_address) and self._here[key] >= self._per_address
            full = full or self._arrivals.wait(key) > 0
        if full:
            self._turn_away(key)
            return None
        self.total += 1
        self._here[key] += 1
        return key

    def leave(self, key: str) -> None:
        """Somebody is gone."""
        self.total -= 1
        self._here[key] -= 1
        if not self._here[key]:
            del self._here[key]

    def _turn_away(self, key: str) -> None:
        self.turned_away += 1
        now = self._seconds()
        if now - self._said >= SAY_AGAIN_SECONDS:
            self._said = now
            self._log.warn(
                "turned away: {key}; {total} connections are open"
                " (settings connections_most, connections_per_address, connects_per_minute)",
                key=key or "somebody on this machine",
                total=self.total,
            )


@implementer(IProtocolNegotiationFactory)
class CrowdFactory(WrappingFactory):
    """A site behind its crowd: who does not fit in is not let in, the socket is closed at once."""

    noisy = False

    def __init__(self, site: IProtocolFactory, crowd: Crowd) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self.protocol = _Guest
        self.crowd = crowd

    def acceptableProtocols(self) -> list[bytes]:
        """What is spoken under TLS: whoever offers protocols, as every browser does, must find one of them here."""
        spoken: list[bytes] = self.wrappedFactory.acceptableProtocols()
        return spoken

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]
        """One socket arrives."""
        key = self.crowd.enter(addr)
        guest = None if key is None else super().buildProtocol(addr)
        if key is None or not isinstance(guest, _Guest):
            return guest
        if guest.wrappedProtocol is None:  # the site itself has no room for them
            self.crowd.leave(key)
            return None
        guest.key = key
        return guest


class _Guest(ProtocolWrapper):
    factory: CrowdFactory
    key: str

    def makeConnection(self, transport: ITransport) -> None:
        """The socket is here. Autobahn looks into whatever says it is TLS, and knows Twisted's own class only."""
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        if ISSLTransport.providedBy(self):
            noLongerProvides(self, ISSLTransport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.factory.crowd.leave(self.key)
