"""The first look at whoever comes to the service's port: an ordinary WebSocket handshake goes straight to its door.

On the way through twisted.web and Klein a handshake is parsed twice, routed, and leaves a channel and a request
behind: 0.4 ms a connection. What is taken here is only what every client sends, whole in its first piece and without
any doubt about its meaning; all else goes that way as ever, and meets every check there.
"""

from __future__ import annotations

import re

from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IProtocolNegotiationFactory
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from aichat.doors.websocket import WebSocketDoor
from aichat.gate import HEADERS_SECONDS, QuietSite

HEAD_MOST = 8_192

_HEAD = re.compile(rb"GET /ws HTTP/1\.1\r\n(?:[A-Za-z0-9-]++:[\x20-\x7e]*+\r\n)++\r\n")
_UPGRADE = re.compile(rb"\r\nupgrade:[ ]*websocket[ ]*\r\n", re.IGNORECASE)
_BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect):", re.IGNORECASE)


def is_handshake(data: bytes) -> bool:
    """Whether what came first is a whole, plain WebSocket handshake for `/ws`, perhaps with frames after it."""
    found = _HEAD.match(data, 0, HEAD_MOST)
    if found is None:
        return False
    return _UPGRADE.search(data, 0, found.end()) is not None and _BODY.search(data, 0, found.end()) is None


@implementer(IProtocolNegotiationFactory)
class Front(ServerFactory):
    """The site of a service with its WebSocket door in front. It stands behind a `CrowdFactory`."""

    noisy = False

    def __init__(self, site: QuietSite, door: WebSocketDoor) -> None:
        self.site = site
        self.door = door

    def doStart(self) -> None:
        """The port opens."""
        self.site.doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        """The port is closed."""
        self.site.doStop()  # type: ignore[no-untyped-call]

    def acceptableProtocols(self) -> list[bytes]:
        """What is spoken under TLS."""
        return self.site.acceptableProtocols()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Somebody comes."""
        return _FirstLook(self)


class _FirstLook(Protocol):
    factory: Front
    _due: IDelayedCall | None = None

    def __init__(self, front: Front) -> None:
        self.factory = front

    def connectionMade(self) -> None:
        """Somebody is here; under TLS they still have to shake hands, in this time too."""
        self._due = self.factory.door.reactor.callLater(HEADERS_SECONDS, self._nobody_speaks)

    def dataReceived(self, data: bytes) -> None:
        """The first piece that comes: whose it is."""
        self._forget()
        guest = self.transport
        assert isinstance(guest, ProtocolWrapper)
        door = self.factory.door if is_handshake(data) else self.factory.site
        protocol: IProtocol = door.buildProtocol(guest.getPeer())
        guest.wrappedProtocol = protocol
        protocol.makeConnection(guest)
        protocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """They left without a word."""
        self._forget()

    def _forget(self) -> None:
        due, self._due = self._due, None
        if due is not None and due.active():
            due.cancel()

    def _nobody_speaks(self) -> None:
        self._due = None
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]
