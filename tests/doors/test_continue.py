"""A broken answer goes on where it ended: the same message, its text kept, the seam known, whatever happens next."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.ends import Device, End, Server

KEPT = "从前😀有"


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path).open()
    yield running
    await running.close()


class Told(End):
    """A full client in a conversation whose answer broke off."""

    ack: dict[str, Any]

    @classmethod
    async def broken(cls, server: Server, text: str = KEPT, how: str = "fail") -> Told:
        end = cls(server)
        await end.hello()
        config = {"name": "P", "prompt": "You tell."}
        persona = await end.ask("ack", type="persona_create", persona_config=config, request_id="make")
        asked = server.provider.next_question()
        chat = {"type": "chat", "persona_id": persona["persona_id"], "content": "tell", "request_id": "q1"}
        end.ack = await end.ask("ack", **chat)
        await asked
        if text:
            server.provider.say(text, reasoning="hm")
            await end.get("message_delta")
        match how:
            case "fail":
                server.provider.fail("upstream_interrupted")
            case "stop":
                end.send(type="chat_stop", conversation_id=end.ack["conversation_id"])
            case reason:
                server.provider.finish(reason)
        await end.get("message_done")
        return end

    async def go_on(self, server: Server, request_id: str = "c1", **more: Any) -> dict[str, Any]:
        """Continue -> the message that runs again, once the provider was asked."""
        asked = server.provider.next_question()
        frame = {"type": "chat_continue", "conversation_id": self.ack["conversation_id"], **more}
        ack = await self.ask("ack", **frame, request_id=request_id)
        assert ack["answer_id"] == self.ack["answer_id"]
        added = await self.get("message_added")
        await asked
        message: dict[str, Any] = added["message"]
        return message


@pytest.mark.parametrize(("how", "status"), [("fail", "interrupted"), ("stop", "stopped"), ("length", "interrupted")])
@pytest_twisted.ensureDeferred
async def test_the_same_message_runs_again_and_its_text_grows_on(server: Server, how: str, status: str) -> None:
    end = await Told.broken(server, how=how)
    assert end.frames[-1]["message"]["status"] == status
    added = await end.go_on(server, answer_id=end.ack["answer_id"])
    assert (added["id"], added["status"], added["content"]) == (end.ack["answer_id"], "running", KEPT)
    assert added["seams"] == [len(KEPT)]
    assert "failure" not in added
    prompt = server.provider.asked[-1].messages
    assert [(m.role, m.content) for m in prompt] == [
        ("system", "You tell."),
        ("user", "tell"),
        ("assistant", KEPT),
    ]
    server.provider.say("一座🏔山", reasoning="once ")
    server.provider.say(reasoning="more")
    delta = await end.get("message_delta")
    assert (delta["offset"], delta["content"], delta["reasoning_offset"]) == (len(KEPT), "一座🏔山", 2)
    server.provider.finish()
    done = (await end.get("message_done"))["message"]
    assert (done["content"], done["reasoning"]) == (KEPT + "一座🏔山", "hm\n\nonce more")
    assert done.get("status", "done") == "done"
    assert done["seams"] == [len(KEPT)]
    assert done["model"] == "scripted-1"
    page = await end.ask("history_response", type="history_request", conversation_id=end.ack["conversation_id"])
    assert page["messages"][-1] == done
    assert len(page["messages"]) == 2


@pytest_twisted.ensureDeferred
async def test_a_continuation_that_breaks_keeps_both_parts_and_goes_on_again(server: Server) -> None:
    end = await Told.broken(server)
    await end.go_on(server, "c1")
    server.provider.fail("upstream_unauthorized", "No key.")
    done = (await end.get("message_done"))["message"]
    assert (done["status"], done["content"], done["failure"]["code"]) == (
        "interrupted", KEPT, "upstream_unauthorized",
    )  # fmt: skip
    assert (await end.go_on(server, "c2"))["seams"] == [len(KEPT)], "a seam that nothing came after is one seam"
    server.provider.say("一座")
    await end.get("message_delta")
    server.provider.fail("upstream_interrupted")
    done = (await end.get("message_done"))["message"]
    assert (done["status"], done["content"]) == ("interrupted", KEPT + "一座")
    added = await end.go_on(server, "c3")
    assert added["seams"] == [len(KEPT), len(KEPT) + 2]
    server.provider.say("山")
    await end.get("message_delta")
    end.send(type="chat_stop", conversation_id=end.ack["conversation_id"])
    done = (await end.get("message_done"))["message"]
    assert (done["status"], done["content"]) == ("stopped", KEPT + "一座山")
    await end.go_on(server, "c4")
    server.provider.finish()
    done = (await end.get("message_done"))["message"]
    assert (done.get("status", "done"), done["content"]) == ("done", KEPT + "一座山"), "nothing was missing"


@pytest_twisted.ensureDeferred
async def test_once_for_each_request_id_and_busy_meanwhile(server: Server) -> None:
    end = await Told.broken(server)
    where = {"conversation_id": end.ack["conversation_id"]}
    await end.go_on(server, "c1")
    assert (await end.ask("error", type="chat_continue", **where, request_id="c2"))["code"] == "busy"
    again = await end.ask("ack", type="chat_continue", **where, request_id="c1")
    assert again["answer_id"] == end.ack["answer_id"]
    server.provider.say("!")
    server.provider.finish()
    await end.get("message_done")
    await end.ask("ack", type="chat_continue", **where, request_id="c1")
    assert len(server.provider.asked) == 2
    reused = await end.ask("error", type="chat_continue", conversation_id=999, request_id="c1")
    assert reused["code"] == "request_id_reused"


@pytest_twisted.ensureDeferred
async def test_where_there_is_nothing_to_go_on_with(server: Server) -> None:
    end = await Told.broken(server, text="", how="stop")
    frame = {"type": "chat_continue", "conversation_id": end.ack["conversation_id"]}
    error = await end.ask("error", **frame, request_id="n1")
    assert (error["code"], "anew" in error["message"]) == ("conflict", True), "no text came"
    error = await end.ask("error", **frame, answer_id=end.ack["message_id"], request_id="n2")
    assert (error["code"], "last one" in error["message"]) == ("conflict", True), "another one is meant"
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", conversation_id=end.ack["conversation_id"], content="more", request_id="q2")
    await asked
    server.provider.say("All.")
    server.provider.finish()
    await end.get("message_done")
    error = await end.ask("error", **frame, request_id="n3")
    assert (error["code"], "whole" in error["message"]) == ("conflict", True)
    empty = await end.ask("ack", type="conversation_create", persona_id=end.ack["persona_id"], request_id="e1")
    error = await end.ask("error", **{**frame, "conversation_id": empty["conversation_id"]}, request_id="n4")
    assert error["code"] == "conflict", "nothing was asked yet"
    assert error["request_id"] == "n4"


@pytest_twisted.ensureDeferred
async def test_a_crash_in_the_middle_keeps_old_and_new_text(server: Server, tmp_path: Path) -> None:
    end = await Told.broken(server)
    await end.go_on(server)
    server.provider.say("新" * 2_000)  # over a checkpoint's size
    message = await server.store.messages.get(end.ack["answer_id"])
    while message is not None and message.content == KEPT:  # the checkpoint is on its way
        message = await server.store.messages.get(end.ack["answer_id"])
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path, crashed)
    again = await Server(crashed).open()
    message = await again.store.messages.get(end.ack["answer_id"])
    assert message is not None
    assert (message.status, message.content) == ("interrupted", KEPT + "新" * 2_000)
    assert message.seams == [len(KEPT)]
    await again.close()


@pytest_twisted.ensureDeferred
async def test_two_devices_end_with_the_same_text_whatever_the_drops(server: Server) -> None:
    end = await Told.broken(server)
    conversation = end.ack["conversation_id"]
    one, two = Device(server), Device(server)
    for device in (one, two):
        device.connect()
        await device.until(lambda s: s.timeline.conversations_known and s.timeline.personas_known)
        device.session.open_conversation(conversation)
        device.flush()
        await device.until(lambda s: s.timeline.unfinished(conversation) is not None)
    two.drop()
    await end.go_on(server)
    words = [f"{n}：汉字 and 😀 " for n in range(40)]
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
    for device in (one, two):
        await device.until(lambda s: s.timeline.messages(conversation)[-1].status == "done")
        assert device.session.timeline.messages(conversation)[-1].content == KEPT + "".join(words)
        assert not device.session.timeline.live
