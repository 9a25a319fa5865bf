"""Small things that would become large: the service stays small, says what is wrong, and serves on."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.client import full_client
from tests.e2e.test_certificates import make_certificate
from tests.service import RunningService, Upstream, free_port, running_service
from tests.soak.measures import processor_seconds, resident_megabytes
from tests.soak.raw import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawSocket, frame, upgrade

SOAK = bool(os.environ.get("AICHAT_SOAK"))
MANY = 10 if SOAK else 1
GROWTH_MOST = 50.0
"""MB of the service's memory over all of them."""


def answer(raw: RawSocket, data: bytes) -> str:
    """Send bytes -> the code of the error frame or of the close frame that comes."""
    with suppress(OSError):
        raw.socket.sendall(data)
    while True:
        got = raw.receive()
        if got.opcode == CLOSE:
            return f"closed {got.code}"
        fields = json.loads(got.payload)
        if fields["type"] == "error":
            return str(fields["code"])


def opened(service: RunningService) -> RawSocket:
    raw = RawSocket(service.port)
    raw.hello()
    return raw


def text(value: str) -> bytes:
    return frame(value.encode())


def ws_deflate(service: RunningService) -> None:
    raw = RawSocket(
        service.port, headers="Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15\r\n"
    )
    assert b"permessage-deflate" not in raw.answer, "compression is not offered back"
    bomb = zlib.compress(b"\0" * 50_000_000, 9)[2:]
    assert answer(raw, frame(bomb, TEXT, rsv=4)) == "closed 1002"


def ws_deep_json(service: RunningService) -> None:
    raw = opened(service)
    for deep in ("[" * 500_000, '{"a":' * 150_000, '{"type":"chat","content":' + "[" * 400_000 + "]" * 400_000 + "}"):
        assert answer(raw, text(deep)) in ("too_deep", "bad_frame")


def ws_numbers(service: RunningService) -> None:
    raw = opened(service)
    for number in ("9" * 900_000, "1e" + "9" * 10_000, "-1e400", "0." + "0" * 900_000 + "1"):
        assert answer(raw, text('{"type":"conversation_subscribe","conversation_id":%s}' % number)) == "bad_frame"  # noqa: UP031


def ws_strings(service: RunningService) -> None:
    raw = opened(service)
    for fields in (
        {"type": "chat", "persona_id": "mara", "content": "x" * 900_000},
        {"type": "persona_create", "persona_config": {"name": "x" * 900_000, "prompt": "p"}},
        {"type": "chat", "persona_id": "mara", "content": "x", "request_id": "x" * 900_000},
        {"type": "x" * 900_000},
    ):
        assert answer(raw, text(json.dumps(fields))) in ("too_large", "bad_frame", "unknown_type")


def ws_large_frames(service: RunningService) -> None:
    raw = opened(service)
    for _ in range(4 * MANY):
        assert answer(raw, text('{"x":"' + "y" * (4 * 1_048_576 - 100) + '"}')) == "too_large"
    assert answer(raw, text("z" * (4 * 1_048_576 + 1))) == "closed 1009"
    head = b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0"
    assert answer(opened(service), head) == "closed 1009"


def ws_fragments(service: RunningService) -> None:
    raw = opened(service)
    raw.socket.settimeout(300)
    before = resident_megabytes(service.process.child.pid)
    raw.socket.sendall(frame(b"[[", TEXT, fin=False))
    raw.socket.sendall(frame(b"[[", CONTINUATION, fin=False) * 250_000 * (6 if SOAK else 1))
    assert answer(opened(service), text("?")) == "bad_frame"
    grown = resident_megabytes(service.process.child.pid) - before
    assert grown < 8, f"pieces of two bytes take {grown} MB"
    assert answer(raw, frame(b"[[", CONTINUATION)) in ("too_deep", "bad_frame", "too_large")


def ws_no_end(service: RunningService) -> None:
    raw = opened(service)
    raw.socket.sendall(frame(b"", TEXT, fin=False) + frame(b"", CONTINUATION, fin=False) * 20_000 * MANY)
    assert answer(raw, frame(b"z" * 1_048_576, CONTINUATION, fin=False) * 5) == "closed 1009"


def ws_pings(service: RunningService) -> None:
    """Pings whose answers nobody reads: 2.8 MB of them fit into the system's own buffers."""
    raw = opened(service)
    raw.socket.settimeout(60)
    ping = frame(b"p" * 125, PING) * 1_000
    for _ in range(60 * MANY):
        raw.socket.sendall(ping)
    raw.socket.sendall(text('{"type":"persona_list","request_id":"alive"}'))
    while True:
        got = raw.receive()
        if got.opcode == TEXT and b"alive" in got.payload:
            return


def ws_small_frames(service: RunningService) -> None:
    """Questions whose answers nobody reads, until the service has enough of it."""
    raw = opened(service)
    with suppress(OSError):
        for _ in range(200 * MANY):
            raw.socket.sendall(text('{"type":"persona_list"}') * 100)
    assert answer(opened(service), text("{}") * 50) == "bad_frame"


def ws_binary(service: RunningService) -> None:
    assert answer(opened(service), frame(b"\0" * 1_000_000, BINARY)) == "bad_frame"


def png_bomb(service: RunningService) -> None:
    """A picture of 50,000 x 50,000, and text in it that unpacks to 50 MB: kept as it is, not unpacked."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    head = part(b"IHDR", struct.pack("!IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0))
    words = part(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 50_000_000, 9))
    picture = (
        b"\x89PNG\r\n\x1a\n" + head + words + part(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + part(b"IEND", b"")
    )
    config = {"name": "bomb", "prompt": "p", "avatar": base64.b64encode(picture).decode()}
    raw = opened(service)
    raw.send(type="persona_create", persona_config=config, request_id="b")
    raw.send(type="persona_delete", persona_id=raw.get("ack")["persona_id"], request_id="d")
    raw.get("ack")


def http(service: RunningService, data: bytes, *, port: int = 0) -> bytes:
    """Send bytes to the web door -> all that comes until it closes, or its first answer."""
    with socket.create_connection(("127.0.0.1", port or service.port), timeout=20) as raw:
        with suppress(OSError):
            raw.sendall(data)
        got = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in got and (more := raw.recv(65536)):
                got += more
        return got


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")).encode()


def http_gzip(service: RunningService) -> None:
    body = gzip.compress(b'{"messages":[' + b" " * 50_000_000)
    lines = ("Content-Type: application/json", "Content-Encoding: gzip", f"Content-Length: {len(body)}")
    got = http(service, head("/v1/chat/completions", *lines) + body)
    assert got.startswith(b"HTTP/1.1 400"), "what is packed is not unpacked"


def http_headers(service: RunningService) -> None:
    assert http(service, head("/healthz", "X-A: " + "a" * 200_000, method="GET"))[:12] in (b"HTTP/1.1 400", b"")
    many = [f"X-{number}: a" for number in range(20_000)]
    assert http(service, head("/healthz", *many, method="GET"))[:12] in (b"HTTP/1.1 400", b"")
    assert http(service, b"GET /" + b"a" * 5_000_000)[:12] in (b"HTTP/1.1 400", b"")


def http_chunks_without_end(service: RunningService) -> None:
    lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    got = http(service, head("/v1/chat/completions", *lines) + chunk * 1_100)
    assert got == b"", "after 64 MB it is cut"
    got = http(service, head("/v1/chat/completions", *lines) + b"1;" + b"x" * 5_000_000)
    assert got[:12] in (b"HTTP/1.1 400", b"")


def http_announced(service: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as raw:
        raw.sendall(head("/v1/chat/completions", "Content-Type: application/json", f"Content-Length: {10**12}"))
        raw.sendall(b"a" * 1_000_000)


def http_deep_json(service: RunningService) -> None:
    body = b'{"messages":' + b"[" * 500_000
    for port, path in ((service.port, "/v1/chat/completions"), (service.bridge_port, "/test/api/chat")):
        lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        assert http(service, head(path, *lines) + body, port=port).startswith(b"HTTP/1.1 400")


def http_pipeline(service: RunningService) -> None:
    """Requests in a row whose answers nobody reads."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=2) as raw, suppress(OSError):
        for _ in range(5_000):  # 30 MB, but soon nothing more is taken
            raw.sendall(head("/test", method="GET") * 100)


BOMBS: list[Callable[[RunningService], None]] = [
    ws_deflate, ws_deep_json, ws_numbers, ws_strings, ws_large_frames, ws_fragments, ws_no_end, ws_pings,
    ws_small_frames, ws_binary, png_bomb, http_gzip, http_headers, http_chunks_without_end, http_announced,
    http_deep_json, http_pipeline,
]  # fmt: skip


def test_the_service_stays_small(fresh_service: RunningService) -> None:
    pid = fresh_service.process.child.pid
    for _ in range(20):
        opened(fresh_service).close()
    with full_client(fresh_service.url) as client:
        client.ask("ack", type="chat", persona_id="mara", content="warm", request_id="w")
        client.get("message_done")
    first = before = resident_megabytes(pid)
    grown = {}
    for bomb in BOMBS:
        bomb(fresh_service)
        now = resident_megabytes(pid)
        grown[bomb.__name__], before = now - before, now
        with full_client(fresh_service.url) as client:
            assert client.ask("persona_list", type="persona_list")["personas"], f"{bomb.__name__}: it serves on"
    assert fresh_service.process.child.poll() is None
    worst = ", ".join(f"{name} {by:+.1f}" for name, by in sorted(grown.items(), key=lambda pair: -pair[1])[:4])
    print(f"{len(BOMBS)} bombs: memory {before - first:+.1f} MB from {first:.0f}; most by {worst}")
    assert before - first <= GROWTH_MOST


SLOW = {
    "says nothing": (b"", b""),
    "headers drop by drop": (b"GET /test HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: a\r\n"),
    "a WebSocket handshake drop by drop": (upgrade(80)[:-2], b"X-A: a\r\n"),
    "a second request drop by drop": (head("/healthz", method="GET") + b"GET /", b"a"),
}


def how_long(port: int, slow: dict[str, tuple[bytes, bytes]]) -> dict[str, float]:
    """Send a little every half second, for as long as one is let -> the seconds until each is closed."""
    lasted: dict[str, float] = {}

    def drip(name: str, first: bytes, drop: bytes) -> None:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as raw, suppress(ConnectionError):
            raw.sendall(first)
            while time.monotonic() - began < 20:
                try:
                    if not raw.recv(65536):
                        break
                except TimeoutError:
                    raw.sendall(drop)
        lasted[name] = time.monotonic() - began

    threads = [threading.Thread(target=drip, args=(name, *parts)) for name, parts in slow.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    print("closed after", ", ".join(f"{seconds:.1f} s ({name})" for name, seconds in lasted.items()))
    return lasted


def test_slow_handshakes_are_closed_in_time(upstream: Upstream, tmp_path: Path) -> None:
    key, certificate, _ = make_certificate("localhost")
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "cert.pem").write_bytes(certificate)
    port = free_port()
    files = f"privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    with running_service(f"--listen=ssl:{port}:{files}:interface=127.0.0.1", upstream=upstream) as service:
        under_tls = {"TLS says nothing": (b"", b""), "TLS drop by drop": (b"\x16\x03\x01\x02\x00\x01", b"\x00")}
        lasted: dict[str, float] = {}
        other = threading.Thread(target=lambda: lasted.update(how_long(port, under_tls)))
        other.start()
        lasted.update(how_long(service.port, SLOW))
        other.join(30)
    assert set(lasted) == {*SLOW, *under_tls}
    assert {name: seconds for name, seconds in lasted.items() if not 5 <= seconds <= 10} == {}


def test_a_connection_that_waits_between_requests_is_kept(service: RunningService) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as raw:
        for _ in range(3):
            raw.sendall(head("/healthz", method="GET"))
            got = b""
            while b'"ready"' not in got:
                got += raw.recv(65536)
            assert got.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("piece", [frame(b"", CONTINUATION, fin=False), frame(b"", PING)], ids=["pieces", "pings"])
def test_a_flood_within_a_message_is_read_at_the_pace_that_is_allowed(upstream: Upstream, piece: bytes) -> None:
    """Eight senders, three seconds: without a limit they would take all the time of a processor."""
    pace = {"AICHAT_FRAMES_PER_SECOND": "200"}
    over = threading.Event()
    with running_service(upstream=upstream, env=pace) as service, full_client(service.url) as client:
        floods = [opened(service) for _ in range(8)]

        def pour(raw: RawSocket) -> None:
            raw.socket.settimeout(0.5)
            with suppress(ConnectionError):
                raw.socket.sendall(frame(b"[", TEXT, fin=False))
                while not over.is_set():
                    with suppress(TimeoutError):
                        raw.socket.sendall(piece * 1_000)

        threads = [threading.Thread(target=pour, args=(raw,)) for raw in floods]
        for thread in threads:
            thread.start()
        client.ask("persona_list", type="persona_list")
        worked, asked, waits = processor_seconds(service.process.child.pid), time.monotonic(), []
        while time.monotonic() - asked < 3:
            began = time.monotonic()
            client.ask("persona_list", type="persona_list")
            waits.append(time.monotonic() - began)
            time.sleep(0.02)
        worked = processor_seconds(service.process.child.pid) - worked
        over.set()
        for thread in threads:
            thread.join(10)
    print(f"beside 8 floods of {piece!r}: {worked:.1f} s of work in 3 s, the slowest answer after {max(waits):.2f} s")
    assert worked < 2.4, "there is time for others"
