"""A server whose sockets a test plays by hand, plain or with TLS."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.threads import deferToThread
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import StreamingAgent
from tests.e2e.test_certificates import make_certificate

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@implementer(IAgentEndpointFactory)
class Listener:
    """A listening socket whose connections a test plays."""

    def __init__(self, folder: Path, tls: bool) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listening.getsockname()[1]
        self.tls: ssl.SSLContext | None = None
        self.links: list[Any] = []
        if tls:
            key, certificate, _ = make_certificate("localhost")
            (folder / "key.pem").write_bytes(key)
            (folder / "certificate.pem").write_bytes(certificate)
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
            self.trust = trustRootFromCertificates([Certificate.loadPEM(certificate)])

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self.endpoint(uri.host.decode())

    def endpoint(self, name: str = "localhost") -> Any:
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port, timeout=10)
        return wrapClientTLS(optionsForClientTLS(name, trustRoot=self.trust), plain) if self.tls else plain

    async def accept(self) -> Any:
        link, _ = await deferToThread(self.listening.accept)
        link.settimeout(10)
        self.links.append(link)
        if self.tls is not None:
            link = await deferToThread(self.tls.wrap_socket, link, server_side=True, suppress_ragged_eofs=False)
            self.links.append(link)
        return link

    async def ask(self, head: bytes) -> tuple[Any, Any]:
        """A request that is answered with this -> the response, the server's end."""
        asked = StreamingAgent(self).request(b"GET", b"http://localhost/")
        link = await self.accept()
        assert (await deferToThread(link.recv, 65_536)).startswith(b"GET / HTTP/1.1\r\n")
        link.sendall(head)
        return await asked, link

    def close(self) -> None:
        for link in self.links:
            link.close()
        self.listening.close()


def arrived(transport: Any) -> None:
    """Wait, without the reactor, until there is something to read."""
    fileno = getattr(transport, "transport", transport).fileno()
    assert select.select([fileno], [], [], 10)[0], "nothing came"


def reset(link: Any) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()
