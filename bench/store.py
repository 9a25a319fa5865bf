"""Durable turns: 50 in flight through the real store (append_turn, then finish; both after COMMIT at FULL). Beside
it, the same rows by plain SQL: through the same queue and thread (`queued`: what the store's checks and mapping add),
and in a loop of groups of 50 with nothing around it (`bare`: what SQLite itself takes). They take turns.

And what the search index takes of an answer later, when it is quiet.

The loop is the floor and does less than a turn must: it does not look for the request id, for unfinished answers and
for the persona, hashes no command, makes none of the values that are published, and no thread waits for another.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from harness import DATA
from twisted.internet import reactor
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import react

from aichat.protocol.frames import Chat, PersonaCreate
from aichat.protocol.values import PersonaConfig
from aichat.store import Store
from aichat.store.database import Database
from aichat.store.messages import Ending
from aichat.store.queries import migrate

IN_FLIGHT = 50
TEXT = "The answer to it, as a model would write it. " * 20


async def through_store(folder: Path, turns: int) -> float:
    """-> turns a second."""
    store = Store(folder / "store.db", reactor)  # type: ignore[arg-type]
    await store.open()
    await store.users.owner("")
    saved = await store.personas.create(1, PersonaCreate(persona_config=PersonaConfig(name="bench", prompt="p")))
    persona = saved.ack.persona_id
    numbers = iter(range(turns))

    async def worker() -> None:
        for number in numbers:
            command = Chat(content="hello", persona_id=persona, new_conversation=True, request_id=f"r{number}")
            turn = await store.messages.append_turn(1, command)
            assert turn.answer is not None
            await store.messages.finish(turn.answer.id, Ending("done", TEXT, model="fake-1"))

    began = time.perf_counter()
    await DeferredList([ensureDeferred(worker()) for _ in range(IN_FLIGHT)], fireOnOneErrback=True)
    seconds = time.perf_counter() - began
    await store.close()
    return turns / seconds


TITLE = "INSERT INTO conversations (persona_id, user_id, title, update_time, touched, seq)"
MESSAGE = "INSERT INTO messages (conversation_id, user_id, sender_type, content, status, request_id, seq)"


def begin(db: sqlite3.Connection, persona: str, number: int) -> int:
    """The rows of a turn by plain SQL -> the answer's id."""
    seq = db.execute("UPDATE store SET seq = seq + 3 RETURNING seq").fetchone()[0]
    conversation = db.execute(
        f"{TITLE} VALUES (?, 1, 'hello', CURRENT_TIMESTAMP, ?, ?)", [persona, seq - 2, seq - 2]
    ).lastrowid
    db.execute(f"{MESSAGE} VALUES (?, 1, 0, 'hello', 'done', ?, ?)", [conversation, f"r{number}", seq - 1])
    answer = db.execute(f"{MESSAGE} VALUES (?, 1, 1, '', 'running', '', ?)", [conversation, seq]).lastrowid
    db.execute(
        "INSERT INTO requests (user_id, request_id, digest, reply) VALUES (1, ?, ?, ?)",
        [f"r{number}", "0" * 64, "{}" * 60],
    )
    assert answer is not None
    return answer


def end(db: sqlite3.Connection, answer: int) -> None:
    """The end of its answer."""
    seq = db.execute("UPDATE store SET seq = seq + 1 RETURNING seq").fetchone()[0]
    db.execute(
        "UPDATE messages SET content = ?, status = 'done', model = 'fake-1', seq = ? "
        "WHERE id = ? AND status = 'running'",
        [TEXT, seq, answer],
    )


async def queued(folder: Path, turns: int) -> float:
    """Plain SQL through the store's own group commit -> turns a second."""
    database = Database(folder / "queued.db", reactor)
    await database.open(prepare)
    numbers = iter(range(turns))

    async def worker() -> None:
        for number in numbers:
            answer = await database.write(lambda db, number=number: begin(db, "p", number))
            await database.write(lambda db, answer=answer: end(db, answer))

    began = time.perf_counter()
    await DeferredList([ensureDeferred(worker()) for _ in range(IN_FLIGHT)], fireOnOneErrback=True)
    seconds = time.perf_counter() - began
    await database.close()
    return turns / seconds


def bare(folder: Path, turns: int) -> float:
    """Plain SQL in a loop -> turns a second."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        prepare(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        began = time.perf_counter()
        for group in range(0, turns, IN_FLIGHT):
            db.execute("BEGIN IMMEDIATE")
            answers = [begin(db, "p", number) for number in range(group, min(turns, group + IN_FLIGHT))]
            db.execute("COMMIT")
            db.execute("BEGIN IMMEDIATE")
            for answer in answers:
                end(db, answer)
            db.execute("COMMIT")
        return turns / (time.perf_counter() - began)


def prepare(db: sqlite3.Connection) -> None:
    migrate(db)
    db.execute("INSERT INTO store (one, epoch, seq) VALUES (1, 'bench', 0)")
    db.execute("INSERT INTO personas (id, name, prompt) VALUES ('p', 'bench', 'p')")


async def indexing(folder: Path, answers: int = 200, deltas: int = 200) -> float:
    """What the search index takes of answers as those of the work W -> µs of CPU an answer."""
    store = Store(folder / "indexing.db", reactor)  # type: ignore[arg-type]
    await store.open()
    await store.users.owner("")
    saved = await store.personas.create(1, PersonaCreate(persona_config=PersonaConfig(name="bench", prompt="p")))
    for number in range(answers):
        text = "".join(
            f"{47_075_759_990 + 9_973 * (n + deltas * number):014} {n:05} lorem ipsum" for n in range(deltas)
        )
        command = Chat(content="hello", persona_id=saved.ack.persona_id, new_conversation=True)
        turn = await store.messages.append_turn(1, command)
        assert turn.answer is not None
        await store.messages.finish(turn.answer.id, Ending("done", text))
    began = time.process_time()
    while await store.search.index([1]):
        pass
    spent = time.process_time() - began
    await store.close()
    return 1e6 * spent / answers


async def compare(turns: int, rounds: int) -> dict[str, Any]:
    runs, index_us = [], []
    for _ in range(rounds):
        DATA.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=DATA) as name:  # on a disk: /tmp may be none
            folder = Path(name)
            runs.append((await through_store(folder, turns), await queued(folder, turns), bare(folder, turns)))
            index_us.append(await indexing(folder))
    ours, same_queue, loop = (statistics.median(column) for column in zip(*runs, strict=True))
    return {
        "store_turns_per_second": ours,
        "queued_turns_per_second": same_queue,
        "bare_turns_per_second": loop,
        "of_queued": statistics.median(run[0] / run[1] for run in runs),
        "of_bare": statistics.median(run[0] / run[2] for run in runs),
        "ratios_of_bare": [round(run[0] / run[2], 2) for run in runs],
        "in_flight": IN_FLIGHT,
        "index_us_per_answer": statistics.median(index_us),
    }


def measure(quick: bool) -> dict[str, Any]:
    """In a process of its own, since a reactor runs once."""
    import subprocess

    args = [sys.executable, __file__, *(["--quick"] if quick else [])]
    done = subprocess.run(args, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main(quick: bool) -> None:
    async def work(_: object) -> None:
        print(json.dumps(await compare(1_000 if quick else 5_000, 2 if quick else 5)))

    run: Callable[[object], Awaitable[None]] = work
    react(lambda clock: ensureDeferred(run(clock)))


if __name__ == "__main__":
    main("--quick" in sys.argv)
