"""Whoever has not said who they are: nonsense, silence and too many of them end their own connection only."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import time

from tests.service import admin, clean_environment
from tests.ssh.conftest import House
from tests.ssh.test_commands import programs, until

HELLO = b"SSH-2.0-test\r\n"


def connect(house: House) -> socket.socket:
    return socket.create_connection(("127.0.0.1", house.port), timeout=15)


def ends(line: socket.socket) -> float:
    """Read to the end -> how long it took."""
    start = time.monotonic()
    try:
        while line.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    line.close()
    return time.monotonic() - start


def packet(payload: bytes) -> bytes:
    """As before the first key exchange, in the clear."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack("!LB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def test_nonsense_ends_its_own_connection(house: House) -> None:
    """Random bytes, random packets, every message number, lengths that lie. The fixture looks through the log."""
    rng = random.Random(1)
    said = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200, b"SSH-1.5-old\r\n", b"\x00" * 5_000, HELLO + b"\xff" * 64,
        HELLO + struct.pack("!LB", 35_000, 4), HELLO + packet(b""), HELLO + packet(bytes([20]) + b"\xff" * 40),
        *(HELLO + packet(bytes([number]) + rng.randbytes(rng.randrange(60))) for number in range(256)),
        *(HELLO + rng.randbytes(200) for _ in range(50)),
    ]  # fmt: skip
    for data in said:
        line = connect(house)
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        assert ends(line) < 15
    assert house.run("list").returncode == 0


def test_silence_is_cut_off_in_time(house: House) -> None:
    """Nothing, half a greeting, a greeting and no more: 10 seconds each."""
    lines = [connect(house) for _ in range(3)]
    lines[1].sendall(b"SSH-2.0")
    lines[2].sendall(HELLO)
    start = time.monotonic()
    for line in lines:
        ends(line)
    assert 8 < time.monotonic() - start < 14


def test_there_are_only_so_many_of_them(house: House) -> None:
    """A hundred wait without a word; the next one is turned away, and comes in once they are gone."""
    lines = [connect(house) for _ in range(100)]
    for line in lines:
        assert line.recv(4) == b"SSH-"
    late = connect(house)
    assert late.recv(10) == b""
    assert house.run("list").returncode == 255
    for line in lines:
        line.close()
    until(lambda: house.run("list").returncode == 0, "a way in again")


def test_in_tmux(house: House) -> None:
    """As people do it: the client in a pane that changes its size, wide characters whole."""

    server = ["tmux", "-L", "aichat-ssh", "-f", "/dev/null"]
    env = {**clean_environment(), "LANG": "C.UTF-8"}

    def tmux(*words: str) -> str:
        done = subprocess.run([*server, *words], capture_output=True, text=True, timeout=30, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen() -> str:
        return tmux("capture-pane", "-p", "-t", "pane")

    tmux("-u", "new-session", "-d", "-s", "pane", "-x", "80", "-y", "24", *house.command())
    try:
        until(lambda: "live" in screen(), "the app")
        tmux("send-keys", "-t", "pane", "C-n")
        tmux("send-keys", "-t", "pane", "-l", "你好，世界 😀 tmux")
        until(lambda: "世界 😀 tmux" in screen(), "what was typed")
        tmux("send-keys", "-t", "pane", "Enter")
        until(lambda: "你说：你好，世界 😀 tmux" in screen(), "the answer")
        tmux("resize-window", "-t", "pane", "-x", "120", "-y", "40")
        until(lambda: max(map(len, screen().splitlines())) > 90, "a wider screen")
        assert "你说：你好，世界 😀 tmux" in screen()
        tmux("send-keys", "-t", "pane", "C-q")
        until(lambda: not programs(house), "the end of the program")
    finally:
        subprocess.run([*server, "kill-server"], capture_output=True, check=False)
    assert "ssh" not in admin(house.service, "token", "list", "wei"), "no token is left behind"
