"""What is kept is read in parts: in whatever order parts, events and restarts come, nothing is lost or doubled."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aichat_qt import cache as kept
from aichat_qt.cache import Cache
from hypothesis import given
from hypothesis import strategies as st

from aichat.protocol import frames
from aichat.protocol.journal import Journal
from aichat.protocol.session import Session
from aichat.protocol.values import Message, Persona
from tests.protocol.forest import VERBS, Forest, step

PAGE, PART = 4, 3

THEN = ["", "write", "older", "older", "restart", "restart away"]
"""What a client does after a step: it writes; its reader goes up; the app ends and begins again, at once or only
after the next steps."""

Steps = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 60), st.sampled_from(THEN)), max_size=30)


class App:
    """A session with its cache, of a user who reads conversation 7."""

    def __init__(self, forest: Forest, path: Path) -> None:
        self.forest, self.path = forest, path
        self.begin()

    def begin(self) -> None:
        self.cache, self.session = Cache(self.path), Session(token="t")
        self.session.timeline.journal = Journal()
        held = self.cache.read()
        if held is not None:
            self.session.restore("u", held.role, held.position, held.personas, held.conversations)
        self.session.opened()
        position = self.session.position
        seq = self.forest.seq if position is None else position.seq
        self.session.opened_conversations.add(7)
        self.cache.bring(7, self.session)
        self.hear(
            frames.Welcome(version=1, server="s", user="u", epoch="e", seq=seq, recovered=position is not None),
            *([] if position is None else self.forest.since(seq)),
        )
        self.check()

    def hear(self, *events: frames.AnyPush) -> None:
        """Fold in what the server says, and have it answer what is asked."""
        for event in events:
            self.session.received(frames.encode(event))  # type: ignore[arg-type]
        while asked := [json.loads(frame) for frame in self.session.take()]:
            for frame in asked:
                for reply in self.answers(frame):
                    self.session.received(frames.encode(reply))  # type: ignore[arg-type]

    def answers(self, frame: dict[str, object]) -> list[frames.AnyPush]:
        match frame["type"]:
            case "persona_list":
                return [frames.PersonaList(personas=[Persona(id="p1", name="P", avatar="", seq=1)])]
            case "conversation_list":
                return [frames.ConversationListReply(conversations=[self.forest.conversation])]
            case "history_request":
                before = frame.get("before")
                return [self.forest.page(PAGE, before if isinstance(before, int) else None)]
        return []

    def older(self) -> bool:
        """As the reader goes up: from the disk, else from the server."""
        if self.cache.bring_older(7, self.session, PART):
            return True
        asked = self.session.load_older(7, PAGE)
        self.hear()
        return asked

    def end(self) -> None:
        self.cache.write(self.session)
        self.cache.close()

    def check(self) -> None:
        forest, timeline = self.forest, self.session.timeline
        shown = timeline.messages(7)
        assert [m.id for m in shown] == forest.path[len(forest.path) - len(shown) :]
        assert shown or not forest.path
        assert timeline.older[7] == (len(shown) < len(forest.path))
        for message in shown:
            known = forest.messages[message.id]
            assert (message.content, message.status) == (known.content, known.status)
            assert timeline.siblings(7, message.id) == forest.siblings(message.id)


@given(st.integers(0, 12), Steps)
def test_parts_make_up_the_whole(before: int, steps: list[tuple[str, int, str]]) -> None:
    forest = Forest()
    for number in range(before):
        step(forest, "chat" if number % 4 else "edit", number)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "NEWEST", PART)
        app, away = App(forest, Path(folder) / "c.sqlite3"), False
        for verb, chance, then in steps:
            if away:
                step(forest, verb, chance)
                app.begin()
            else:
                app.hear(*step(forest, verb, chance))
            app.check()
            away = then == "restart away"
            if then == "write":
                app.cache.write(app.session)
            elif then == "older":
                app.older()
                app.check()
            elif then:
                app.end()
                if not away:
                    app.begin()
        if away:
            app.begin()
        while app.older():
            app.check()
        assert [m.id for m in app.session.timeline.messages(7)] == forest.path
        app.end()


def test_all_that_was_read_can_be_read_without_a_connection(tmp_path: Path) -> None:
    forest = Forest()
    for number in range(200):
        step(forest, "chat", number)
    forest.finish()
    app = App(forest, tmp_path / "c.sqlite3")
    while app.older():
        pass
    app.end()
    again = Session()
    cache = Cache(tmp_path / "c.sqlite3")
    held = cache.read()
    assert held is not None
    again.restore("u", held.role, held.position, held.personas, held.conversations)
    cache.bring(7, again)
    assert len(again.timeline.messages(7)) in (kept.NEWEST, kept.NEWEST - 1), "no more than are looked at"
    while cache.bring_older(7, again, 50):
        pass
    assert [m.id for m in again.timeline.messages(7)] == forest.path and not again.timeline.older[7]
    cache.close()


def test_what_is_deleted_goes_with_all_below_it_though_that_was_not_read(tmp_path: Path) -> None:
    forest = Forest()
    for number in range(100):
        step(forest, "chat", number)
    forest.finish()
    app = App(forest, tmp_path / "c.sqlite3")
    while app.older():
        pass
    app.end()
    app.begin()
    app.hear(*forest.delete(11))
    app.end()
    app.begin()
    assert app.cache._database is not None
    assert [ident for (ident,) in app.cache._database.execute("SELECT id FROM messages ORDER BY id")] == forest.path
    app.end()


def test_without_branches_it_is_the_same(tmp_path: Path) -> None:
    """A server that names no leaf and no parents."""
    path = tmp_path / "c.sqlite3"
    app = App(Forest(), path)
    everything = [
        Message(sender_type=n % 2, content=f"{n}", send_time="", id=n, conversation_id=7, seq=n)
        for n in range(1, 301)
    ]
    app.hear(frames.HistoryResponse(persona_id="p1", conversation_id=7, conversations=[], messages=everything))
    app.end()
    app.cache, app.session = Cache(path), Session()
    held = app.cache.read()
    assert held is not None
    app.session.restore("u", held.role, held.position, held.personas, held.conversations)
    app.cache.bring(7, app.session)
    assert [m.id for m in app.session.timeline.messages(7)] == list(range(201, 301))
    assert app.session.timeline.older[7]
    while app.cache.bring_older(7, app.session, 70):
        pass
    assert app.session.timeline.messages(7) == everything and not app.session.timeline.older[7]
    app.end()
