"""The session: greeting, outbox, resume, retry schedule; no network anywhere."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from aichat.protocol import frames
from aichat.protocol.session import CLOSE_UNAUTHORIZED, RETRY_MOST, TRANSITIONS, Session, State
from aichat.protocol.values import Conversation, Message


def make() -> Session:
    ids = itertools.count(1)
    return Session(token="t0", client="test", jitter=lambda: 1.0, new_id=lambda: f"r{next(ids)}")


def taken(session: Session) -> list[dict[str, Any]]:
    return [json.loads(data) for data in session.take()]


def types(session: Session) -> list[str]:
    return [frame["type"] for frame in taken(session)]


def welcome(session: Session, *, seq: int = 0, recovered: bool = False, epoch: str = "e1") -> None:
    session.received(
        frames.encode(frames.Welcome(version=1, server="s", user="owner", epoch=epoch, seq=seq, recovered=recovered))
    )


def live(session: Session, *, seq: int = 0) -> None:
    session.opened()
    welcome(session, seq=seq)
    session.received(frames.encode(frames.PersonaList(personas=[])))
    session.received(frames.encode(frames.ConversationListReply(conversations=[])))
    session.take()


def test_it_greets_and_loads() -> None:
    session = make()
    assert session.state is State.OFFLINE
    session.opened()
    hello = taken(session)
    assert hello == [{"type": "hello", "version": 1, "token": "t0", "client": "test"}]
    welcome(session)
    assert session.state is State.LIVE
    assert types(session) == ["persona_list", "conversation_list"]


def test_it_resumes_from_the_last_event_it_saw() -> None:
    session = make()
    live(session, seq=40)
    saved = Conversation(id=7, title="t", create_time="", seq=41)
    session.received(frames.encode(frames.ConversationSaved(conversation=saved)))
    session.closed()
    session.opened()
    assert taken(session)[0]["resume"] == {"epoch": "e1", "seq": 41}
    welcome(session, seq=50, recovered=True)
    session.closed()
    session.opened()
    assert taken(session)[0]["resume"]["seq"] == 41, "what was promised is not yet what was received"


def test_it_does_not_resume_before_everything_was_loaded_once() -> None:
    session = make()
    session.opened()
    welcome(session, seq=40)
    session.closed()
    session.opened()
    assert "resume" not in taken(session)[0]


def test_another_store_means_everything_anew() -> None:
    session = make()
    live(session, seq=40)
    session.received(
        frames.encode(frames.ConversationSaved(conversation=Conversation(id=7, title="t", create_time="", seq=41)))
    )
    session.open_conversation(7)
    session.closed()
    session.opened()
    session.take()
    welcome(session, seq=3, epoch="e2")
    assert session.timeline.conversations == {}
    assert types(session) == ["persona_list", "conversation_list", "history_request", "conversation_subscribe"]


def test_what_is_said_offline_goes_out_later_and_once_more_after_a_drop() -> None:
    session = make()
    first = session.post("你好", persona_id="p1")
    assert session.take() == []
    assert [p.command.request_id for p in session.pending_chats("p1", None)] == [first]
    live(session)
    session.closed()
    session.opened()
    welcome(session, recovered=True)
    chats = [frame for frame in taken(session) if frame["type"] == "chat"]
    assert [chat["request_id"] for chat in chats] == [first]
    session.received(frames.encode(frames.Ack(request_id=first, conversation_id=7)))
    assert session.outbox == {}
    session.closed()
    session.opened()
    welcome(session, recovered=True)
    assert "chat" not in types(session)


def test_a_refused_command_waits_for_its_user() -> None:
    session = make()
    live(session)
    request = session.post("hi", persona_id="p1")
    session.take()
    session.received(frames.encode(frames.Error(code="busy", message="wait", retryable=True, request_id=request)))
    assert session.outbox[request].failure is not None
    session.closed()
    session.opened()
    welcome(session, recovered=True)
    assert "chat" not in types(session)
    session.retry(request)
    assert types(session) == ["chat"]
    command = session.discard(request)
    assert isinstance(command, frames.Chat)
    assert command.content == "hi"
    assert session.outbox == {}


def test_a_server_that_stops_gets_the_command_again() -> None:
    session = make()
    live(session)
    request = session.post("hi", persona_id="p1")
    session.received(
        frames.encode(frames.Error(code="shutting_down", message="", retryable=True, request_id=request))
    )
    session.closed(1001)
    session.opened()
    session.take()
    welcome(session, recovered=True)
    assert types(session) == ["chat"]


def test_the_retry_delay_doubles_to_a_bound_and_starts_anew() -> None:
    session = make()
    delays = [session.closed() for _ in range(10)]
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == RETRY_MOST
    live(session)
    assert session.closed() == 0.5


def test_a_refused_token_is_not_tried_again() -> None:
    session = make()
    session.opened()
    session.received(frames.encode(frames.Error(code="unauthorized", message="no such token", retryable=False)))
    assert session.closed(CLOSE_UNAUTHORIZED) is None
    assert session.state is State.REFUSED
    assert session.refusal == "no such token"
    session.opened()
    welcome(session)
    assert session.state is State.LIVE


def test_a_gap_asks_once_for_a_snapshot() -> None:
    session = make()
    live(session)
    for offset in (5, 9):
        session.received(
            frames.encode(frames.MessageDelta(conversation_id=7, message_id=2, offset=offset, content="x"))
        )
    assert types(session) == ["conversation_subscribe"]
    session.received(frames.encode(frames.MessageSnapshot(conversation_id=7, message_id=2, content="abc")))
    session.received(frames.encode(frames.MessageDelta(conversation_id=7, message_id=2, offset=9, content="x")))
    assert types(session) == ["conversation_subscribe"]
    session.received(frames.encode(frames.MessageDelta(conversation_id=7, message_id=3, offset=9, content="x")))
    assert types(session) == ["conversation_subscribe"], "another answer, another gap"


def test_a_conversation_deleted_meanwhile_is_not_asked_for_again() -> None:
    session = make()
    live(session)
    session.open_conversation(7)
    asked = taken(session)[-1]
    error = frames.Error(code="not_found", message="gone", retryable=False, request_id=asked["request_id"])
    session.received(frames.encode(error))
    session.closed()
    session.opened()
    welcome(session)
    assert "conversation_subscribe" not in types(session)


def test_a_socket_may_close_twice_and_a_server_greet_twice() -> None:
    session = make()
    live(session)
    welcome(session, recovered=True)
    assert session.closed(CLOSE_UNAUTHORIZED) is None
    assert session.closed(CLOSE_UNAUTHORIZED) is None


def test_opening_loads_once_and_older_pages_follow() -> None:
    session = make()
    live(session)
    session.open_conversation(7)
    assert types(session) == ["history_request", "conversation_subscribe"]
    assert not session.load_older(7)
    page = frames.HistoryResponse(
        persona_id="p1",
        conversations=[Conversation(id=7, title="t", create_time="", persona_id="p1")],
        messages=[Message(sender_type=0, content="x", send_time="", id=90, conversation_id=7)],
        conversation_id=7,
        more=True,
    )
    session.received(frames.encode(page))
    assert session.load_older(7)
    assert taken(session) == [{"type": "history_request", "conversation_id": 7, "before": 90, "limit": 50}]
    session.leave_conversation(7)
    assert types(session) == ["conversation_unsubscribe"]


def test_every_state_has_its_way_out() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State)
    with pytest.raises(KeyError):
        make()._move("welcome")
