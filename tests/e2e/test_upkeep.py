"""aichat-admin backup, check and restore beside the real service, and its scheduled backups."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

from tests.e2e.client import Client, full_client
from tests.service import RunningService, Upstream, clean_environment, running_service

ADMIN = str(Path(sys.executable).with_name("aichat-admin"))


def admin(state: Path, *args: object, code: int = 0) -> str:
    """Run aichat-admin -> what it said."""
    ended = subprocess.run(
        [ADMIN, f"--state-dir={state}", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean_environment(),
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class Poster(threading.Thread):
    """Posts one numbered message after another and keeps what was acked."""

    def __init__(self, service: RunningService, name: str, over: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.service, self.over = service, over
        self.acked: list[str] = []
        self.warm = threading.Event()
        self.conversation = 0

    def run(self) -> None:
        with full_client(self.service.url) as client:
            made = client.ask("ack", type="conversation_create", persona_id="mara", request_id=f"{self.name}-c")
            self.conversation = made["conversation_id"]
            while not self.over.is_set():
                text = f"{self.name}-{len(self.acked)}"
                client.send(type="chat", conversation_id=self.conversation, content=text, request_id=text)
                client.get("ack")
                self.acked.append(text)
                if len(self.acked) >= 5:
                    self.warm.set()
                while client.get("message_done")["message"]["conversation_id"] != self.conversation:
                    pass  # one user: others' answers are seen here too


def said(client: Client, conversation: int) -> set[str]:
    """All that a user said in a conversation, page by page."""
    found: set[str] = set()
    before: dict[str, int] = {}
    while True:
        page = client.ask("history_response", type="history_request", conversation_id=conversation, **before)
        if not page["messages"]:
            return found
        found |= {m["content"] for m in page["messages"] if m["sender_type"] == 0}
        before = {"before": page["messages"][0]["id"]}


def test_a_backup_under_load_has_everything_acked_before_it(upstream: Upstream, tmp_path: Path) -> None:
    with running_service(upstream=upstream) as service:
        with full_client(service.url) as client:
            config = {"name": "big", "prompt": "p", "avatar": "A" * 200_000}
            for n in range(20):
                client.ask("ack", type="persona_create", persona_config=config, request_id=f"p{n}")
        over = threading.Event()
        posters = [Poster(service, f"t{n}", over) for n in range(8)]
        for poster in posters:
            poster.start()
        for poster in posters:
            assert poster.warm.wait(60)
        before = {poster.conversation: list(poster.acked) for poster in posters}
        words = admin(service.state_dir, "backup", tmp_path / "copy.db")
        during = sum(len(poster.acked) for poster in posters) - sum(map(len, before.values()))
        over.set()
        for poster in posters:
            poster.join(60)
        assert "bytes, checked" in words
        assert during > 0, "the service went on while it was copied"
        assert "All is well." in admin(service.state_dir, "check")
        assert "running on it" in admin(service.state_dir, "check")
        admin(service.state_dir, "backup", tmp_path / "copy.db", code=1)
    state = tmp_path / "elsewhere"
    state.mkdir()
    shutil.copy(tmp_path / "copy.db", state / "chat.db")
    copy = RunningService(state, upstream.url)
    try:
        with full_client(copy.url) as client:
            for conversation, acked in before.items():
                assert set(acked) <= said(client, conversation)
    finally:
        copy.stop()
    copy.check_log()
    assert "All is well." in admin(state, "check")


def test_restore_after_damage(fresh_service: RunningService, tmp_path: Path) -> None:
    state = fresh_service.state_dir
    with full_client(fresh_service.url) as client:
        client.ask("message_done", type="chat", persona_id="mara", content="kept")
        position = {"epoch": client.welcome["epoch"], "seq": client.welcome["seq"]}  # type: ignore[attr-defined]
        admin(state, "backup", tmp_path)
        client.ask("message_done", type="chat", persona_id="mara", content="after the backup")
    (made,) = tmp_path.iterdir()
    assert "stop it first" in admin(state, "restore", made, code=1)
    fresh_service.stop()
    with (state / "chat.db").open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xa5" * 40_960)
    words = admin(state, "check", code=1)
    assert "damaged" in words and "restore" in words
    admin(state, "restore", made)
    admin(state, "check")
    fresh_service.start()
    with full_client(fresh_service.url, resume=position) as client:
        assert client.welcome["recovered"] is False, "another store: a position in the old one means nothing"  # type: ignore[attr-defined]
        assert [row[2] for row in client.history("mara")][:1] == ["kept"]
        assert len(client.history("mara")) == 2


def test_a_backup_after_a_crash_takes_the_log_along_and_leaves_it_alone(
    fresh_service: RunningService, tmp_path: Path
) -> None:
    state = fresh_service.state_dir
    with full_client(fresh_service.url) as client:
        client.ask("message_done", type="chat", persona_id="mara", content="in the log")
        client.ask("ack", type="chat", persona_id="mara", content="!long 2000", request_id="q")
        client.get("message_delta")
        fresh_service.kill()
    files = [state / "chat.db", state / "chat.db-wal"]
    before = [file.read_bytes() for file in files]
    words = admin(state, "check")
    assert "No service is running" in words and "1 answers were being written" in words
    assert "left a write-ahead log" in words
    admin(state, "backup", tmp_path / "copy.db")
    assert [file.read_bytes() for file in files] == before, "nobody but the service writes or checkpoints"
    fresh_service.start()
    with full_client(fresh_service.url) as client:
        assert client.history("mara")[0][2] == "in the log"
    fresh_service.stop()
    admin(state, "restore", tmp_path / "copy.db")
    fresh_service.start()
    with full_client(fresh_service.url) as client:
        assert client.history("mara")[0][2] == "in the log"
        assert client.history("mara")[-1][1] in ("interrupted", "failed")


def test_scheduled_backups_are_made_and_the_oldest_go(upstream: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    env = {"AICHAT_BACKUP_DIR": str(folder), "AICHAT_BACKUP_HOURS": "0.0004", "AICHAT_BACKUP_KEEP": "2"}
    with running_service(upstream=upstream, env=env) as service:
        for _ in range(4):
            service.process.wait_for(r"backup .*aichat-\d+-\d+\.db: \d+ bytes")
    made = sorted(folder.iterdir())
    assert len(made) == 2
    state = tmp_path / "state"
    admin(state, "restore", made[-1])
    assert "All is well." in admin(state, "check")
