"""Turns through the real service: exact bounds under many sends, stop within 300 ms, text that survives kill -9,
and what it forgets."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.client import Client, full_client
from tests.e2e.test_watch import until
from tests.service import Upstream, running_service

STOPPED_WITHIN = 0.3
"""Seconds from a stop to the closed socket at the upstream."""


@pytest.fixture
def own_upstream() -> Iterator[Upstream]:
    """An upstream of one test alone, which counts what it is asked."""
    fake = Upstream()
    yield fake
    fake.end()


def make_persona(client: Client) -> str:
    ack = client.ask("ack", type="persona_create", persona_config={"name": "P", "prompt": "p"}, request_id="make")
    return str(ack["persona_id"])


def test_a_thousand_sends_by_one_user_keep_to_the_cap_and_all_end(own_upstream: Upstream) -> None:
    sends, cap = 1_000, 3
    env = {"AICHAT_GENERATIONS_PER_USER": str(cap)}
    with running_service(upstream=own_upstream, env=env) as service, full_client(service.url) as client:
        chat = {"type": "chat", "persona_id": make_persona(client), "content": "hi", "new_conversation": True}
        for n in range(sends):  # the first are slow: the others stand in line for long enough to be told
            client.send(**{**chat, "content": "!slow" if n < cap else "hi"}, request_id=f"s{n}")
        acked: set[int] = set()
        done: dict[int, str] = {}
        refused: list[str] = []
        places: set[int] = set()
        while len(done) < sends:
            frame = client.next()
            match frame["type"]:
                case "ack":
                    acked.add(frame["answer_id"])
                case "error":
                    assert (frame["code"], frame["retryable"]) == ("rate_limited", True), frame
                    refused.append(frame["request_id"])
                case "message_queued":
                    places.add(frame["position"])
                case "message_done":
                    done[frame["message"]["id"]] = frame["message"].get("status", "done")
                    if refused:
                        client.send(**chat, request_id=refused.pop())
        assert set(done) == acked
        assert set(done.values()) == {"done"}
        assert refused == []
        assert places <= set(range(51))
        assert places > {0, 1}
        until(lambda: own_upstream.load()["now"] == 0)  # the last one's socket may still be closing
        assert own_upstream.load()["most"] == cap
        with closing(sqlite3.connect(service.state_dir / "chat.db")) as database:
            rows = database.execute("SELECT sender_type, status, COUNT(*) FROM messages GROUP BY 1, 2").fetchall()
        assert rows == [(0, "done", sends), (1, "done", sends)]


@pytest.mark.parametrize(
    ("phase", "question", "text"),
    [
        ("before the headers", "!hang", ""),
        ("while the prompt is read", "!mute", ""),
        ("between two deltas", "!stall", "一two 三。"),
        ("in the stream", "!slow", "慢"),
        ("in a stream as fast as it comes", "!endless", "一"),
    ],
)
def test_a_stop_closes_the_upstreams_socket_at_once(
    own_upstream: Upstream, phase: str, question: str, text: str
) -> None:
    with running_service(upstream=own_upstream) as service, full_client(service.url) as client:
        persona = make_persona(client)
        ack = client.ask("ack", type="chat", persona_id=persona, content=question, request_id="q")
        came = ""
        while not came.startswith(text):
            came += client.get("message_delta")["content"]
        wait_for(own_upstream.requests)
        stopped_at = time.monotonic()
        client.send(type="chat_stop", conversation_id=ack["conversation_id"], request_id="stop")
        done = client.get("message_done")["message"]
        told_after = time.monotonic() - stopped_at
        assert done["status"] == "stopped"
        assert done["content"].startswith(text)
        [asked] = wait_for(lambda: [r for r in own_upstream.requests()[-1:] if r["left"]])
        assert asked["left_time"] - stopped_at < STOPPED_WITHIN, phase
        assert told_after < STOPPED_WITHIN, phase


def wait_for(look: Any) -> Any:
    """What `look` gives, once it gives something: another process does not tell when it happens."""
    deadline = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < deadline
    return found


def test_a_continuation_survives_kill_9_with_old_and_new_text(own_upstream: Upstream) -> None:
    with running_service(upstream=own_upstream) as service:
        with full_client(service.url) as client:
            persona = make_persona(client)
            ack = client.ask("ack", type="chat", persona_id=persona, content="!cut slow", request_id="q")
            assert client.get("message_done")["message"]["status"] == "interrupted"
            where = {"type": "chat_continue", "conversation_id": ack["conversation_id"]}
            client.ask("ack", **where, request_id="c1")
            text = ""
            while "five" not in text:  # half a second after the word before, which is stored by now
                text += client.get("message_delta")["content"]
        service.kill()
        service.start()
        with full_client(service.url) as client:
            [_, (_, status, content)] = client.history(persona)
            assert status == "interrupted"
            assert "一two 三。四 five ".startswith(content)
            assert content.startswith("一two 三。四 ")
            assert client.ask("ack", **where, request_id="c1")["answer_id"] == ack["answer_id"], "not once more"
            client.ask("ack", **where, request_id="c2")
            done = client.get("message_done")["message"]
            assert done["content"].endswith("😀。")
            assert done["seams"] == [len("一two 三。"), len(content)]
            assert done["content"][done["seams"][1] :] == "四 five 😀。"


def test_the_service_forgets_what_is_too_old_and_says_reload(own_upstream: Upstream) -> None:
    with running_service(upstream=own_upstream) as service:
        with full_client(service.url) as client:
            persona = make_persona(client)
            made = client.ask("ack", type="conversation_create", persona_id=persona, request_id="m")
            here = {"epoch": client.welcome["epoch"], "seq": client.get("conversation_saved")["conversation"]["seq"]}
            client.ask("ack", type="conversation_delete", conversation_id=made["conversation_id"], request_id="d")
        with full_client(service.url, resume=here) as client:
            assert client.welcome["recovered"] is True
            assert client.get("conversation_deleted")["conversation_id"] == made["conversation_id"]
        service.stop()
        with closing(sqlite3.connect(service.state_dir / "chat.db")) as database, database:
            database.execute("UPDATE tombstones SET time = datetime('now', '-31 days')")
        service.start()
        service.process.wait_for("old request ids and deletions forgotten")
        with full_client(service.url, resume=here) as client:
            assert client.welcome["recovered"] is False
