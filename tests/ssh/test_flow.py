"""Who does not read holds up the one who writes, in both directions, and no text piles up in the service.

The door runs in this process, so that its memory can be looked at; the program behind it only writes, or only sleeps.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from aichat.chat import administration as verbs
from aichat.doors.ssh import SSHDoor
from tests.ends import Server

MB = 1_048_576

WRITES = """
import os
folder = FOLDER
open(folder + "/began", "w").close()
for n in range(300):
    os.write(FD, b"x" * 1048576)
    open(f"{folder}/wrote.{n}", "w").close()
open(folder + "/over", "w").close()
"""

SLEEPS = """
import os, signal, tty
if os.isatty(0):
    tty.setraw(0)
open(FOLDER + "/began", "w").close()
signal.pause()
"""


def resident() -> int:
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def until(path: Path) -> None:
    for _ in range(2_000):
        if path.exists():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError(f"waited for {path.name}")


class Line:
    """An SSH client at a door whose programs are a script."""

    def __init__(self, door: SSHDoor, port: int, folder: Path) -> None:
        self.door, self.port, self.folder = door, port, folder
        self.clients: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        command = [
            "ssh", "-F", "none", "-i", str(self.folder / "key"), "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder}/known", "-p", str(self.port),
            *options, "you@127.0.0.1", "list",
        ]  # fmt: skip
        pipe = subprocess.PIPE
        self.clients.append(subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe))
        return self.clients[-1]

    def program(self, text: str) -> None:
        """What is to run in place of `aichat-tui`."""
        (self.folder / "aichat_tui/__main__.py").write_text(text.replace("FOLDER", repr(str(self.folder))))


@pytest_twisted.async_yield_fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    (tmp_path / "aichat_tui").mkdir()
    (tmp_path / "aichat_tui/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = await Server(tmp_path, trust_local=False).open()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    line = (tmp_path / "key.pub").read_text()
    await server.administration.do(verbs.KeyAdd(user="owner", line=line))
    door = SSHDoor(reactor, server.accounts, tmp_path)
    door.open()
    port = reactor.listenTCP(0, door, interface="127.0.0.1")  # type: ignore[attr-defined]
    running = Line(door, port.getHost().port, tmp_path)
    yield running
    for client in running.clients:
        client.kill()
        client.communicate()
    await port.stopListening()
    await door.close()
    assert door.children == 0
    await server.close()


@pytest.mark.parametrize(("descriptor", "options"), [(1, ()), (2, ()), (1, ("-tt",))])
@pytest_twisted.ensureDeferred
async def test_a_reader_who_does_not_read(line: Line, descriptor: int, options: tuple[str, ...]) -> None:
    line.program(WRITES.replace("FD", str(descriptor)))
    line.start(*options)
    await until(line.folder / "began")
    before, wrote, still = resident(), -1, 0
    while still < 50:  # until it has not got on for half a second
        await deferLater(reactor, 0.01)
        now = len(list(line.folder.glob("wrote.*")))
        wrote, still = now, still + 1 if now == wrote else 0
    assert not (line.folder / "over").exists()
    assert wrote < 32, "the windows hold a few MB, the program waits"
    assert resident() - before < 16 * MB


@pytest.mark.parametrize("options", [(), ("-tt",)])
@pytest_twisted.ensureDeferred
async def test_a_program_that_does_not_read(line: Line, options: tuple[str, ...]) -> None:
    line.program(SLEEPS)
    client = line.start(*options)
    assert client.stdin is not None
    os.set_blocking(client.stdin.fileno(), False)
    await until(line.folder / "began")
    before, sent, still = resident(), 0, 0
    while still < 50 and sent < 64 * MB:
        try:
            sent += os.write(client.stdin.fileno(), b"x" * 65_536)
            still = 0
        except BlockingIOError:
            still += 1
        await deferLater(reactor, 0.01)
    assert still == 50, "everything was taken"
    assert sent < 4 * MB
    assert resident() - before < 8 * MB
