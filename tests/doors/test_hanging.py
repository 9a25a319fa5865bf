"""A turn whose way to the bridge hangs, in one process and without a socket that could break: it is noticed and ended
by time-outs of its own, says so, keeps its text, and leaves no timer behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater

from aichat.bridge.client import BETWEEN, FIRST_BYTE, BridgeClient
from tests.ends import End, Server

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(data: str) -> bytes:
    """A server-sent event as a chunk of a body."""
    body = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(body), body)


class Hanging(Factory):
    """The far end of the hop: it takes a request, says the beginning of an answer, and then nothing for ever."""

    def __init__(self, says: bytes) -> None:
        self.says = says
        self.asked = 0
        self.lost = 0

    def buildProtocol(self, addr: object) -> Protocol:
        return Silence(self)


class Silence(Protocol):
    """One request."""

    def __init__(self, hop: Hanging) -> None:
        self.hop = hop
        self.got = b""

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        if self.got.endswith(b"}"):
            self.hop.asked += 1
            self.transport.write(self.hop.says)

    def connectionLost(self, reason: Any = None) -> None:
        self.hop.lost += 1


class Stage:
    """A whole server over such a hop, whose time is a clock's."""

    def __init__(self, folder: Path, says: bytes) -> None:
        self.clock = Clock()
        self.hop = Hanging(says)
        self.server = Server(folder, bridge=BridgeClient.in_process(self.clock, self.hop))

    async def until(self, condition: Any) -> None:
        """Let both reactors turn, with no time passing on the clock, until something holds."""
        for _ in range(2_000):
            if condition():
                return
            self.clock.advance(0)
            await deferLater(reactor, 0.001)  # type: ignore[arg-type]
        raise AssertionError("that never came")


@pytest_twisted.async_yield_fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path, request.param)
    await made.server.open()
    yield made
    await made.server.close()


@pytest.mark.parametrize(
    ("stage", "patience", "text", "status", "code"),
    [
        (b"", FIRST_BYTE, "", "failed", "bridge_unreachable"),
        (HEAD[:40], FIRST_BYTE, "", "failed", "bridge_unreachable"),
        (HEAD, BETWEEN, "", "failed", "bridge_unreachable"),
        (
            HEAD + event('{"content":"one "}') + event('{"con')[:9],
            BETWEEN,
            "one ",
            "interrupted",
            "upstream_interrupted",
        ),
    ],
    indirect=["stage"],
    ids=["nothing", "half a head", "a head", "words, then half an event"],
)
@pytest_twisted.ensureDeferred
async def test_a_hop_that_hangs_is_noticed(stage: Stage, patience: float, text: str, status: str, code: str) -> None:
    end = End(stage.server)
    await end.hello()
    config = {"name": "p", "prompt": "p"}
    persona = (await end.ask("ack", type="persona_create", persona_config=config, request_id="m"))["persona_id"]
    await end.ask("ack", type="chat", persona_id=persona, content="are you there?", request_id="q")
    done: Deferred[dict[str, Any]] = end.get("message_done")
    await stage.until(lambda: stage.hop.asked == 1)
    if text:
        await stage.until(lambda: "message_delta" in [frame["type"] for frame in end.frames])
    await stage.until(lambda: [call.getTime() for call in stage.clock.getDelayedCalls()] == [patience])
    stage.clock.advance(patience - 1)
    assert not done.called
    assert stage.server.turns.running == 1
    stage.clock.advance(2)
    await stage.until(lambda: done.called)
    message = (await done)["message"]
    assert (message.get("content", ""), message["status"], message["failure"]["code"]) == (text, status, code)
    assert stage.server.turns.running == 0
    await stage.until(lambda: stage.hop.lost == 1)
    assert stage.clock.getDelayedCalls() == [], "no timer is left"
