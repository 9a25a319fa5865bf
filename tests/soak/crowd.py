"""A crowd of clients as a process: `python -m tests.soak.crowd PORT N` opens N real sessions and keeps them open,
each with its own retry schedule. It prints a line of JSON when something holds for all of them:

    {"live": N}                                     all have said hello and know personas and conversations
    {"back": N, "seconds": S, "recovered": N}       all lost their line, are back, and know of both endings below

`seconds` is the time since the first line was lost. The endings are what a client must hear to have caught up: of an
answer that broke off while it was away, and of one that was asked for after that.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import DeferredSemaphore, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from aichat.protocol import frames
from aichat.protocol.session import Session

reactor: Any = default_reactor

AT_A_TIME = 100
"""Connections under way while the crowd gathers; when it comes back, nobody waits for anybody."""


class Socket(WebSocketClientProtocol):
    """One line of one member."""

    member: Member

    def onOpen(self) -> None:
        self.member.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.member.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.member.closed(code)


class Member:
    """One client."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.session = Session(client=f"crowd {number}")
        self.socket: Socket | None = None
        self.is_live = False
        self.recovered = False
        self.heard: set[str] = set()

    async def connect(self) -> None:
        try:
            self.socket = await self.crowd.endpoint.connect(self.crowd.factory)
        except Exception:
            self.closed(None)
        else:
            assert self.socket is not None
            self.socket.member = self

    def opened(self) -> None:
        self.session.opened()
        self.flush()

    def flush(self) -> None:
        assert self.socket is not None
        for data in self.session.take():
            self.socket.sendMessage(data)

    def received(self, payload: bytes) -> None:
        frame, _ = self.session.received(payload)
        self.flush()
        match frame:
            case frames.Welcome():
                self.recovered = frame.recovered
            case frames.MessageDone():
                self.heard.add("done" if frame.message.status == "done" else "broken")
                self.crowd.look()
        known = self.session.timeline
        if not self.is_live and known.personas_known and known.conversations_known:
            self.is_live = True
            self.crowd.look()

    def closed(self, code: int | None) -> None:
        self.crowd.lost_one()
        self.recovered = False
        pause = self.session.closed(code)
        assert pause is not None
        reactor.callLater(pause, lambda: ensureDeferred(self.connect()))


class Crowd:
    """All of them."""

    def __init__(self, port: int, size: int) -> None:
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port, timeout=10)
        self.factory = WebSocketClientFactory(f"ws://127.0.0.1:{port}/ws")
        self.factory.protocol = Socket
        self.factory.setProtocolOptions(openHandshakeTimeout=10)
        self.members = [Member(self, number) for number in range(size)]
        self.lost_at = 0.0
        self.said: set[str] = set()

    async def gather(self) -> None:
        turns = DeferredSemaphore(AT_A_TIME)
        for member in self.members:
            await turns.run(lambda member=member: ensureDeferred(member.connect()))

    def lost_one(self) -> None:
        self.lost_at = self.lost_at or reactor.seconds()

    def look(self) -> None:
        """Say what holds for all."""
        if "live" not in self.said:
            if all(member.is_live for member in self.members):
                self.say("live", live=len(self.members))
        elif "back" not in self.said and all(
            member.recovered and {"broken", "done"} <= member.heard for member in self.members
        ):
            recovered = sum(member.recovered for member in self.members)
            seconds = round(reactor.seconds() - self.lost_at, 1)
            self.say("back", back=len(self.members), seconds=seconds, recovered=recovered)

    def say(self, what: str, **fields: Any) -> None:
        self.said.add(what)
        print(json.dumps(fields), flush=True)


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(int(sys.argv[1]), int(sys.argv[2]))
    reactor.callWhenRunning(lambda: ensureDeferred(crowd.gather()))
    reactor.run()


if __name__ == "__main__":
    main()
