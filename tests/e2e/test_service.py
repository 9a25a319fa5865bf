"""The real service as a process: it starts, refuses, survives, stops."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect, unix_connect

from tests.e2e.client import Client, full_client
from tests.service import Process, RunningService, Upstream, clean_environment, free_port, running_service

TWIST = str(Path(sys.executable).with_name("twist"))
TWISTD = str(Path(sys.executable).with_name("twistd"))


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# starting


def test_both_commands_know_the_plugin() -> None:
    for command in (TWIST, TWISTD):
        listing = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=60, check=True)
        assert re.search(r"aichat\s+A self-hosted AI persona chat service", listing.stdout)
    text = subprocess.run([TWISTD, "aichat", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for option in (
        "--listen", "--bridge-listen", "--bridge", "--database", "--state-dir", "--config", "--provider",
        "--upstream-url", "--upstream-model", "--log-level", "--bridge-only",
    ):  # fmt: skip
        assert re.search(rf"{option}\b", text), option


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--provider=nope"], "provider 'nope' is not known"),
        (["--nonsense"], "--nonsense not recognized"),
        (["--config=/nowhere.toml"], "/nowhere.toml cannot be read"),
        (["--upstream-url=ftp://x"], "begins with http"),
        (["--log-level=loud"], "log_level 'loud'"),
        (["--context=many"], "context"),
        (["--bridge-listen=tcp:5000"], "set bridge_secret"),
        (["--bridge=http://x", "--bridge-only"], "exclude each other"),
        (["--listen=foo:bar"], "no endpoint"),
        (["--state-dir=/proc/nowhere"], "/proc/nowhere"),
        (["--database=/proc/version"], "/proc/version"),
    ],
)
@pytest.mark.parametrize("command", [[TWIST, "--log-format=text"], [TWISTD, "-n", "--pidfile="]])
def test_a_wrong_setting_is_one_line_and_exit_code_1(
    tmp_path: Path, command: list[str], args: list[str], words: str
) -> None:
    state = [] if any(a.startswith("--state-dir") for a in args) else [f"--state-dir={tmp_path}"]
    listen = [] if any(a.startswith("--listen") for a in args) else ["--listen=tcp:0:interface=127.0.0.1"]
    bridge = [] if any(a.startswith("--bridge-listen") for a in args) else ["--bridge-listen=none"]
    ended = subprocess.run(
        [*command, "aichat", *state, *listen, *bridge, *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=clean_environment(),
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert len([line for line in output.splitlines() if words in line]) == 1, output
    assert "Traceback" not in output


def test_a_taken_port_is_one_line(service: RunningService, tmp_path: Path) -> None:
    args = [TWIST, "--log-format=text", "aichat", f"--state-dir={tmp_path}", "--bridge-listen=none"]
    second = Process([*args, f"--listen=tcp:{service.port}:interface=127.0.0.1"])
    second.wait_for(f"port {service.port} is taken")
    assert second.end() == 1


def test_a_broken_persona_file_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "personas").mkdir()
    good = {"id": "p8", "name": "好", "prompt": "p"}
    (tmp_path / "personas" / "p8.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(good).encode())
    for name, data in (
        ("a", b'{"id": 5}'),
        ("b", '{"id": "b", "name": "学霸", "prompt": ""}'.encode("gbk")),
        ("c", json.dumps({**good, "id": ""}).encode()),
        ("d", json.dumps({**good, "id": "d", "name": "x" * 5_000}).encode()),
    ):
        (tmp_path / "personas" / f"{name}.json").write_bytes(data)
    port = free_port()
    args = [TWIST, "--log-format=text", "aichat", f"--state-dir={tmp_path}", "--bridge-listen=none"]
    process = Process([*args, f"--listen=tcp:{port}:interface=127.0.0.1"])
    process.wait_for(r"\bready$")
    for name in "abcd":
        assert [line for line in process.lines if f"{name}.json is left out" in line]
    with full_client(f"ws://127.0.0.1:{port}/ws") as client:
        assert [p["id"] for p in client.ask("persona_list", type="persona_list")["personas"]][-1] == "p8"
    process.end()


def test_a_second_service_on_the_same_file_is_kept_out(fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as client:
        client.ask("ack", type="chat", persona_id="mara", content="!long 400", request_id="q")
        args = [
            TWIST,
            "--log-format=text",
            "aichat",
            f"--state-dir={fresh_service.state_dir}",
            "--bridge-listen=none",
        ]
        second = Process([*args, f"--listen=tcp:{free_port()}:interface=127.0.0.1"])
        second.wait_for("another aichat service is using")
        assert second.end() == 1
        done = client.get("message_done")["message"]
        assert done.get("status", "done") == "done"
        assert len(done["content"]) > 400 * 10


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.02, 0.05, 0.1])
def test_a_stop_while_it_starts_is_clean(tmp_path: Path, moment: float) -> None:
    args = [TWIST, "--log-format=text", "aichat", f"--state-dir={tmp_path}", "--bridge-listen=none"]
    process = Process([*args, f"--listen=tcp:{free_port()}:interface=127.0.0.1"])
    process.wait_for("Starting reactor")
    timer = Timer(moment, process.child.send_signal, [signal.SIGTERM])
    timer.start()
    ended = process.child.wait(20)
    timer.join()
    process.end()
    assert ended in (0, -signal.SIGTERM)
    assert not [line for line in process.lines if "Traceback" in line or "#critical" in line or "#error" in line]


def test_the_daemon_starts_and_stops(tmp_path: Path, upstream: Upstream) -> None:
    port = free_port()
    pid_file, log = tmp_path / "pid", tmp_path / "log"
    args = [TWISTD, f"--pidfile={pid_file}", f"--logfile={log}", "aichat", f"--state-dir={tmp_path}"]
    args += [f"--upstream-url={upstream.url}", f"--listen=tcp:{port}:interface=127.0.0.1", "--bridge-listen=none"]
    subprocess.run(args, check=True, timeout=60, env=clean_environment(), cwd=tmp_path)
    watcher = Process(["tail", "-n", "+1", "-F", str(log)])
    watcher.wait_for(r"\] ready$")
    with full_client(f"ws://127.0.0.1:{port}/ws") as client:
        assert len(client.ask("persona_list", type="persona_list")["personas"]) == 4
    os.kill(int(pid_file.read_text()), signal.SIGTERM)
    watcher.wait_for("Server Shut Down")
    watcher.end()
    assert (tmp_path / "chat.db").exists()
    assert not (tmp_path / "chat.db-wal").exists(), "closed last, checkpointed"


def test_settings_come_from_file_then_environment_then_options(tmp_path: Path, upstream: Upstream) -> None:
    config = tmp_path / "aichat.toml"
    config.write_text('upstream_model = "from-file"\nlog_level = "debug"\n[nothing]\n')
    ended = subprocess.run(
        [TWIST, "aichat", f"--config={config}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert ended.returncode == 1
    assert "unknown field `nothing`" in ended.stderr
    config.write_text('upstream_model = "from-file"\nupstream_key = "sk-file"\n')
    with running_service(f"--config={config}", upstream=upstream) as running:
        with full_client(running.url) as client:
            client.ask("message_done", type="chat", persona_id="mara", content="one")
        assert upstream.requests()[-1]["authorization"] == "Bearer sk-file"
        assert upstream.requests()[-1]["body"]["model"] == "fake-1", "the option wins over the file"
        assert "sk-file" not in "\n".join(running.log)


# surviving


def test_kill_9_loses_nothing_that_was_acked(fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as client:
        config = {"name": "幸存者", "prompt": "p"}
        persona = client.ask("ack", type="persona_create", persona_config=config, request_id="p")["persona_id"]
        client.ask("message_done", type="chat", persona_id=persona, content="第一句")
        client.ask("ack", type="chat", persona_id=persona, content="!long 2000", request_id="q")
        position = client.welcome["epoch"], client.get("message_added")["message"]["seq"]
        text = ""
        while len(text) < 3_000:
            text += client.get("message_delta")["content"]
        fresh_service.kill()
    fresh_service.start()
    with full_client(fresh_service.url, resume={"epoch": position[0], "seq": position[1]}) as client:
        assert client.welcome["recovered"] is True
        history = client.history(persona)
        assert [row[:2] for row in history] == [(0, "done"), (1, "done"), (0, "done"), (1, "interrupted")]
        assert history[1][2] == "你说：第一句"
        kept = history[3][2]
        assert len(kept) > 1_000
        assert kept == "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(2_000))[: len(kept)]
        answer = client.ask("message_done", type="chat", persona_id=persona, content="again")
        assert answer["message"]["content"] == "你说：again"
    with connect(fresh_service.url) as link:
        link.send(json.dumps({"type": "history_request", "persona_id": persona}))
        plain = json.loads(link.recv(timeout=10))
        assert [m["content"] for m in plain["messages"]][:3] == ["第一句", "你说：第一句", "!long 2000"]


def test_sigterm_says_goodbye_and_keeps_the_text(fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as client:
        client.ask("ack", type="chat", persona_id="mara", content="!long 5000", request_id="q")
        client.get("message_delta")
        client.get("message_delta")
        fresh_service.process.child.send_signal(signal.SIGTERM)
        done = client.get("message_done")["message"]
        assert done["status"] == "interrupted"
        assert done["content"]
        with pytest.raises(ConnectionClosed) as caught:
            client.get("nothing")
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001
    ended = fresh_service.process.child.wait(20)
    assert ended in (0, -signal.SIGTERM), "twist ends by the signal that it was told to stop with"
    fresh_service.start()
    with full_client(fresh_service.url) as client:
        assert client.history("mara")[1] == (1, "interrupted", done["content"])


def test_an_answer_goes_on_without_its_client(service: RunningService) -> None:
    with full_client(service.url) as client:
        made = client.ask("ack", type="conversation_create", persona_id="xueba", request_id=f"c{service.port}")
        conversation = made["conversation_id"]
        client.ask("ack", type="chat", conversation_id=conversation, content="!long 200", request_id="g")
    with full_client(service.url) as client:
        client.send(type="conversation_subscribe", conversation_id=conversation)
        page = client.ask("history_response", type="history_request", conversation_id=conversation)
        if page["messages"][-1].get("status") == "running":
            client.get("message_done")
            page = client.ask("history_response", type="history_request", conversation_id=conversation)
        assert page["messages"][-1]["content"] == "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(200))


def test_stop_reaches_the_upstream(fresh_service: RunningService, upstream: Upstream) -> None:
    with full_client(fresh_service.url) as client:
        for word in ("!hang", "!slow"):
            before = len(upstream.requests())
            ack = client.ask("ack", type="chat", persona_id="mara", content=word, request_id=word)
            while len(upstream.requests()) == before:
                pass
            client.send(type="chat_stop", conversation_id=ack["conversation_id"])
            assert client.get("message_done")["message"]["status"] == "stopped"
            while not upstream.requests()[before]["left"]:
                pass


def test_a_persona_made_on_one_connection_is_on_the_other_at_once(service: RunningService) -> None:
    with full_client(service.url) as one, full_client(service.url) as two, connect(service.url) as plain:
        plain.send(json.dumps({"type": "persona_create", "persona_config": {"name": "新人", "prompt": "p"}}))
        ident = json.loads(plain.recv(timeout=10))["persona_id"]
        for client in (one, two):
            assert client.get("persona_saved")["persona"]["id"] == ident
        one.send(type="persona_delete", persona_id=ident)
        assert two.get("persona_deleted")["persona_id"] == ident


# the bridge elsewhere


def test_the_bridge_as_a_second_process(upstream: Upstream, tmp_path: Path) -> None:
    port, env = free_port(), {"AICHAT_BRIDGE_SECRET": "s3cret"}
    args = [TWIST, "--log-format=text", "aichat", "--bridge-only", f"--state-dir={tmp_path}"]
    args += [f"--upstream-url={upstream.url}", f"--bridge-listen=tcp:{port}:interface=127.0.0.2"]
    bridge = Process(args, env)
    bridge.wait_for(r"\bready$")
    service = running_service(f"--bridge=http://127.0.0.2:{port}", upstream=upstream, env=env)
    with service as running, full_client(running.url) as client:
        done = client.ask("message_done", type="chat", persona_id="xueba", content="你好")
        assert done["message"]["content"] == "你说：你好"
        assert "严谨" in upstream.requests()[-1]["body"]["messages"][0]["content"]
        client.ask("ack", type="chat", persona_id="xueba", content="!slow", request_id="s")
        client.get("message_delta")
        bridge.end(signal.SIGKILL)
        broken = client.get("message_done")["message"]
        assert broken["status"] == "interrupted"
        failed = client.ask("message_done", type="chat", persona_id="xueba", content="anybody?")["message"]
        assert failed["failure"]["code"] == "bridge_unreachable"
        assert failed["failure"]["retryable"] is True


# who may come in


def test_other_addresses_want_the_token(upstream: Upstream) -> None:
    port = free_port()
    with running_service(f"--listen=tcp:{port}:interface=127.0.0.2", upstream=upstream) as running:
        url = f"ws://127.0.0.2:{port}/ws"
        for address in (url, running.url):
            with connect(address) as link:
                link.send('{"type": "persona_list"}')
                assert json.loads(link.recv(timeout=10))["code"] == "unauthorized"
                with pytest.raises(ConnectionClosed) as caught:
                    link.recv(timeout=10)
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == 4401
        with full_client(url, token=running.token) as client:
            assert client.welcome["user"] == "owner"
        with connect(url, additional_headers={"Authorization": f"Bearer {running.token}"}) as link:
            link.send('{"type": "persona_list"}')
            assert len(json.loads(link.recv(timeout=10))["personas"]) == 4


def test_a_proxy_in_front_is_nobody_of_this_machine(service: RunningService) -> None:
    with connect(service.url, additional_headers={"X-Forwarded-For": "203.0.113.9"}) as link:
        link.send('{"type": "persona_list"}')
        assert json.loads(link.recv(timeout=10))["code"] == "unauthorized"


def test_a_unix_socket(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with (
        running_service(f"--listen=unix:{path}", upstream=upstream),
        unix_connect(str(path), "ws://localhost/ws") as s,
    ):
        client = Client(s)
        assert client.ask("welcome", type="hello", version=1)["user"] == "owner"


# bad manners over a real socket


def test_a_huge_body_hears_why(service: RunningService) -> None:
    for base in (service.http + "/v1/chat/completions", service.bridge + "/api/v1/chat"):
        request = urllib.request.Request(base, b"x" * 20_000_000, {"content-type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        assert caught.value.code == 413


def test_many_large_avatars_still_fit_a_reply(fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as client:
        config = {"name": "big", "prompt": "p", "avatar": "A" * 200_000}
        for n in range(30):
            client.ask("ack", type="persona_create", persona_config=config, request_id=f"p{n}")
        assert len(client.ask("persona_list", type="persona_list")["personas"]) == 34


def test_clients_that_come_and_go_do_not_disturb_an_answer(fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as client:
        ack = client.ask("ack", type="chat", persona_id="mara", content="!long 300", request_id="q")
        for _ in range(30):
            with full_client(fresh_service.url) as other:
                other.send(type="conversation_subscribe", conversation_id=ack["conversation_id"])
            raw = socket.create_connection(("127.0.0.1", fresh_service.port))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(ConnectionClosed, OSError), connect(fresh_service.url, sock=raw) as link:
                link.send('{"type": "hello", "version": 1}')
                raw.close()  # a reset in mid-hello
        done = client.get("message_done")["message"]
        assert done["content"] == "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(300))


def test_a_stranger_who_says_nothing_is_sent_away(upstream: Upstream) -> None:
    port = free_port()
    with running_service(f"--listen=tcp:{port}:interface=127.0.0.2", upstream=upstream) as running:
        with connect(f"ws://127.0.0.2:{port}/ws") as link:
            assert json.loads(link.recv(timeout=20))["code"] == "unauthorized"
        assert running.process.child.poll() is None


def test_big_binary_and_broken_messages(service: RunningService) -> None:
    with connect(service.url, max_size=None) as link:
        link.send(b"\x00\x01binary")
        assert json.loads(link.recv(timeout=10))["code"] == "bad_frame"
        link.send("x" * 2_000_000)
        assert json.loads(link.recv(timeout=10))["code"] == "too_large"
        link.send('{"type": "persona_list"}')
        assert json.loads(link.recv(timeout=10))["type"] == "persona_list"
        link.send("x" * 5_000_000)
        with pytest.raises(ConnectionClosed) as caught:
            link.recv(timeout=10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/test", 200),
        ("/healthz", 200),
        ("/nowhere", 404),
        ("/test/../setup.py", 404),
        ("/test/x.exe", 404),
        ("/test/" + "a" * 300 + ".js", 404),
    ],
)
def test_pages_of_the_service(service: RunningService, path: str, status: int) -> None:
    got, body = get(service.http + path)
    assert got == status
    if status == 404:
        answer: dict[str, Any] = json.loads(body)
        assert answer["error"]["code"] == "not_found"


def test_personas_are_exported_while_it_runs(service: RunningService, tmp_path: Path) -> None:
    admin = str(Path(sys.executable).with_name("aichat-admin"))
    args = [admin, f"--state-dir={service.state_dir}", "personas", "export", str(tmp_path / "out")]
    subprocess.run(args, check=True, timeout=60, env=clean_environment())
    assert {"mara.json", "reviewer.json", "xiaoyu.json", "xueba.json"} <= {
        p.name for p in (tmp_path / "out").iterdir()
    }
    missing = subprocess.run(
        [admin, f"--state-dir={tmp_path / 'none'}", "personas", "export", str(tmp_path / "x")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(),
    )
    assert missing.returncode == 1
    assert len(missing.stderr.splitlines()) == 1


def test_a_stalled_reader_harms_nobody_and_gets_everything_in_the_end(fresh_service: RunningService) -> None:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect(("127.0.0.1", fresh_service.port))
    with connect(fresh_service.url, sock=raw, max_size=None, max_queue=1) as stalled:
        stalled.send('{"type": "hello", "version": 1}')
        assert json.loads(stalled.recv(timeout=10))["type"] == "welcome"
        with full_client(fresh_service.url) as client:
            ack = client.ask("ack", type="chat", persona_id="mara", content="!long 1500", request_id="q")
            stalled.send(json.dumps({"type": "conversation_subscribe", "conversation_id": ack["conversation_id"]}))
            whole = client.get("message_done")["message"]["content"]
        text = ""
        while True:
            frame = json.loads(stalled.recv(timeout=20))
            if frame["type"] == "message_snapshot":
                text = frame.get("content", "")
            elif frame["type"] == "message_delta":
                assert frame.get("offset", 0) == len(text)
                text += frame["content"]
            elif frame["type"] == "message_done":
                break
        assert frame["message"]["content"] == whole
        assert whole.startswith(text)
        stalled.send('{"type": "persona_list", "request_id": "alive"}')
        while json.loads(stalled.recv(timeout=20)).get("request_id") != "alive":
            pass
