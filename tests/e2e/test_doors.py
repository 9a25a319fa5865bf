"""Every address of every door: which Host and which Origin may come in. The addresses are read from the doors."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from aichat.bridge.app import BridgeApp
from aichat.doors.openai import OpenAIDoor
from aichat.doors.web import WebDoor
from tests.service import RunningService

ORIGINS = [
    (None, True),
    ("http://127.0.0.1:{port}", True),
    ("http://127.0.0.1:1", False),
    ("http://localhost:{port}", False),  # another name than was asked
    ("https://evil.example", False),
    ("http://127.0.0.1.evil.example:{port}", False),
    ("http://[", False),
    ("ftp://127.0.0.1:{port}", False),
    ("null", False),
    ("", False),
]

HOSTS = ["evil.example", "rebind.evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "["]


def addresses(app: Any, under: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route of a Klein application."""
    for rule in app.url_map.iter_rules():
        path = under + re.sub("<path:__rest__>", "style.css", re.sub("<ident>", "xueba", rule.rule))
        if path not in ("/ws", "/v1", "/v1/style.css"):  # the WebSocket is below, /v1 is an application of its own
            yield ("POST" if "POST" in (rule.methods or ()) else "GET"), path


SERVICE = [*addresses(WebDoor.app), *addresses(OpenAIDoor.app, "/v1")]
BRIDGE = list(addresses(BridgeApp.app))
BODY = {"messages": [{"role": "user", "content": "hi"}], "persona_id": "xueba", "model": "xueba"}


def ask(port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """One request -> status and body; a `Host` of ours goes out in place of the right one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    body = json.dumps(BODY).encode() if method == "POST" else b""
    for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def doors(service: RunningService) -> list[tuple[int, str, str]]:
    return [(service.port, *at) for at in SERVICE] + [(service.bridge_port, *at) for at in BRIDGE]


def test_the_doors_are_all_here() -> None:
    assert {"/healthz", "/metrics", "/test", "/v1/models", "/v1/chat/completions"} <= {path for _, path in SERVICE}
    assert {"/api/v1/chat", "/test/api/chat", "/test/api/personas"} <= {path for _, path in BRIDGE}


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
def test_origins_on_every_door(service: RunningService, origin: str | None, allowed: bool) -> None:
    for port, method, path in doors(service):
        headers = {} if origin is None else {"Origin": origin.format(port=port)}
        status, body = ask(port, method, path, headers)
        assert (status == 403) is not allowed, (method, path, status, body)
        assert allowed or "forbidden" in body
    headers = {} if origin is None else {"Origin": origin.format(port=service.port)}
    try:
        with connect(service.url, additional_headers=headers) as link:
            link.send('{"type": "persona_list"}')
            assert json.loads(link.recv(timeout=10))["type"] == "persona_list"
            assert allowed
    except InvalidStatus as refused:
        assert refused.response.status_code in (400, 403)
        assert not allowed


@pytest.mark.parametrize("host", HOSTS)
def test_rebound_names_on_every_door(service: RunningService, host: str) -> None:
    for port, method, path in doors(service):
        status, body = ask(port, method, path, {"Host": host})
        assert (status, "forbidden" in body) == (403, True), (method, path, body)
    if host == "[":
        return  # no URL
    with socket.create_connection(("127.0.0.1", service.port)) as raw, pytest.raises(InvalidStatus) as caught:
        connect(f"ws://{host}/ws", sock=raw)
    assert caught.value.response.status_code == 403
