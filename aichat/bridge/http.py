"""How this program asks over HTTP: treq over an agent that is made for streams."""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.abstract import isIPAddress
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import StreamingAgent, Whole


def make_agent(reactor: Any, connect_timeout: float) -> StreamingAgent:
    """An agent over sockets."""
    return StreamingAgent(Sockets(reactor, connect_timeout), reactor)


def make_client(agent: StreamingAgent) -> HTTPClient:
    """treq over such an agent."""
    return HTTPClient(agent, NO_COOKIES, Whole)


class _NoCookies(IndexableCookieJar):
    """Nobody here sets cookies; looking for some takes longer than all else that treq does."""

    def add_cookie_header(self, request: Any) -> None:
        """There are none."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """None are kept."""


NO_COOKIES = _NoCookies()


@implementer(IAgentEndpointFactory)
class Sockets:
    """Endpoints to real addresses, certificates checked. An IP address is connected to as it is: the resolver would
    look it up in a thread, which costs more than the rest of the connection."""

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
