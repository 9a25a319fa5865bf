"""The timeline shows the newest state, in whatever order replies and events arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aichat.protocol import frames
from aichat.protocol.timeline import Change, LiveText, Timeline
from aichat.protocol.values import AI, USER, Conversation, Message, Persona


def persona(ident: str = "p1", seq: int = 1, name: str = "学霸") -> Persona:
    return Persona(id=ident, name=name, avatar="", seq=seq)


def conversation(ident: int = 7, seq: int = 2, title: str = "t", touched: int = 2) -> Conversation:
    return Conversation(id=ident, title=title, create_time="", persona_id="p1", touched=touched, seq=seq)


def message(ident: int, seq: int, content: str = "", status: str = "done", sender: int = AI) -> Message:
    return Message(
        sender_type=sender, content=content, send_time="", id=ident, conversation_id=7, status=status, seq=seq
    )


def loaded(*messages: Message) -> Timeline:
    timeline = Timeline()
    timeline.apply(frames.PersonaList(personas=[persona()]))
    timeline.apply(frames.ConversationListReply(conversations=[conversation()]))
    timeline.apply(
        frames.HistoryResponse(persona_id="p1", conversations=[], messages=list(messages), conversation_id=7)
    )
    return timeline


def texts(timeline: Timeline) -> list[str]:
    return [m.content for m in timeline.messages(7)]


def test_an_answer_grows_and_ends() -> None:
    timeline = loaded(message(1, 3, "hi", sender=USER))
    assert timeline.apply(frames.MessageAdded(message=message(2, 4, status="running"))) == [Change("messages", 7)]
    assert timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, content="你")) == [Change("live", 2)]
    timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, offset=1, content="好😀"))
    assert texts(timeline) == ["hi", "你好😀"]
    assert timeline.running(7) is not None
    assert timeline.apply(frames.MessageDone(message=message(2, 5, "你好😀!"))) == [Change("message", 2)]
    assert texts(timeline) == ["hi", "你好😀!"]
    assert timeline.running(7) is None
    assert not timeline.live


def test_offsets_make_deltas_safe_to_repeat_and_gaps_visible() -> None:
    timeline = loaded(message(2, 4, status="running"))
    delta = frames.MessageDelta(conversation_id=7, message_id=2, content="abc", reasoning="r")
    timeline.apply(delta)
    timeline.apply(delta)
    timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, offset=2, content="cd", reasoning_offset=1))
    assert texts(timeline) == ["abcd"]
    gap = frames.MessageDelta(conversation_id=7, message_id=2, offset=9, content="z")
    assert timeline.apply(gap) == [Change("gap", 7)]
    assert texts(timeline) == ["abcd"]
    timeline.apply(frames.MessageSnapshot(conversation_id=7, message_id=2, content="abcdefghiz", reasoning="r"))
    assert texts(timeline) == ["abcdefghiz"]


def test_late_text_does_not_reopen_an_ended_answer() -> None:
    timeline = loaded(message(2, 4, status="running"))
    timeline.apply(frames.MessageDone(message=message(2, 6, "end")))
    timeline.apply(frames.MessageDelta(conversation_id=7, message_id=2, content="late"))
    timeline.apply(frames.MessageSnapshot(conversation_id=7, message_id=2, content="late"))
    timeline.apply(frames.MessageAdded(message=message(2, 4, status="running")))
    assert texts(timeline) == ["end"]
    assert not timeline.live


def test_a_continued_answer_grows_on_from_its_text() -> None:
    timeline = loaded(message(1, 3, "hi", sender=USER), message(2, 4, "一😀", status="interrupted"))
    timeline.live[2] = LiveText("一😀 and what a crash lost")
    assert timeline.unfinished(7) is not None
    timeline.apply(frames.MessageAdded(message=message(2, 5, "一😀", status="running")))
    assert timeline.unfinished(7) is None
    assert texts(timeline) == ["hi", "一😀"]
    delta = frames.MessageDelta(conversation_id=7, message_id=2, offset=2, content="二")
    assert timeline.apply(delta) == [Change("live", 2)]
    timeline.apply(frames.MessageAdded(message=message(2, 5, "一😀", status="running")))
    assert texts(timeline) == ["hi", "一😀二"], "the same state again takes nothing back"
    timeline.apply(frames.MessageDone(message=message(2, 6, "一😀二!", status="stopped")))
    assert texts(timeline) == ["hi", "一😀二!"]
    assert timeline.unfinished(7) is not None
    assert not timeline.live


def test_a_place_in_the_queue_is_known_until_the_answer_begins() -> None:
    timeline = loaded(message(2, 4, status="running"))
    queued = frames.MessageQueued(conversation_id=7, message_id=2, position=3)
    assert timeline.apply(queued) == [Change("message", 2)]
    assert timeline.queued == {2: 3}
    timeline.apply(frames.MessageSnapshot(conversation_id=7, message_id=2))
    assert not timeline.queued, "a snapshot without a place after it: it does not wait"
    for end in (
        frames.MessageQueued(conversation_id=7, message_id=2, position=0),
        frames.MessageDelta(conversation_id=7, message_id=2, content="a"),
        frames.MessageDone(message=message(2, 6, "a")),
    ):
        timeline.apply(queued)
        timeline.apply(end)
        assert not timeline.queued
    assert timeline.apply(queued) == [], "it has ended"


def test_an_older_page_goes_in_front_and_a_deleted_message_stays_away() -> None:
    timeline = loaded(message(5, 5, "five"), message(6, 6, "six"))
    page = frames.HistoryResponse(
        persona_id="p1", conversations=[], messages=[message(3, 3, "three")], conversation_id=7, more=True
    )
    timeline.apply(page)
    assert texts(timeline) == ["three", "five", "six"]
    assert timeline.older[7] is True
    timeline.apply(frames.MessageDeleted(seq=9, conversation_id=7, message_id=3))
    timeline.apply(page)
    assert texts(timeline) == ["five", "six"]


def test_deleting_a_persona_takes_its_conversations_along() -> None:
    timeline = loaded(message(1, 3, "hi"))
    timeline.apply(frames.PersonaDeleted(seq=9, persona_id="p1"))
    assert not timeline.personas
    assert not timeline.conversations
    assert timeline.messages(7) == []
    timeline.apply(frames.PersonaSaved(persona=persona(seq=8)))
    assert not timeline.personas


def test_a_new_conversation_is_complete_from_its_first_message() -> None:
    timeline = loaded()
    timeline.apply(frames.ConversationSaved(conversation=conversation(8, 10, touched=10)))
    assert timeline.is_loaded(8)
    assert [c.id for c in timeline.conversations_with("p1")] == [8, 7]


def test_an_unknown_conversation_is_not_taken_for_complete_before_the_list_came() -> None:
    timeline = Timeline()
    timeline.apply(frames.ConversationSaved(conversation=conversation(8, 10)))
    assert not timeline.is_loaded(8)


def test_an_event_is_not_lost_to_a_page_that_was_read_before_it() -> None:
    timeline = Timeline()
    timeline.apply(frames.ConversationListReply(conversations=[conversation()]))
    timeline.apply(frames.MessageDone(message=message(2, 9, "whole")))
    assert timeline.messages(7) == []
    page = [message(1, 3, "ask", sender=USER), message(2, 4, status="running")]
    timeline.apply(frames.HistoryResponse(persona_id="p1", conversations=[], messages=page, conversation_id=7))
    assert texts(timeline) == ["ask", "whole"]
    timeline.apply(frames.PersonaSaved(persona=persona("p2", 20, "new")))
    timeline.apply(frames.PersonaList(personas=[persona("p1")]))
    assert set(timeline.personas) == {"p1", "p2"}


def test_an_old_conversation_beyond_the_list_is_not_taken_for_new() -> None:
    timeline = loaded()
    timeline.apply(frames.ConversationSaved(conversation=conversation(3, 50, "renamed")))
    assert not timeline.is_loaded(3)


EVENTS = [
    frames.PersonaSaved(persona=persona("p2", 20, "old")),
    frames.PersonaSaved(persona=persona("p2", 25, "new")),
    frames.PersonaSaved(persona=persona("p3", 21)),
    frames.PersonaDeleted(seq=26, persona_id="p3"),
    frames.ConversationSaved(conversation=conversation(8, 22, "a")),
    frames.ConversationSaved(conversation=conversation(8, 27, "b")),
    frames.ConversationSaved(conversation=conversation(9, 23)),
    frames.ConversationDeleted(seq=28, conversation_id=9),
    frames.MessageAdded(message=message(30, 24, status="running")),
    frames.MessageDone(message=message(30, 29, "done")),
    frames.MessageAdded(message=message(30, 33, "done", status="running")),
    frames.MessageDone(message=message(30, 34, "done and more")),
    frames.MessageAdded(message=message(31, 30, "ask", sender=USER)),
    frames.MessageAdded(message=message(32, 31, status="running")),
    frames.MessageDeleted(seq=32, conversation_id=7, message_id=32),
]


@given(st.permutations(EVENTS))
def test_any_order_of_events_ends_in_the_same_picture(events: list[frames.AnyPush]) -> None:
    timeline = loaded()
    for event in events:
        timeline.apply(event)
    assert {p.id: p.name for p in timeline.personas.values()} == {"p1": "学霸", "p2": "new"}
    assert {c.id: c.title for c in timeline.conversations.values()} == {7: "t", 8: "b"}
    assert [(m.id, m.status, m.content) for m in timeline.messages(7)] == [
        (30, "done", "done and more"),
        (31, "done", "ask"),
    ]


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=30))
def test_live_text_is_always_a_prefix_of_the_answer(text: str, cuts: list[tuple[int, int]]) -> None:
    timeline = loaded(message(2, 4, status="running"))
    for start, length in cuts:
        delta = frames.MessageDelta(
            conversation_id=7, message_id=2, offset=start, content=text[start : start + length]
        )
        timeline.apply(delta)
        assert text.startswith(texts(timeline)[0])
