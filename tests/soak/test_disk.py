"""A disk that is full, a file that may not grow, a lock that another program holds, a damaged page.

What is refused is refused in words a person understands, nothing is acked that is not stored, and chat goes on by
itself once the cause is gone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.client import Client, full_client
from tests.service import RunningService, Upstream, running_service
from tests.soak.history import Operation, faults

SOAK = bool(os.environ.get("AICHAT_SOAK"))
TIMES = 10 if SOAK else 1
EXPECTED = r"commit failed|read failed|is not stored yet|checkpoint of \d+ answers: storage_failed"

Fault = Callable[[RunningService], AbstractContextManager[None]]


@contextmanager
def no_growth(service: RunningService) -> Iterator[None]:
    """No file of the service may grow past 4 KB: writing fails with EFBIG (Python ignores SIGXFSZ)."""
    pid = service.process.child.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def a_lock(service: RunningService) -> Iterator[None]:
    """Another program writes and does not end its transaction."""
    other = sqlite3.connect(service.state_dir / "chat.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.close()


@contextmanager
def a_full_disk(service: RunningService) -> Iterator[None]:
    """Something else takes all the space that is left."""
    filler = service.state_dir / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4_096):
            pass
    yield
    filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def ask(client: Client, conversation: int, content: str) -> tuple[str, str]:
    """Say something -> how that ended, and the words of its refusal."""
    request_id = hashlib.sha256(content.encode()).hexdigest()  # on the damaged page stands nothing but the message
    client.send(type="chat", conversation_id=conversation, content=content, request_id=request_id)
    while True:
        frame = json.loads(client.socket.recv(timeout=30))
        if frame.get("request_id") == request_id:
            if frame["type"] == "ack":
                return "ok", ""
            assert frame["code"] == "storage_failed", frame
            assert frame["retryable"]
            return "fail", frame["message"]


def play(service: RunningService, fault: Fault, words: str) -> None:
    """An answer streams, the fault comes, questions are refused, the fault goes: everything is there."""
    log: list[Operation] = []
    with full_client(service.url) as client, full_client(service.url) as other:
        started = [
            client.ask("ack", type="conversation_create", persona_id="mara", title=title, request_id=title)
            for title in ("streams", "asks")
        ]
        streams, asks = (ack["conversation_id"] for ack in started)
        for number in range(TIMES):
            question = f"!long 200 {number}"
            log.append(Operation(question, "ok"))
            answer = client.ask(
                "ack", type="chat", conversation_id=streams, content=question, request_id=f"stream {number}"
            )["answer_id"]
            client.get("message_delta")
            refused = []
            with fault(service):
                began = time.monotonic()
                while not refused:
                    content = f"{number} while it lasts {len(log)}"
                    outcome, why = ask(other, asks, content)
                    log.append(Operation(content, outcome))  # type: ignore[arg-type]
                    refused += [why] if outcome == "fail" else []
                    if outcome == "ok":
                        other.get("message_done")
                    assert time.monotonic() - began < 60, "it never refused"
                while time.monotonic() - began < 2:  # the answer ends while nothing can be stored
                    client.send(type="persona_list", request_id="still there")
                    client.get("persona_list")
            assert words in refused[0], refused
            while (done := client.get("message_done")["message"])["id"] != answer:
                pass
            assert done.get("status", "done") == "done"
            assert done["content"].count("春眠不觉晓") == 200
            content = f"{number} after it"
            assert ask(other, asks, content)[0] == "ok"
            log.append(Operation(content, "ok"))
            while other.get("message_done")["message"]["conversation_id"] != asks:
                pass
    assert service.stop() is not None
    connection = sqlite3.connect(service.state_dir / "chat.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    stored = [content for (content,) in connection.execute("SELECT content FROM messages WHERE sender_type = 0")]
    endings = {status for (status,) in connection.execute("SELECT status FROM messages")}
    whole = connection.execute("SELECT content FROM messages WHERE sender_type = 1 AND LENGTH(content) > 3000")
    assert [content.count("春眠不觉晓") for (content,) in whole] == [200] * TIMES
    connection.close()
    assert faults(log, stored) == []
    assert endings == {"done"}
    acked = sum(operation.outcome == "ok" for operation in log)
    print(f"{fault.__name__}: {TIMES} times; {acked} acked, {len(log) - acked} refused: {refused[0]}")


def test_a_file_that_may_not_grow(upstream: Upstream) -> None:
    with running_service(upstream=upstream, expected=EXPECTED) as service:
        play(service, no_growth, "space, quotas")


def test_a_lock_that_another_program_holds(upstream: Upstream) -> None:
    with running_service(upstream=upstream, expected=EXPECTED) as service:
        play(service, a_lock, "Another program keeps the database locked")


def test_a_full_disk(upstream: Upstream, small_disk: Path) -> None:
    with running_service(upstream=upstream, expected=EXPECTED, state_dir=small_disk) as service:
        play(service, a_full_disk, "The disk is full")


def damage(path: Path, word: str) -> None:
    """Make the pages of the file on which a word stands ones of no kind that SQLite knows."""
    data = path.read_bytes()
    pages = {found.start() // 4_096 for found in re.finditer(word.encode(), data)}
    assert pages
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * 4_096)
            file.write(b"\xff" * 8)


def fill(service: RunningService) -> list[int]:
    """Two conversations, pages apart -> their ids; the first says "the damaged page"."""
    made = []
    with full_client(service.url) as client:
        for title in ("damaged", "whole"):
            ack = client.ask("ack", type="conversation_create", persona_id="mara", title=title, request_id=title)
            made.append(ack["conversation_id"])
            for number in range(4):
                content = f"!think the {title} page {number} " + "x" * 9_000
                assert ask(client, made[-1], content)[0] == "ok"
                client.get("message_done")
    return made


@pytest.mark.parametrize("down", [True, False], ids=["while it is down", "while it runs"])
def test_a_damaged_page(upstream: Upstream, down: bool) -> None:
    with running_service(upstream=upstream, expected=EXPECTED) as service:
        damaged, whole = fill(service)
        service.stop()  # checkpoints: what was said stands in the file itself
        if down:
            damage(service.state_dir / "chat.db", "the damaged page 1")
        service.start()
        if not down:
            damage(service.state_dir / "chat.db", "the damaged page 1")
        with full_client(service.url) as client:
            client.send(type="history_request", conversation_id=damaged, request_id="h")
            frame = json.loads(client.socket.recv(timeout=20))
            assert frame["type"] == "error"
            assert frame["code"] == "storage_failed"
            assert "The file is damaged" in frame["message"]
            page = client.ask("history_response", type="history_request", conversation_id=whole)
            assert len(page["messages"]) == 8, "the rest can be read"
            assert ask(client, whole, "and written") == ("ok", "")
            assert client.get("message_done")["message"]["content"].startswith("你说：and written")
        service.stop()
        connection = sqlite3.connect(service.state_dir / "chat.db")
        said = connection.execute("SELECT content FROM messages WHERE conversation_id = ? AND id > ?", (whole, 16))
        assert next(content for (content,) in said) == "and written"
        connection.close()


def test_a_damaged_first_page_is_told_at_the_start(upstream: Upstream) -> None:
    with running_service(upstream=upstream, expected="cannot start") as service:
        service.stop()
        with (service.state_dir / "chat.db").open("r+b") as file:
            file.write(b"\xff" * 64)
        with pytest.raises(AssertionError, match=r"cannot start.*chat.db.*not a database.*restore"):
            service.start()
        assert service.process.child.wait() == 1
