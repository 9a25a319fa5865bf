"""The HTTP client that asks upstreams and bridges: one socket for each request, certificates checked."""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.abstract import isIPAddress
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer


def make_client(reactor: Any, connect_timeout: float) -> HTTPClient:
    """A client whose connections are not kept: closing the socket is how a generation ends."""
    pool = HTTPConnectionPool(reactor, persistent=False)
    return HTTPClient(Agent.usingEndpointFactory(reactor, _Endpoints(reactor, connect_timeout), pool=pool))


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """As the Agent's own, but an address is connected to as it is: the resolver would look it up in a thread, which
    costs more than the rest of the connection."""

    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Where to connect to."""
        host = uri.host.decode("ascii")
        endpoint: IStreamClientEndpoint
        if isIPAddress(host):
            endpoint = TCP4ClientEndpoint(self._reactor, host, uri.port, timeout=self._timeout)
        else:
            endpoint = HostnameEndpoint(self._reactor, host, uri.port, timeout=self._timeout)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(optionsForClientTLS(host), endpoint)
        return endpoint
