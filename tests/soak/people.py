"""Full load: many users at once, each with a conversation that streams.

They are made by SQL, since `aichat-admin` would take minutes for 200 of them; the benchmarks do so too.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path

from tests.service import RunningService, Upstream

FULL_LOAD = {"AICHAT_TRUST_LOCAL": "false", "AICHAT_GENERATIONS_MOST": "1000", "AICHAT_CONNECTIONS_MOST": "0"}
"""Settings under which 200 users stream at once."""


def add_members(database: Path, count: int, persona: str) -> list[str]:
    """So many new members, with whom a persona is shared -> the token of each.

    The service must not run.
    """
    tokens = ["many_" + secrets.token_urlsafe(24) for _ in range(count)]
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE personas SET shared = 1 WHERE id = ?", [persona])
        for number, token in enumerate(tokens):
            user = db.execute("INSERT INTO users (name, role) VALUES (?, 'member')", [f"user{number}"]).lastrowid
            digest = hashlib.sha256(token.encode()).hexdigest()
            db.execute("INSERT INTO tokens (user_id, name, kind, hash) VALUES (?, 's', 'api', ?)", [user, digest])
    return tokens


def invite(service: RunningService, count: int) -> list[str]:
    """The same for a running service, which is started anew for it."""
    service.stop()
    tokens = add_members(service.state_dir / "chat.db", count, "mara")
    service.start()
    return tokens


class Crowded:
    """Waits until nearly all of `count` conversations are being answered, and remembers how many were."""

    def __init__(self, upstream: Upstream, count: int = 200, share: float = 0.9) -> None:
        self.upstream = upstream
        self.count = count
        self.least = int(count * share)
        self.seen: list[int] = []

    def wait(self, seconds: float = 60.0) -> None:
        """Until so many are answered at once; AssertionError after so long."""
        ends = time.monotonic() + seconds
        while (now := self.upstream.load()["now"]) < self.least:
            assert time.monotonic() < ends, f"only {now} of {self.count} conversations stream at once"
            time.sleep(0.05)
        self.seen.append(now)

    def __str__(self) -> str:
        least, most, middle = min(self.seen), max(self.seen), statistics.median(self.seen)
        return f"{least} to {most} of {self.count} streaming, median {middle:.0f}"
