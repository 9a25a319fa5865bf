"""A persona on trial while it is being written, the models it can have, and its temperature on the way to one."""

from __future__ import annotations

from typing import Any

import pytest_twisted
from twisted.internet import reactor

from aichat.chat import administration as verbs
from tests.doors.test_connection import full, make_persona, server
from tests.ends import End, Server
from tests.service import PASSWORD

__all__ = ["server"]

CONFIG = {"name": "小雨", "prompt": "You are {{char}} of {{user}}.", "temperature": 0.4}


def try_out(end: End, words: str, request_id: str = "t1", **more: Any) -> None:
    messages = [{"sender_type": 0, "content": words}] if words else []
    end.send(type="persona_try", persona_config={**CONFIG, **more}, messages=messages, request_id=request_id)


@pytest_twisted.ensureDeferred
async def test_a_persona_is_tried_and_nothing_stays(server: Server) -> None:
    end, other = await full(server), await full(server)
    asked = server.provider.next_question()
    try_out(end, "你好")
    await asked
    request = server.provider.asked[-1]
    assert [(m.role, m.content) for m in request.messages] == [
        ("system", f"You are 小雨 of {server.accounts.owner.name}."),
        ("user", "你好"),
    ]
    assert request.temperature == 0.4
    server.provider.say("我在", reasoning="hm")
    piece = await end.get("persona_tried")
    assert piece == {"type": "persona_tried", "request_id": "t1", "content": "我在", "reasoning": "hm"}
    server.provider.finish()
    assert await end.get("persona_tried") == {"type": "persona_tried", "request_id": "t1", "done": True}
    listed = await end.ask("conversation_list", type="conversation_list")
    assert listed["conversations"] == [] and (await end.ask("persona_list", type="persona_list"))["personas"] == []
    assert not [frame for frame in other.frames if frame["type"] != "welcome"]


@pytest_twisted.ensureDeferred
async def test_a_new_trial_ends_the_last_and_an_empty_one_ends_it_alone(server: Server) -> None:
    end = await full(server)
    asked = server.provider.next_question()
    try_out(end, "one")
    await asked
    asked = server.provider.next_question()
    try_out(end, "two", "t2")
    await asked
    assert server.provider.cancelled == 1
    server.provider.say("second")
    assert (await end.get("persona_tried"))["request_id"] == "t2"
    try_out(end, "", "t3")
    await end.ask("persona_list", type="persona_list")
    assert server.provider.cancelled == 2
    assert not [frame for frame in end.frames if frame["type"] == "error"]
    assert server.lines.running == 0


@pytest_twisted.ensureDeferred
async def test_a_trial_ends_with_its_connection(server: Server) -> None:
    end, other = await full(server), await full(server)
    asked = server.provider.next_question()
    try_out(end, "one")
    await asked
    end.leave()
    await other.ask("persona_list", type="persona_list")
    assert server.provider.cancelled == 1 and server.lines.running == 0


@pytest_twisted.ensureDeferred
async def test_what_goes_wrong_is_said(server: Server) -> None:
    end = await full(server)
    asked = server.provider.next_question()
    try_out(end, "one")
    await asked
    server.provider.fail("upstream_unreachable", "Nobody is there.")
    error = await end.get("error")
    assert (error["code"], error["request_id"]) == ("upstream_unreachable", "t1")
    end.send(
        type="persona_try",
        persona_config=CONFIG,
        messages=[{"sender_type": 1, "content": "only mine"}],
        request_id="t2",
    )
    assert (await end.get("error"))["code"] == "bad_frame"
    try_out(end, "x", "t3", temperature=2.5)
    assert (await end.get("error"))["request_id"] == "t3"


@pytest_twisted.ensureDeferred
async def test_an_answer_that_was_cut_says_so(server: Server) -> None:
    end = await full(server)
    asked = server.provider.next_question()
    try_out(end, "one")
    await asked
    server.provider.finish("length")
    assert (await end.get("error"))["request_id"] == "t1"


@pytest_twisted.ensureDeferred
async def test_only_who_may_choose_a_model_tries_one(server: Server) -> None:
    await server.administration.do(verbs.UserAdd(name="mei", password=PASSWORD))
    token = (await server.accounts.log_in("mei", PASSWORD, "", ""))[1]
    end = End(server, is_local=False)
    await end.hello(token=token)
    try_out(end, "hi", model="large")
    assert (await end.get("error"))["code"] == "forbidden"
    listed = await end.ask("model_list", type="model_list", request_id="m1")
    assert (listed["may_choose"], listed["request_id"]) == (False, "m1")
    assert not server.provider.asked


@pytest_twisted.ensureDeferred
async def test_a_personas_temperature_reaches_the_model_and_can_be_taken_back(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)

    async def asked_with() -> float | None:
        asked = server.provider.next_question()
        end.send(type="chat", persona_id=persona, content="hi", request_id=f"q{len(server.provider.asked)}")
        await asked.addTimeout(10, reactor)  # type: ignore[arg-type]
        server.provider.say("x")
        server.provider.finish()
        await end.get("message_done")
        return server.provider.asked[-1].temperature

    assert await asked_with() is None
    for temperature in (0.7, 0.0, None):
        await end.ask(
            "ack",
            type="persona_update",
            persona_id=persona,
            persona_config={"temperature": temperature},
            request_id=f"set-{temperature}",
        )
        assert await asked_with() == temperature
