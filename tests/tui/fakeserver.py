"""The world of `world.py` behind a real WebSocket, as a process: `python fakeserver.py PORT [DELAY_MS]`.

What is said decides the answer: a text with `!hostile`, `!break`, `!fail`, `!drop`, `!hold`, `!think`, `!long` gets one
that shows it; anything else is echoed. Prints `ready` once it listens.
"""

from __future__ import annotations

import sys

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from world import World

from aichat.protocol.values import Failure, Message

HOSTILE = ["a\x1b", "]52;c;aGFja2Vk\x07b", "\x1b[2J\x9b31mc", "\x1b]8;;http://evil.example/\x1b", "\\d\u202ee\x1b[",
           "31", "mf\x00\x08g\x1bP1;2q", "x\x1b\\h\n\nend"]  # fmt: skip
THINK = "The user asks why. I should explain scattering in small steps."
LONG = "".join(f"Paragraph {n} of a long story about the sea and the wind.\n\n" for n in range(1, 101))


class Door(WebSocketServerProtocol):
    def onOpen(self) -> None:
        self.wire = world.connect(lambda data: self.sendMessage(data))

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.wire.send(payload)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if hasattr(self, "wire"):
            world.drop(self.wire)


def pieces(question: str) -> list[str]:
    if "!hostile" in question:
        return HOSTILE
    if "!long" in question:
        return [LONG[i : i + 5] for i in range(0, len(LONG), 5)]
    text = f"You said **{question}**, and here is what I think about it: 大海是蓝色的。"
    return [text[i : i + 4] for i in range(0, len(text), 4)]


def turn(answer: Message, question: str) -> None:
    left = pieces(question)
    half = len(left) // 2

    def step() -> None:
        if answer.id not in {m.id for m in world.running()}:
            return
        if len(left) == half and "!drop" in question:
            for door in list(doors):
                door.transport.abortConnection()
        if len(left) == half and "!break" in question:
            world.finish(answer, "interrupted", Failure(code="upstream_interrupted", message="The line went dead."))
        elif len(left) == half and "!hold" in question:
            return
        elif left:
            world.grow(answer, left.pop(0))
            reactor.callLater(delay, step)
        else:
            world.finish(answer, ms=2000)

    if "!fail" in question:
        world.finish(answer, "failed", Failure(code="upstream_no_balance", message="The account has no balance left."))
        return
    if "!think" in question:
        world.grow(answer, reasoning=THINK)
    reactor.callLater(delay, step)


doors: list[Door] = []


class Factory(WebSocketServerFactory):
    def buildProtocol(self, addr: object) -> Door:
        door = super().buildProtocol(addr)
        doors.append(door)
        return door


if __name__ == "__main__":
    port = int(sys.argv[1])
    delay = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.01
    token = sys.argv[3] if len(sys.argv) > 3 else ""
    world = World(token=token)
    world.on_turn = turn
    factory = Factory(f"ws://127.0.0.1:{port}")
    factory.protocol = Door
    listening = reactor.listenTCP(port, factory, interface="127.0.0.1")
    print("ready", listening.getHost().port, flush=True)
    reactor.run()
