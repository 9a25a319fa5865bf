"""More questions than the model takes at once: they are stored and acked, and wait in a line that can be seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed

from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta, Finish, OnDelta
from aichat.chat.completions import Completions
from aichat.chat.line import WAITING_MOST, Lines
from aichat.store.users import User
from tests.ends import End, Server


class Many:
    """A provider with several generations at once, by their question; a test ends each."""

    name = "many"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once: dict[str, tuple[OnDelta, Deferred[Finish]]] = {}
        self._waiting: list[tuple[str, Deferred[None]]] = []

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        question = request.messages[-1].content

        def cancel(done: Deferred[Finish]) -> None:
            del self.at_once[question]
            done.errback(CancelledError())

        self.asked.append(question)
        done: Deferred[Finish] = Deferred(cancel)
        self.at_once[question] = on_delta, done
        for wanted, waiting in list(self._waiting):
            if wanted == question:
                self._waiting.remove((wanted, waiting))
                waiting.callback(None)
        return done

    def until_asked(self, question: str) -> Deferred[None]:
        if question in self.asked:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append((question, waiting))
        return waiting

    def answer(self, question: str) -> None:
        on_delta, done = self.at_once.pop(question)
        on_delta(Delta(content=f"re {question}"))
        done.callback(Finish(reason="stop"))

    def stop(self) -> Deferred[None]:
        return succeed(None)


@pytest.fixture
def many() -> Many:
    return Many()


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path, many: Many) -> AsyncIterator[Server]:
    running = await Server(tmp_path, provider=many, lines=Lines({"default": 2, "here": 1}, 2)).open()
    yield running
    await running.close()


class Asker(End):
    """A full client that asks each question in a new conversation."""

    @classmethod
    async def open(cls, server: Server) -> Asker:
        end = cls(server)
        await end.hello()
        config = {"name": "P", "prompt": ""}
        ack = await end.ask("ack", type="persona_create", persona_config=config, request_id="make")
        end.persona = ack["persona_id"]
        return end

    persona = ""

    async def post(self, question: str) -> dict[str, Any]:
        chat = {"type": "chat", "persona_id": self.persona, "new_conversation": True, "content": question}
        return await self.ask("ack", **chat, request_id=question)

    async def place(self, ack: dict[str, Any], position: int) -> None:
        """Wait until an answer is told to have a place."""
        while (frame := await self.get("message_queued")) != {
            "type": "message_queued",
            "conversation_id": ack["conversation_id"],
            "message_id": ack["answer_id"],
            "position": position,
        }:
            assert frame["type"] == "message_queued"


@pytest_twisted.ensureDeferred
async def test_what_waits_is_acked_and_told_its_place_until_it_begins(server: Server, many: Many) -> None:
    end = await Asker.open(server)
    acks = [await end.post(f"q{n}") for n in range(5)]
    await many.until_asked("q0")
    await many.until_asked("q1")
    await end.place(acks[2], 1)
    await end.place(acks[4], 3)
    assert sorted(many.at_once) == ["q0", "q1"]
    config = {"name": "H", "prompt": "", "provider": "here"}
    here = await end.ask("ack", type="persona_create", persona_config=config, request_id="make here")
    chat = {"type": "chat", "persona_id": here["persona_id"], "content": "elsewhere", "request_id": "elsewhere"}
    await end.ask("ack", **chat)
    await many.until_asked("elsewhere")
    many.answer("elsewhere")
    await end.get("message_done")
    assert (server.turns.running, server.turns.waiting) == (2, 3)
    history = await end.ask("history_response", type="history_request", conversation_id=acks[4]["conversation_id"])
    assert [m.get("status", "done") for m in history["messages"]] == ["done", "running"]
    other = End(server)
    await other.hello()
    other.send(type="conversation_subscribe", conversation_id=acks[4]["conversation_id"], request_id="s")
    await other.get("message_snapshot")
    assert (await other.get("message_queued"))["position"] == 3
    many.answer("q1")
    await end.place(acks[2], 0)
    await end.place(acks[3], 1)
    assert (await other.get("message_queued"))["position"] == 2
    await many.until_asked("q2")
    many.answer("q0")
    await many.until_asked("q3")
    many.answer("q2")
    await many.until_asked("q4")
    many.answer("q3")
    many.answer("q4")
    while len(done := [f["message"]["content"] for f in end.frames if f["type"] == "message_done"]) < 6:
        await end.get("message_done")
    assert sorted(done) == ["re elsewhere", *(f"re q{n}" for n in range(5))]
    assert many.asked[2:] == ["elsewhere", "q2", "q3", "q4"]


@pytest_twisted.ensureDeferred
async def test_stop_in_the_line_asks_the_model_nothing(server: Server, many: Many) -> None:
    end = await Asker.open(server)
    acks = [await end.post(f"q{n}") for n in range(4)]
    await end.place(acks[3], 2)
    end.send(type="chat_stop", conversation_id=acks[2]["conversation_id"], request_id="stop")
    done = (await end.get("message_done"))["message"]
    assert (done["id"], done["status"], done["content"]) == (acks[2]["answer_id"], "stopped", "")
    await end.place(acks[3], 1)
    many.answer("q0")
    await many.until_asked("q3")
    assert many.asked == ["q0", "q1", "q3"]
    await end.ask("ack", type="conversation_delete", conversation_id=acks[1]["conversation_id"], request_id="del")
    assert "q1" not in many.at_once, "deleting stops it, and frees its place"


@pytest_twisted.ensureDeferred
async def test_a_stop_of_the_service_ends_what_waits_too(tmp_path: Path, many: Many) -> None:
    server = await Server(tmp_path, provider=many, lines=Lines({"default": 1, "here": 1}, 1)).open()
    end = await Asker.open(server)
    acks = [await end.post(f"q{n}") for n in range(3)]
    await end.place(acks[2], 2)
    await server.turns.close()
    for ack in acks:
        message = await server.store.messages.get(ack["answer_id"])
        assert message is not None and message.failure is not None
        assert (message.status, message.failure.code) == ("failed", "upstream_interrupted")
    assert (server.turns.running, server.turns.waiting) == (0, 0)
    await server.store.close()


@pytest_twisted.ensureDeferred
async def test_more_than_may_wait_are_refused_before_anything_is_stored(server: Server, many: Many) -> None:
    end = await Asker.open(server)
    for n in range(2 + WAITING_MOST):
        await end.post(f"q{n}")
    before = (await server.store.log.since(1, None)).position
    chat = {"type": "chat", "persona_id": end.persona, "new_conversation": True, "content": "one too many"}
    error = await end.ask("error", **chat, request_id="many")
    assert (error["code"], error["retryable"], error["request_id"]) == ("rate_limited", True, "many")
    assert (await server.store.log.since(1, None)).position == before
    assert (await end.post("q0"))["request_id"] == "q0", "what was acked is acked again"
    many.answer("q0")
    await end.get("message_done")
    await end.post("one too many")


@pytest_twisted.ensureDeferred
async def test_other_programs_wait_in_the_same_line(server: Server, many: Many) -> None:
    end = await Asker.open(server)
    await end.post("q0")
    await many.until_asked("q0")
    completions = Completions(server.store, server.bridge, server.lines)
    user = User(1, "owner", "owner")
    persona = await completions.find(user, end.persona)

    def ask(question: str) -> Deferred[Finish]:
        messages = [ChatMessage("user", question)]
        return ensureDeferred(completions.answer(user, persona, messages, lambda delta: None))

    first, second, third = (ask(f"v{n}") for n in range(3))
    await many.until_asked("v0")
    assert (server.lines.running, server.lines.waiting) == (2, 2)
    second.addErrback(lambda failure: failure.trap(CancelledError) and None)
    second.cancel()
    assert server.lines.waiting == 1
    many.answer("v0")
    assert (await first).reason == "stop"
    await many.until_asked("v2")
    many.answer("v2")
    await third
    assert many.asked == ["q0", "v0", "v2"]
