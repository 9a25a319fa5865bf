"""Branches of a conversation: edits, other answers, answers below other messages, what is shown, what is deleted; on
every device, after a break too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from aichat.protocol import frames
from aichat.protocol.session import Session, State
from tests.ends import Device, End, Server


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path).open()
    yield running
    await running.close()


class Talker(End):
    """A full client in one conversation, which plays the model's part too."""

    conversation = 0

    @classmethod
    async def come(cls, server: Server) -> Talker:
        self = cls(server)
        self.server = server
        await self.hello()
        config = {"name": "P", "prompt": "p"}
        made = await self.ask("ack", type="persona_create", persona_config=config, request_id="make")
        self.persona = made["persona_id"]
        made = await self.ask("ack", type="conversation_create", persona_id=self.persona, request_id="talk")
        self.conversation = made["conversation_id"]
        return self

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.server = server
        self.persona = ""
        self.asked = 0

    async def do(self, answer: str, **command: Any) -> dict[str, Any]:
        """A command that has something answered -> its ack, when the answer is over."""
        self.asked += 1
        asked = self.server.provider.next_question()
        ack = await self.ask("ack", conversation_id=self.conversation, request_id=f"do{self.asked}", **command)
        await asked
        self.server.provider.say(answer)
        self.server.provider.finish()
        await self.get("message_done")
        return ack

    async def say(self, text: str, answer: str, **more: Any) -> tuple[int, int]:
        """-> the ids of question and answer."""
        ack = await self.do(answer, type="chat", content=text, **more)
        return ack["message_id"], ack["answer_id"]

    async def page(self, **more: Any) -> dict[str, Any]:
        return await self.ask("history_response", type="history_request", conversation_id=self.conversation, **more)

    async def shown(self) -> list[str]:
        """The texts of the page."""
        return [message["content"] for message in (await self.page())["messages"]]

    def prompt(self) -> list[str]:
        """What the model was given last, after the persona's prompt."""
        return [message.content for message in self.server.provider.asked[-1].messages[1:]]

    async def refused(self, **command: Any) -> str:
        """The code of the error."""
        self.asked += 1
        frame = {"conversation_id": self.conversation, "request_id": f"no{self.asked}", **command}
        error = await self.ask("error", **frame)
        assert error["request_id"] == frame["request_id"]
        return str(error["code"])


@pytest_twisted.ensureDeferred
async def test_a_question_in_other_words_is_answered_and_the_first_is_kept(server: Server) -> None:
    end = await Talker.come(server)
    q1, a1 = await end.say("one", "first")
    q2, a2 = await end.say("two", "second")
    ack = await end.do("anew", type="message_edit", message_id=q2, content="2")
    assert set(ack) == {"type", "request_id", "persona_id", "conversation_id", "message_id", "answer_id"}
    assert end.prompt() == ["one", "first", "2"]
    page = await end.page()
    assert [m["content"] for m in page["messages"]] == ["one", "first", "2", "anew"]
    assert [m.get("parent_id", 0) for m in page["messages"]] == [0, q1, a1, ack["message_id"]]
    assert page["siblings"] == [[q2, ack["message_id"]]]
    assert page["conversations"][0]["leaf_id"] == ack["answer_id"]
    kinds = [f["type"] for f in end.frames[end.frames.index(ack) :]]
    assert kinds[:4] == ["ack", "conversation_saved", "message_added", "message_added"]
    await end.ask("ack", type="branch_select", conversation_id=end.conversation, message_id=q2, request_id="back")
    assert (await end.get("conversation_saved"))["conversation"]["leaf_id"] == a2
    assert await end.shown() == ["one", "first", "two", "second"]
    await end.say("three", "third")
    assert end.prompt() == ["one", "first", "two", "second", "three"]


@pytest_twisted.ensureDeferred
async def test_the_text_of_an_answer_is_changed_beside_it(server: Server) -> None:
    end = await Talker.come(server)
    question, answer = await end.say("one", "first")
    where = {"conversation_id": end.conversation, "message_id": answer}
    ack = await end.ask("ack", type="message_edit", **where, content="mine", request_id="e1")
    assert (await end.get("conversation_saved"))["conversation"]["leaf_id"] == ack["message_id"]
    done = (await end.get("message_done"))["message"]
    assert (done["id"], done["content"], done["parent_id"]) == (ack["message_id"], "mine", question)
    assert done.get("status", "done") == "done"
    assert (await server.store.messages.get(answer)).content == "first"  # type: ignore[union-attr]
    assert len(server.provider.asked) == 1, "nobody was asked"
    await end.say("two", "second")
    assert end.prompt() == ["one", "mine", "two"]


@pytest_twisted.ensureDeferred
async def test_an_answer_is_made_anew_wherever_it_stands(server: Server) -> None:
    end = await Talker.come(server)
    q1, a1 = await end.say("one", "first")
    q2, a2 = await end.say("two", "second")
    last = await end.do("2nd", type="chat_regenerate")
    assert end.prompt() == ["one", "first", "two"]
    assert (await end.page())["siblings"] == [[a2, last["answer_id"]]]
    named = await end.do("1st", type="chat_regenerate", message_id=a1)
    assert end.prompt() == ["one"]
    assert await end.shown() == ["one", "1st"]
    assert (await end.page())["siblings"] == [[a1, named["answer_id"]]]
    asked = await end.do("third", type="chat_regenerate", message_id=q1)
    assert (await end.page())["siblings"] == [[a1, named["answer_id"], asked["answer_id"]]]
    await end.ask("ack", type="branch_select", conversation_id=end.conversation, message_id=q2, request_id="s")
    assert await end.shown() == ["one", "first", "two", "2nd"], "down to the newest answer"
    assert await end.refused(type="chat_regenerate", message_id=9_999) == "not_found"


@pytest_twisted.ensureDeferred
async def test_something_is_said_below_another_message(server: Server) -> None:
    end = await Talker.come(server)
    _, a1 = await end.say("one", "first")
    q2, _ = await end.say("two", "second")
    q3, _ = await end.say("other", "branch", parent_id=a1)
    assert end.prompt() == ["one", "first", "other"]
    assert (await end.page())["siblings"] == [[q2, q3]]
    await end.say("begin", "again", parent_id=0)
    assert end.prompt() == ["begin"]
    assert await end.shown() == ["begin", "again"]
    assert await end.refused(type="chat", content="x", parent_id=9_999) == "not_found"


@pytest_twisted.ensureDeferred
async def test_a_message_goes_with_all_below_it(server: Server) -> None:
    end = await Talker.come(server)
    q1, a1 = await end.say("one", "first")
    q2, a2 = await end.say("two", "second")
    edited = await end.do("anew", type="message_edit", message_id=q2, content="2")
    await end.say("three", "third")
    where = {"conversation_id": end.conversation}
    before = len(end.frames)
    await end.ask("ack", type="message_delete", **where, message_id=edited["message_id"], request_id="d1")
    saved, gone = await end.get("conversation_saved"), await end.get("message_deleted")
    assert saved["conversation"]["leaf_id"] == a2
    assert gone["message_id"] == edited["message_id"]
    assert saved["conversation"]["seq"] < gone["seq"]
    assert await end.shown() == ["one", "first", "two", "second"]
    assert await server.store.messages.get(edited["answer_id"]) is None
    again = await end.ask("ack", type="message_delete", **where, message_id=edited["message_id"], request_id="d1")
    assert again["message_id"] == edited["message_id"]
    assert [f["type"] for f in end.frames[before:]].count("message_deleted") == 1, "it is done once"
    await end.ask("ack", type="message_delete", **where, message_id=q2, request_id="d2")
    assert await end.shown() == ["one", "first"], "there is no sibling: it ends at the parent"
    await end.ask("ack", type="message_delete", **where, message_id=a1, request_id="d3")
    assert await end.shown() == ["one"]
    await end.do("better", type="chat_regenerate")
    assert await end.shown() == ["one", "better"]
    await end.ask("ack", type="message_delete", **where, message_id=q1, request_id="d4")
    assert await end.shown() == []
    await end.say("all anew", "yes")
    assert await end.shown() == ["all anew", "yes"]


@pytest_twisted.ensureDeferred
async def test_what_is_not_shown_is_deleted_without_a_change_of_what_is(server: Server) -> None:
    end = await Talker.come(server)
    question, answer = await end.say("one", "first")
    await end.do("second", type="chat_regenerate")
    page = await end.page()
    where = {"conversation_id": end.conversation, "message_id": answer}
    await end.ask("ack", type="message_delete", **where, request_id="d1")
    assert (await end.get("message_deleted"))["message_id"] == answer
    after = await end.page()
    assert after["messages"] == page["messages"]
    assert "siblings" not in after
    assert after["conversations"] == page["conversations"]
    assert question


@pytest_twisted.ensureDeferred
async def test_nothing_is_moved_under_a_running_answer(server: Server) -> None:
    end = await Talker.come(server)
    q1, a1 = await end.say("one", "first")
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", conversation_id=end.conversation, content="two", request_id="q2")
    await asked
    for command in (
        {"type": "message_edit", "message_id": q1, "content": "x"},
        {"type": "message_edit", "message_id": a1, "content": "x"},
        {"type": "message_delete", "message_id": q1},
        {"type": "branch_select", "message_id": q1},
        {"type": "chat_regenerate", "message_id": a1},
        {"type": "chat", "content": "x", "parent_id": a1},
    ):
        assert await end.refused(**command) == "busy", command
    server.provider.say("second")
    server.provider.finish()
    await end.get("message_done")
    assert await end.shown() == ["one", "first", "two", "second"]


@pytest_twisted.ensureDeferred
async def test_each_verb_is_done_once(server: Server) -> None:
    end = await Talker.come(server)
    question, answer = await end.say("one", "first")
    other = await end.do("again", type="chat_regenerate")
    where = {"conversation_id": end.conversation}
    for number, command in enumerate(
        (
            {"type": "message_edit", "message_id": answer, "content": "mine"},
            {"type": "branch_select", "message_id": other["answer_id"]},
            {"type": "message_delete", "message_id": other["answer_id"]},
        )
    ):
        first = await end.ask("ack", **command, **where, request_id=f"once{number}")
        position = (await server.store.log.since(1, None)).position
        assert await end.ask("ack", **command, **where, request_id=f"once{number}") == first
        assert (await server.store.log.since(1, None)).position == position, command
        reused = {**command, "message_id": question} | where
        assert (await end.ask("error", **reused, request_id=f"once{number}"))["code"] == "request_id_reused"
    edit = {"type": "message_edit", **where, "message_id": question, "content": "1", "request_id": "q"}
    asked = server.provider.next_question()
    first = await end.ask("ack", **edit)
    await asked
    server.provider.say("x")
    server.provider.finish()
    await end.get("message_done")
    assert await end.ask("ack", **edit) == first
    await server.store._database.write(lambda c: c.execute("DELETE FROM requests"))
    assert await end.ask("ack", **edit) == first, "it is known by its message when its first reply is forgotten"
    assert (await end.ask("error", **{**edit, "content": "2"}))["code"] == "request_id_reused"


@pytest_twisted.ensureDeferred
async def test_pages_go_up_the_branch_of_their_message(server: Server) -> None:
    end = await Talker.come(server)
    ids: list[int] = []
    for n in range(4):
        ids += await end.say(f"q{n}", f"a{n}")
    await end.do("b", type="message_edit", message_id=ids[4], content="edited")
    page = await end.page(limit=2)
    assert [m["content"] for m in page["messages"]] == ["edited", "b"]
    assert page["more"] is True
    rest = await end.page(before=page["messages"][0]["id"], limit=3)
    assert [m["content"] for m in rest["messages"]] == ["a0", "q1", "a1"]
    assert rest["conversations"] == []
    hidden = await end.page(before=ids[6], limit=2)
    assert [m["content"] for m in hidden["messages"]] == ["q2", "a2"], "of a branch that a client still shows"
    assert hidden["siblings"] == [[ids[4], page["messages"][0]["id"]]]


@pytest_twisted.ensureDeferred
async def test_plain_clients_see_what_is_shown(server: Server) -> None:
    end = await Talker.come(server)
    question, _ = await end.say("one", "first")
    await end.do("2nd", type="message_edit", message_id=question, content="1")
    plain = End(server)
    page = await plain.ask("history_response", type="history_request", persona_id=end.persona)
    assert [m["content"] for m in page["messages"]] == ["1", "2nd"]
    assert set(page) == {"type", "persona_id", "conversations", "messages"}
    assert all(set(m) == {"sender_type", "content", "send_time"} for m in page["messages"])
    assert set(page["conversations"][0]) == {"id", "title", "create_time"}
    for kind in ("message_edit", "message_delete", "branch_select"):
        frame = {"type": kind, "conversation_id": end.conversation, "message_id": question, "content": "x"}
        assert (await plain.ask("error", **frame))["code"] == "hello_required"


def texts(session: Session, conversation: int) -> list[str]:
    return [message.content for message in session.timeline.messages(conversation)]


@pytest_twisted.ensureDeferred
async def test_every_device_shows_the_same_branch_at_once_and_after_a_break(server: Server) -> None:
    end = await Talker.come(server)
    q1, _ = await end.say("one", "first")
    q2, a2 = await end.say("two", "second")
    await end.do("anew", type="message_edit", message_id=q2, content="2")
    device, sleeper = Device(server), Device(server)
    for each in (device, sleeper):
        each.connect()
        await each.until(lambda session: session.timeline.conversations_known)
        each.session.open_conversation(end.conversation)
        each.flush()
        await each.until(lambda session: texts(session, end.conversation) == ["one", "first", "2", "anew"])
    sleeper.drop()
    device.session.request(frames.BranchSelect(conversation_id=end.conversation, message_id=a2))
    device.flush()
    await device.until(lambda session: texts(session, end.conversation) == ["one", "first", "two", "second"])
    assert device.session.timeline.siblings(end.conversation, q2)[0] == q2
    edit = frames.MessageEdit(conversation_id=end.conversation, message_id=q1, content="1")
    asked = server.provider.next_question()
    device.session.request(edit)
    device.flush()
    await asked
    server.provider.say("uno")
    server.provider.finish()
    await device.until(lambda session: texts(session, end.conversation) == ["1", "uno"])
    first = device.session.timeline.messages(end.conversation)[0]
    assert device.session.timeline.siblings(end.conversation, q1) == [q1, first.id]
    sleeper.connect()
    await sleeper.until(lambda session: texts(session, end.conversation) == ["1", "uno"])
    shown = sleeper.session.timeline.messages(end.conversation)
    assert sleeper.session.timeline.siblings(end.conversation, shown[0].id) == [q1, shown[0].id]
    assert sleeper.session.state is State.LIVE
    device.session.request(frames.MessageDelete(conversation_id=end.conversation, message_id=shown[0].id))
    device.flush()
    for each in (device, sleeper):
        await each.until(lambda session: texts(session, end.conversation) == ["one", "first", "2", "anew"])
        await each.until(lambda session: session.timeline.siblings(end.conversation, q1) == [q1])


@pytest.mark.parametrize("verb", ["message_edit", "branch_select", "message_delete"])
@pytest_twisted.ensureDeferred
async def test_a_message_of_another_conversation_is_not_found(server: Server, verb: str) -> None:
    end = await Talker.come(server)
    await end.say("one", "first")
    made = await end.ask("ack", type="conversation_create", persona_id=end.persona, request_id="other")
    mine, end.conversation = end.conversation, made["conversation_id"]
    question, _ = await end.say("two", "second")
    end.conversation = mine
    more = {"content": "x"} if verb == "message_edit" else {}
    assert await end.refused(type=verb, message_id=question, **more) == "not_found"
    assert await end.shown() == ["one", "first"]
