"""A grown database: what a start costs, a page of history and a list of 1,000 conversations, at 10^4 - 10^6 messages.

The databases are made once, by SQL, under bench/.data; the folder's name has the schema's number."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from harness import DATA, ROOT, Service, Used, upstream

from aichat.store.queries import load_queries
from aichat.store.text_index import index_some
from tests.soak.raw import RawSocket

CONVERSATIONS = 1_000
SIZES = (10_000, 100_000, 1_000_000)


def make(folder: Path, messages: int, upstream_port: int) -> None:
    """The owner's 1,000 conversations with so many messages in all."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    Service(part, upstream_port).stop()
    with closing(sqlite3.connect(part / "chat.db")) as db, db:
        persona = db.execute("SELECT id FROM personas ORDER BY id LIMIT 1").fetchone()[0]
        seq = db.execute("SELECT seq FROM store").fetchone()[0]
        db.executemany(
            "INSERT INTO conversations (persona_id, title, update_time, touched, seq) "
            "VALUES (?, ?, '2026-01-01 00:00:00', ?, ?)",
            ((persona, f"Conversation {n}", seq + n + 1, seq + n + 1) for n in range(CONVERSATIONS)),
        )
        first = db.execute("SELECT MIN(id) FROM conversations").fetchone()[0]
        seq += CONVERSATIONS
        texts = ("What do you think of it? " * 4, "It depends on what one wants, as with most things. " * 8)
        db.executemany(
            "INSERT INTO messages (id, parent_id, conversation_id, sender_type, content, model, seq)"
            " VALUES (?, ?, ?, ?, ?, 'fake-1', ?)",
            (
                (n + 1, above(n), first + n // 2 % CONVERSATIONS, n % 2, texts[n % 2], seq + n + 1)
                for n in range(messages)
            ),
        )
        db.execute(
            "UPDATE conversations SET leaf_id ="
            " (SELECT MAX(m.id) FROM messages AS m WHERE m.conversation_id = conversations.id)"
        )
        db.execute("UPDATE store SET seq = ?", [seq + messages])
        queries = load_queries()
        while index_some(queries, db, 1):  # as it is some minutes after the first start, in the quiet
            pass
    part.rename(folder)


def above(number: int) -> int:
    """The parent of a message: an answer stands below its question, a question below the last answer there."""
    return number if number % 2 else max(number + 2 - 2 * CONVERSATIONS, 0)


def each_ms(running: Service, client: RawSocket, asks: list[dict[str, Any]], reply: str) -> float:
    """CPU ms of the service for each of these requests."""
    client.send(**asks[0])
    client.get(reply)  # warm
    with Used(running.tree) as used:
        for ask in asks:
            client.send(**ask)
            client.get(reply)
    return used.us / len(asks) / 1000


def look(folder: Path, upstream_port: int, starts: int) -> dict[str, Any]:
    """One database."""
    begun = []
    for _ in range(starts):
        running = Service(folder, upstream_port)
        begun.append((running.tree.cpu_us() / 1e6, time.monotonic() - running.tree.began, running.tree.memory_kb()))
        running.stop()
    running = Service(folder, upstream_port)
    with closing(sqlite3.connect(running.database)) as db:
        first, last = db.execute("SELECT MIN(id), MAX(id) FROM conversations").fetchone()
    client = RawSocket(running.port)
    client.hello()
    step = max(1, (last - first) // 200)
    pages = [{"type": "history_request", "conversation_id": n, "limit": 50} for n in range(first, last + 1, step)]
    lists = [{"type": "conversation_list", "request_id": f"l{n}"} for n in range(30)]
    client.send(**lists[0])
    assert len(client.get("conversation_list")["conversations"]) == CONVERSATIONS
    row = {
        "ready_cpu_s": min(cpu for cpu, _, _ in begun),
        "ready_s": min(wall for _, wall, _ in begun),
        "rss_mb": min(memory["rss"] for _, _, memory in begun) / 1024,
        "pss_mb": min(memory["pss"] for _, _, memory in begun) / 1024,
        "history_ms": each_ms(running, client, pages, "history_response"),
        "list_ms": each_ms(running, client, lists, "conversation_list"),
    }
    client.close()
    running.stop()
    return row


def measure(quick: bool) -> dict[str, Any]:
    """-> {"rows": one for each size}"""
    DATA.mkdir(exist_ok=True)
    schema = max(p.name[:4] for p in (ROOT / "sql/migrations").glob("*.sql"))
    rows = []
    with upstream() as (_, port):
        for size in SIZES:
            folder = DATA / f"messages-{size}-{schema}"
            if not folder.exists():
                make(folder, size, port)
            rows.append({"messages": size} | look(folder, port, 2 if quick else 5))
    return {"conversations": CONVERSATIONS, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
