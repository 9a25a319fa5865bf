"""What the real service says of itself: /healthz with its reasons, /metrics with its numbers."""

from __future__ import annotations

import json
import re
import resource
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.client import full_client
from tests.service import ROOT, Process, RunningService, Upstream, clean_environment, free_port, running_service


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def health(base: str) -> tuple[int, dict[str, Any]]:
    status, body = get(f"{base}/healthz")
    return status, json.loads(body)


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Ask again and again."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"


def numbers(base: str, **headers: str) -> dict[str, float]:
    """Every sample by its name and label values."""
    status, body = get(f"{base}/metrics", **headers)
    assert status == 200, body
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_numbers_follow_what_happens(fresh_service: RunningService) -> None:
    before = numbers(fresh_service.http)
    assert before["aichat_connections full"] == 0
    assert before["process_resident_memory_bytes"] > 1_000_000
    assert before["aichat_database_bytes wal"] > 4_096
    with full_client(fresh_service.url) as client:
        client.ask("message_done", type="chat", persona_id="mara", content="one")
        client.ask("ack", type="chat", persona_id="mara", content="!slow", request_id="s")
        client.get("message_delta")
        during = numbers(fresh_service.http)
        assert during["aichat_connections full"] == 1
        assert during["aichat_generations_running"] == 1
        client.send(type="chat", persona_id="mara", content="too soon", request_id="t")
        client.send(type="chat_stop", conversation_id=1)
        client.socket.recv(timeout=10)
        until(lambda: "aichat_turns_total stopped" in numbers(fresh_service.http))
    after = numbers(fresh_service.http)
    assert after["aichat_generations_running"] == 0
    assert after["aichat_turns_total done"] == 1
    assert after["aichat_turns_total stopped"] == 1
    assert after["aichat_refusals_total busy"] == 1
    assert after["aichat_deltas_total"] > 1
    assert after["aichat_frames_received_total"] == 5
    assert after["aichat_frames_sent_total"] > 5
    assert after["aichat_sent_bytes_total"] > 100
    assert after["aichat_commit_seconds_count"] > before["aichat_commit_seconds_count"]
    assert after["aichat_commit_seconds_bucket +Inf"] == after["aichat_commit_seconds_count"]
    assert after["aichat_commit_writes_sum"] >= after["aichat_commit_writes_count"]
    assert after["aichat_writes_waiting"] == 0
    until(lambda: numbers(fresh_service.http)["aichat_connections full"] == 0)


def test_every_metric_is_documented(service: RunningService) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"`(aichat_\w+)`", page))
    families = text_string_to_metric_families(get(f"{service.http}/metrics")[1])
    there = {f.name + "_total" * (f.type == "counter") for f in families if f.name.startswith("aichat_")}
    sometimes = {
        "aichat_ssh_sessions",
        "aichat_bridge_up",
        "aichat_backup_time_seconds",
        "aichat_backup_bytes",
        "aichat_backup_failed",
    }
    assert named - sometimes == there


def test_numbers_are_the_owners(service: RunningService, upstream: Upstream) -> None:
    assert get(f"{service.http}/metrics", x_forwarded_for="203.0.113.9")[0] == 401
    token = f"Bearer {service.token}"
    assert numbers(service.http, x_forwarded_for="203.0.113.9", authorization=token)["aichat_logins_total token"] >= 1
    assert get(f"{service.http}/metrics", authorization="Bearer wrong")[0] == 401
    assert get(f"{service.http}/metrics", origin="https://evil.example")[0] == 403
    assert get(f"{service.bridge}/metrics")[0] == 404, "they are on the service's port"
    assert health(service.http) == (200, {"ready": True, "why": [], "remarks": []})


def test_a_disk_that_refuses_is_a_reason_and_goes_away_by_itself(upstream: Upstream) -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = RunningService(Path(folder), upstream.url)
        try:
            with full_client(service.url) as client:
                client.ask("message_done", type="chat", persona_id="mara", content="one")
                pid, limit = service.process.child.pid, resource.RLIMIT_FSIZE
                free = resource.prlimit(pid, limit)
                resource.prlimit(pid, limit, (4_096, free[1]))
                client.send(type="chat", persona_id="mara", content="two", request_id="two")
                error = json.loads(client.socket.recv(timeout=10))
                assert error["code"] == "storage_failed"
                assert health(service.http) == (503, {"ready": False, "why": ["the database refuses writes"],
                                                      "remarks": []})  # fmt: skip
                assert numbers(service.http)["aichat_storage_refuses"] == 1
                resource.prlimit(pid, limit, free)
                until(lambda: health(service.http)[0] == 200)
                client.ask("message_done", type="chat", persona_id="mara", content="two", request_id="two")
                assert [row[2] for row in client.history("mara")][::2] == ["one", "two"]
        finally:
            service.process.end()


def test_a_bridge_elsewhere_that_is_away_is_a_reason(upstream: Upstream, tmp_path: Path) -> None:
    port, env = free_port(), {"AICHAT_BRIDGE_SECRET": "s3cret"}
    url = f"http://127.0.0.1:{port}"
    with running_service(f"--bridge={url}", upstream=upstream, env=env) as service:
        until(lambda: health(service.http)[0] == 503)
        assert health(service.http)[1]["why"] == ["the AI bridge cannot be reached"]
        assert numbers(service.http)["aichat_bridge_up"] == 0
        args = [*service.args[:3], "--bridge-only", f"--state-dir={tmp_path}", f"--upstream-url={upstream.url}"]
        bridge = Process([*args, f"--bridge-listen=tcp:{port}:interface=127.0.0.1"], {**clean_environment(), **env})
        try:
            bridge.wait_for(r"\bready$")
            until(lambda: health(service.http)[0] == 200)
            service.process.wait_for("the AI bridge answers again")
            assert get(f"{url}/metrics")[0] == 401
            found = numbers(url, authorization="Bearer s3cret")
            assert "process_cpu_seconds_total" in found
            assert health(url) == (
                200, {"ready": True, "why": [], "remarks": [], "provider": health(url)[1]["provider"]},
            )  # fmt: skip
        finally:
            bridge.end()


def test_a_backup_that_fails_is_a_remark(upstream: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.write_text("a file, where a folder should be")
    env = {"AICHAT_BACKUP_DIR": str(folder), "AICHAT_BACKUP_HOURS": "1"}
    service = RunningService(tmp_path / "state", upstream.url, env=env)
    try:
        service.process.wait_for("the backup failed")
        assert health(service.http) == (200, {"ready": True, "why": [],
                                              "remarks": ["the last backup failed: see the log"]})  # fmt: skip
        assert numbers(service.http)["aichat_backup_failed"] == 1
    finally:
        service.stop()
