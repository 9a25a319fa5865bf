"""A timeline shows what the server shows, and knows who stands beside whom: whatever is lost and told late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aichat.protocol import frames
from aichat.protocol.journal import Journal
from aichat.protocol.timeline import Change, Timeline
from tests.protocol.forest import VERBS, Forest, step

PAGE = 4

ON_THE_WAY = ["told", "told", "late page", "told", "offline"]
"""What becomes of the events of a step: they arrive; a page arrives that was asked for before it; they are lost, and
made up for at the next reconnect."""

Steps = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 60), st.sampled_from(ON_THE_WAY), st.booleans()), max_size=30
)


class Device:
    """A timeline that has the conversation open."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.timeline = Timeline()
        self.timeline.apply(frames.ConversationListReply(conversations=[forest.conversation]))
        self.position = forest.seq
        self.late: list[frames.HistoryResponse] = []
        self.hear(forest.page(PAGE))

    def hear(self, event: frames.AnyPush) -> None:
        """Fold an event in, and load the newest page where one is missing, as a session does."""
        changes = self.timeline.apply(event)
        if Change("missing", 7) in changes:
            self.late.append(self.forest.page(PAGE))

    def catch_up(self, events: list[frames.AnyPush]) -> None:
        for event in events:
            self.hear(event)
        self.position = self.forest.seq

    def load_older(self) -> None:
        shown = self.timeline.messages(7)
        if shown and self.timeline.older[7]:
            self.hear(self.forest.page(PAGE, before=shown[0].id))

    def settle(self) -> None:
        """All that is under way arrives."""
        for _ in range(20):
            if not self.late:
                return
            self.hear(self.late.pop(0))
        raise AssertionError("it asks for pages without end")

    def check(self) -> None:
        forest, timeline = self.forest, self.timeline
        shown = [message.id for message in timeline.messages(7)]
        assert shown == forest.path[len(forest.path) - len(shown) :]
        assert shown or not forest.path
        assert timeline.older[7] == (len(shown) < len(forest.path))
        for message in timeline.messages(7):
            known = forest.messages[message.id]
            assert (message.content, message.status) == (known.content, known.status)
            assert timeline.siblings(7, message.id) == forest.siblings(message.id)
        leaf = forest.messages.get(forest.conversation.leaf_id)
        assert (timeline.running(7) is not None) == (leaf is not None and leaf.status == "running")


@given(st.integers(0, 8), Steps)
def test_a_timeline_shows_what_the_server_shows(before: int, steps: list[tuple[str, int, str, bool]]) -> None:
    forest = Forest()
    for number in range(before):
        step(forest, "chat" if number % 3 else "edit", number)
    device, online = Device(forest), True
    device.check()
    for verb, chance, way, scrolls in steps:
        page = forest.page(PAGE)
        events = step(forest, verb, chance)
        if way == "offline":
            online = False
        elif not online:
            online = True
            device.catch_up(forest.since(device.position))
        else:
            device.catch_up(events)
            if way == "late page":
                device.hear(page)
        if online:
            device.settle()
            device.check()
            if scrolls:
                device.load_older()
                device.settle()
                device.check()
    device.catch_up(forest.since(device.position))
    device.settle()
    device.check()


@given(st.integers(0, 8), Steps)
def test_kept_messages_show_the_same(before: int, steps: list[tuple[str, int, str, bool]]) -> None:
    forest = Forest()
    for number in range(before):
        step(forest, "chat", number)
    device = Device(forest)
    for verb, chance, _, _ in steps:
        device.catch_up(step(forest, verb, chance))
    device.settle()
    kept = device.timeline
    again = Timeline()
    again.restore([], kept.conversations.values())
    again.restore_messages(
        7,
        [known for ident in forest.messages if (known := kept.message(7, ident)) is not None],
        more=kept.older[7],
        siblings=kept.forks(7),
    )
    shown, first = again.messages(7), kept.messages(7)
    assert shown == first[len(first) - len(shown) :]
    assert len(shown) in (len(first), len(first) - 1), "who stands beside the first may not be kept"
    assert again.older[7] == (len(shown) < len(forest.path))
    for message in shown:
        assert again.siblings(7, message.id) == kept.siblings(7, message.id)


def test_another_branch_is_shown_when_all_of_it_is_here() -> None:
    forest = Forest()
    for _ in range(3):
        step(forest, "chat", 0)
    forest.finish()
    device = Device(forest)
    edited = forest.edit(3)
    device.catch_up([*edited, *forest.finish()])
    device.settle()
    assert [m.id for m in device.timeline.messages(7)] == [1, 2, 7, 8]
    back = forest.select(5)
    assert Change("missing", 7) not in device.timeline.apply(back[0]), "all of that branch is known"
    assert [m.id for m in device.timeline.messages(7)] == [1, 2, 3, 4, 5, 6][-len(device.timeline.messages(7)) :]


def test_a_branch_that_is_not_here_stays_away_until_it_is() -> None:
    forest = Forest()
    for _ in range(3):
        step(forest, "chat", 0)
    forest.finish()
    forest.edit(1)
    forest.finish()
    timeline = Timeline()
    timeline.apply(frames.ConversationListReply(conversations=[forest.conversation]))
    timeline.apply(forest.page(PAGE))
    assert [m.id for m in timeline.messages(7)] == [7, 8]
    assert timeline.siblings(7, 7) == [1, 7]
    (event,) = forest.select(1)
    assert timeline.apply(event) == [Change("conversations", 7), Change("messages", 7), Change("missing", 7)]
    assert [m.id for m in timeline.messages(7)] == [7, 8], "the old one stays until the page is here"
    timeline.apply(forest.page(PAGE))
    assert [m.id for m in timeline.messages(7)] == [3, 4, 5, 6]
    assert timeline.older[7] is True


def test_a_cut_branch_is_told_to_whoever_keeps_the_timeline() -> None:
    forest = Forest()
    forest.chat()
    forest.finish()
    forest.edit(1)
    forest.finish()
    timeline = Timeline(Journal())
    timeline.apply(frames.ConversationListReply(conversations=[forest.conversation]))
    timeline.apply(forest.page(PAGE))
    assert timeline.journal is not None
    assert timeline.journal.loaded == {7}
    assert timeline.forks(7) == [[1, 3]]
    timeline.journal = Journal()
    for event in forest.delete(1):
        timeline.apply(event)
    assert timeline.journal.loaded == {7}
    assert timeline.forks(7) == []
