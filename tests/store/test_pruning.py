"""What only serves repeats and resumes is forgotten in small steps, and leaves no hole that nobody is told of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from aichat.chat.pruning import Pruning
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Chat, ConversationCreate, ConversationDelete, PersonaCreate
from aichat.protocol.values import PersonaConfig, Position
from aichat.store import Store
from aichat.store.messages import Ending


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await opened.open()
    await sql(opened, "INSERT INTO users (id, name, role) VALUES (1, 'owner', 'owner')")
    yield opened
    await opened.close()


async def make_persona(store: Store) -> str:
    config = PersonaConfig(name="P", prompt="p")
    return (await store.personas.create(1, PersonaCreate(persona_config=config))).ack.persona_id


async def sql(store: Store, statement: str) -> list[Any]:
    return await store._database.write(lambda connection: connection.execute(statement).fetchall())


async def delete_some(store: Store, count: int) -> list[int]:
    """Make conversations and delete them -> the positions of the deletions."""
    persona = await make_persona(store)
    seqs = []
    for _ in range(count):
        made = await store.conversations.create(1, ConversationCreate(persona_id=persona))
        gone = await store.conversations.delete(1, ConversationDelete(conversation_id=made.ack.conversation_id))
        seqs.append(gone.seq)
    return seqs


async def resumes(store: Store, seq: int) -> list[int] | None:
    """The deletions that a client at a position is told of; None: it loads everything anew."""
    here = (await store.log.since(1, None)).position
    events = (await store.log.since(1, Position(epoch=here.epoch, seq=seq))).events
    return None if events is None else [e.seq for e in events if type(e).__name__ == "ConversationDeleted"]


@pytest.mark.parametrize("by", ["age", "count"])
@pytest_twisted.ensureDeferred
async def test_an_old_position_reloads_and_a_newer_one_misses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    seqs = await delete_some(store, 9)
    if by == "age":
        old = ",".join(map(str, seqs[:5]))
        await sql(store, f"UPDATE tombstones SET time = datetime('now', '-31 days') WHERE seq IN ({old})")
    else:
        monkeypatch.setattr("aichat.store.log.TOMBSTONES_MOST", 4)
    monkeypatch.setattr("aichat.store.log.PRUNE_STEP", 2)
    steps = []
    while gone := await store.log.prune(1):
        steps.append(gone)
        for seq in range(seqs[-1] + 1):  # in the middle of it too
            told = await resumes(store, seq)
            assert told is None or told == [s for s in seqs if s > seq]
    assert steps == [2, 2, 1]
    assert await resumes(store, seqs[4] - 1) is None
    assert await resumes(store, seqs[4]) == seqs[5:]
    assert len(await sql(store, "SELECT * FROM tombstones")) == 4
    assert await resumes(store, seqs[-1]) == []


@pytest_twisted.ensureDeferred
async def test_old_and_surplus_replies_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(12):
        await sql(
            store,
            "INSERT INTO requests (user_id, request_id, digest, reply, create_time)"
            f" VALUES (1, 'r{n:02}', '', '', datetime('now', '-{n} days')), (2, 'r{n:02}', '', '', '2000-01-01')",
        )
    monkeypatch.setattr("aichat.store.log.REPLIES_MOST", 4)
    monkeypatch.setattr("aichat.store.log.PRUNE_STEP", 3)
    while await store.log.prune(1):
        pass
    left = await sql(store, "SELECT request_id FROM requests WHERE user_id = 1 ORDER BY request_id")
    assert left == [("r00",), ("r01",), ("r02",), ("r03",)]
    assert len(await sql(store, "SELECT * FROM requests WHERE user_id = 2")) == 12, "another user's stay"
    monkeypatch.setattr("aichat.store.log.REPLIES_MOST", 10_000)
    assert await store.log.prune(1) == 0, "none of these is a week old"


@pytest_twisted.ensureDeferred
async def test_a_question_is_known_by_its_message_when_its_reply_is_forgotten(store: Store) -> None:
    persona = await make_persona(store)
    chat = Chat(persona_id=persona, content="你好", request_id="q1")
    first = await store.messages.append_turn(1, chat)
    await store.messages.finish(first.ack.answer_id, Ending("done", "!"))
    await sql(store, "UPDATE requests SET create_time = datetime('now', '-8 days')")
    assert await store.log.prune(1) == 1
    again = await store.messages.append_turn(1, chat)
    assert (again.repeated, again.ack) == (True, first.ack)
    with pytest.raises(AichatError, match="request_id_reused"):
        await store.messages.append_turn(1, Chat(persona_id=persona, content="other", request_id="q1"))
    assert len(await sql(store, "SELECT * FROM messages")) == 2
    await store.conversations.delete(1, ConversationDelete(conversation_id=first.ack.conversation_id))
    await sql(store, "DELETE FROM requests")
    new = await store.messages.append_turn(1, chat)
    assert not new.repeated, "what is deleted is unknown"


@pytest_twisted.ensureDeferred
async def test_everybodys_are_forgotten_and_a_stop_ends_it_between_two_steps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aichat.store.log.PRUNE_STEP", 2)
    monkeypatch.setattr("aichat.chat.pruning.PAUSE_SECONDS", 0)
    await sql(store, "INSERT INTO users (id, name, role) VALUES (5, 'five', 'member')")
    for user in (1, 5):
        for n in range(5):
            await sql(
                store,
                "INSERT INTO requests (user_id, request_id, digest, reply, create_time)"
                f" VALUES ({user}, 'r{n}', '', '', '2000-01-01')",
            )
    stopped = Pruning(reactor, store)
    stopped.start()
    await stopped.stop()
    left = len(await sql(store, "SELECT * FROM requests"))
    assert left >= 8
    assert await Pruning(reactor, store).prune() == left
    assert await sql(store, "SELECT * FROM requests") == []
