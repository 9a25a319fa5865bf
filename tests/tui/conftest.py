"""What the terminal client's tests share: the way to run it as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.faultproxy import FaultProxy
from tests.service import RunningService
from tests.tui.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(service: RunningService) -> Iterator[Start]:
    """Starts `aichat-tui ...` with pipes; whatever still runs at the end is killed."""
    children: list[subprocess.Popen[bytes]] = []

    def start_it(*args: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        child = subprocess.Popen(
            [sys.executable, "-m", "aichat_tui", *args],
            env={**service.environment(), **(env or {})},
            stdin=pipe, stdout=pipe, stderr=pipe,
        )  # fmt: skip
        children.append(child)
        return child

    yield start_it
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def run(start: Start) -> Run:
    """Runs `aichat-tui ...` to its end."""

    def run_it(
        *args: str, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        child = start(*args, env=env)
        out, err = child.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(args, child.returncode, out, err)

    return run_it


@pytest.fixture
def proxy(service: RunningService) -> Iterator[FaultProxy]:
    """A line to the service that can be cut."""
    line = FaultProxy(service.port)
    yield line
    line.close()


@pytest.fixture
def open_terminal(service: RunningService) -> Iterator[Callable[..., Terminal]]:
    """Starts the app under a pty; each must end with status 0."""
    opened: list[Terminal] = []

    def open_it(*args: str, service: RunningService = service, **more: int) -> Terminal:
        opened.append(Terminal(*args, env=service.environment(), **more))
        return opened[-1]

    yield open_it
    assert [terminal.end() for terminal in opened] == [0] * len(opened)
