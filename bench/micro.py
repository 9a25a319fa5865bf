"""Micro-benchmarks: `bench/.venvs/aichat/bin/python -m pytest -c /dev/null bench/micro.py`. No pass or fail.

Each is of the real part, on frames and chunks as the wire has them; a name, or its number, says how many pieces a
call has. `measure` runs them for the page of all benchmarks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.client import Agent

sys.path.insert(0, str(Path(__file__).parent.parent))
from aichat.bridge.agent import StreamingAgent
from aichat.bridge.providers.base import Delta
from aichat.bridge.providers.openai_answer import Answer
from aichat.bridge.sse import Parser
from aichat.chat.hub import Hub
from aichat.doors.outbox import Outbox
from aichat.protocol import frames
from aichat.protocol.timeline import Timeline
from aichat.protocol.values import AI, Message

Benchmark = Callable[..., Any]

CONTENT = "lorem ipsum dolor sit amet, cons"
DELTA = frames.MessageDelta(conversation_id=7, message_id=92, offset=640, content=CONTENT)
RUNNING = Message(
    sender_type=AI, content="", send_time="2026-11-24 08:00:01", id=92, conversation_id=7, status="running", seq=63
)
CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"fake-1",'
    b'"system_fingerprint":"fp_0000000000","choices":[{"index":0,"delta":{"content":"'
    + CONTENT.encode()
    + b'"},"logprobs":null,"finish_reason":null}],"obfuscation":"xxxxxxxxxxxxxxxxxxxxxxxxx"}\n\n'
)


def test_decode_a_delta_in_a_client(benchmark: Benchmark) -> None:
    data = frames.encode(DELTA)
    assert benchmark(frames.decode_push, data) == DELTA


def test_decode_a_chat_in_the_server(benchmark: Benchmark) -> None:
    data = b'{"type":"chat","persona_id":"p1","content":"hello there","conversation_id":7,"request_id":"a1"}'
    assert benchmark(frames.decode_command, data).content == "hello there"


def test_encode_a_delta(benchmark: Benchmark) -> None:
    assert benchmark(frames.encode, DELTA).startswith(b'{"type":"message_delta"')


def test_fold_200_deltas(benchmark: Benchmark) -> None:
    size = len(CONTENT)
    deltas = [
        frames.MessageDelta(conversation_id=7, message_id=92, offset=n * size, content=CONTENT) for n in range(200)
    ]

    def fold() -> Timeline:
        timeline = Timeline()
        timeline.apply(frames.MessageAdded(message=RUNNING))
        timeline.apply(frames.MessageSnapshot(conversation_id=7, message_id=92))
        for delta in deltas:
            timeline.apply(delta)
        return timeline

    assert benchmark(fold).live[92].content == CONTENT * 200


class Sink:
    """A socket that takes everything, and a connection that knows its user."""

    user_id = 1

    def __init__(self) -> None:
        self.got = 0
        self.outbox = Outbox(self, lambda conversation_id: [])
        self.send, self.send_live = self.outbox.send, self.outbox.send_live

    def write(self, data: bytes) -> None:
        self.got += 1

    def close(self, code: int, reason: str) -> None: ...


@pytest.mark.parametrize("watchers", [1, 1_000])
def test_hub_publish_live(benchmark: Benchmark, watchers: int) -> None:
    hub, sinks = Hub(Clock()), [Sink() for _ in range(watchers)]
    for sink in sinks:
        hub.join(sink)
        hub.watch(sink, 7)

    def publish() -> None:
        hub.publish_live(DELTA)
        hub.settle(7)  # where many watch it would wait for more

    benchmark(publish)
    assert len({sink.got for sink in sinks}) == 1
    assert sinks[0].got > 0


@pytest.mark.parametrize("at_once", [1, 20])
def test_sse_parser(benchmark: Benchmark, at_once: int) -> None:
    parser = Parser()
    assert len(benchmark(parser.feed, CHUNK * at_once)) == at_once


@pytest.mark.parametrize("at_once", [1, 20])
def test_answer_from_chunks(benchmark: Benchmark, at_once: int) -> None:
    """SSE, JSON, the think splitter, limits: all that a provider does with bytes."""
    deltas: list[Delta] = []

    def feed() -> None:
        deltas.clear()
        Answer(deltas.append).feed(CHUNK * at_once)

    benchmark(feed)
    assert [delta.content for delta in deltas] == [CONTENT * at_once]


class Body(Protocol):
    """Gets the body of a response."""

    size = 0

    def dataReceived(self, data: bytes) -> None:
        self.size += len(data)


class There:
    """An endpoint whose connection is there at once, and goes nowhere."""

    def connect(self, factory: Any) -> Deferred[Any]:
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(StringTransport())
        return succeed(self.protocol)

    def endpointForURI(self, uri: object) -> There:
        return self


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("at_once", [1, 20])
@pytest.mark.parametrize(
    "make",
    [StreamingAgent, lambda there: Agent.usingEndpointFactory(Clock(), there)],
    ids=["ours", "twisted"],
)
def test_http_body(benchmark: Benchmark, make: Any, at_once: int) -> None:
    """The chunks of a response: our agent's way, and twisted.web's."""
    there, body, chunk = There(), Body(), b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK)
    make(there).request(b"GET", b"http://127.0.0.1/").addCallback(lambda response: response.deliverBody(body))
    there.protocol.dataReceived(HEAD)
    benchmark(there.protocol.dataReceived, chunk * at_once)
    assert body.size
    assert body.size % (len(CHUNK) * at_once) == 0


def measure(quick: bool) -> list[dict[str, Any]]:
    """In a process of its own -> {"name", "us" (the median of a call), "pieces" (in a call)} of each."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        args = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--benchmark-json={file.name}", __file__]
        quickly = ["--benchmark-max-time=0.1"] if quick else []
        subprocess.run([sys.executable, "-m", "pytest", *args, *quickly], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(Path(file.name).read_text())["benchmarks"]
    return [
        {
            "name": re.sub(r"\[([a-z]+)?.*", r" \1", each["name"].removeprefix("test_")).replace("_", " ").strip(),
            "us": 1e6 * each["stats"]["median"],
            "pieces": int((re.findall(r"\d+", each["name"]) or ["1"])[0]),
        }
        for each in found
    ]
