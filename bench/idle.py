"""Open connections that do nothing: memory and CPU of each, and one event that goes to all of them."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing
from typing import Any

from harness import Client, Used, service, upstream


def measure(quick: bool) -> dict[str, Any]:
    """8,000 connections that said hello, then a conversation is renamed."""
    count = 1_000 if quick else 8_000
    with upstream() as (_, port), service(port) as running:
        with Client("watch", running.port, 50, persona=running.persona, n=5) as client:
            client.ask("chat")  # the conversation, and a warm service
        with closing(sqlite3.connect(running.database)) as db:
            conversation = db.execute("SELECT MAX(id) FROM conversations").fetchone()[0]
        time.sleep(1)
        before = running.tree.memory_kb()
        with Used(running.tree) as connecting:
            client = Client("idle", running.port, count, conversation=conversation, timeout=180)
        time.sleep(1)
        after = running.tree.memory_kb()
        with client, Used(running.tree) as telling:
            told = client.ask("rename told to all")
    return {
        "sockets": count,
        "kb_per_socket": (after["rss"] - before["rss"]) / count,
        "rss_mb": after["rss"] / 1024,
        "connect_ms": connecting.us / count / 1000,
        "broadcast_us_per_socket": telling.us / count,
        "broadcast_seconds": told["heard"]["max"] / 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
