"""Users through the real service: `aichat-admin`, every door of one who is shut out, and the limits of the crowd."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from tests.e2e.client import full_client
from tests.service import PASSWORD, RunningService, Upstream, admin, running_service

WITHIN = 1.0


@pytest.fixture(scope="module")
def shared(upstream: Upstream) -> Iterator[RunningService]:
    """A service with two members and the owner, that trusts nobody unasked."""
    with running_service(upstream=upstream, env={"AICHAT_TRUST_LOCAL": "false"}) as running:
        for name in ("wei", "mara"):
            admin(running, "user", "add", name, stdin=PASSWORD + "\n")
        yield running


def token_of(service: RunningService, name: str, which: str = "t") -> str:
    return admin(service, "token", "add", name, which).strip()


def open_http(
    service: RunningService, token: str, body: dict[str, Any] | None = None, path: str = "/v1/models"
) -> http.client.HTTPResponse:
    """A request, POST if it has a body; the answer's head is here, its body is not read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
    return connection.getresponse()


def ask_http(service: RunningService, token: str, *request: Any) -> tuple[int, str]:
    """Status and text."""
    answer = open_http(service, token, *request)
    return answer.status, answer.read().decode()


def test_a_user_is_made_logs_in_and_chats(shared: RunningService) -> None:
    with connect(shared.url) as link:
        link.send(json.dumps({"type": "login", "name": "wei", "password": PASSWORD, "client": "laptop"}))
        logged_in = json.loads(link.recv(timeout=10))
        assert logged_in["type"] == "logged_in"
    with full_client(shared.url, token=logged_in["token"]) as client:
        assert (client.welcome["user"], client.welcome["role"]) == ("wei", "member")
        personas = client.ask("persona_list", type="persona_list")["personas"]
        assert {"xueba", "mara"} <= {p["id"] for p in personas}, "the starters are for everybody"
        assert {p["owner"] for p in personas} == {"owner"}
        client.send(type="chat", persona_id="xueba", content="你好", request_id="q")
        assert client.get("message_done")["message"]["content"] == "你说：你好"
    assert "laptop" in admin(shared, "token", "list", "wei")
    listed = admin(shared, "user", "list")
    assert [line.split()[:2] for line in listed.splitlines()[1:]][:3] == [
        ["owner", "owner"], ["wei", "member"], ["mara", "member"],
    ]  # fmt: skip


def test_admin_says_what_is_wrong(shared: RunningService) -> None:
    assert "already" in admin(shared, "user", "add", "wei", stdin=PASSWORD, code=1)
    assert "no user 'nobody'" in admin(shared, "user", "disable", "nobody", code=1)
    assert "last owner" in admin(shared, "user", "disable", "owner", code=1)
    assert "8 to 200" in admin(shared, "user", "password", "wei", stdin="short\n", code=1)
    assert "no token" in admin(shared, "token", "revoke", "wei", "none", code=1)
    assert admin(shared, "user", "add", "a b", stdin=PASSWORD, code=1)


def test_admin_without_a_running_service(tmp_path: Path, upstream: Upstream) -> None:
    admin(tmp_path, "user", "add", "wei", stdin=PASSWORD + "\n")
    token = admin(tmp_path, "token", "add", "wei", "script").strip()
    service = RunningService(tmp_path, upstream.url)
    try:
        with full_client(service.url, token=token) as client:
            assert client.welcome["user"] == "wei"
    finally:
        service.stop()
    service.check_log()


def test_the_private_socket_is_its_owners_alone(shared: RunningService) -> None:
    mode = (shared.state_dir / "chat.db.sock").stat().st_mode & 0o777
    assert mode == 0o600


def test_a_socket_left_by_a_kill_is_no_hindrance(fresh_service: RunningService) -> None:
    fresh_service.kill()
    assert (fresh_service.state_dir / "chat.db.sock").exists()
    fresh_service.start()
    assert "owner" in admin(fresh_service, "user", "list")


def test_revoking_closes_every_door_within_a_second(shared: RunningService, upstream: Upstream) -> None:
    token, kept = token_of(shared, "mara", "doomed"), token_of(shared, "mara", "kept")
    with (
        full_client(shared.url, token=token) as full,
        connect(shared.url, additional_headers={"Authorization": f"Bearer {token}"}) as plain,
        full_client(shared.url, token=kept) as other,
    ):
        plain.send(json.dumps({"type": "persona_list"}))
        plain.recv(timeout=10)
        full.send(type="chat", persona_id="mara", content="!long 9001", request_id="slow")
        full.get("message_delta")
        body = {"model": "mara", "messages": [{"role": "user", "content": "!long 9002"}], "stream": True}
        streaming = open_http(shared, token, body, "/v1/chat/completions")
        assert streaming.status == 200
        assert streaming.readline().startswith(b"data: ")
        waiting: dict[str, float] = {}
        began = time.monotonic()

        def until_over(name: str, read: Any) -> None:
            try:
                while read():
                    pass
            except (ConnectionClosed, OSError):
                pass
            waiting[name] = time.monotonic() - began

        threads = [
            threading.Thread(target=until_over, args=("full", lambda: full.socket.recv(timeout=20))),
            threading.Thread(target=until_over, args=("plain", lambda: plain.recv(timeout=20))),
            threading.Thread(target=until_over, args=("v1", streaming.readline)),
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        told = admin(shared, "token", "revoke", "mara", "doomed")
        done = time.monotonic() - began
        for thread in threads:
            thread.join(30)
        assert "3 connections were closed" in told
        late = {name: seconds for name, seconds in waiting.items() if seconds > done + WITHIN}
        assert not late, (waiting, done)
        assert full.socket.close_code == 4401
        with pytest.raises(AssertionError, match="unauthorized"), full_client(shared.url, token=token):
            pass
        assert ask_http(shared, token)[0] == 401
        assert ask_http(shared, kept)[0] == 200
        # another token of the same user goes on, and so does the answer
        page = other.ask("history_response", type="history_request", persona_id="mara")
        assert page["messages"][-1]["status"] == "running"
        admin(shared, "user", "disable", "mara")
        with pytest.raises(ConnectionClosed):
            while True:
                other.socket.recv(timeout=10)
    left = [r for r in upstream.requests() if "!long 900" in r["body"]["messages"][-1]["content"]]
    assert [r["left"] for r in left] == [True, True], "nothing of a disabled user's goes on upstream"
    admin(shared, "user", "enable", "mara")


def test_all_of_a_user_goes_out_and_comes_in_elsewhere(
    fresh_service: RunningService, upstream: Upstream, tmp_path: Path
) -> None:
    config = {"name": "导游", "prompt": "带路", "greeting": "走吧", "starters": ["去哪儿？"]}
    with full_client(fresh_service.url) as client:
        made = client.ask("ack", type="persona_create", persona_config=config, request_id="p")["persona_id"]
        for n, (persona, words) in enumerate([(made, "你好 😀"), ("xueba", "hi"), (made, "!eof")]):
            client.send(type="chat", persona_id=persona, content=words, request_id=f"q{n}", new_conversation=True)
            client.get("message_done")
    target = tmp_path / "all.json"
    assert "3 conversations" in admin(fresh_service, "export", "owner", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    assert "exists" in admin(fresh_service, "export", "owner", str(target), code=1)
    admin(fresh_service, "user", "add", "wei", stdin=PASSWORD)
    token = token_of(fresh_service, "wei")
    with full_client(fresh_service.url, token=token) as wei, running_service(upstream=upstream) as other:
        assert "3 conversations, 6 messages" in admin(fresh_service, "import", "wei", str(target))
        assert "3 conversations, 6 messages" in admin(other, "import", "owner", str(target))
        assert "before" in admin(other, "import", "owner", str(target), code=1)
        saved = wei.get("persona_saved")["persona"]
        assert saved["id"] != made, "another user has that id here"
        assert {k: saved[k] for k in config} == config
        added = [wei.get("message_added")["message"] for _ in range(6)]
        assert [m["content"] for m in added] == ["你好 😀", "你说：你好 😀", "hi", "你说：hi", "!eof", "一two 三。"]
        assert added[-1]["status"] == "interrupted"
        with full_client(other.url) as client:
            assert client.history(made) == [(0, "done", "!eof"), (1, "interrupted", "一two 三。")]
            assert client.history("xueba") == [(0, "done", "hi"), (1, "done", "你说：hi")]
            client.send(type="chat", persona_id=made, content="and on", request_id="on")
            assert client.get("message_done")["message"]["content"] == "你说：and on"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[" * 100_000, '{"format": "aichat", "version": 2}',
     '{"format":"aichat","version":1,"user":"x","personas":[],"conversations":[{"persona_id":"../../etc","title":"t",'
     '"create_time":"2026-11-24 08:00:00","update_time":"2026-11-24 08:00:00","messages":[]}]}'],
)  # fmt: skip
def test_a_file_that_is_no_export_is_refused(shared: RunningService, tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    words = admin(shared, "import", "wei", str(path), code=1)
    assert "no export" in words or "not in the file" in words
    assert "cannot be read" in admin(shared, "import", "wei", str(tmp_path / "none.json"), code=1)


def test_every_http_address_by_two_users_leaks_nothing(shared: RunningService) -> None:
    wei, mara = token_of(shared, "wei", "http"), token_of(shared, "mara", "http")
    config = {"name": "mara's canary", "prompt": "canary prompt"}
    with full_client(shared.url, token=mara) as client:
        persona = client.ask("ack", type="persona_create", persona_config=config, request_id="c")["persona_id"]
    body = {"model": persona, "messages": [{"role": "user", "content": "hi"}]}
    for path, payload, mine, theirs in (
        ("/v1/models", None, 200, 200),
        (f"/v1/models/{persona}", None, 200, 404),
        ("/v1/chat/completions", body, 200, 404),
        ("/v1/chat/completions", body | {"model": config["name"]}, 200, 404),
        ("/metrics", None, 403, 403),
    ):
        assert ask_http(shared, mara, payload, path)[0] == mine, path
        status, text = ask_http(shared, wei, payload, path)
        assert status == theirs, path
        assert "canary" not in text.replace(config["name"], "") if payload else "canary" not in text
    assert ask_http(shared, shared.token, None, "/metrics")[0] == 200
    with full_client(shared.url, token=shared.token) as owner:
        listed = owner.ask("persona_list", type="persona_list")["personas"]
        assert persona not in [p["id"] for p in listed], "not the owner either"
    bridge = http.client.HTTPConnection("127.0.0.1", shared.bridge_port, timeout=20)
    bridge.request("GET", "/test/api/personas")
    assert "canary" not in bridge.getresponse().read().decode()


def test_more_connections_than_fit_are_turned_away(upstream: Upstream) -> None:
    with running_service(upstream=upstream, env={"AICHAT_CONNECTIONS_MOST": "3"}) as running:
        with (
            full_client(running.url),
            full_client(running.url),
            full_client(running.url),
            pytest.raises((WebSocketException, OSError)),
            connect(running.url),
        ):
            pass
        running.process.wait_for("turned away")
        with full_client(running.url) as client:
            assert client.ask("persona_list", type="persona_list")["personas"]


def test_who_sends_too_fast_is_read_more_slowly_and_loses_nothing(upstream: Upstream) -> None:
    slow = {"AICHAT_FRAMES_PER_SECOND": "50"}
    with running_service(upstream=upstream, env=slow) as running, full_client(running.url) as client:
        began = time.monotonic()
        for n in range(150):
            client.send(type="conversation_list", request_id=f"r{n}")
        seen = [client.get("conversation_list")["request_id"] for _ in range(150)]
        assert seen == [f"r{n}" for n in range(150)]
        assert time.monotonic() - began > 0.5, "150 frames, 100 of them at once, at 50 a second"


def test_passwords_come_by_standard_input_only() -> None:
    command = [str(Path(sys.executable).with_name("aichat-admin")), "user", "add", "--help"]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--no-password" in words
    assert "--password" not in words
