"""Pieces of the way of an answer: event streams, reasoning, and the endpoint without a socket."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from aichat.bridge import sse
from aichat.bridge.inprocess import HIGH_WATER, InProcessEndpoint
from aichat.bridge.reasoning import ThinkSplitter
from aichat.protocol.errors import AichatError

STREAM = 'data: {"a": "汉字😀"}\n\n: keep-alive\n\nevent: x\ndata: one\ndata: two\n\ndata:tight\n\n'
EVENTS = ['{"a": "汉字😀"}'.encode(), b"one\ntwo", b"tight"]


@given(st.lists(st.integers(1, 12), max_size=80), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_come_whole_however_the_bytes_are_cut(cuts: list[int], newline: str) -> None:
    data = STREAM.replace("\n", newline).encode()
    parser, events = sse.Parser(), []
    for cut in cuts:
        events += parser.feed(data[:cut])
        data = data[cut:]
    events += parser.feed(data)
    assert events + parser.end() == EVENTS


def test_a_stream_that_lacks_its_last_blank_line_still_counts() -> None:
    parser = sse.Parser()
    assert parser.feed(b"data: a\n\ndata: b") == [b"a"]
    assert parser.end() == [b"b"]


@pytest.mark.parametrize("data", [b"data: " + b"x" * 2_000_000, b"data: 1234\n" * 300_000, b"data:\n" * 1_100_000])
def test_an_event_without_end_is_refused(data: bytes) -> None:
    parser = sse.Parser()
    with pytest.raises(AichatError, match="upstream_invalid"):
        for at in range(0, len(data), 65_536):
            parser.feed(data[at : at + 65_536])


def split(text: str, cuts: list[int]) -> tuple[str, str]:
    """Feed a text in pieces -> (content, reasoning)."""
    splitter, content, reasoning = ThinkSplitter(), "", ""
    pieces = []
    for cut in cuts:
        pieces.append(text[:cut])
        text = text[cut:]
    for piece in [*pieces, text]:
        delta = splitter.feed(piece)
        content, reasoning = content + delta.content, reasoning + delta.reasoning
    delta = splitter.end()
    return content + delta.content, reasoning + delta.reasoning


THOUGHTS = [
    ("plain", "plain", ""),
    ("<think>hm\nso</think>answer", "answer", "hm\nso"),
    ("\n<think>\nhm\n</think>\n\nanswer", "answer", "hm"),
    ("a <think>b</think>", "a <think>b</think>", ""),
    ("<think>never ends </thin", "", "never ends </thin"),
    ("<thin air", "<thin air", ""),
    ("<think></think>x", "x", ""),
    ("", "", ""),
]


@given(st.sampled_from(THOUGHTS), st.lists(st.integers(1, 4), max_size=12))
def test_think_tags_are_found_however_they_are_cut(thought: tuple[str, str, str], cuts: list[int]) -> None:
    text, content, reasoning = thought
    assert split(text, cuts) == (content, reasoning)


class Recorder(Protocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: Deferred[Any] = Deferred()
        self.got: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if not self.got.called:
            self.got.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(reason.value)


async def join() -> tuple[Recorder, Recorder]:
    sides: list[Recorder] = []

    class Make(Factory):
        def buildProtocol(self, addr: object) -> Recorder:
            sides.append(Recorder())
            return sides[-1]

    await InProcessEndpoint(reactor, Make()).connect(Make())  # type: ignore[arg-type]
    return sides[0], sides[1]


@pytest_twisted.ensureDeferred
async def test_bytes_arrive_later_and_in_order() -> None:
    near, far = await join()
    for word in (b"a", b"b", b"c"):
        near.transport.write(word)
    assert far.data == b"", "never within the writer's own call"
    await far.got
    assert far.data == b"abc"
    far.transport.write(b"back")
    await near.got
    assert near.data == b"back"


@pytest_twisted.ensureDeferred
async def test_closing_sends_what_was_written_and_aborting_does_not() -> None:
    near, far = await join()
    near.transport.write(b"last words")
    near.transport.loseConnection()
    near.transport.write(b"too late")
    await far.lost
    await near.lost
    assert far.data == b"last words"
    near, far = await join()
    near.transport.write(b"unsaid")
    near.transport.abortConnection()
    reason = await far.lost
    assert far.data == b""
    assert "abort" in str(reason).lower()


@pytest_twisted.ensureDeferred
async def test_a_paused_reader_holds_its_writers_producer_back() -> None:
    near, far = await join()
    calls: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            calls.append("pause")

        def resumeProducing(self) -> None:
            calls.append("resume")
            near.transport.unregisterProducer()

        def stopProducing(self) -> None:
            calls.append("stop")

    far.transport.pauseProducing()
    near.transport.registerProducer(Producer(), True)
    near.transport.write(b"x" * (HIGH_WATER + 1))
    assert calls == ["pause"]
    turn: Deferred[None] = Deferred()
    reactor.callLater(0, reactor.callLater, 0, turn.callback, None)  # type: ignore[attr-defined]
    await turn
    assert far.data == b""
    far.transport.resumeProducing()
    await far.got
    assert len(far.data) == HIGH_WATER + 1
    near.transport.loseConnection()
    await far.lost
    assert calls == ["pause", "resume"]
