"""The store on real files: migrations, group commit, readers that cannot write, and the plan of every query."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import pytest
import pytest_twisted
from msgspec.json import encode
from twisted.internet import reactor
from twisted.internet.defer import DeferredList, gatherResults
from twisted.internet.task import deferLater

from aichat.chat.prompt import build_prompt
from aichat.pace import MANY, pace_of
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Chat, ChatContinue, ChatRegenerate, HistoryRequest, PersonaCreate
from aichat.protocol.values import Failure, Message, PersonaConfig, Position
from aichat.store import Store
from aichat.store.database import next_seq
from aichat.store.export import export_personas
from aichat.store.messages import Ending
from aichat.store.queries import load_queries, migrate, migrations, sql_folder

SEED_TABLES = {
    "personas": ["id", "name", "prompt", "avatar", "create_time"],
    "conversations": ["id", "persona_id", "title", "create_time"],
    "messages": ["id", "conversation_id", "sender_type", "content", "send_time"],
}


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await opened.open()
    await opened.users.owner("")
    yield opened
    await opened.close()


async def add_persona(store: Store, name: str = "学霸助手") -> str:
    saved = await store.personas.create(1, PersonaCreate(persona_config=PersonaConfig(name=name, prompt="p")))
    return saved.ack.persona_id


def columns(path: Path, table: str) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


@pytest_twisted.ensureDeferred
async def test_the_seeds_tables_have_the_seeds_columns(store: Store) -> None:
    for table, names in SEED_TABLES.items():
        assert columns(store.path, table)[: len(names)] == names


@pytest_twisted.ensureDeferred
async def test_a_chat_db_of_the_seed_opens_with_all_that_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    seed = sqlite3.connect(path)
    seed.executescript(migrations()[0][2])
    seed.execute("INSERT INTO personas (id, name, prompt) VALUES ('p1', '学霸助手', '你是')")
    seed.execute("INSERT INTO conversations (id, persona_id, title) VALUES (123, 'p1', '第一次对话')")
    seed.execute(
        "INSERT INTO messages (conversation_id, sender_type, content) VALUES (123, 0, '你好'), (123, 1, '好')"
    )
    seed.commit()
    seed.close()
    store = Store(path, reactor)  # type: ignore[arg-type]
    await store.open()
    user, _ = await store.users.owner("")
    history = await store.conversations.history(user.id, HistoryRequest(persona_id="p1"))
    assert [c.title for c in history.conversations] == ["第一次对话"]
    assert [(m.sender_type, m.content, m.status) for m in history.messages] == [
        (0, "你好", "done"),
        (1, "好", "done"),
    ]
    await store.close()


@pytest_twisted.ensureDeferred
async def test_opening_again_changes_nothing_and_a_newer_file_is_refused(store: Store) -> None:
    await add_persona(store)
    await store.close()
    before = store.path.read_bytes()
    await store.open()
    await store.close()
    assert store.path.read_bytes() == before
    with sqlite3.connect(store.path) as connection:
        connection.execute("INSERT INTO migrations (number, name) VALUES (9999, 'future')")
    with pytest.raises(sqlite3.DatabaseError, match="newer aichat"):
        await store.open()
    await store.close()


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [number for number, _, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_migration_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [*migrations(), (99, "0099_broken.sql", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);")]
    monkeypatch.setattr("aichat.store.queries.migrations", lambda: broken)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "messages" in names
    assert "half" not in names


@pytest_twisted.ensureDeferred
async def test_the_writer_is_durable_and_readers_cannot_write(store: Store, expected_errors: list[str]) -> None:
    expected_errors.append("read failed: attempt to write a readonly database")
    database = store._database

    def pragmas(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "query_only", "wal_autocheckpoint")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert (await database.write(pragmas))[:4] == ["wal", 2, 1, 0]
    reader = await database.read(pragmas)
    assert (reader[3], reader[4]) == (1, 0)
    with pytest.raises(AichatError, match="storage_failed"):
        await database.read(lambda connection: connection.execute("DELETE FROM personas"))


@pytest_twisted.ensureDeferred
async def test_one_bad_write_fails_alone_in_its_group(store: Store) -> None:
    database = store._database

    def note(number: int) -> object:
        def write(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO imports (digest) VALUES (?)", (f"d{number}",))
            if number % 3 == 0:
                raise AichatError("conflict")
            if number % 5 == 0:
                raise ValueError(number)
            return number

        return write

    outcomes = await DeferredList([database.write(note(n)) for n in range(50)], consumeErrors=True)
    assert [n for n, (ok, _) in enumerate(outcomes) if ok] == [n for n in range(50) if n % 3 and n % 5]
    rows = await database.read(lambda c: [r[0] for r in c.execute("SELECT digest FROM imports")])
    assert sorted(rows) == sorted(f"d{n}" for n in range(50) if n % 3 and n % 5)


@pytest_twisted.ensureDeferred
async def test_who_is_refused_before_changing_anything_costs_the_others_nothing(store: Store) -> None:
    database, runs = store._database, list[int]()

    def note(number: int) -> object:
        def write(connection: sqlite3.Connection) -> int:
            runs.append(number)
            if number % 2:
                raise AichatError("busy")
            connection.execute("INSERT INTO imports (digest) VALUES (?)", (f"d{number}",))
            return number

        return write

    outcomes = await DeferredList([database.write(note(n)) for n in range(20)], consumeErrors=True)
    assert [ok for ok, _ in outcomes] == [n % 2 == 0 for n in range(20)]
    assert runs == list(range(20)), "each ran once"


@pytest_twisted.ensureDeferred
async def test_positions_are_given_once_whatever_is_undone(store: Store) -> None:
    database = store._database

    def step(number: int) -> object:
        def write(connection: sqlite3.Connection) -> int:
            seq = next_seq(connection)
            connection.execute("INSERT INTO imports (digest) VALUES (?)", (f"d{seq}",))
            if number % 4 == 1:
                raise ValueError(number)
            return seq

        return write

    given = [(await store.log.since(1, None)).position.seq]
    for size in (1, 2, 30, 1):
        outcomes = await DeferredList([database.write(step(n)) for n in range(size)], consumeErrors=True)
        given += [seq for ok, seq in outcomes if ok]
        assert (await store.log.since(1, None)).position.seq >= given[-1]
    assert given == sorted(set(given))
    await store.close()
    await store.open()
    assert await store._database.write(next_seq) > given[-1]


@pytest_twisted.ensureDeferred
async def test_what_is_written_on_a_commit_goes_together_into_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aichat.store import database

    groups: list[int] = []
    commit = database._commit_group
    monkeypatch.setattr(database, "_commit_group", lambda c, works: groups.append(len(works)) or commit(c, works))

    def again(_: object) -> object:
        return store._database.write(next_seq)

    await gatherResults([store._database.write(next_seq).addCallback(again).addCallback(again) for _ in range(20)])
    assert sum(groups) == 60
    assert groups[0] == 1, "the first does not wait for more"
    assert max(groups) == 20, "who was alone is no longer"
    assert len(groups) <= 5


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("busy", [True, False])
async def test_writes_wait_for_others_under_load_only(
    store: Store, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    from aichat.store import database

    groups: list[int] = []
    commit = database._commit_group
    monkeypatch.setattr(database, "_commit_group", lambda c, works: groups.append(len(works)) or commit(c, works))
    monkeypatch.setattr(database, "SPACING_SECONDS", 0.5)
    pace = pace_of(reactor)
    pace.streams += MANY if busy else 0
    try:
        began = perf_counter()
        await store._database.write(next_seq)
        second = store._database.write(next_seq)
        for _ in range(5):
            await deferLater(reactor, 0)  # type: ignore[arg-type]
        third = store._database.write(next_seq)
        await gatherResults([second, third])
        took = perf_counter() - began
    finally:
        pace.streams -= MANY if busy else 0
    assert groups == ([1, 2] if busy else groups)
    assert (took >= 0.5) is busy
    assert sum(groups) == 3


@pytest_twisted.ensureDeferred
async def test_patient_writes_wait_for_one_that_is_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from aichat.store import database

    groups: list[int] = []
    commit = database._commit_group
    monkeypatch.setattr(database, "_commit_group", lambda c, works: groups.append(len(works)) or commit(c, works))
    monkeypatch.setattr(database, "SPACING_SECONDS", 0.0)
    monkeypatch.setattr(database, "PATIENT_SECONDS", 3_600.0)
    pace = pace_of(reactor)
    pace.streams += MANY
    try:
        await store._database.write(next_seq)
        patient = [store._database.write(next_seq, patient=True) for _ in range(2)]
        await store._database.read(lambda connection: None)
        assert not any(each.called for each in patient)
        await store._database.write(next_seq)
        assert all(each.called for each in patient)
        after = store._database.write(next_seq, patient=True)
    finally:
        pace.streams -= MANY
    assert groups == [1, 3]
    await store._database.write(next_seq)
    assert after.called


@pytest_twisted.ensureDeferred
async def test_what_waits_for_others_is_written_when_the_service_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aichat.store.database.SPACING_SECONDS", 0.05)
    store = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await store.open()
    pace = pace_of(reactor)
    pace.streams += MANY
    try:
        first = await store._database.write(next_seq)
        waiting = store._database.write(next_seq)
        await store.close()
        assert await waiting == first + 1
    finally:
        pace.streams -= MANY


@pytest_twisted.ensureDeferred
async def test_who_meets_a_damaged_page_is_refused_alone(store: Store) -> None:
    database = store._database

    def note(number: int) -> object:
        def write(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO imports (digest) VALUES (?)", (f"d{number}",))
            if number == 3:
                error = sqlite3.DatabaseError("database disk image is malformed")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            return number

        return write

    outcomes = await DeferredList([database.write(note(n)) for n in range(1, 7)], consumeErrors=True)
    assert [ok for ok, _ in outcomes] == [True, True, False, True, True, True]
    refused = outcomes[2][1].value
    assert refused.code == "storage_failed"
    assert "The file is damaged" in refused.message
    rows = await database.read(lambda c: [r[0] for r in c.execute("SELECT digest FROM imports")])
    assert sorted(rows) == ["d1", "d2", "d4", "d5", "d6"]


@pytest_twisted.ensureDeferred
async def test_writes_share_commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from aichat.store import database

    groups: list[int] = []
    commit = database._commit_group
    monkeypatch.setattr(database, "_commit_group", lambda c, works: groups.append(len(works)) or commit(c, works))
    personas = [PersonaCreate(persona_config=PersonaConfig(name=f"n{n}", prompt="")) for n in range(40)]
    await gatherResults([store.personas.create(1, command) for command in personas])
    assert sum(groups) == 40
    assert len(groups) < 10
    assert len(await store.personas.all_of(1)) == 40


@pytest_twisted.ensureDeferred
async def test_a_lock_of_another_process_is_no_false_ack(store: Store, expected_errors: list[str]) -> None:
    await store._database.write(lambda connection: connection.execute("PRAGMA busy_timeout = 50"))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    expected_errors.append("commit failed: database is locked")
    with pytest.raises(AichatError, match="storage_failed") as caught:
        await add_persona(store)
    assert "locked" in caught.value.message
    other.execute("ROLLBACK")
    other.close()
    assert await store.personas.all_of(1) == []
    await add_persona(store)
    assert len(await store.personas.all_of(1)) == 1


@pytest_twisted.ensureDeferred
async def test_after_closing_it_refuses_in_words(tmp_path: Path) -> None:
    store = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await store.open()
    pending = [add_persona(store) for _ in range(3)]
    from twisted.internet.defer import ensureDeferred

    writes = [ensureDeferred(work) for work in pending]
    await store.close()
    assert len(await gatherResults(writes)) == 3, "what was queued is written"
    with pytest.raises(AichatError, match="shutting_down"):
        await store.personas.all_of(1)
    with pytest.raises(AichatError, match="shutting_down"):
        await add_persona(store)


@pytest_twisted.ensureDeferred
async def test_only_a_running_message_can_end_and_only_once(store: Store) -> None:
    persona = await add_persona(store)
    turn = await store.messages.append_turn(1, Chat(content="q", persona_id=persona))
    assert await store.messages.checkpoint_all([(turn.ack.answer_id, "part", "")]) == 1
    assert (await store.messages.finish(turn.ack.answer_id, Ending("done", "whole"))) is not None
    assert await store.messages.checkpoint_all([(turn.ack.answer_id, "late", "")]) == 0
    assert await store.messages.finish(turn.ack.answer_id, Ending("stopped", "late")) is None
    message = await store.messages.get(turn.ack.answer_id)
    assert message is not None
    assert (message.status, message.content) == ("done", "whole")


@pytest_twisted.ensureDeferred
async def test_what_a_turn_returns_is_what_is_stored(store: Store) -> None:
    """It is built from what was written, and not read back: both must be the same, and the same on the wire."""

    def texts(messages: list[Message]) -> list[tuple[int, str]]:
        return [(message.sender_type, message.content) for message in messages]

    persona = await add_persona(store)
    asks = [
        Chat(content="first", persona_id=persona, request_id="r1"),
        Chat(content="第二 \x00 two", persona_id=persona, request_id="r2"),
    ]
    said: list[Message] = []
    for ask in asks:
        turn = await store.messages.append_turn(1, ask)
        assert turn.question is not None and turn.answer is not None and turn.conversation is not None
        stored = [await store.messages.get(turn.question.id), await store.messages.get(turn.answer.id)]
        assert encode([turn.question, turn.answer]) == encode(stored)
        assert turn.conversation == await store.conversations.check_owner(1, turn.conversation.id)
        said.append(turn.question)
        assert texts(turn.history) == texts(said)
        ending = Ending("interrupted", "half of", "thought", 12, "m", Failure(code="internal", message="why"))
        ended = await store.messages.finish(turn.answer.id, ending)
        said.append(await store.messages.get(turn.answer.id))
        assert encode(ended) == encode(said[-1])
    ident = turn.conversation.id
    more = await store.messages.reopen_answer(1, ChatContinue(conversation_id=ident, request_id="r3"))
    assert more.answer is not None
    assert encode(more.answer) == encode(await store.messages.get(more.answer.id))
    assert texts(more.history) == texts(said[:-1])
    ended = await store.messages.finish(more.answer.id, Ending("done", "half of it", model="m"))
    assert encode(ended) == encode(await store.messages.get(more.answer.id))
    anew = await store.messages.replace_answer(1, ChatRegenerate(conversation_id=ident, request_id="r4"))
    assert anew.answer is not None and anew.conversation is not None
    assert encode(anew.answer) == encode(await store.messages.get(anew.answer.id))
    assert anew.conversation == await store.conversations.check_owner(1, ident)
    assert texts(anew.history) == texts(said[:-1])
    assert anew.persona == more.persona == await store.personas.get(1, persona)
    page = await store.conversations.history(1, HistoryRequest(conversation_id=ident))
    assert encode(page.messages) == encode([*said[:-1], anew.answer])


@pytest_twisted.ensureDeferred
async def test_history_that_a_model_has_no_room_for_is_not_read(store: Store) -> None:
    """What it is given is the same, to the greeting that only a whole conversation begins with."""
    config = PersonaConfig(name="p", prompt="You are {{char}}.", greeting="Hello, {{user}}")
    persona_id = (await store.personas.create(1, PersonaCreate(persona_config=config))).ack.persona_id
    chance, read = random.Random(7), list[tuple[int, int]]()
    for number in range(40):
        words = chance.choice(["word ", "汉字"]) * chance.randrange(1, 200)
        asked = Chat(content=words, persona_id=persona_id)
        turn = await store.messages.append_turn(1, asked)
        assert turn.answer is not None and turn.persona is not None
        await store.messages.finish(turn.answer.id, Ending("done", words[:: chance.choice([1, -1])], model="m"))
        for tokens in (64, 300, 1_000, 4_000, 20_000):
            again = await store.messages.replace_answer(
                1, ChatRegenerate(conversation_id=turn.answer.conversation_id), tokens=tokens
            )
            assert again.answer is not None
            read.append((len(again.history), len(turn.history)))
            given = build_prompt(turn.persona, again.history, "o", tokens)
            assert given == build_prompt(turn.persona, turn.history, "o", tokens), (number, tokens)
            await store.messages.finish(again.answer.id, Ending("failed", "an answer " * (number % 3)))
    assert all(some <= whole for some, whole in read)
    assert sum(some < whole for some, whole in read) > 50
    assert sum(some == whole for some, whole in read) > 50


@pytest_twisted.ensureDeferred
async def test_a_checkpoint_of_many_keeps_the_texts_of_those_that_run(store: Store) -> None:
    persona = await add_persona(store)
    asks = [Chat(content=f"q{n}", persona_id=persona, new_conversation=True) for n in range(4)]
    first, over, third, other = [(await store.messages.append_turn(1, ask)).ack.answer_id for ask in asks]
    await store.messages.finish(over, Ending("done", "whole", "thought"))
    texts = [(first, "one", ""), (over, "late", "late"), (third, "三", "why"), (10_000, "nobody's", "")]
    assert await store.messages.checkpoint_all(texts) == 2
    stored = [await store.messages.get(ident) for ident in (first, over, third, other)]
    assert [(m.status, m.content, m.reasoning) for m in stored if m is not None] == [
        ("running", "one", ""),
        ("done", "whole", "thought"),
        ("running", "三", "why"),
        ("running", "", ""),
    ]
    assert await store.messages.checkpoint_all([]) == 0


@pytest_twisted.ensureDeferred
async def test_nobody_reads_what_is_anothers(store: Store) -> None:
    persona = await add_persona(store)
    turn = await store.messages.append_turn(1, Chat(content="secret", persona_id=persona))
    ident = turn.ack.conversation_id
    for ask in (
        lambda: store.personas.get(2, persona),
        lambda: store.conversations.check_owner(2, ident),
        lambda: store.conversations.history(2, HistoryRequest(conversation_id=ident)),
        lambda: store.conversations.history(2, HistoryRequest(persona_id=persona)),
        lambda: store.messages.append_turn(2, Chat(content="x", persona_id=persona)),
        lambda: store.messages.append_turn(2, Chat(content="x", conversation_id=ident)),
    ):
        with pytest.raises(AichatError, match="not_found"):
            await ask()
    assert await store.personas.all_of(2) == []
    assert await store.conversations.all_of(2) == []
    epoch = (await store.log.since(1, None)).position.epoch
    assert (await store.log.since(2, Position(epoch=epoch, seq=0))).events == []


@pytest_twisted.ensureDeferred
async def test_conversations_are_ordered_by_the_log_and_not_by_the_clock(store: Store) -> None:
    persona = await add_persona(store)
    idents = []
    for n in range(3):
        turn = await store.messages.append_turn(1, Chat(content=f"c{n}", persona_id=persona, new_conversation=True))
        await store.messages.finish(turn.ack.answer_id, Ending("done", "a"))
        idents.append(turn.ack.conversation_id)
    await store._database.write(
        lambda c: c.execute("UPDATE conversations SET update_time = '2031-01-01 00:00:00' WHERE id = 1")
    )
    await store.messages.append_turn(1, Chat(content="again", conversation_id=idents[1]))
    assert [c.id for c in await store.conversations.all_of(1, persona)] == [idents[1], idents[2], idents[0]]
    turn = await store.messages.append_turn(1, Chat(content="newest", persona_id=persona, new_conversation=True))
    assert (await store.conversations.all_of(1))[0].id == turn.ack.conversation_id


@pytest_twisted.ensureDeferred
async def test_persona_files_come_in_once_and_go_out_again(store: Store, tmp_path: Path) -> None:
    seed = {
        "id": "p1",
        "name": "学霸助手",
        "prompt": "你是一个严谨的学术助手...",
        "avatar": "aGk=",
        "create_time": "2023-01-01",
    }
    data = json.dumps(seed, ensure_ascii=False).encode()
    assert await store.personas.take_files(1, [data]) == ["p1"]
    assert await store.personas.take_files(1, [data]) == []
    written = export_personas(store.path, tmp_path / "out")
    assert [path.name for path in written] == ["p1.json"]
    assert json.loads(written[0].read_text()) == seed
    ours = {"model": "large", "greeting": "Hi", "starters": ["Why?"], "provider": "gpu", "fallback": "none"}
    await store.personas.take_files(1, [json.dumps({**seed, "id": "p2", **ours}).encode()])
    assert json.loads(export_personas(store.path, tmp_path / "out")[1].read_text()) == {**seed, "id": "p2", **ours}
    from aichat.protocol.frames import PersonaDelete

    await store.personas.delete(1, PersonaDelete(persona_id="p1"))
    assert await store.personas.take_files(1, [data]) == [], "what was deleted does not come back by itself"
    evil = json.dumps({**seed, "id": "../../etc/passwd"}).encode()
    await store.personas.take_files(1, [evil])
    assert all(path.parent == tmp_path / "out" for path in export_personas(store.path, tmp_path / "out"))


def test_every_query_uses_an_index() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    small = {"store", "users", "migrations", "sqlite_sequence"} | {"path", "below", "CONSTANT"}  # what a query makes
    for path in sorted((sql_folder() / "queries").glob("*.sql")):
        for block in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, sql = block.partition("\n")
            if name.startswith("all_running") or "INSERT" in sql:
                continue
            wanted = dict.fromkeys(re.findall(r"(?<!:):(\w+)", sql), 1)
            plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, wanted)]
            scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] not in small]
            scans = [step for step in scans if not re.search(r"VIRTUAL TABLE INDEX \d+:M\d", step)]  # a match's
            assert not scans, f"{name}: {plan}"
            sorts = [step for step in plan if "TEMP B-TREE" in step and not name.startswith("personas_of")]
            assert not sorts, f"{name}: {plan}"
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT id FROM messages WHERE status = 'running'").fetchone()[3]
    assert "INDEX messages_unfinished_in" in plan


def test_all_queries_load() -> None:
    queries = load_queries()
    assert callable(queries.position)
