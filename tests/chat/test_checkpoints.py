"""The text so far of running answers on its way to the disk: real parts but for the clock, which a test turns."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock, deferLater

from aichat.bridge.providers.base import ChatRequest, Delta, Finish, OnDelta
from aichat.chat import turns
from aichat.chat.turns import CHECKPOINT_CHARS, CHECKPOINT_SECONDS
from aichat.protocol.errors import AichatError
from aichat.protocol.values import Message
from tests.ends import End, Server


async def until(condition: Callable[[], Any]) -> None:
    """Let the reactor turn until something holds."""
    late: list[bool] = []
    timer = reactor.callLater(10, late.append, True)  # type: ignore[attr-defined]
    while not condition():
        assert not late, "it does not come to hold"
        await deferLater(reactor, 0)  # type: ignore[arg-type]
    timer.cancel()


class Speakers:
    """A provider of which a test plays each answer by itself."""

    name, model = "speakers", "speakers-1"

    def __init__(self) -> None:
        self.saying: dict[str, OnDelta] = {}
        self.ending: dict[str, Deferred[Finish]] = {}

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        question = request.messages[-1].content
        self.saying[question] = on_delta
        self.ending[question] = Deferred(lambda done: done.errback(CancelledError()))
        return self.ending[question]

    def stop(self) -> Deferred[None]:
        return succeed(None)


class Talks:
    """A server with a clock, its answers by their questions, and what was written of them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.speakers = Speakers()
        self.server = Server(folder, provider=self.speakers, clock=self.clock)
        self.writes: list[list[tuple[int, str, str]]] = []
        self.writing: list[Deferred[int]] = []
        self.answers: dict[str, int] = {}
        self.closed = False
        self._real = self.server.store.messages.checkpoint_all
        self.server.store.messages.checkpoint_all = self._write  # type: ignore[method-assign]

    def _write(self, texts: list[tuple[int, str, str]]) -> Deferred[int]:
        self.writes.append(texts)
        self.writing.append(self._real(texts))
        return self.writing[-1]

    async def begin(self, *questions: str) -> None:
        end = End(self.server)
        await end.hello()
        config = {"name": "p", "prompt": ""}
        made = await end.ask("ack", type="persona_create", persona_config=config, request_id=questions[0])
        for question in questions:
            ack = await end.ask(
                "ack",
                type="chat",
                persona_id=made["persona_id"],
                content=question,
                new_conversation=True,
                request_id=f"q{question}",
            )
            self.answers[question] = ack["answer_id"]
        await until(lambda: len(self.speakers.saying) == len(questions))

    async def say(self, question: str, content: str = "", reasoning: str = "") -> None:
        """Say more, and wait until it has come to the turns."""
        (generation,) = [g for g in self.server.turns._running.values() if g.answer.id == self.answers[question]]
        length = generation.length + generation.reasoning_length + len(content) + len(reasoning)
        self.speakers.saying[question](Delta(content=content, reasoning=reasoning))
        await until(lambda: generation.length + generation.reasoning_length == length)

    async def written(self) -> None:
        """Until all writes so far have ended, and the turns know."""
        await until(lambda: all(write.called for write in self.writing) and not self.server.turns._checkpointing)

    async def stored(self, question: str) -> Message:
        message = await self.server.store.messages.get(self.answers[question])
        assert message is not None
        return message

    def slow_disk(self) -> threading.Event:
        """The writer is at work until the event is set."""
        free = threading.Event()
        self.server.store._database.write(lambda connection: free.wait(10))
        return free

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            await self.server.close()


@pytest_twisted.async_yield_fixture
async def talks(tmp_path: Path) -> AsyncIterator[Talks]:
    made = Talks(tmp_path)
    await made.server.open()
    yield made
    await made.close()
    assert not made.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_all_texts_are_stored_in_time_and_in_one_write(talks: Talks) -> None:
    await talks.begin("a", "b", "c", "silent")
    await talks.say("a", "甲")
    talks.clock.advance(CHECKPOINT_SECONDS * 0.9)
    await talks.say("b", "乙", "why")
    await talks.say("c", reasoning="hm")
    await talks.say("a", "甲")
    assert not talks.writes
    talks.clock.advance(CHECKPOINT_SECONDS * 0.11)
    await talks.written()
    assert len(talks.writes) == 1
    stored = [await talks.stored(name) for name in ("a", "b", "c", "silent")]
    assert [(m.status, m.content, m.reasoning) for m in stored] == [
        ("running", "甲甲", ""),
        ("running", "乙", "why"),
        ("running", "", "hm"),
        ("running", "", ""),
    ]
    assert not talks.clock.getDelayedCalls(), "nothing has grown since"
    await talks.say("b", "!")
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.written()
    assert talks.writes[1:] == [[(talks.answers["b"], "乙!", "why")]], "what has not grown is not written again"


@pytest_twisted.ensureDeferred
async def test_one_that_grows_much_brings_it_forward(talks: Talks) -> None:
    await talks.begin("a", "b")
    await talks.say("a", "first")
    for piece in ("x" * (CHECKPOINT_CHARS // 2), "y" * (CHECKPOINT_CHARS // 2)):
        talks.clock.advance(0)
        assert not talks.writes
        await talks.say("b", piece)
    talks.clock.advance(0)
    await talks.written()
    assert [len(texts) for texts in talks.writes] == [2]
    assert (await talks.stored("a")).content == "first"
    assert len((await talks.stored("b")).content) == CHECKPOINT_CHARS
    await talks.say("b", "z")
    talks.clock.advance(0)
    assert len(talks.writes) == 1, "it counts from the checkpoint on"


@pytest_twisted.ensureDeferred
async def test_a_slow_disk_gets_one_write_at_a_time(talks: Talks) -> None:
    await talks.begin("a", "b")
    free = talks.slow_disk()
    await talks.say("a", "one ")
    for n in range(5):
        talks.clock.advance(CHECKPOINT_SECONDS)
        await talks.say("b", str(n) * CHECKPOINT_CHARS)
    await talks.say("a", "two")
    talks.clock.advance(10 * CHECKPOINT_SECONDS)
    assert talks.writes == [[(talks.answers["a"], "one ", "")]]
    free.set()
    await talks.written()
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.written()
    assert len(talks.writes) == 2
    assert (await talks.stored("a")).content == "one two"
    assert len((await talks.stored("b")).content) == 5 * CHECKPOINT_CHARS


@pytest_twisted.ensureDeferred
async def test_an_answer_that_ends_meanwhile_keeps_its_end(talks: Talks) -> None:
    await talks.begin("a", "b")
    free = talks.slow_disk()
    await talks.say("a", "half")
    talks.clock.advance(CHECKPOINT_SECONDS)
    assert len(talks.writes) == 1
    await talks.say("a", " and whole")
    await talks.say("b", "other")
    talks.speakers.ending["a"].callback(Finish("stop"))
    await until(lambda: talks.answers["a"] not in talks.server.turns._grown)
    free.set()
    await until(lambda: len(talks.server.turns._running) == 1)
    await talks.written()
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.written()
    assert talks.writes[1:] == [[(talks.answers["b"], "other", "")]], "what has ended has no checkpoint"
    ended = await talks.stored("a")
    assert (ended.status, ended.content) == ("done", "half and whole")


@pytest.mark.parametrize("slow", [False, True])
@pytest_twisted.ensureDeferred
async def test_the_end_of_the_service_stores_all_texts(talks: Talks, tmp_path: Path, slow: bool) -> None:
    await talks.begin("a", "b")
    free = talks.slow_disk()
    await talks.say("a", "one")
    if slow:
        talks.clock.advance(CHECKPOINT_SECONDS)
    else:
        free.set()
    await talks.say("a", " two")
    await talks.say("b", "three")
    closing = ensureDeferred(talks.close())
    await until(lambda: all(g.ended_by for g in talks.server.turns._running.values()))
    free.set()
    await closing
    assert not talks.clock.getDelayedCalls()
    again = await Server(tmp_path).open()
    stored = [await again.store.messages.get(talks.answers[name]) for name in ("a", "b")]
    assert [(m.status, m.content) for m in stored if m is not None] == [
        ("interrupted", "one two"),
        ("interrupted", "three"),
    ]
    await again.close()


@pytest_twisted.ensureDeferred
async def test_more_than_fit_are_several_writes(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "CHECKPOINT_MOST", 3)
    names = [f"n{n}" for n in range(7)]
    await talks.begin(*names)
    for name in names:
        await talks.say(name, name)
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.written()
    assert [len(texts) for texts in talks.writes] == [3, 3, 1]
    assert [(await talks.stored(name)).content for name in names] == names


@pytest_twisted.ensureDeferred
async def test_what_the_disk_refused_is_in_the_next(talks: Talks, expected_errors: list[str]) -> None:
    expected_errors.append("checkpoint of 2 answers: storage_failed")
    await talks.begin("a", "b", "c")
    refusing: Deferred[int] = Deferred()
    real, talks._real = talks._real, lambda texts: refusing
    await talks.say("a", "alone")
    await talks.say("b", "leaves")
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.say("c", "later")
    talks.speakers.ending["b"].callback(Finish("stop"))
    await until(lambda: len(talks.server.turns._running) == 2)
    refusing.errback(AichatError("storage_failed"))
    talks._real = real
    talks.clock.advance(CHECKPOINT_SECONDS)
    await talks.written()
    assert sorted(talks.writes[1]) == [(talks.answers["a"], "alone", ""), (talks.answers["c"], "later", "")]
    assert (await talks.stored("a")).content == "alone"
    assert (await talks.stored("b")).status == "done"
