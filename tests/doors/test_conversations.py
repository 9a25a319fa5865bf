"""What a user does with conversations: pinned, archived, tagged, read, deleted and brought back, on every device."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given, settings
from hypothesis import strategies as st

from aichat.chat import administration as verbs
from aichat.protocol import frames
from aichat.protocol.timeline import Timeline
from aichat.protocol.values import Conversation
from tests.ends import Device, End, Server

PASSWORD = "correct horse 电池"


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path, trust_local=False).open()
    for name in ("wei", "mara"):
        await running.administration.do(verbs.UserAdd(name=name, password=PASSWORD))
    yield running
    await running.close()


async def token_of(server: Server, name: str) -> str:
    return str((await server.administration.do(verbs.TokenAdd(user=name, name="test")))["token"])


async def come_in(server: Server, name: str) -> End:
    end = End(server, is_local=False)
    await end.hello(token=await token_of(server, name))
    return end


async def persona_of(end: End, **more: Any) -> str:
    config = {"name": "学霸", "prompt": "a secret prompt", **more}
    made = await end.ask("ack", type="persona_create", persona_config=config, request_id=f"p{len(end.frames)}")
    return str(made["persona_id"])


async def told(server: Server, end: End, persona: str, question: str = "去哪里旅行？", **more: Any) -> dict[str, Any]:
    """A whole turn -> its ack."""
    asked = server.provider.next_question()
    chat = {"type": "chat", "persona_id": persona, "content": question, "request_id": f"q{len(end.frames)}", **more}
    ack = await end.ask("ack", **chat)
    await asked
    server.provider.say("去海边。")
    server.provider.finish()
    await end.get("message_done")
    return ack


async def listed(end: End) -> dict[int, dict[str, Any]]:
    reply = await end.ask("conversation_list", type="conversation_list", request_id="all")
    return {c["id"]: c for c in reply["conversations"]}


async def saved(end: End, **wanted: Any) -> dict[str, Any]:
    """The next conversation_saved with these values."""
    while True:
        conversation: dict[str, Any] = (await end.get("conversation_saved"))["conversation"]
        if all(conversation.get(name, False) == value for name, value in wanted.items()):
            return conversation


# pinned, archived, tagged


@pytest_twisted.ensureDeferred
async def test_changes_reach_every_device_and_stay(server: Server) -> None:
    end, other = await come_in(server, "wei"), await come_in(server, "wei")
    ident = (await told(server, end, await persona_of(end)))["conversation_id"]
    changes = {"pinned": True, "tags": ["旅行", " a  b ", "旅行", "  "]}
    update = {"type": "conversation_update", "conversation_id": ident, "request_id": "u1"}
    await end.ask("ack", **update, changes=changes)
    seen = await saved(other, pinned=True)
    assert seen["tags"] == ["旅行", "a b"]
    assert seen["title"] == "去哪里旅行？", "what is not given stays"
    await end.ask("ack", **{**update, "request_id": "u2"}, changes={"archived": True, "title": "海"})
    seen = await saved(other, archived=True)
    assert (seen["pinned"], seen["tags"], seen["title"]) == (True, ["旅行", "a b"], "海")
    assert (await listed(end))[ident] == seen, "lists have archived ones too, with all that is said of them"
    count = len(other.frames)
    await end.ask("ack", **{**update, "request_id": "u2"}, changes={"archived": True, "title": "海"})
    await listed(other)
    assert [f["type"] for f in other.frames[count:]] == ["conversation_list"], "a repeat is no news"
    assert (await end.ask("error", **{**update, "request_id": "u2"}, changes={}))["code"] == "request_id_reused"
    await end.ask("ack", **{**update, "request_id": "u3"}, changes={"pinned": False, "tags": []})
    last = await saved(other, pinned=False)
    assert ("tags" in last, last["archived"]) == (False, True)


@pytest_twisted.ensureDeferred
async def test_speaking_in_an_archived_conversation_brings_it_back(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    ident = (await told(server, end, persona))["conversation_id"]
    update = {"type": "conversation_update", "conversation_id": ident, "request_id": "u1"}
    await end.ask("ack", **update, changes={"archived": True, "tags": ["t"]})
    await told(server, end, persona, conversation_id=ident)
    conversation = (await listed(end))[ident]
    assert ("archived" in conversation, conversation["tags"]) == (False, ["t"])


@pytest.mark.parametrize(
    "changes",
    [None, 7, {"pinned": "yes"}, {"pinned": None}, {"tags": "t"}, {"tags": [""]}, {"tags": ["x" * 41]},
     {"tags": ["t"] * 21}, {"title": ""}, {"title": "x" * 201}, {"archived": 1}],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_wrong_changes_are_refused_and_change_nothing(server: Server, changes: Any) -> None:
    end = await come_in(server, "wei")
    ident = (await told(server, end, await persona_of(end)))["conversation_id"]
    before = await listed(end)
    update = {"type": "conversation_update", "conversation_id": ident, "request_id": "u1"}
    error = await end.ask("error", **update, changes=changes)
    assert (error["code"], error["request_id"]) == ("bad_frame", "u1")
    assert await listed(end) == before


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "conversation_update", "changes": {"pinned": True}},
        {"type": "conversation_read", "message_id": 1},
        {"type": "conversation_delete"},
        {"type": "conversation_delete", "for_good": True},
        {"type": "conversation_restore"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_nobody_else_does_any_of_it(server: Server, frame: dict[str, Any]) -> None:
    wei, mara = await come_in(server, "wei"), await come_in(server, "mara")
    ack = await told(server, wei, await persona_of(wei))
    ident = ack["conversation_id"]
    before = await listed(wei)
    wanted = {**frame, "conversation_id": ident}
    if "message_id" in frame:
        wanted["message_id"] = ack["answer_id"]
    assert (await mara.ask("error", **wanted, request_id="r1"))["code"] == "not_found"
    if frame["type"] == "conversation_restore":
        assert (await wei.ask("error", **wanted, request_id="r1"))["code"] == "conflict", "it is not deleted"
    assert (await wei.ask("error", **{**wanted, "conversation_id": 999}, request_id="r2"))["code"] == "not_found"
    for wrong in (0, -1, "7", None):
        refused = await wei.ask("error", **{**wanted, "conversation_id": wrong}, request_id="r3")
        assert refused["code"] == "bad_frame"
    assert await listed(wei) == before
    await wei.ask("ack", type="conversation_delete", conversation_id=ident, request_id="gone")
    assert (await mara.ask("error", **wanted, request_id="r4"))["code"] == "not_found"


# read


@pytest_twisted.ensureDeferred
async def test_what_is_read_on_one_device_is_read_on_all(server: Server) -> None:
    end, other = await come_in(server, "wei"), await come_in(server, "wei")
    persona = await persona_of(end)
    ack = await told(server, end, persona)
    ident = ack["conversation_id"]
    assert (await listed(other))[ident]["unread"] is True
    read = {"type": "conversation_read", "conversation_id": ident}
    await end.ask("ack", **read, message_id=ack["message_id"], request_id="r1")
    assert (await saved(other, read=ack["message_id"]))["unread"] is True, "the answer is not read yet"
    await end.ask("ack", **read, message_id=ack["answer_id"], request_id="r2")
    seen = await saved(other, read=ack["answer_id"])
    assert "unread" not in seen
    count = len(other.frames)
    await other.ask("ack", **read, message_id=ack["message_id"], request_id="r3")
    await listed(other)
    assert "conversation_saved" not in [f["type"] for f in other.frames[count:]], "one reads on, never back"
    again = await told(server, end, persona, conversation_id=ident)
    conversation = (await listed(other))[ident]
    assert (conversation["unread"], conversation["read"]) == (True, ack["answer_id"])
    for message_id in (again["answer_id"] + 1, 10**9):
        error = await end.ask("error", **read, message_id=message_id, request_id=f"x{message_id}")
        assert error["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_being_written_is_not_read_yet(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="?", request_id="q")
    await asked
    ident, answer = ack["conversation_id"], ack["answer_id"]
    read = {"type": "conversation_read", "conversation_id": ident, "message_id": answer}
    await end.ask("ack", **read, request_id="r1")
    conversation = (await listed(end))[ident]
    assert (conversation["unread"], conversation["read"]) == (True, ack["message_id"])
    server.provider.say("!")
    server.provider.finish()
    await end.get("message_done")
    await end.ask("ack", **read, request_id="r2")
    assert "unread" not in (await listed(end))[ident]


# deleted, and brought back


async def history(end: End, ident: int) -> dict[str, Any]:
    end.send(type="history_request", conversation_id=ident, request_id=f"h{len(end.frames)}")
    end.send(type="conversation_list", request_id="after")
    await end.get("conversation_list")
    return next(f for f in end.frames[::-1] if f["type"] in ("history_response", "error"))


@pytest_twisted.ensureDeferred
async def test_a_deleted_conversation_is_nowhere_and_comes_back_whole(server: Server) -> None:
    end, other = await come_in(server, "wei"), await come_in(server, "wei")
    persona = await persona_of(end)
    ack = await told(server, end, persona)
    ident = ack["conversation_id"]
    await end.ask("ack", type="conversation_update", conversation_id=ident, changes={"pinned": True}, request_id="u")
    before, messages = (await listed(end))[ident], (await history(end, ident))["messages"]
    await end.ask("ack", type="conversation_delete", conversation_id=ident, request_id="d1")
    gone = await other.get("conversation_deleted")
    assert gone["conversation_id"] == ident
    assert await listed(other) == {}
    assert (await history(end, ident))["code"] == "not_found"
    for frame in (
        {"type": "chat", "content": "?", "conversation_id": ident},
        {"type": "chat_regenerate", "conversation_id": ident},
        {"type": "chat_stop", "conversation_id": ident},
        {"type": "conversation_subscribe", "conversation_id": ident},
        {"type": "conversation_rename", "conversation_id": ident, "title": "t"},
        {"type": "conversation_delete", "conversation_id": ident},
    ):
        assert (await end.ask("error", **frame, request_id=f"x{len(end.frames)}"))["code"] == "not_found"
    restore = {"type": "conversation_restore", "conversation_id": ident}
    assert (await end.ask("ack", **restore, request_id="b1"))["conversation_id"] == ident
    back = await saved(other, id=ident)
    assert back["seq"] > gone["seq"]
    assert {**back, "seq": 0} == {**before, "seq": 0}
    told_again = (await history(other, ident))["messages"]
    assert [{**m, "seq": 0} for m in told_again] == [{**m, "seq": 0} for m in messages]
    assert (await end.ask("ack", **restore, request_id="b1"))["conversation_id"] == ident, "a repeat"
    assert (await end.ask("error", **restore, request_id="b2"))["code"] == "conflict"
    await told(server, end, persona, conversation_id=ident)
    assert len((await history(end, ident))["messages"]) == 4


@pytest_twisted.ensureDeferred
async def test_a_running_answer_is_stopped_and_told_to_nobody(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=persona, content="?", request_id="q")
    await asked
    server.provider.say("half ")
    await end.get("message_delta")
    ident = ack["conversation_id"]
    await end.ask("ack", type="conversation_delete", conversation_id=ident, request_id="d")
    await end.get("conversation_deleted")
    assert server.provider.cancelled == 1
    await listed(end)
    assert "message_done" not in [f["type"] for f in end.frames]
    await end.ask("ack", type="conversation_restore", conversation_id=ident, request_id="b")
    message = (await history(end, ident))["messages"][-1]
    assert (message["content"], message["status"]) == ("half ", "stopped")


@pytest_twisted.ensureDeferred
async def test_for_good_is_for_good_at_once_or_later(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    for first in (False, True):
        ident = (await told(server, end, persona, new_conversation=True))["conversation_id"]
        gone = {"type": "conversation_delete", "conversation_id": ident}
        if not first:
            await end.ask("ack", **gone, request_id=f"d{ident}")
        await end.ask("ack", **gone, for_good=True, request_id=f"g{ident}")
        back = {"type": "conversation_restore", "conversation_id": ident, "request_id": f"b{ident}"}
        assert (await end.ask("error", **back))["code"] == "not_found"
        with sqlite3.connect(server.store.path) as db:
            assert db.execute("SELECT COUNT(*) FROM messages").fetchone() == (0,)
            assert db.execute("SELECT COUNT(*) FROM conversations").fetchone() == (0,)


@pytest_twisted.ensureDeferred
async def test_after_30_days_it_is_gone(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    idents = [(await told(server, end, persona, new_conversation=True))["conversation_id"] for _ in range(2)]
    for ident in idents:
        await end.ask("ack", type="conversation_delete", conversation_id=ident, request_id=f"d{ident}")
    old = f"UPDATE conversations SET deleted_time = datetime('now', '-31 days') WHERE id = {idents[0]}"
    await server.store._database.write(lambda connection: connection.execute(old).fetchall())
    back = {"type": "conversation_restore", "request_id": "b1"}
    assert (await end.ask("error", **back, conversation_id=idents[0]))["code"] == "not_found"
    user = end.connection.user_id
    assert await server.store.log.prune(user) == 3, "the conversation and its two messages"
    assert await server.store.log.prune(user) == 0
    await end.ask("ack", type="conversation_restore", conversation_id=idents[1], request_id="b2")
    assert list(await listed(end)) == [idents[1]]


@pytest_twisted.ensureDeferred
async def test_who_deletes_a_persona_deletes_what_could_come_back_too(server: Server) -> None:
    wei, mara = await come_in(server, "wei"), await come_in(server, "mara")
    persona = await persona_of(wei, shared=True)
    mine = (await told(server, wei, persona))["conversation_id"]
    theirs = (await told(server, mara, persona))["conversation_id"]
    for end, ident in ((wei, mine), (mara, theirs)):
        await end.ask("ack", type="conversation_delete", conversation_id=ident, request_id="d")
    await wei.ask("ack", type="persona_delete", persona_id=persona, request_id="pd")
    await mara.get("persona_deleted")
    restore = {"type": "conversation_restore", "request_id": "b"}
    assert (await wei.ask("error", **restore, conversation_id=mine))["code"] == "not_found"
    await mara.ask("ack", **restore, conversation_id=theirs)
    again = (await mara.get("persona_saved"))["persona"]
    assert (again["id"], again["name"], again["owner"], again.get("prompt")) == (persona, "学霸", "wei", None)
    assert again["seq"] > next(f for f in mara.frames if f["type"] == "persona_deleted")["seq"]
    assert (await saved(mara, id=theirs))["persona_id"] == persona


@pytest_twisted.ensureDeferred
async def test_a_device_that_was_away_has_it_as_it_is_now(tmp_path: Path) -> None:
    server = await Server(tmp_path).open()
    try:
        device, end = Device(server), End(server)
        await end.hello()
        persona = await persona_of(end)
        ack = await told(server, end, persona)
        ident = ack["conversation_id"]
        device.connect()
        await device.until(lambda s: s.timeline.conversations_known)
        device.session.open_conversation(ident)
        device.flush()
        await device.until(lambda s: len(s.timeline.messages(ident)) == 2)
        delete = {"type": "conversation_delete", "conversation_id": ident}
        restore = {"type": "conversation_restore", "conversation_id": ident}
        for away in (False, True):
            for step, frame in enumerate((delete, restore)):
                if away and step == 0:
                    device.drop()
                await end.ask("ack", **frame, request_id=f"{away}{step}")
                if not away:
                    await device.until(lambda s, here=bool(step): (ident in s.timeline.conversations) == here)
            if away:
                await told(server, end, persona, conversation_id=ident)
                device.connect()
                seq = (await listed(end))[ident]["seq"]
                await device.until(
                    lambda s, n=seq: ident in s.timeline.conversations and s.timeline.conversations[ident].seq == n
                )
            assert not device.session.opened_conversations
            device.session.open_conversation(ident)
            device.flush()
            await device.until(lambda s, n=4 if away else 2: len(s.timeline.messages(ident)) == n)
        texts = [m.content for m in device.session.timeline.messages(ident)]
        assert texts == ["去哪里旅行？", "去海边。"] * 2
    finally:
        await server.close()


@settings(max_examples=200)
@given(st.permutations(range(6)))
def test_the_newest_state_stays_in_whatever_order_it_is_told(order: list[int]) -> None:
    def at(seq: int) -> Conversation:
        return Conversation(id=7, title=str(seq), create_time="", persona_id="p", touched=1, seq=seq)

    told_of: list[frames.AnyPush] = [
        frames.ConversationSaved(conversation=at(1)),
        frames.ConversationDeleted(seq=2, conversation_id=7),
        frames.ConversationSaved(conversation=at(3)),
        frames.ConversationDeleted(seq=4, conversation_id=7),
        frames.ConversationSaved(conversation=at(5)),
        frames.ConversationListReply(conversations=[at(3)]),
    ]
    timeline = Timeline()
    for n in order:
        timeline.apply(told_of[n])
    assert [c.seq for c in timeline.conversations.values()] == [5]


@pytest_twisted.ensureDeferred
async def test_a_turn_takes_no_statement_more_than_it_did(server: Server) -> None:
    end = await come_in(server, "wei")
    persona = await persona_of(end)
    ident = (await told(server, end, persona))["conversation_id"]
    said: list[str] = []

    def trace(on: bool) -> Any:
        return server.store._database.write(lambda c: c.set_trace_callback(said.append if on else None))

    await trace(True)
    command = frames.Chat(content="?", persona_id=persona, conversation_id=ident, request_id="turn")
    await server.store.messages.append_turn(end.connection.user_id, command)
    await trace(False)
    ours = [s for s in said if not re_of_group(s)]
    assert len(ours) == 6, ours


def re_of_group(statement: str) -> bool:
    """What begins and ends a group of writes, however many are in it."""
    return statement.startswith(("BEGIN", "COMMIT", "SELECT seq FROM store", "UPDATE store SET seq"))
