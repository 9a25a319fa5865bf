"""Own words that the timeline does not show yet: no network anywhere."""

from __future__ import annotations

import json

from aichat.protocol import frames
from aichat.protocol.saying import Saying
from aichat.protocol.session import Session
from aichat.protocol.values import Conversation, Message
from tests.protocol.test_session import live, make, taken, types, welcome


def hear(session: Session, saying: Saying, push: frames.Push) -> bool:
    frame, _ = session.received(frames.encode(push))
    assert frame is not None
    return saying.heard(frame)


def states(saying: Saying, conversation_id: int | None = 7) -> list[tuple[str, str]]:
    return [(said.content, said.state) for said in saying.said("p1", conversation_id)]


def error(code: str, request_id: str) -> frames.Error:
    return frames.Error(code=code, message="no", retryable=True, request_id=request_id)


def test_words_are_shown_until_their_message_is() -> None:
    session = make()
    saying = Saying(session)
    session.post("你好", persona_id="p1", conversation_id=7)
    assert states(saying) == [("你好", "waiting")]
    live(session)
    assert states(saying) == [("你好", "sending")]
    assert hear(session, saying, frames.Ack(request_id="r1", conversation_id=7))
    assert session.outbox == {} and states(saying) == [("你好", "sending")]
    own = Message(sender_type=0, content="你好", send_time="", id=1, conversation_id=7, request_id="r1", seq=3)
    assert hear(session, saying, frames.MessageAdded(message=own))
    assert states(saying) == []


def test_words_that_began_a_conversation_go_with_it() -> None:
    session = make()
    saying = Saying(session)
    live(session)
    session.post("one", persona_id="p1", new=True)
    session.post("two", persona_id="p1")
    assert states(saying, None) == [("one", "sending"), ("two", "sending")]
    begun = Conversation(id=7, title="t", create_time="", persona_id="p1", seq=2)
    hear(session, saying, frames.ConversationSaved(conversation=begun))
    hear(session, saying, frames.Ack(request_id="r1", conversation_id=7))
    assert states(saying) == [("one", "sending"), ("two", "sending")]


def test_what_is_said_during_an_answer_goes_out_when_it_ends() -> None:
    session = make()
    saying = Saying(session)
    live(session)
    session.post("one", persona_id="p1", conversation_id=7)
    session.post("elsewhere", persona_id="p1", conversation_id=8)
    session.take()
    for request_id in ("r1", "r2"):
        assert hear(session, saying, error("busy", request_id))
    assert states(saying) == [("one", "queued")]
    done = Message(sender_type=1, content="a", send_time="", id=2, conversation_id=7, seq=4)
    assert hear(session, saying, frames.MessageDone(message=done))
    assert [frame["request_id"] for frame in taken(session)] == ["r1"]
    assert states(saying) == [("one", "sending")] and states(saying, 8) == [("elsewhere", "queued")]


def test_after_a_drop_what_was_queued_keeps_its_place() -> None:
    session = make()
    saying = Saying(session)
    live(session)
    session.post("first", persona_id="p1", conversation_id=7)
    hear(session, saying, error("busy", "r1"))
    session.closed()
    saying.closed()
    session.post("second", persona_id="p1", conversation_id=7)
    assert states(saying) == [("first", "waiting"), ("second", "waiting")]
    session.opened()
    session.take()
    welcome(session, recovered=True)
    assert [frame["content"] for frame in taken(session)] == ["first", "second"]


def test_refused_words_stay_with_the_reason_whatever_ends() -> None:
    session = make()
    saying = Saying(session)
    live(session)
    session.post("one", persona_id="p1", conversation_id=7)
    hear(session, saying, error("rate_limited", "r1"))
    [said] = saying.said("p1", 7)
    assert said.state == "failed" and said.failure is not None and said.failure.code == "rate_limited"
    session.take()
    done = Message(sender_type=1, content="a", send_time="", id=2, conversation_id=7, seq=4)
    assert not hear(session, saying, frames.MessageDone(message=done))
    saying.closed()
    assert session.take() == [] and states(saying) == [("one", "failed")]


def test_another_users_words_are_not_shown() -> None:
    session = make()
    saying = Saying(session)
    live(session)
    session.post("mine", persona_id="p1", conversation_id=7)
    hear(session, saying, frames.Ack(request_id="r1", conversation_id=7))
    session.closed()
    session.opened()
    session.take()
    frame, _ = session.received(
        json.dumps({"type": "welcome", "version": 1, "server": "s", "user": "mei", "epoch": "e1", "seq": 9,
                    "recovered": True})
    )  # fmt: skip
    assert frame is not None and saying.heard(frame)
    assert states(saying) == []
    assert types(session) == ["persona_list", "conversation_list"]
