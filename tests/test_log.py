"""Nothing secret, nothing said and nothing that acts leaves the process by its log."""

from __future__ import annotations

import io
import json
import re
import resource
import socket
import subprocess
import sys
import timeit
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import FileLogObserver, Logger, LogLevel, LogPublisher, formatEventAsClassicLogText
from twisted.python.failure import Failure
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from aichat import redact
from aichat.log import clean_event
from aichat.protocol.errors import AichatError
from tests.e2e.client import full_client
from tests.service import RunningService, Upstream

KEY = "sk-canaryKeyOfTheProvider0123456789"
SECRET = "canary-bridge-secret"
TOKEN = "canaryTokenThatNobodyHas0123456789abcdefABCDEF"
PASSWORD = "canary pass word"
SAID = "canary-said"
CANARIES = ("canary", "Canary")
HOSTILE = "canari\r\n2026-01-01T00:00:00+0000 [x#critical] forged\x1b]0;owned\x07\x9b31m\u202e"
ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def written(format: str | None = None, /, **event: object) -> str:
    """An event as it would stand in a log."""
    out = io.StringIO()
    write = FileLogObserver(out, formatEventAsClassicLogText)
    publisher = LogPublisher(lambda event: write(clean_event(event)))
    level = event.pop("level", LogLevel.info)
    Logger("aichat.test", observer=publisher).emit(level, format, **event)
    assert not ACTS.search(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-canary",
        "authorization=Basic Y2FuYXJ5",
        '{"token": "canary", "x": 1}',
        "password=canary&user=x",
        "api_key: canary, and more",
        "my_key=canary apiKey=canary X-Session-Token: canary",
        "?token=canary&x=1",
        "http://me:canary@example.org/v1",
        f"the key {KEY} is wrong",
        f"the token {TOKEN} is not known",
        "The model service failed. It says: you asked canary and\nmore canary",
    ],
)
def test_secrets_by_their_form(text: str) -> None:
    line = written("{it}", it=text)
    assert "canary" not in line.lower()
    assert redact.HIDDEN in line


def test_what_is_no_secret_stays() -> None:
    text = "ssl:8765:privateKey=key.pem:certKey=cert.pem, monkey: 7, a token is needed, " + "0123456789abcdef" * 4
    assert written("{it}", it=text).endswith(text + "\n")


@pytest.mark.parametrize(
    "name", ["token", "upstream_key", "password", "content", "prompt", "payload", "Authorization"]
)
def test_fields_by_their_name(name: str) -> None:
    line = written(f"it was {{{name}}}", **{name: "canary"})
    assert line.endswith("it was ***\n")
    assert "canary" not in clean_event({"log_format": "x", name: "canary"})["json"]


def test_a_known_secret_in_any_place() -> None:
    redact.keep_secret("s3cr3t/canary")
    assert "canary" not in written("{where} and {error}", where="at s3cr3t/canary", error=OSError("s3cr3t/canary"))


@given(st.text(alphabet=st.characters(), max_size=60))
def test_whatever_is_logged_stays_on_its_line(text: str) -> None:
    for line in (
        written("{it} end", it=text),
        written("{it} end", level=LogLevel.error, it=text.encode("utf-8", "replace")),
    ):
        assert line.count("\n") == 1
        assert line.endswith(" end\n")
    event = clean_event({"log_format": "x", "it": text, "log_level": LogLevel.info, "log_time": 1.0})
    assert event["json"].count("\n") == 1
    assert json.loads(event["json"])["level"] == "info"


@pytest.mark.parametrize(
    "part",
    ["-", "_", "a", "token", "key=", "bearer ", "://", "://a:", "A1b", "sk-", "It says:", "\x1b", "=:", '"', "aB1-"],
)
def test_no_text_takes_long(part: str) -> None:
    """Somebody else's words must not keep the service busy."""
    took = min(timeit.repeat(lambda: redact.clean(part * 100_000), number=1, repeat=3))
    assert took < 0.05


def test_a_fault_shows_its_way_and_not_what_it_quotes() -> None:
    for raising in ({}.__getitem__, int, json.loads, ["x"].index):
        try:
            raising(SAID)
        except Exception:
            text = written("a frame failed", level=LogLevel.critical, log_failure=Failure())
        assert SAID not in text
        assert "Traceback (most recent call last)" in text and "test_log.py" in text
        assert "its words are left out" in text
    try:
        try:
            raise KeyError(SAID)
        except KeyError as error:
            raise AichatError("upstream_rejected", f"It is wrong. It says: {SAID}") from error
    except AichatError:
        text = written("failed", level=LogLevel.critical, log_failure=Failure())
    assert SAID not in text
    assert "upstream_rejected: It is wrong." in text and "caused by KeyError" in text
    assert "No space left" in written("{error}", error=OSError(28, "No space left on device"))


def test_twisteds_own_ways_to_log() -> None:
    script = (
        "import sys\n"
        "from twisted.logger import globalLogBeginner, textFileLogObserver\n"
        "from twisted.python import log\n"
        "from twisted.internet.defer import Deferred, fail\n"
        "from aichat.log import take_over\n"
        "take_over(sys.argv[1])\n"
        "out = sys.stdout\n"
        "globalLogBeginner.beginLoggingTo([textFileLogObserver(out)])\n"
        f"said = {SAID!r}\n"
        f"log.msg({HOSTILE!r})\n"
        "log.err(ValueError(said), 'why it was')\n"
        "fail(KeyError(said))\n"
        f"print('token=' + said, {HOSTILE!r})\n"
    )
    for form in ("text", "json"):
        ended = subprocess.run([sys.executable, "-c", script, form], capture_output=True, timeout=60, check=True)
        text = ended.stdout.decode()
        assert SAID not in text.replace(f"said = {SAID!r}", "")
        assert not ACTS.search(text)
        assert "why it was" in text and "Unhandled error in Deferred" in text and "KeyError" in text
        assert not [line for line in text.splitlines() if line.startswith("2026-01-01")]
        if form == "json":
            lines = [json.loads(line) for line in text.splitlines()]
            assert [
                line for line in lines if line["level"] == "critical" and "ValueError" in line.get("trace", [""])[-1]
            ]
            assert all(set(line) - {"trace"} == {"time", "level", "namespace", "event", "fields"} for line in lines)


@pytest.mark.parametrize("form", ["text", "json"])
def test_canaries_of_a_real_service(upstream: Upstream, tmp_path: Path, form: str) -> None:
    """Everything that can go wrong goes wrong, at the level debug, and no canary is in the log."""
    folder = tmp_path / "personas"
    folder.mkdir()
    name = HOSTILE.replace("/", "_").encode()[:60].decode(errors="ignore")
    (folder / f"{name}.json").write_text("no persona")
    (folder / "good.json").write_text(json.dumps({"id": HOSTILE[:90], "name": HOSTILE[:90], "prompt": SAID}))
    env = {"AICHAT_UPSTREAM_KEY": KEY, "AICHAT_BRIDGE_SECRET": SECRET, "PYTHONPATH": ":".join(sys.path)}
    args = ["--log-level=debug", f"--log-format={form}"]
    service = RunningService(tmp_path, upstream.url, *args, env=env, twist=["--log-level=debug"])
    try:
        _misuse(service)
        _break_the_disk(service)
        token = service.token
    finally:
        service.process.end()
    text = "\n".join(service.log)
    for canary in (KEY, SECRET, TOKEN, token, *CANARIES):
        assert canary not in text, [line for line in service.log if canary in line][:3]
    assert not ACTS.search(text)
    assert not [line for line in service.log if line.startswith("2026-01-01")]
    assert "canari\\r\\n" in text.replace("\\\\", "\\"), "the hostile name was logged, and is harmless"
    assert "commit failed" in text and "is not stored yet" in text
    if form == "json":
        assert all(json.loads(line)["namespace"] for line in service.log)


def _misuse(service: RunningService) -> None:
    """Clients of every kind, with what they should not say."""
    for word in ("!leak", "!repeat", "!garbage", "!error", "!cut", "!html", ""):
        with full_client(service.url) as client:
            done = client.ask("message_done", type="chat", persona_id="mara", content=f"{word} {SAID}".strip(),
                              new_conversation=True)  # fmt: skip
            assert done["message"]["status"] != "running"
    with full_client(service.url) as client:
        config = {"name": HOSTILE[:90], "prompt": SAID}
        client.ask("ack", type="persona_create", persona_config=config, request_id="p")
        for frame in (f'{{"type": "{SAID}"}}', SAID, f'{{"type": "chat", "content": 5, "persona_id": "{SAID}"}}'):
            client.socket.send(frame)
            while json.loads(client.socket.recv(timeout=10))["type"] != "error":
                pass
    for header, hello in ((f"Bearer {TOKEN}", ""), ("", TOKEN)):
        with connect(service.url, additional_headers={"Authorization": header} if header else {}) as link:
            link.send(json.dumps({"type": "hello", "version": 1, "token": hello}))
            assert json.loads(link.recv(timeout=10))["code"] == "unauthorized"
    for name in ("owner", "nobody"):
        with connect(service.url) as link:
            link.send(json.dumps({"type": "login", "name": name, "password": PASSWORD, "request_id": name}))
            assert json.loads(link.recv(timeout=30))["code"] == "unauthorized"
    for port in (service.port, service.bridge_port):
        for request in (
            f"GET /{SAID}%0d%0a%1b?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n",
            f"POST /api/v1/chat HTTP/1.1\r\nHost: {SAID}\r\nContent-Length: 3\r\n\r\n{{]}}",
            f"{SAID}\x1b\r\n{TOKEN}\x00\r\n\r\n",
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {SAID}\r\nOrigin: {SAID}\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(request.encode("latin-1"))
                raw.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    while raw.recv(65_536):
                        pass


def _break_the_disk(service: RunningService) -> None:
    """An answer whose end cannot be written."""
    with full_client(service.url) as client:
        client.ask(
            "ack", type="chat", persona_id="mara", content=f"!slow {SAID}", new_conversation=True, request_id="d"
        )
        client.get("message_delta")
        free = resource.prlimit(service.process.child.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.child.pid, resource.RLIMIT_FSIZE, (4_096, free[1]))
        client.send(type="chat", persona_id="mara", content=SAID, request_id="x")
        with suppress(WebSocketException):
            while json.loads(client.socket.recv(timeout=10))["type"] != "error":
                pass
        service.process.wait_for("is not stored yet")
        resource.prlimit(service.process.child.pid, resource.RLIMIT_FSIZE, free)
        while client.get("message_done")["message"]["status"] != "done":
            pass
