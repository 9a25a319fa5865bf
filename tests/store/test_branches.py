"""The tree in the file: what older files become, and what a page of it costs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    BranchSelect,
    Chat,
    ConversationSaved,
    HistoryRequest,
    MessageDelete,
    MessageEdit,
    PersonaCreate,
)
from aichat.protocol.values import PersonaConfig
from aichat.store import Store
from aichat.store.bundle import read_bundle, write_bundle
from aichat.store.messages import Ending
from aichat.store.queries import load_queries, migrate, migrations


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await opened.open()
    await opened.users.owner("")
    yield opened
    await opened.close()


async def talk(store: Store, *texts: str) -> tuple[int, list[int]]:
    """A conversation in which these were said and answered -> its id, and those of its messages."""
    saved = await store.personas.create(1, PersonaCreate(persona_config=PersonaConfig(name="P", prompt="p")))
    where: dict[str, Any] = {"persona_id": saved.ack.persona_id}
    ids: list[int] = []
    for text in texts:
        turn = await store.messages.append_turn(1, Chat(content=text, **where))
        await store.messages.finish(turn.ack.answer_id, Ending("done", f"re {text}", model="m"))
        where = {"conversation_id": turn.ack.conversation_id}
        ids += [turn.ack.message_id, turn.ack.answer_id]
    return turn.ack.conversation_id, ids


def test_an_older_file_becomes_chains_and_replaced_answers_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    everything = migrations()
    number = next(number for number, name, _ in everything if name.endswith("_tree.sql"))
    with monkeypatch.context() as patch:
        patch.setattr("aichat.store.queries.migrations", lambda: [m for m in everything if m[0] < number])
        migrate(connection)
    connection.execute("INSERT INTO store (one, epoch, seq) VALUES (1, 'before', 40)")
    connection.executemany(
        "INSERT INTO conversations (id, persona_id, title) VALUES (?, 'p', 't')", [(1,), (2,), (3,)]
    )
    rows = [
        (1, 1, 0, 0),
        (2, 1, 1, 1),  # made anew twice
        (3, 2, 0, 0),  # of another conversation
        (4, 1, 1, 1),
        (5, 1, 1, 0),
        (6, 2, 1, 0),
        (7, 1, 0, 0),
        (8, 1, 1, 0),
    ]
    connection.executemany(
        "INSERT INTO messages (id, conversation_id, sender_type, replaced, content) VALUES (?, ?, ?, ?, '')", rows
    )
    connection.execute("INSERT INTO tombstones (seq, user_id, kind, ref) VALUES (30, 1, 'message', '2')")
    connection.execute("INSERT INTO tombstones (seq, user_id, kind, ref) VALUES (31, 1, 'persona', 'x')")
    migrate(connection)
    parents = dict(connection.execute("SELECT id, parent_id FROM messages"))
    assert parents == {1: 0, 2: 1, 4: 1, 5: 1, 7: 5, 8: 7, 3: 0, 6: 3}
    assert dict(connection.execute("SELECT id, leaf_id FROM conversations")) == {1: 8, 2: 6, 3: 0}
    page = list(load_queries().page(connection, conversation_id=1, leaf_id=8, before=2**62, limit=10))
    assert [row[0] for row in page] == [8, 7, 5, 1]
    assert [row[-1] for row in page] == ["8", "7", "2,4,5", "1"]
    assert connection.execute("SELECT kind FROM tombstones").fetchall() == [("persona",)]
    epoch, seq = connection.execute("SELECT epoch, seq FROM store").fetchone()
    assert (epoch != "before", seq) == (True, 40), "who kept a position of before loads everything anew"


@pytest_twisted.ensureDeferred
async def test_a_page_and_a_turn_cost_the_same_however_much_is_there(store: Store) -> None:
    """Counted in steps of SQLite's machine, which no other work on this computer changes."""

    def grow(count: int) -> Callable[[sqlite3.Connection], None]:
        def write(connection: sqlite3.Connection) -> None:
            last = connection.execute("SELECT MAX(id) FROM messages").fetchone()[0]
            connection.executemany(
                "INSERT INTO messages (id, conversation_id, parent_id, sender_type, content)"
                " VALUES (?, ?, ?, ?, 'x')",
                ((last + n, 1, last + n - 1, n % 2) for n in range(1, count + 1)),
            )
            connection.execute("UPDATE conversations SET leaf_id = ? WHERE id = 1", [last + count])

        return write

    conversation, _ = await talk(store, "one", "two")
    assert conversation == 1

    def steps(work: Callable[[sqlite3.Connection], object]) -> Callable[[sqlite3.Connection], int]:
        def count(connection: sqlite3.Connection) -> int:
            counted = 0

            def tick() -> int:
                nonlocal counted
                counted += 1
                return 0

            connection.set_progress_handler(tick, 10)
            work(connection)
            connection.set_progress_handler(None, 0)
            return counted

        return count

    queries = load_queries()

    def read(connection: sqlite3.Connection) -> None:
        leaf = connection.execute("SELECT leaf_id FROM conversations WHERE id = 1").fetchone()[0]
        middle = leaf - 60
        assert len(list(queries.page(connection, conversation_id=1, leaf_id=leaf, before=2**62, limit=50))) == 50
        assert len(list(queries.page(connection, conversation_id=1, leaf_id=leaf, before=middle, limit=50))) == 50
        assert len(list(queries.said_until(connection, leaf_id=leaf, limit=50))) == 50

    costs = []
    for count in (1_000, 20_000):
        await store._database.write(grow(count))
        costs.append(await store._database.read(steps(read)))
    assert costs[0] > 100
    assert costs[1] <= costs[0] * 1.05, costs


@pytest_twisted.ensureDeferred
async def test_a_turn_is_as_few_statements_as_before(store: Store) -> None:
    conversation, ids = await talk(store, "one", "two")
    statements: list[str] = []
    await store._database.write(lambda connection: connection.set_trace_callback(statements.append))
    await store.messages.append_turn(1, Chat(content="x", conversation_id=conversation, request_id="r"))
    await store._database.write(lambda connection: connection.set_trace_callback(None))
    words = [statement.lstrip("-").split()[0] for statement in statements if not statement.startswith("--")]
    reads_and_writes = [word for word in words if word in ("SELECT", "INSERT", "UPDATE", "WITH", "DELETE")]
    assert len(reads_and_writes) <= 8, statements
    assert ids


@pytest_twisted.ensureDeferred
async def test_a_branch_of_many_goes_whole(store: Store) -> None:
    conversation, ids = await talk(store, *(f"q{n}" for n in range(6)))
    edited = await store.messages.edit(
        1, MessageEdit(conversation_id=conversation, message_id=ids[4], content="other")
    )
    await store.messages.finish(edited.ack.answer_id, Ending("done", "x"))
    saved = await store.branches.delete(1, MessageDelete(conversation_id=conversation, message_id=ids[4]))
    assert saved.conversation is None, "it was not shown"
    left = await store._database.read(lambda c: [row[0] for row in c.execute("SELECT id FROM messages ORDER BY id")])
    assert left == [*ids[:4], edited.ack.message_id, edited.ack.answer_id]
    shown = await store.conversations.history(1, HistoryRequest(conversation_id=conversation))
    assert [message.id for message in shown.messages] == left


@pytest_twisted.ensureDeferred
async def test_who_looks_is_not_moved_and_nobody_moves_anothers(store: Store) -> None:
    conversation, ids = await talk(store, "one", "two")
    edited = await store.messages.edit(1, MessageEdit(conversation_id=conversation, message_id=ids[2], content="2"))
    await store.messages.finish(edited.ack.answer_id, Ending("done", "x"))
    for message_id in (ids[0], ids[1], edited.ack.message_id, edited.ack.answer_id):
        saved = await store.branches.select(1, BranchSelect(conversation_id=conversation, message_id=message_id))
        assert saved.conversation is None, "it is shown already"
    saved = await store.branches.select(1, BranchSelect(conversation_id=conversation, message_id=ids[2]))
    assert saved.conversation is not None
    assert saved.conversation == await store.conversations.check_owner(1, conversation)
    assert saved.conversation.leaf_id == ids[3]
    for command in (
        lambda: store.branches.select(2, BranchSelect(conversation_id=conversation, message_id=ids[0])),
        lambda: store.branches.delete(2, MessageDelete(conversation_id=conversation, message_id=ids[0])),
        lambda: store.messages.edit(2, MessageEdit(conversation_id=conversation, message_id=ids[0], content="x")),
    ):
        with pytest.raises(AichatError, match="not_found"):
            await command()


@pytest_twisted.ensureDeferred
async def test_a_file_of_an_export_has_what_is_shown_and_comes_in_as_a_chain(store: Store, tmp_path: Path) -> None:
    conversation, ids = await talk(store, "one", "two")
    edited = await store.messages.edit(1, MessageEdit(conversation_id=conversation, message_id=ids[2], content="2"))
    await store.messages.finish(edited.ack.answer_id, Ending("done", "re 2"))
    write_bundle(store.path, "owner", tmp_path / "all.json")
    taken = await store.bundles.take_in("owner", *read_bundle(tmp_path / "all.json"))
    made = next(event.conversation for event in taken.events if isinstance(event, ConversationSaved))
    history = await store.conversations.history(1, HistoryRequest(conversation_id=made.id))
    assert [message.content for message in history.messages] == ["one", "re one", "2", "re 2"]
    assert made.leaf_id == history.messages[-1].id
    assert history.conversations[0] == made
    parents = [message.parent_id for message in history.messages]
    assert parents == [0, *(message.id for message in history.messages[:-1])]
    turn = await store.messages.append_turn(1, Chat(content="three", conversation_id=made.id))
    assert [message.content for message in turn.history] == ["one", "re one", "2", "re 2", "three"]
