"""A client that starts with what it kept on disk: the session resumes, the timeline is whole."""

from __future__ import annotations

from aichat.protocol import frames
from aichat.protocol.journal import Journal
from aichat.protocol.session import Pending, Session
from aichat.protocol.timeline import Timeline
from aichat.protocol.values import Conversation, Failure, Message, Persona, Position
from tests.protocol.test_session import make, taken, types, welcome

ADA = Persona(id="p1", name="Ada", avatar="", seq=3)
TALK = Conversation(id=7, title="t", create_time="", persona_id="p1", touched=9, seq=9)


def message(number: int, content: str = "x", *, seq: int, status: str = "done") -> Message:
    return Message(
        sender_type=1,
        content=content,
        send_time="",
        id=number,
        conversation_id=7,
        status=status,
        seq=seq,  # type: ignore[arg-type]
    )


def restored(*, user: str = "owner") -> Session:
    session = make()
    session.restore(user, "member", Position(epoch="e1", seq=40), [ADA], [TALK])
    return session


def test_it_resumes_from_where_it_was_kept() -> None:
    session = restored()
    assert session.timeline.personas_known and session.timeline.conversations == {7: TALK}
    session.opened()
    assert taken(session)[0]["resume"] == {"epoch": "e1", "seq": 40}
    welcome(session, seq=44, recovered=True)
    assert types(session) == [], "nothing has to be loaded again"
    session.received(frames.encode(frames.ConversationDeleted(seq=44, conversation_id=7)))
    assert session.position == Position(epoch="e1", seq=44) and not session.timeline.conversations


def test_kept_messages_of_a_conversation_are_not_asked_for() -> None:
    session = restored()
    session.timeline.restore_messages(7, [message(1, seq=5), message(2, seq=6)], more=True)
    session.opened()
    welcome(session, seq=40, recovered=True)
    session.take()
    session.open_conversation(7)
    assert types(session) == ["conversation_subscribe"]
    assert session.load_older(7) and taken(session)[0]["before"] == 1


def test_what_came_before_kept_messages_were_read_stays_newer() -> None:
    timeline = restored().timeline
    timeline.apply(frames.MessageDone(message=message(2, "new", seq=50)))
    timeline.apply(frames.MessageDeleted(seq=51, conversation_id=7, message_id=1))
    assert not timeline.is_loaded(7)
    timeline.restore_messages(7, [message(1, seq=5), message(2, "old", seq=6)], more=False)
    assert [m.content for m in timeline.messages(7)] == ["new"]
    timeline.restore_messages(7, [message(1, seq=5)], more=True)
    assert len(timeline.messages(7)) == 1 and timeline.older == {7: False}, "once is enough"
    timeline.restore_messages(8, [], more=False)
    assert not timeline.is_loaded(8), "gone from the list"


def test_a_running_answer_grows_on_from_what_was_kept() -> None:
    timeline = restored().timeline
    timeline.restore_messages(7, [message(2, "慢慢", seq=6, status="running")], more=False)
    assert (
        timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, offset=2, content="地"))[0].kind == "live"
    )
    assert [m.content for m in timeline.messages(7)] == ["慢慢地"]


def test_another_user_or_another_store_drops_all_of_it() -> None:
    for session, epoch, recovered in ((restored(user="mei"), "e1", True), (restored(), "e2", False)):
        session.take_back([Pending(frames.Chat(content="hi", persona_id="p1", request_id="old"))])
        session.opened()
        session.take()
        welcome(session, epoch=epoch, recovered=recovered)
        kinds = types(session)
        assert kinds[:2] == ["persona_list", "conversation_list"] and not session.timeline.personas
        assert ("chat" in kinds) == (session.user == "owner" and epoch == "e2")


def test_a_kept_outbox_goes_out_once_under_its_own_ids() -> None:
    session = restored()
    refused = Pending(frames.Chat(content="no", persona_id="p1", request_id="b"), Failure(code="x", message="m"))
    session.take_back([Pending(frames.Chat(content="hi", persona_id="p1", request_id="a")), refused])
    session.opened()
    session.take()
    welcome(session, recovered=True)
    assert [frame["request_id"] for frame in taken(session)] == ["a"]
    session.take_back([Pending(frames.PersonaDelete(persona_id="p1", request_id="c"))])
    assert [frame["request_id"] for frame in taken(session)] == ["c"], "while live at once"
    assert list(session.outbox) == ["a", "b", "c"]


def test_the_journal_takes_down_what_changed() -> None:
    timeline = Timeline(Journal())
    assert not timeline.journal
    timeline.restore([ADA], [TALK])
    timeline.restore_messages(7, [message(1, seq=5)], more=False)
    assert not timeline.journal, "what is on disk is no news"
    timeline.apply(frames.MessageAdded(message=message(2, "", seq=41, status="running")))
    timeline.apply(frames.MessageDeleted(seq=42, conversation_id=7, message_id=1))
    assert timeline.journal == Journal(messages={(7, 2), (7, 1)}, loaded={7})
    timeline.journal = Journal()
    timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, content="word"))
    assert not timeline.journal, "live text is not written down"
    timeline.apply(frames.PersonaSaved(persona=Persona(id="p2", name="Bo", avatar="", seq=43)))
    timeline.apply(frames.HistoryResponse(persona_id="p1", conversations=[], messages=[], conversation_id=8))
    timeline.apply(frames.PersonaDeleted(seq=44, persona_id="p1"))
    assert timeline.journal == Journal(personas={"p1", "p2"}, conversations={7}, loaded={8})
    timeline.clear()
    assert timeline.journal == Journal(cleared=True)
