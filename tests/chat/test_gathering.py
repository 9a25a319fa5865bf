"""Live text that many watch: gathered, in order, kept for a window at most, never told after an event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from aichat.chat.gathering import MANY, WINDOW_SECONDS
from aichat.chat.hub import Hub
from aichat.protocol.frames import (
    AnyPush,
    ConversationDeleted,
    ConversationSaved,
    MessageDelta,
    MessageDone,
    MessageQueued,
    decode_push,
)
from aichat.protocol.values import Conversation, Message


class Watcher:
    """A connection that keeps what it is sent, and when."""

    user_id = 1

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.got: list[AnyPush] = []
        self.times: list[float] = []
        self.send_live: Callable[[int, bytes], None] = lambda conversation_id, data: self.send(data)

    def send(self, data: bytes) -> None:
        frame = decode_push(data)
        assert frame is not None
        self.got.append(frame)
        self.times.append(self.clock.seconds())

    @property
    def text(self) -> str:
        """What all deltas say; each must begin where the one before it ended."""
        text = ""
        for frame in self.got:
            if isinstance(frame, MessageDelta):
                assert frame.offset == len(text)
                text += frame.content
        return text


class Stage:
    """A hub on a clock that the test moves, an answer, and those who watch it."""

    def __init__(self, count: int) -> None:
        self.clock = Clock()
        self.hub = Hub(self.clock)
        self.said = 0
        self.watchers = [self.join() for _ in range(count)]

    def join(self) -> Watcher:
        watcher = Watcher(self.clock)
        self.hub.join(watcher)
        self.hub.watch(watcher, 7)
        return watcher

    def say(self, content: str, message_id: int = 9) -> None:
        self.hub.publish_live(
            MessageDelta(conversation_id=7, message_id=message_id, offset=self.said, content=content)
        )
        self.said += len(content)

    @property
    def frames(self) -> int:
        """How many each of them got."""
        counts = {len(watcher.got) for watcher in self.watchers}
        assert len(counts) == 1
        return counts.pop()


OTHER = Conversation(id=8, persona_id="p", title="t", create_time="", update_time="")


def message(status: str = "done", content: str = "") -> Message:
    return Message(
        id=9,
        conversation_id=7,
        sender_type=1,
        content=content,
        send_time="",
        status=status,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("count", [1, MANY - 1])
def test_to_few_everything_goes_at_once(count: int) -> None:
    stage = Stage(count)
    for n in range(1, 6):
        stage.say("x")
        assert stage.frames == n
    assert not stage.clock.getDelayedCalls()


def test_many_get_the_first_piece_at_once_and_then_one_frame_a_window() -> None:
    stage = Stage(MANY)
    stage.say("a")
    assert stage.frames == 1
    for letter in "bcd":
        stage.clock.advance(WINDOW_SECONDS / 4)
        stage.say(letter)
        assert stage.frames == 1
    stage.clock.advance(WINDOW_SECONDS / 4)
    assert stage.frames == 2
    stage.say("e")
    stage.clock.advance(WINDOW_SECONDS)
    assert stage.frames == 3
    assert {watcher.text for watcher in stage.watchers} == {"abcde"}


def test_what_comes_more_slowly_than_a_window_never_waits() -> None:
    stage = Stage(MANY)
    for n in range(1, 6):
        stage.say("x")
        assert stage.frames == n
        stage.clock.advance(WINDOW_SECONDS * 1.01)
    assert not stage.clock.getDelayedCalls(), "nothing ticks where nothing is said"


def test_an_answer_that_is_gathered_twice_is_told_by_both_its_offsets() -> None:
    stage = Stage(MANY)
    pieces = [("", "hm"), ("", ", so"), ("a", ""), ("b", "and"), ("c", "")]
    content = reasoning = ""
    for more, thought in pieces:
        stage.hub.publish_live(
            MessageDelta(
                conversation_id=7,
                message_id=9,
                offset=len(content),
                content=more,
                reasoning_offset=len(reasoning),
                reasoning=thought,
            )
        )
        content, reasoning = content + more, reasoning + thought
    stage.clock.advance(WINDOW_SECONDS)
    assert stage.watchers[0].got == [
        MessageDelta(conversation_id=7, message_id=9, reasoning="hm"),
        MessageDelta(conversation_id=7, message_id=9, content="abc", reasoning_offset=2, reasoning=", soand"),
    ]


@pytest.mark.parametrize(
    ("publish", "kind"),
    [
        (lambda hub: hub.publish(1, MessageDone(message=message(content="ab"))), MessageDone),
        (lambda hub: hub.publish(1, ConversationDeleted(seq=3, conversation_id=7)), ConversationDeleted),
        (
            lambda hub: hub.publish_live(MessageQueued(conversation_id=7, message_id=9, position=0)),
            MessageQueued,
        ),
    ],
)
def test_nothing_overtakes_live_text(publish: Callable[[Hub], None], kind: type[AnyPush]) -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    publish(stage.hub)
    for watcher in stage.watchers:
        assert [type(frame) for frame in watcher.got] == [MessageDelta, MessageDelta, kind]
    stage.clock.advance(WINDOW_SECONDS)
    assert stage.frames == 3, "nothing is told twice"


def test_an_event_of_another_conversation_leaves_the_window_alone() -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    stage.hub.publish(1, ConversationSaved(conversation=OTHER))
    assert [type(frame) for frame in stage.watchers[0].got] == [MessageDelta, ConversationSaved]
    stage.clock.advance(WINDOW_SECONDS)
    assert stage.watchers[0].text == "ab"


def test_two_answers_are_never_one_frame() -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    stage.said = 0
    stage.say("c", message_id=10)
    stage.say("d", message_id=10)
    stage.clock.advance(WINDOW_SECONDS)
    told = [(frame.message_id, frame.content) for frame in stage.watchers[0].got if isinstance(frame, MessageDelta)]
    assert told == [(9, "a"), (9, "b"), (10, "cd")]


def test_who_comes_in_a_window_gets_nothing_from_before() -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    late = stage.join()
    assert stage.frames == 2, "the others have all that a snapshot has now"
    stage.said = 0  # as `text` counts: it had a snapshot of what was before
    stage.say("c")
    stage.clock.advance(WINDOW_SECONDS)
    assert late.text == "c"


def test_who_leaves_takes_nothing_away_from_the_others() -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    stage.hub.leave(stage.watchers.pop())
    stage.say("c")
    assert stage.frames == 3, "they are few now: at once, and in order"
    stage.clock.advance(WINDOW_SECONDS)
    assert {watcher.text for watcher in stage.watchers} == {"abc"}


def test_everybody_may_leave_in_a_window() -> None:
    stage = Stage(MANY)
    stage.say("a")
    stage.say("b")
    for watcher in stage.watchers:
        stage.hub.leave(watcher)
    stage.clock.pump([WINDOW_SECONDS] * 2)
    assert stage.frames == 1
    assert not stage.clock.getDelayedCalls()


def test_watchers_that_take_longer_than_a_window_leave_half_of_the_time() -> None:
    stage = Stage(MANY)
    slow = stage.watchers[0]
    slow.send_live = lambda conversation_id, data: stage.clock.advance(0.08)
    stage.hub.unwatch(slow, 7)
    stage.hub.watch(slow, 7)
    stage.say("a")
    began = stage.clock.seconds()
    stage.say("b")
    assert [call.getTime() for call in stage.clock.getDelayedCalls()] == [pytest.approx(began + 0.08)]
