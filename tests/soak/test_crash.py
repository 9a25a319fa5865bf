"""kill -9 under load: nothing acked is lost, nothing is there twice, the file is whole.

The suite runs a short version; `make soak` the whole one (AICHAT_SOAK=1), and one at full load: 200 conversations of
as many users, all of them streaming whenever it kills.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from websockets.exceptions import WebSocketException

from tests.e2e.client import Client, full_client
from tests.service import RunningService, Upstream, running_service
from tests.soak.history import Operation, faults
from tests.soak.people import FULL_LOAD, Crowded, invite
from tests.upstream import recital

SOAK = bool(os.environ.get("AICHAT_SOAK"))
KILLS, TALKERS = (100, 50) if SOAK else (3, 12)
BETWEEN = (0.3, 1.2)
"""Seconds of life between a start and the next kill."""
FULL_KILLS, WORDS = 20, 100


class Talker(threading.Thread):
    """Says one numbered thing after another in a conversation of its own, and asks again after each break."""

    def __init__(
        self, service: RunningService, name: str, over: threading.Event, token: str = "", word: str = ""
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.service = service
        self.token = token
        self.word = word
        self.over = over
        self.log: list[Operation] = []
        self.conversation: int | None = None
        self.asked: list[int] = []
        """The questions that were acked."""
        self.fault = ""

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            self.say(f"{self.word}{self.name}-{number}")

    def say(self, content: str) -> None:
        """One message, with one request id, until it is acked, refused for good, or time is up."""
        before = len(self.log)
        while len(self.log) == before:
            try:
                with full_client(self.service.url, self.token) as client:
                    if self.conversation is None:
                        self.conversation = self.create(client)
                    self.ask(client, content)
            except (OSError, TimeoutError, WebSocketException):
                pass
            if self.over.wait(0.02) and len(self.log) == before:
                self.log.append(Operation(content, "unknown"))

    def create(self, client: Client) -> int:
        request_id = f"{self.name}-create"
        ack = client.ask("ack", type="conversation_create", persona_id="mara", title=self.name, request_id=request_id)
        return int(ack["conversation_id"])

    def command(self, content: str) -> dict[str, Any]:
        """By its number: every third is an earlier question in other words. The same for the same content."""
        number = int(content.rpartition("-")[2])
        if number % 3 or not self.asked:
            return {"type": "chat"}
        return {"type": "message_edit", "message_id": self.asked[number // 3 % len(self.asked)]}

    def ask(self, client: Client, content: str) -> None:
        """Say it and log how that ended; after its ack, wait for the answer too."""
        client.send(**self.command(content), conversation_id=self.conversation, content=content, request_id=content)
        acked = False
        while not (acked and self.over.is_set()):
            frame = json.loads(client.socket.recv(timeout=20))
            if frame["type"] == "ack" and frame["request_id"] == content:
                self.log.append(Operation(content, "ok"))
                self.asked.append(frame["message_id"])
                acked = True
            elif frame["type"] == "error":
                if frame["code"] not in ("busy", "shutting_down", "storage_failed"):
                    self.log.append(Operation(content, "fail"))
                return
            elif (
                frame["type"] == "message_done" and frame["message"]["conversation_id"] == self.conversation and acked
            ):
                return


def test_kill_9_under_load(fresh_service: RunningService) -> None:
    over = threading.Event()
    talkers = [Talker(fresh_service, f"t{n}", over) for n in range(TALKERS)]
    endure(fresh_service, talkers, over, KILLS, lambda: time.sleep(random.uniform(*BETWEEN)))


@pytest.mark.skipif(not SOAK, reason="at full load: make soak")
def test_kill_9_at_full_load(upstream: Upstream) -> None:
    with running_service(upstream=upstream, env=FULL_LOAD) as service:
        crowded = Crowded(upstream)
        over = threading.Event()
        people = enumerate(invite(service, crowded.count))
        talkers = [Talker(service, f"t{n}", over, token, f"!recite {WORDS} ") for n, token in people]

        def live() -> None:
            crowded.wait()
            time.sleep(random.uniform(*BETWEEN))

        endure(service, talkers, over, FULL_KILLS, live)
        with closing(sqlite3.connect(service.state_dir / "chat.db")) as connection:
            answers = connection.execute("SELECT status, content FROM messages WHERE sender_type = 1").fetchall()
        whole = recital(WORDS)
        assert all(whole.startswith(content) for _, content in answers), "what broke off is the beginning of the text"
        assert all(content == whole for status, content in answers if status == "done")
        print(f"{crowded}; answers: {dict(Counter(status for status, _ in answers))}, to the byte")


def endure(
    service: RunningService, talkers: list[Talker], over: threading.Event, kills: int, live: Callable[[], None]
) -> None:
    """Kill it again and again, each time after `live`; in the end all of what was said is judged."""
    for talker in talkers:
        talker.start()
    for _ in range(kills):
        live()
        service.kill()
        service.start()
    over.set()
    for talker in talkers:
        talker.join(60)
        assert not talker.is_alive()
    log = [operation for talker in talkers for operation in talker.log]
    with full_client(service.url, service.token) as client:
        assert client.ask("persona_list", type="persona_list")["personas"]
    assert service.stop() is not None
    connection = sqlite3.connect(service.state_dir / "chat.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = connection.execute("SELECT content FROM messages WHERE sender_type = 0").fetchall()
    running = connection.execute("SELECT COUNT(*) FROM messages WHERE status = 'running'").fetchone()
    torn = connection.execute(
        "SELECT COUNT(*) FROM messages AS q WHERE sender_type = 0 AND NOT EXISTS"
        " (SELECT 1 FROM messages AS a WHERE a.id = q.id + 1 AND a.conversation_id = q.conversation_id)"
    ).fetchone()
    lost = connection.execute(
        "SELECT COUNT(*) FROM messages AS m WHERE parent_id <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM messages AS p WHERE p.id = m.parent_id AND p.conversation_id = m.conversation_id)"
    ).fetchone()
    leaves = connection.execute(
        "SELECT COUNT(*) FROM conversations AS c WHERE leaf_id <> COALESCE((SELECT MAX(id) FROM messages"
        " WHERE conversation_id = c.id), 0)"
    ).fetchone()
    titles = connection.execute("SELECT title, COUNT(*) FROM conversations GROUP BY title").fetchall()
    connection.close()
    acked = sum(operation.outcome == "ok" for operation in log)
    print(
        f"{kills} kills, {len(talkers)} conversations: {acked} acked, {len(log) - acked} unknown, {len(rows)} stored"
    )
    assert acked > kills
    assert faults(log, [content for (content,) in rows]) == []
    assert running == (0,), "a stop leaves nothing running"
    assert torn == (0,), "a question and its answer are written together"
    assert lost == (0,), "each stands below one of its conversation"
    assert leaves == (0,), "what was said last is shown"
    assert all(count == 1 for _, count in titles), "a conversation is made once"
