"""What the app keeps between two starts: what was read, what was not sent, drafts; against the real service."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from aichat_qt.cache import ANY_BEFORE, BELOW, FIRST_OF_ALL, FIRST_UP, MESSAGES, PAGE, Cache
from aichat_qt.main_window import MainWindow
from aichat_qt.shelf import Shelf
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from aichat.protocol.journal import Journal
from aichat.protocol.session import Session, State
from aichat.protocol.values import Conversation, Message, Persona
from tests.qt.conftest import Open
from tests.qt.test_chat import say, texts, words
from tests.qt.test_login import is_in, log_in
from tests.qt.test_service import WAIT, settled, visit
from tests.service import PASSWORD, RunningService, admin

WAITS = "goes out when the connection is back"


def talk(open_window: Open, service: RunningService, qtbot: QtBot, folder: Path) -> MainWindow:
    """A window on the service in which something was said."""
    window = visit(lambda url, token: open_window(url, token, folder=folder), service, qtbot, folder.name)
    say(window, qtbot, "你好")
    qtbot.waitUntil(lambda: texts(window) == ["你好", "你说：你好"] and settled(window), timeout=WAIT)
    return window


def asked_for(window: MainWindow) -> list[str]:
    """The kinds of the frames that come in from now on."""
    kinds: list[str] = []
    window.model.server.received.connect(lambda frame, _changes: kinds.append(type(frame).__name__))
    return kinds


def test_what_was_read_is_there_before_the_connection_is(
    open_window: Open, fresh_service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = talk(open_window, fresh_service, qtbot, tmp_path)
    names = [persona.name for persona in window.model.personas()]
    title = window.model.conversation.title if window.model.conversation else ""
    window.close()
    fresh_service.kill()

    again = open_window(fresh_service.url, fresh_service.token, folder=tmp_path, live=False)
    qtbot.waitUntil(lambda: texts(again) == ["你好", "你说：你好"])
    assert again.model.state is State.OFFLINE
    assert again.chat.pages.currentWidget() is again.chat.display and again.chat.input.isVisible()
    assert [persona.name for persona in again.model.personas()] == names
    assert again.model.conversation is not None and again.model.conversation.title == title
    qtbot.waitUntil(lambda: again.chat.offline.isVisible() and "No connection" in again.chat.offline.words)

    kinds = asked_for(again)
    fresh_service.start()
    again.model.connect_now()
    qtbot.waitUntil(lambda: again.model.state is State.LIVE, timeout=WAIT)
    say(again, qtbot, "more")
    qtbot.waitUntil(lambda: len(texts(again)) == 4 and settled(again), timeout=WAIT)
    assert not {"PersonaList", "ConversationListReply", "HistoryResponse"} & set(kinds), "it went on from there"


def test_what_happened_meanwhile_comes_after_a_restart(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = talk(open_window, service, qtbot, tmp_path)
    number = window.model.conversation_id
    persona = window.model.persona_id
    assert number is not None
    window.close()
    other = open_window(service.url, service.token)
    other.model.select_persona(persona)
    other.model.select_conversation(number)
    qtbot.waitUntil(lambda: len(texts(other)) == 2, timeout=WAIT)
    say(other, qtbot, "from elsewhere")
    qtbot.waitUntil(lambda: len(texts(other)) == 4 and settled(other), timeout=WAIT)
    other.model.rename_conversation(number, "renamed elsewhere")

    again = open_window(service.url, service.token, folder=tmp_path, live=False)
    again.model.select_persona(persona)
    again.model.select_conversation(number)
    qtbot.waitUntil(lambda: texts(again) == texts(other), timeout=WAIT)
    qtbot.waitUntil(
        lambda: again.model.conversation is not None and again.model.conversation.title == "renamed elsewhere",
        timeout=WAIT,
    )
    for each in (again, other):
        each.model.delete_conversation(number) if each is other else None
    qtbot.waitUntil(lambda: number not in again.model.timeline.conversations, timeout=WAIT)
    again.close()
    kept = Shelf(next(tmp_path.glob("*/")), "owner")
    session = Session()
    kept.restore(session)
    kept.close()
    assert session.timeline.personas and number not in session.timeline.conversations


def test_words_said_offline_go_out_after_a_restart_once(
    open_window: Open, fresh_service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = talk(open_window, fresh_service, qtbot, tmp_path)
    fresh_service.kill()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE, timeout=WAIT)
    say(window, qtbot, "said offline")
    qtbot.waitUntil(lambda: words(window.chat.display.rows()[-1]) == WAITS)
    qtbot.waitUntil(lambda: not window.model.server._keep.isActive())
    killed = tmp_path / "killed"  # as the disk is at this moment: nothing was closed
    shutil.copytree(tmp_path, killed, ignore=shutil.ignore_patterns("killed", "lock"))
    window.close()

    again = open_window(fresh_service.url, fresh_service.token, folder=killed, live=False)
    qtbot.waitUntil(lambda: texts(again) == ["你好", "你说：你好", "said offline"])
    assert words(again.chat.display.rows()[-1]) == WAITS
    fresh_service.start()
    again.model.connect_now()
    qtbot.waitUntil(lambda: len(texts(again)) == 4 and settled(again), timeout=WAIT)
    assert again.model.unsent() == 0
    again.close()
    assert not list(killed.glob("*/*/unsent.json")), "nothing is left to send"

    stale = open_window(fresh_service.url, fresh_service.token, folder=tmp_path)  # its ack never came to this disk
    qtbot.waitUntil(lambda: stale.model.unsent() == 0 and len(texts(stale)) == 4, timeout=WAIT)
    said = ["你好", "你说：你好", "said offline", "你说：said offline"]
    qtbot.waitUntil(lambda: texts(stale) == said and settled(stale), timeout=WAIT)


def test_refused_words_keep_their_reason_and_their_way_out(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(lambda url, token: open_window(url, token, folder=tmp_path), service, qtbot, "refused")
    say(window, qtbot, "x")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: window.model.running() is not None, timeout=WAIT)
    say(window, qtbot, "queued over a restart")
    qtbot.waitUntil(
        lambda: words(window.chat.display.rows()[-1]) == "goes out when the answer is finished", timeout=WAIT
    )
    window.close()
    again = open_window(service.url, service.token, folder=tmp_path)
    qtbot.waitUntil(lambda: texts(again)[-1:] == ["你说：queued over a restart"] and settled(again), timeout=60_000)
    assert len(texts(again)) == 6


def test_drafts_stay_with_their_conversations(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = talk(open_window, service, qtbot, tmp_path)
    number = window.model.conversation_id
    window.chat.input.composer.insertPlainText("half a thought 半句")
    window.chat.new_conversation()
    assert window.chat.input.text() == ""
    window.chat.input.composer.insertPlainText("to begin with")
    window.close()
    again = open_window(service.url, service.token, folder=tmp_path)
    qtbot.waitUntil(lambda: again.model.conversation_id == number, timeout=WAIT)
    qtbot.waitUntil(lambda: again.chat.input.text() == "half a thought 半句")
    again.chat.new_conversation()
    assert again.chat.input.text() == "to begin with"
    qtbot.keyClick(again.chat.input.composer, Qt.Key.Key_Return)
    again.chat.input.composer.insertPlainText("typed on")
    qtbot.waitUntil(lambda: again.model.conversation_id not in (None, number), timeout=WAIT)
    assert again.chat.input.text() == "typed on", "it goes with the conversation that it was typed in"
    again.chat.new_conversation()
    assert again.chat.input.text() == ""


def test_a_log_out_leaves_nothing_and_another_user_finds_nothing(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        admin(guarded, "user", "add", name, stdin=PASSWORD + "\n")
    window = open_window(guarded.url, live=False, folder=tmp_path / "app")
    log_in(window, qtbot, "first", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "first"), timeout=WAIT)
    say(window, qtbot, "mine alone")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    window.chat.input.set_text("a secret draft")
    window.model.server.keep()
    [place] = (tmp_path / "app").glob("*/user-first")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "unsent.json").stat().st_mode) == 0o600
    window.model.log_out()
    assert not place.exists()
    log_in(window, qtbot, "second", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "second"), timeout=WAIT)
    assert texts(window) == [] and window.chat.input.text() == ""
    window.close()
    for file in tmp_path.glob("app/**/*"):
        assert not file.is_file() or b"mine alone" not in file.read_bytes()


def a_session(journal: bool = True) -> Session:
    session = Session(token="t")
    session.timeline.journal = Journal() if journal else None
    session.opened()
    hear(session, frames.Welcome(version=1, server="s", user="u", epoch="e", seq=1, recovered=False))
    hear(session, frames.PersonaList(personas=[Persona(id="p", name="P", avatar="", seq=1)]))
    hear(session, frames.ConversationListReply(conversations=[
        Conversation(id=n, title=f"t{n}", create_time="", persona_id="p", touched=n, seq=n) for n in (7, 8)
    ]))  # fmt: skip
    return session


def hear(session: Session, push: frames.Push) -> None:
    session.received(frames.encode(push))


def message(number: int, conversation: int = 7, *, seq: int, content: str = "x", status: str = "done") -> Message:
    return Message(sender_type=1, content=content, send_time="", id=number, conversation_id=conversation,
                   status=status, seq=seq)  # type: ignore[arg-type]  # fmt: skip


def reopened(path: Path, *conversations: int) -> Session:
    """A session that begins with what is in the file."""
    cache, session = Cache(path), Session()
    kept = cache.read()
    if kept is not None:
        session.restore("u", kept.role, kept.position, kept.personas, kept.conversations)
    for number in conversations:
        cache.bring(number, session)
    cache.close()
    return session


def test_the_cache_is_the_timeline_at_a_position(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    session, cache = a_session(), Cache(path)
    page = [message(n, seq=n) for n in (1, 2)]
    hear(
        session, frames.HistoryResponse(persona_id="p", conversations=[], messages=page, conversation_id=7, more=True)
    )
    hear(session, frames.MessageAdded(message=message(3, seq=30, content="", status="running")))
    cache.write(session)
    hear(session, frames.MessageDelta(conversation_id=7, message_id=3, content="慢慢"))
    assert not session.timeline.journal, "live text alone writes nothing"
    hear(session, frames.MessageDeleted(seq=31, conversation_id=7, message_id=1))
    hear(session, frames.MessageAdded(message=message(4, 8, seq=32)))  # of a conversation that was not read
    hear(session, frames.ConversationDeleted(seq=33, conversation_id=8))
    session.timeline.journal.messages.add((7, 3))  # type: ignore[union-attr]
    cache.write(session)
    cache.close()
    again = reopened(path, 7, 8)
    assert again.position == session.position and again.position.seq == 33  # type: ignore[union-attr]
    assert again.timeline.messages(7) == session.timeline.messages(7)
    assert [m.content for m in again.timeline.messages(7)] == ["x", "慢慢"]
    assert again.timeline.older == {7: True} and list(again.timeline.conversations) == [7]


def test_what_comes_for_a_kept_conversation_that_is_not_open_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    session, cache = a_session(), Cache(path)
    hear(
        session,
        frames.HistoryResponse(persona_id="p", conversations=[], messages=[message(1, seq=1)], conversation_id=7),
    )
    cache.write(session)
    cache.close()
    session = reopened(path)  # nobody opens conversation 7 in this run
    session.timeline.journal = Journal()
    cache = Cache(path)
    cache.read()
    session.opened()
    hear(session, frames.Welcome(version=1, server="s", user="u", epoch="e", seq=41, recovered=True))
    hear(session, frames.MessageAdded(message=message(2, seq=40)))
    hear(session, frames.MessageDone(message=message(3, 8, seq=41)))
    cache.write(session)
    cache.close()
    third = reopened(path, 7, 8)
    assert [m.id for m in third.timeline.messages(7)] == [1, 2]
    assert not third.timeline.is_loaded(8), "a page of it was never here"


def test_versions_of_a_message_are_kept(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = talk(open_window, service, qtbot, tmp_path)
    window.model.regenerate()
    number = window.model.conversation_id or 0
    qtbot.waitUntil(
        lambda: settled(window) and len(texts(window)) == 2
        and len(window.model.timeline.siblings(number, window.model.messages()[-1].id)) == 2, timeout=WAIT,
    )  # fmt: skip
    shown = window.model.messages()
    beside = window.model.timeline.siblings(number, shown[-1].id)
    window.close()
    again = open_window("ws://127.0.0.1:1/ws", live=False, folder=tmp_path)  # nobody answers
    again.model.servers.show(next(e.id for e in again.model.servers.entries if e.url == service.url))
    qtbot.waitUntil(lambda: again.model.messages() == shown)
    assert again.model.timeline.siblings(number, shown[-1].id) == beside


def test_a_cache_of_another_store_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    session, cache = a_session(), Cache(path)
    hear(
        session,
        frames.HistoryResponse(persona_id="p", conversations=[], messages=[message(1, seq=1)], conversation_id=7),
    )
    cache.write(session)
    session.closed()
    session.opened()
    hear(session, frames.Welcome(version=1, server="s", user="u", epoch="e2", seq=5, recovered=False))
    cache.write(session)
    assert reopened_copy(path).position.epoch == "e", "a half-loaded world does not take the place of a whole one"  # type: ignore[union-attr]
    hear(session, frames.PersonaList(personas=[]))
    hear(session, frames.ConversationListReply(conversations=[]))
    cache.write(session)
    cache.close()
    again = reopened(path, 7)
    assert again.position.epoch == "e2" and not again.timeline.conversations and not again.timeline.messages(7)  # type: ignore[union-attr]


def reopened_copy(path: Path) -> Session:
    """As after a kill: the file and its log as they are now."""
    copy = path.with_name("copy.sqlite3")
    for end in ("", "-wal"):
        if path.with_name(path.name + end).exists():
            shutil.copy(path.with_name(path.name + end), copy.with_name(copy.name + end))
    return reopened(copy)


@pytest.mark.parametrize("harm", ["garbage", "cut", "version", "value", "table", "folder"])
def test_a_broken_or_old_cache_is_made_anew(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "c.sqlite3"
    session, cache = a_session(), Cache(path)
    cache.write(session)
    cache.close()
    match harm:
        case "garbage":
            path.write_bytes(b"not a database" * 1000)
        case "cut":
            path.write_bytes(path.read_bytes()[:5000])
        case "folder":
            path.unlink()
            path.mkdir()
        case _:
            change = {"version": "PRAGMA user_version = 1", "value": "UPDATE personas SET value = x'00'",
                      "table": "DROP TABLE personas"}[harm]  # fmt: skip
            with sqlite3.connect(path) as database:
                database.execute(change)
            database.close()
    broken = reopened(path)
    assert broken.position is None and not broken.timeline.personas
    if harm == "folder":
        return
    fresh, cache = a_session(), Cache(path)
    cache.write(fresh)
    cache.close()
    assert list(reopened(path).timeline.personas) == ["p"]


def test_messages_are_found_without_a_scan(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite3")
    assert cache._database is not None
    for query in (MESSAGES, PAGE, ANY_BEFORE, FIRST_UP, FIRST_OF_ALL, BELOW):
        plan = cache._database.execute(f"EXPLAIN QUERY PLAN {query}", (1,) * query.count("?")).fetchall()
        steps = [
            row[-1] for row in plan if row[-1] not in ("SCAN up", "SCAN down", "SCAN (subquery-1)")
        ]  # the few found
        assert steps and all(
            "SCAN" not in step.replace("SCAN CONSTANT ROW", "") and "TEMP" not in step for step in steps
        )
    cache.close()


def test_unsent_words_that_cannot_be_read_are_put_aside(tmp_path: Path) -> None:
    place = tmp_path / "s"
    (place / "user-u").mkdir(parents=True)
    (place / "user-u" / "unsent.json").write_text('{"outbox": [{"command": {"type": "no"}}]}')
    shelf = Shelf(place, "u")
    assert shelf.unsent() == []
    assert (place / "user-u" / "unsent.json.broken").exists()
    second = Shelf(place, "u")  # while the first is open
    second.keep_words([])
    second.close()
    shelf.close()
