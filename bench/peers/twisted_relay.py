"""A bare WebSocket relay on the service's own libraries (Twisted's Agent, msgspec, Autobahn), one frame a delta and
nothing of what makes a chat: `python twisted_relay.py PORT`."""

import os
import sys
from typing import Any

import msgspec
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

UPSTREAM = os.environ["UPSTREAM_URL"]
reactor: Any = default_reactor
agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))


class Delta(msgspec.Struct):
    content: str = ""


class Choice(msgspec.Struct):
    delta: Delta


class Chunk(msgspec.Struct):
    choices: list[Choice]


class Frame(msgspec.Struct):
    type: str
    content: str = ""


decode = msgspec.json.Decoder(Chunk).decode
encode = msgspec.json.Encoder().encode


@implementer(IBodyProducer)
class Body:
    def __init__(self, data: bytes) -> None:
        self.data, self.length = data, len(data)

    async def _write(self, consumer: Any) -> None:
        consumer.write(self.data)

    def startProducing(self, consumer: Any) -> Any:
        return ensureDeferred(self._write(consumer))

    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def stopProducing(self) -> None: ...


class Events(Protocol):
    """The body of an answer: each event becomes a frame."""

    def __init__(self, socket: WebSocketServerProtocol) -> None:
        self.socket, self.rest = socket, b""

    def dataReceived(self, data: bytes) -> None:
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            if event == b"data: [DONE]":
                self.socket.sendMessage(b'{"type":"done"}')
            elif (choices := decode(event[6:]).choices) and choices[0].delta.content:
                self.socket.sendMessage(encode(Frame("delta", choices[0].delta.content)))


class Relay(WebSocketServerProtocol):
    def onOpen(self) -> None:
        self.transport.setTcpNoDelay(True)  # Autobahn leaves Nagle on

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        ensureDeferred(self.ask(msgspec.json.decode(payload)["content"]))

    async def ask(self, content: str) -> None:
        body = {"model": "fake-1", "stream": True, "messages": [{"role": "user", "content": content}]}
        headers = Headers({"content-type": ["application/json"]})
        url = f"{UPSTREAM}/chat/completions".encode()
        response = await agent.request(b"POST", url, headers, Body(encode(body)))
        response.deliverBody(Events(self))


def main() -> None:
    factory = WebSocketServerFactory()
    factory.protocol = Relay
    TCP4ServerEndpoint(reactor, int(sys.argv[1]), interface="127.0.0.1").listen(factory)
    reactor.run()


if __name__ == "__main__":
    main()
