"""The protocol as a pair of ends, with no network: what a client sends, and what it gets."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from aichat.protocol import frames
from tests.ends import Device, End, Server


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path).open()
    yield running
    await running.close()


async def make_persona(end: End, name: str = "学霸助手", prompt: str = "你是一个严谨的学术助手") -> str:
    """A persona made by a full client -> its id."""
    config = {"name": name, "prompt": prompt}
    ack = await end.ask("ack", type="persona_create", persona_config=config, request_id=f"make-{name}")
    return str(ack["persona_id"])


async def full(server: Server) -> End:
    end = End(server)
    await end.hello()
    return end


# the full protocol


@pytest_twisted.ensureDeferred
async def test_a_turn_is_acked_then_published_then_streamed(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="你好", request_id="q1")
    await asked
    server.provider.say("你好，")
    first = await end.get("message_delta")
    server.provider.say("世界😀", reasoning="hm")
    server.provider.finish()
    done = await end.get("message_done")
    assert first == {
        "type": "message_delta",
        "conversation_id": ack["conversation_id"],
        "message_id": ack["answer_id"],
        "content": "你好，",
    }
    assert done["message"]["content"] == "你好，世界😀"
    assert done["message"]["model"] == "scripted-1"
    assert done["message"].get("status", "done") == "done"
    kinds = [frame["type"] for frame in end.frames]
    after_ack = kinds[kinds.index("ack", kinds.index("persona_saved")) :]
    assert after_ack[:4] == ["ack", "conversation_saved", "message_added", "message_added"]
    request = server.provider.asked[0]
    assert [(m.role, m.content) for m in request.messages] == [
        ("system", "你是一个严谨的学术助手"),
        ("user", "你好"),
    ]


@pytest_twisted.ensureDeferred
async def test_the_ack_means_that_it_is_in_the_file(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    ack = await end.ask("ack", type="chat", persona_id=persona, content="durable?", request_id="q1")
    other = sqlite3.connect(server.store.path)
    rows = other.execute("SELECT id, content, status FROM messages ORDER BY id").fetchall()
    other.close()
    assert rows == [(ack["message_id"], "durable?", "done"), (ack["answer_id"], "", "running")]


@pytest_twisted.ensureDeferred
async def test_a_repeated_request_gets_the_first_answer_and_does_nothing(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    chat = {"type": "chat", "persona_id": persona, "content": "hi", "request_id": "q1"}
    asked = server.provider.next_question()
    first = await end.ask("ack", **chat)
    await asked
    again = await (await full(server)).ask("ack", **chat)
    assert again == first
    error = await end.ask("error", **{**chat, "content": "other"})
    assert error["code"] == "request_id_reused"
    history = await end.ask("history_response", type="history_request", persona_id=persona)
    assert len(history["messages"]) == 2
    assert len(server.provider.asked) == 1
    config = {"name": "学霸助手", "prompt": "你是一个严谨的学术助手"}
    made = await end.ask("ack", type="persona_create", persona_config=config, request_id="make-学霸助手")
    assert made["persona_id"] == persona
    assert len((await end.ask("persona_list", type="persona_list"))["personas"]) == 1


@pytest_twisted.ensureDeferred
async def test_one_answer_at_a_time(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    ack = await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    error = await end.ask("error", type="chat", persona_id=persona, content="two", request_id="q2")
    assert (error["code"], error["retryable"]) == ("busy", True)
    error = await end.ask("error", type="chat_regenerate", conversation_id=ack["conversation_id"])
    assert error["code"] == "busy"
    other = await end.ask(
        "ack", type="chat", persona_id=persona, content="two", new_conversation=True, request_id="q3"
    )
    assert other["conversation_id"] != ack["conversation_id"]


@pytest_twisted.ensureDeferred
async def test_stop_before_the_first_word_and_in_the_middle(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    ack = await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    end.send(type="chat_stop", conversation_id=ack["conversation_id"], request_id="s1")
    stopped = (await end.get("message_done"))["message"]
    assert (stopped["status"], stopped["content"]) == ("stopped", "")
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="two", request_id="q2")
    await asked
    server.provider.say("half a")
    await end.get("message_delta")
    end.send(type="chat_stop", conversation_id=ack["conversation_id"], request_id="s2")
    stopped = (await end.get("message_done"))["message"]
    assert (stopped["status"], stopped["content"]) == ("stopped", "half a")
    assert server.provider.cancelled >= 1
    acked = await end.ask("ack", type="chat_stop", conversation_id=ack["conversation_id"], request_id="s3")
    assert acked["request_id"] == "s3", "stopping what does not run is fine"


@pytest_twisted.ensureDeferred
async def test_chat_and_stop_in_one_breath(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    made = await end.ask("ack", type="conversation_create", persona_id=persona, request_id="c1")
    conversation = made["conversation_id"]
    end.send(type="chat", conversation_id=conversation, content="never mind", request_id="q1")
    end.send(type="chat_stop", conversation_id=conversation, request_id="s1")
    done = (await end.get("message_done"))["message"]
    assert done["status"] == "stopped"


@pytest_twisted.ensureDeferred
async def test_an_answer_goes_on_when_everybody_left(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="hi", request_id="q1")
    await asked
    server.provider.say("part ")
    end.leave()
    server.provider.say("and rest")
    back = await full(server)
    back.send(type="conversation_subscribe", conversation_id=ack["conversation_id"])
    snapshot = await back.get("message_snapshot")
    assert "part and rest".startswith(snapshot.get("content", ""))
    server.provider.finish()
    assert (await back.get("message_done"))["message"]["content"] == "part and rest"


@pytest_twisted.ensureDeferred
async def test_failures_before_and_after_the_first_word(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    await asked
    server.provider.fail("upstream_no_balance", "Top up.")
    failed = (await end.get("message_done"))["message"]
    assert failed["status"] == "failed"
    assert failed["failure"] == {"code": "upstream_no_balance", "message": "Top up."}
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="two", request_id="q2")
    await asked
    server.provider.say("half")
    server.provider.fail("upstream_interrupted")
    broken = (await end.get("message_done"))["message"]
    assert (broken["status"], broken["content"]) == ("interrupted", "half")
    asked = server.provider.next_question()
    end.send(type="chat_regenerate", conversation_id=broken["conversation_id"], request_id="g1")
    added = (await end.get("message_added"))["message"]
    assert added["parent_id"] == broken["parent_id"]
    await asked
    server.provider.say("whole")
    server.provider.finish()
    assert (await end.get("message_done"))["message"]["content"] == "whole"
    history = await end.ask("history_response", type="history_request", persona_id=persona)
    assert [m["content"] for m in history["messages"]] == ["one", "", "two", "whole"]
    assert [(m.role, m.content) for m in server.provider.asked[-1].messages[1:]] == [("user", "one\n\ntwo")]


@pytest_twisted.ensureDeferred
async def test_an_empty_finish_is_a_failure_in_words(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    await asked
    server.provider.finish()
    assert (await end.get("message_done"))["message"]["failure"]["code"] == "upstream_invalid"


@pytest_twisted.ensureDeferred
async def test_too_long_a_history_is_cut_and_asked_again(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    for n in range(3):
        asked = server.provider.next_question()
        await end.ask(
            "ack", type="chat", persona_id=persona, content=f"question {n} " + "long " * 900, request_id=f"q{n}"
        )
        await asked
        server.provider.say(f"answer {n}")
        server.provider.finish()
        await end.get("message_done")
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="last", request_id="q9")
    await asked
    before = len(server.provider.asked[-1].messages)
    asked = server.provider.next_question()
    server.provider.fail("context_exceeded")
    await asked
    assert len(server.provider.asked[-1].messages) < before
    assert server.provider.asked[-1].messages[-1].content == "last"
    server.provider.say("ok")
    server.provider.finish()
    assert (await end.get("message_done"))["message"]["content"] == "ok"


@pytest_twisted.ensureDeferred
async def test_personas_are_live_on_every_device(server: Server) -> None:
    one, two = await full(server), await full(server)
    persona = await make_persona(one)
    assert (await two.get("persona_saved"))["persona"]["name"] == "学霸助手"
    change = {"name": "学霸", "starters": ["问我"]}
    await two.ask("ack", type="persona_update", persona_id=persona, persona_config=change, request_id="u1")
    saved = (await one.get("persona_saved"))["persona"]
    while saved["name"] != "学霸":
        saved = (await one.get("persona_saved"))["persona"]
    assert (saved["prompt"], saved["starters"]) == ("你是一个严谨的学术助手", ["问我"])
    assert server.book.personas[persona].name == "学霸"
    await one.ask("ack", type="persona_delete", persona_id=persona, request_id="d1")
    assert (await two.get("persona_deleted"))["persona_id"] == persona
    assert persona not in server.book.personas
    error = await two.ask("error", type="persona_update", persona_id=persona, persona_config={}, request_id="u2")
    assert error["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_conversations_are_made_renamed_listed_and_deleted(server: Server) -> None:
    one, two = await full(server), await full(server)
    persona = await make_persona(one)
    made = await one.ask("ack", type="conversation_create", persona_id=persona, title="旅行", request_id="c1")
    ident = made["conversation_id"]
    assert (await two.get("conversation_saved"))["conversation"]["title"] == "旅行"
    await two.ask("ack", type="conversation_rename", conversation_id=ident, title="Travel", request_id="c2")
    listed = await one.ask("conversation_list", type="conversation_list", persona_id=persona, request_id="c3")
    assert [(c["id"], c["title"]) for c in listed["conversations"]] == [(ident, "Travel")]
    assert listed["request_id"] == "c3"
    asked = server.provider.next_question()
    await one.ask("ack", type="chat", conversation_id=ident, content="go", request_id="q1")
    await asked
    await one.ask("ack", type="conversation_delete", conversation_id=ident, request_id="c4")
    assert (await two.get("conversation_deleted"))["conversation_id"] == ident
    assert server.provider.cancelled == 1, "a running answer ends with its conversation"
    assert (await one.ask("error", type="history_request", conversation_id=ident))["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_history_comes_in_pages(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    for n in range(5):
        asked = server.provider.next_question()
        await end.ask("ack", type="chat", persona_id=persona, content=f"q{n}", request_id=f"q{n}")
        await asked
        server.provider.say(f"a{n}")
        server.provider.finish()
        await end.get("message_done")
    last = await end.ask("history_response", type="history_request", persona_id=persona, limit=4)
    assert [m["content"] for m in last["messages"]] == ["q3", "a3", "q4", "a4"]
    assert last["more"] is True
    page = {"type": "history_request", "conversation_id": last["conversation_id"], "limit": 50}
    rest = await end.ask("history_response", **page, before=last["messages"][0]["id"])
    assert [m["content"] for m in rest["messages"]] == ["q0", "a0", "q1", "a1", "q2", "a2"]
    assert "more" not in rest


@pytest_twisted.ensureDeferred
async def test_a_stop_that_comes_twice_or_late_does_not_hit_the_next_answer(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    first = await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    stop = {"type": "chat_stop", "conversation_id": first["conversation_id"], "request_id": "s1"}
    end.send(**stop)
    assert (await end.get("message_done"))["message"]["status"] == "stopped"
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="two", request_id="q2")
    await asked
    assert (await end.ask("ack", **stop))["request_id"] == "s1"
    late = {**stop, "request_id": "s2", "answer_id": first["answer_id"]}
    assert (await end.ask("ack", **late))["request_id"] == "s2"
    server.provider.say("whole")
    server.provider.finish()
    assert (await end.get("message_done"))["message"]["status"] == "done"


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("STOP", "done", None),
        ("length", "interrupted", "answer_cut_short"),
        ("content_filter", "interrupted", "answer_filtered"),
        ("insufficient_system_resource", "interrupted", "upstream_interrupted"),
        ("error", "interrupted", "upstream_interrupted"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_only_a_whole_answer_is_done(server: Server, reason: str, status: str, code: str | None) -> None:
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    await asked
    server.provider.say("text")
    server.provider.finish(reason)
    message = (await end.get("message_done"))["message"]
    assert (message.get("status", "done"), message["content"]) == (status, "text")
    assert message.get("failure", {}).get("code") == code


@pytest_twisted.ensureDeferred
async def test_a_connection_that_fails_harms_nobody_else(server: Server, expected_errors: list[str]) -> None:
    bad, good = await full(server), await full(server)
    persona = await make_persona(good)

    def fail(data: bytes) -> None:
        raise OSError("broken")

    bad.write = fail  # type: ignore[method-assign]
    expected_errors.append("a connection failed and is left out")
    asked = server.provider.next_question()
    await good.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    await asked
    server.provider.say("fine")
    server.provider.finish()
    assert (await good.get("message_done"))["message"]["content"] == "fine"


@pytest_twisted.ensureDeferred
async def test_a_connection_that_leaves_while_it_says_hello_is_not_kept(server: Server) -> None:
    for _ in range(5):
        end = End(server)
        end.send(type="hello", version=1)
        end.leave()
    end = await full(server)
    persona = await make_persona(end)
    ack = await end.ask("ack", type="chat", persona_id=persona, content="one", request_id="q1")
    other = await full(server)
    other.send(type="conversation_subscribe", conversation_id=ack["conversation_id"])
    other.leave()
    await end.ask("persona_list", type="persona_list")
    await end.ask("persona_list", type="persona_list")
    assert list(server.hub._of_user[1]) == [end.connection]
    assert list(server.hub._watching[ack["conversation_id"]]) == [end.connection]


@pytest_twisted.ensureDeferred
async def test_deep_nonsense_leaves_the_connection_speaking(server: Server) -> None:
    end = await full(server)
    end.send_bytes(b'{"a":' * 50_000)
    assert (await end.get("error"))["code"] == "too_deep"
    assert (await end.ask("persona_list", type="persona_list"))["personas"] == []


@pytest_twisted.ensureDeferred
async def test_a_repeated_question_gets_its_own_answer(server: Server) -> None:
    persona = await make_persona(await full(server))
    plain = End(server)
    asked = server.provider.next_question()
    question = {"type": "chat", "persona_id": persona, "content": "a", "request_id": "a"}
    plain.send(**question)
    await asked
    server.provider.say("to a")
    server.provider.finish()
    assert (await plain.get("chat_response"))["content"] == "to a"
    asked = server.provider.next_question()
    plain.send(type="chat", persona_id=persona, content="b", request_id="b")
    await asked
    server.provider.say("to b")
    assert (await plain.ask("chat_response", **question))["content"] == "to a"


@pytest_twisted.ensureDeferred
async def test_a_long_page_of_history_is_cut_and_more_follows(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    for n in range(4):
        asked = server.provider.next_question()
        await end.ask("ack", type="chat", persona_id=persona, content=f"q{n}", request_id=f"q{n}")
        await asked
        server.provider.say("x" * 400_000)
        server.provider.finish()
        await end.get("message_done")
    page = await end.ask("history_response", type="history_request", persona_id=persona)
    assert page["more"] is True
    assert [m["content"][:2] for m in page["messages"]] == ["q2", "xx", "q3", "xx"]


# resume


@pytest_twisted.ensureDeferred
async def test_resume_brings_exactly_what_was_missed(server: Server) -> None:
    end = await full(server)
    persona = await make_persona(end)
    other = await make_persona(end, "gone")
    position = await full(server)
    welcome = position.frames[0]
    position.leave()
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="meanwhile", request_id="q1")
    await asked
    await end.ask("ack", type="persona_delete", persona_id=other, request_id="d1")
    server.provider.say("text")
    server.provider.finish()
    await end.get("message_done")
    back = End(server)
    greeting = await back.hello(resume={"epoch": welcome["epoch"], "seq": welcome["seq"]})
    assert greeting["recovered"] is True
    missed = back.frames[1:]
    assert [f["type"] for f in missed] == ["conversation_saved", "message_added", "persona_deleted", "message_done"]
    assert missed[1]["message"]["content"] == "meanwhile"
    assert missed[3]["message"]["content"] == "text"
    assert missed[3]["message"]["id"] == ack["answer_id"]
    assert (await End(server).hello(resume={"epoch": "elsewhere", "seq": 3}))["recovered"] is False
    assert (await End(server).hello(resume={"epoch": welcome["epoch"], "seq": 10**9}))["recovered"] is False
    again = End(server)
    assert (await again.hello(resume={"epoch": welcome["epoch"], "seq": greeting["seq"]}))["recovered"] is True
    assert len(again.frames) == 1, "nothing was missed, nothing comes"


@pytest_twisted.ensureDeferred
async def test_two_devices_end_with_the_same_text_whatever_the_drops(server: Server) -> None:
    one, two = Device(server), Device(server)
    for device in (one, two):
        device.connect()
        await device.until(lambda s: s.timeline.conversations_known and s.timeline.personas_known)
    persona = (await server.personas.all_of(1)) or None
    assert persona is None
    maker = await full(server)
    ident = await make_persona(maker)
    await one.until(lambda s: ident in s.timeline.personas)
    asked = server.provider.next_question()
    one.session.post("tell", persona_id=ident)
    one.flush()
    await asked
    await two.until(lambda s: s.timeline.conversations)
    conversation = next(iter(two.session.timeline.conversations))
    for device in (one, two):
        device.session.open_conversation(conversation)
        device.flush()
    words = [f"{n}：汉字 and 😀 " for n in range(60)]
    for n, word in enumerate(words):
        server.provider.say(word)
        if n % 7 == 3:
            one.drop()
        if n % 7 == 5:
            one.connect()
        if n % 11 == 2:
            two.drop()
            two.connect()
    one.drop()
    one.connect()
    server.provider.finish()

    def is_done(session: Any) -> bool:
        messages = session.timeline.messages(conversation)
        return len(messages) == 2 and messages[1].status == "done"

    for device in (one, two):
        await device.until(is_done)
        assert device.session.timeline.messages(conversation)[1].content == "".join(words)
        assert not device.session.outbox


@pytest_twisted.ensureDeferred
async def test_a_restart_marks_what_was_running_and_keeps_its_text(tmp_path: Path) -> None:
    server = await Server(tmp_path).open()
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="hi", request_id="q1")
    await asked
    server.provider.say("x" * 2_000)  # over a checkpoint's size
    await end.get("message_delta")
    checkpointed = await server.store.messages.get(ack["answer_id"])
    while checkpointed is not None and not checkpointed.content:  # the checkpoint is on its way
        checkpointed = await server.store.messages.get(ack["answer_id"])
    assert checkpointed is not None
    assert checkpointed.status == "running"
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path, crashed)  # what a process that is gone leaves behind
    again = await Server(crashed).open()
    message = await again.store.messages.get(ack["answer_id"])
    assert message is not None
    assert (message.status, message.content) == ("interrupted", "x" * 2_000)
    back = End(again)
    await back.hello(resume={"epoch": end.frames[0]["epoch"], "seq": 4})
    assert [f["type"] for f in back.frames] == ["welcome", "message_done"]
    await again.close()
    await server.close()


# plain clients


@pytest_twisted.ensureDeferred
async def test_a_plain_client_gets_whole_answers_and_nothing_else(server: Server) -> None:
    maker = await full(server)
    persona = await make_persona(maker)
    plain = End(server)
    asked = server.provider.next_question()
    plain.send(type="chat", persona_id=persona, content="你好")
    await asked
    server.provider.say("你好，")
    server.provider.say("我是学霸助手...")
    server.provider.finish()
    answer = await plain.get("chat_response")
    assert answer == {"type": "chat_response", "persona_id": persona, "content": "你好，我是学霸助手..."}
    await make_persona(maker, "another")
    history = await plain.ask("history_response", type="history_request", persona_id=persona)
    assert set(history) == {"type", "persona_id", "conversations", "messages"}
    assert [set(c) for c in history["conversations"]] == [{"id", "title", "create_time"}]
    assert [set(m) for m in history["messages"]] == [{"sender_type", "content", "send_time"}] * 2
    assert {f["type"] for f in plain.frames} == {"chat_response", "history_response"}


@pytest_twisted.ensureDeferred
async def test_a_plain_client_can_select_create_and_leave_out(server: Server) -> None:
    plain = End(server)
    made = await plain.ask(
        "persona_list",
        type="persona_create",
        persona_config={"name": "学霸助手", "prompt": "你是一个严谨的学术助手...", "avatar": "aGk="},
    )
    ident = made["persona_id"]
    assert made["personas"] == [{"id": ident, "name": "学霸助手", "avatar": "aGk="}]
    selected = await plain.ask("persona_list", type="persona_select", persona_id=ident)
    assert selected["persona_id"] == ident
    asked = server.provider.next_question()
    plain.send(type="chat", content="who?")
    await asked
    server.provider.say("me")
    server.provider.finish()
    assert (await plain.get("chat_response"))["persona_id"] == ident
    error = await plain.ask("error", type="chat_stop", conversation_id=1)
    assert error["code"] == "hello_required"
    error = await plain.ask("error", type="hello", version=1)
    assert error["code"] == "hello_repeated"
    error = await plain.ask("error", type="persona_select", persona_id="nobody")
    assert error["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_a_plain_client_hears_why_there_is_no_answer(server: Server) -> None:
    persona = await make_persona(await full(server))
    plain = End(server)
    asked = server.provider.next_question()
    plain.send(type="chat", persona_id=persona, content="?", request_id="mine")
    await asked
    server.provider.say("half")
    server.provider.fail("upstream_interrupted", "It broke off.")
    error = await plain.get("error")
    assert (error["code"], error["message"], error["request_id"]) == ("upstream_interrupted", "It broke off.", "mine")
    assert (await End(server).ask("error", type="chat", content="to whom?"))["code"] == "bad_frame"


# who may come, and bad manners


@pytest_twisted.ensureDeferred
async def test_without_a_token_only_this_machine_comes_in(server: Server, tmp_path: Path) -> None:
    away = End(server, is_local=False)
    error = await away.ask("error", type="persona_list")
    assert error["code"] == "unauthorized"
    assert away.closed is not None
    assert away.closed[0] == 4401
    wrong = End(server)
    assert (await wrong.ask("error", type="hello", version=1, token="guess"))["code"] == "unauthorized"
    token = (tmp_path / "owner.token").read_text().strip()
    assert (tmp_path / "owner.token").stat().st_mode & 0o777 == 0o600
    right = End(server, is_local=False)
    assert (await right.hello(token=token))["user"] == "owner"
    header = End(server, is_local=False, header_token=token)
    assert (await header.ask("persona_list", type="persona_list"))["personas"] == []


@pytest_twisted.ensureDeferred
async def test_a_server_open_to_others_trusts_nobody(tmp_path: Path) -> None:
    server = await Server(tmp_path, trust_local=False).open()
    assert (await End(server).ask("error", type="persona_list"))["code"] == "unauthorized"
    await server.close()


@pytest_twisted.ensureDeferred
async def test_the_token_survives_restarts_and_a_lost_file_makes_a_new_one(tmp_path: Path) -> None:
    tokens = []
    for n in range(3):
        server = await Server(tmp_path).open()
        tokens.append((tmp_path / "owner.token").read_text().strip())
        if n == 2:
            with pytest.raises(Exception, match="unauthorized"):
                await server.accounts.admit(tokens[0], local=False, throw_out=lambda why: None)
        await server.close()
        if n == 1:
            (tmp_path / "owner.token").unlink()
    assert tokens[0] == tokens[1] != tokens[2]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "chat_continue"}, "bad_frame"),
    ({"type": "chat_continue", "conversation_id": 999}, "not_found"),
    ({"type": "chat", "content": "x", "persona_id": "nobody"}, "not_found"),
    ({"type": "chat", "content": "x", "conversation_id": 999}, "not_found"),
    ({"type": "chat", "content": 5}, "bad_frame"),
    ({"type": "chat", "content": "x" * 200_001}, "bad_frame"),
    ({"type": "chat_stop", "conversation_id": 999}, "not_found"),
    ({"type": "chat_stop"}, "bad_frame"),
    ({"type": "chat_regenerate", "conversation_id": 999}, "not_found"),
    ({"type": "chat", "content": "x", "persona_id": "p1", "parent_id": 1}, "bad_frame"),
    ({"type": "chat", "content": "x", "conversation_id": 999, "parent_id": -1}, "bad_frame"),
    ({"type": "chat_regenerate", "conversation_id": 999, "message_id": 0}, "bad_frame"),
    ({"type": "message_edit", "conversation_id": 999, "message_id": 1, "content": "x"}, "not_found"),
    ({"type": "message_edit", "conversation_id": 999, "message_id": 1, "content": ""}, "bad_frame"),
    ({"type": "message_edit", "conversation_id": 999, "message_id": 1, "content": "x" * 200_001}, "bad_frame"),
    ({"type": "message_edit", "conversation_id": 999, "content": "x"}, "bad_frame"),
    ({"type": "message_delete", "conversation_id": 999, "message_id": 1}, "not_found"),
    ({"type": "message_delete", "conversation_id": 999}, "bad_frame"),
    ({"type": "message_delete", "conversation_id": 999, "message_id": "1"}, "bad_frame"),
    ({"type": "branch_select", "conversation_id": 999, "message_id": 1}, "not_found"),
    ({"type": "branch_select", "message_id": 1}, "bad_frame"),
    ({"type": "branch_select", "conversation_id": 999, "message_id": 1.5}, "bad_frame"),
    ({"type": "persona_select", "persona_id": ""}, "bad_frame"),
    ({"type": "persona_create", "persona_config": {"name": "", "prompt": "x"}}, "bad_frame"),
    ({"type": "persona_create", "persona_config": {"name": "x" * 101, "prompt": "x"}}, "bad_frame"),
    ({"type": "persona_create", "persona_config": []}, "bad_frame"),
    ({"type": "persona_create"}, "bad_frame"),
    ({"type": "persona_update", "persona_id": "nobody", "persona_config": {"name": "x"}}, "not_found"),
    ({"type": "persona_delete", "persona_id": "nobody"}, "not_found"),
    ({"type": "persona_card", "persona_id": "nobody"}, "not_found"),
    ({"type": "persona_card"}, "bad_frame"),
    ({"type": "persona_create", "persona_config": {"name": "x", "prompt": "x", "card": "x" * 400_001}}, "bad_frame"),
    ({"type": "persona_try", "persona_config": {"name": "x", "prompt": ""}, "messages": [{}]}, "bad_frame"),
    ({"type": "history_request", "conversation_id": 999}, "not_found"),
    ({"type": "history_request", "persona_id": "nobody"}, "not_found"),
    ({"type": "history_request"}, "bad_frame"),
    ({"type": "history_request", "persona_id": "x", "limit": 0}, "bad_frame"),
    ({"type": "history_request", "persona_id": "x", "limit": 100_000}, "bad_frame"),
    ({"type": "conversation_create", "persona_id": "nobody"}, "not_found"),
    ({"type": "conversation_rename", "conversation_id": 999, "title": "x"}, "not_found"),
    ({"type": "conversation_rename", "conversation_id": 999, "title": ""}, "bad_frame"),
    ({"type": "conversation_delete", "conversation_id": 999}, "not_found"),
    ({"type": "conversation_update", "conversation_id": 999, "changes": {"pinned": True}}, "not_found"),
    ({"type": "conversation_update", "conversation_id": 999}, "bad_frame"),
    ({"type": "conversation_read", "conversation_id": 999, "message_id": 1}, "not_found"),
    ({"type": "conversation_read", "conversation_id": 999}, "bad_frame"),
    ({"type": "conversation_restore", "conversation_id": 999}, "not_found"),
    ({"type": "search_request"}, "bad_frame"),
    ({"type": "search_request", "query": ""}, "bad_frame"),
    ({"type": "search_request", "query": " \n\u0000 "}, "bad_frame"),
    ({"type": "search_request", "query": "x" * 201}, "bad_frame"),
    ({"type": "search_request", "query": "x", "limit": 101}, "bad_frame"),
    ({"type": "search_request", "query": "x", "before": 0}, "bad_frame"),
    ({"type": "search_request", "query": "x", "conversation_id": 999}, "not_found"),
    ({"type": "conversation_subscribe", "conversation_id": 999}, "not_found"),
    ({"type": "conversation_subscribe", "conversation_id": "7"}, "bad_frame"),
    ({"type": "hello", "version": 1}, "hello_repeated"),
    ({"type": "login", "name": "owner", "password": "x"}, "conflict"),
    ({"type": "welcome"}, "unknown_type"),
    ({"type": None}, "bad_frame"),
]


@pytest_twisted.ensureDeferred
async def test_wrong_input_on_every_frame_gets_its_error_and_the_connection_lives(server: Server) -> None:
    end = await full(server)
    for n, (frame, code) in enumerate(WRONG):
        error = await end.ask("error", **frame, request_id=f"w{n}")
        assert (error["code"], error["request_id"]) == (code, f"w{n}"), frame
        assert len(error["message"]) > 10
    covered = {frame["type"] for frame, _ in WRONG}
    no_argument_to_get_wrong = {"persona_list", "conversation_list", "conversation_unsubscribe", "model_list"}
    assert {c.__struct_config__.tag for c in frames.COMMANDS} - no_argument_to_get_wrong <= covered
    for raw in (b"", b"nonsense", b"\xff", b"[" * 500, b'"' + b"x" * frames.MAX_FRAME_BYTES + b'"'):
        end.send_bytes(raw)
        await end.get("error")
    assert (await end.ask("persona_list", type="persona_list"))["personas"] == []
    assert end.closed is None


@pytest_twisted.ensureDeferred
async def test_broken_frames_without_end_close_the_connection(server: Server) -> None:
    end = await full(server)
    for _ in range(60):
        end.send_bytes(b"{")
    assert end.closed == (1008, "too many bad frames")
    assert (await (await full(server)).ask("persona_list", type="persona_list"))["personas"] == []


@pytest_twisted.ensureDeferred
async def test_a_thousand_frames_at_once_are_all_answered_in_order(server: Server) -> None:
    end = await full(server)
    for n in range(900):
        end.send(type="conversation_list", request_id=str(n))
    last = await end.get("conversation_list")
    while last["request_id"] != "899":
        last = await end.get("conversation_list")
    answered = [f["request_id"] for f in end.frames if f["type"] == "conversation_list"]
    assert answered == [str(n) for n in range(900)]


@pytest_twisted.ensureDeferred
async def test_a_stopping_server_keeps_what_is_being_written(tmp_path: Path) -> None:
    server = await Server(tmp_path).open()
    end = await full(server)
    persona = await make_persona(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="hi", request_id="q1")
    await asked
    server.provider.say("so far")
    await end.get("message_delta")
    closing = ensureDeferred(server.turns.close())
    error = await end.ask("error", type="chat", persona_id=persona, content="more", request_id="q2")
    assert (error["code"], error["retryable"]) == ("shutting_down", True)
    await closing
    message = await server.store.messages.get(ack["answer_id"])
    assert message is not None
    assert (message.status, message.content) == ("interrupted", "so far")
    await server.store.close()


def test_the_examples_here_are_json() -> None:
    json.dumps(WRONG)


# slow readers


@pytest_twisted.ensureDeferred
async def test_a_client_that_does_not_read_misses_no_text_and_costs_no_memory(server: Server) -> None:
    slow, quick = await full(server), await full(server)
    persona = await make_persona(quick)
    asked = server.provider.next_question()
    ack = await quick.ask("ack", type="chat", persona_id=persona, content="tell", request_id="q1")
    await slow.ask("ack", type="conversation_subscribe", conversation_id=ack["conversation_id"], request_id="s1")
    await asked
    server.provider.say("one ")
    await slow.get("message_delta")
    slow.connection.out.clog()
    before = len(slow.frames)
    for n in range(200):
        server.provider.say(f"{n} ")
    while "199 " not in (await quick.get("message_delta"))["content"]:
        pass
    assert len(slow.frames) == before, "live text is left out while it does not read"
    slow.connection.out.unclog()
    snapshot = await slow.get("message_snapshot")
    server.provider.say("last")
    delta = await slow.get("message_delta")
    assert snapshot["content"] + delta["content"] == "one " + "".join(f"{n} " for n in range(200)) + "last"
    assert delta["offset"] == len(snapshot["content"])


@pytest_twisted.ensureDeferred
async def test_a_client_that_never_reads_is_closed(server: Server) -> None:
    stuck, quick = await full(server), await full(server)
    stuck.connection.out.clog()
    config = {"name": "big", "prompt": "p", "avatar": "A" * 200_000}
    for n in range(50):
        await quick.ask("ack", type="persona_create", persona_config=config, request_id=f"p{n}")
    assert stuck.closed == (4408, "the client does not read")
    assert len((await quick.ask("persona_list", type="persona_list"))["personas"]) == 50
