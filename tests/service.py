"""Starts the real service, and what it needs, as processes for tests; every one is ended again by its id.

    with running_service() as service: ...        the service over the fake upstream, on free loopback ports
    service.kill(); service.start()               kill -9, and again on the same database and ports

Fixtures `service` (one for the whole run) and `fresh_service` (one for a test) are in conftest.py.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

ROOT = Path(__file__).parent.parent
DEADLINE = 60.0
PASSWORD = "correct horse 电池"
"""Of every user that a test makes."""


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A child process whose output is read by line."""

    def __init__(self, args: list[str], env: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._waiting: Queue[str | None] = Queue()
        self.child = subprocess.Popen(
            args,
            cwd=ROOT,
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))
            self._waiting.put(self.lines[-1])
        self._waiting.put(None)

    def wait_for(self, pattern: str, timeout: float = DEADLINE) -> re.Match[str]:
        """Read on to a line that matches."""
        while True:
            try:
                line = self._waiting.get(timeout=timeout)
            except Empty:
                raise AssertionError(
                    f"no line {pattern!r} within {timeout} s in:\n" + "\n".join(self.lines)
                ) from None
            if line is None:
                raise AssertionError(f"ended with {self.child.wait()} before {pattern!r}:\n" + "\n".join(self.lines))
            if match := re.search(pattern, line):
                return match

    def end(self, sig: int = signal.SIGTERM, timeout: float = 20.0) -> int:
        """End it -> its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(sig)
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError("did not stop in time:\n" + "\n".join(self.lines[-30:])) from None
        self._reader.join(5)
        return code


def clean_environment() -> dict[str, str]:
    """The environment without settings and keys of whoever runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AICHAT_") and not k.endswith("_API_KEY")}
    if "AICHAT_MODELS_DIR" in os.environ:
        kept["AICHAT_MODELS_DIR"] = os.environ["AICHAT_MODELS_DIR"]
    return kept | {"PYTHONUNBUFFERED": "1"}


class Upstream:
    """The fake upstream."""

    def __init__(self) -> None:
        self.process = Process([sys.executable, "-m", "tests.upstream"])
        self.process.wait_for(r"port")
        self.port = int(json.loads(self.process.lines[-1])["port"])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def requests(self) -> list[dict[str, Any]]:
        """What was asked of it so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/requests", timeout=5) as answer:
            seen: list[dict[str, Any]] = json.load(answer)
            return seen

    def load(self) -> dict[str, int]:
        """How many requests it has `now`, and had at `most` at once."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/load", timeout=5) as answer:
            load: dict[str, int] = json.load(answer)
            return load

    def end(self) -> None:
        self.process.end()


WITHOUT_LIMITS = {
    "AICHAT_CONNECTIONS_PER_USER": "0",
    "AICHAT_FRAMES_PER_SECOND": "0",
    "AICHAT_MESSAGES_PER_MINUTE": "0",
    "AICHAT_TITLES": "words",
}
"""Tests are one user in a hurry; those of the limits say which they want."""


class RunningService:
    """`twist aichat` over an upstream, with its own state folder; `under` is what starts it: prlimit ..."""

    def __init__(
        self,
        state_dir: Path,
        upstream_url: str,
        *args: str,
        env: dict[str, str] | None = None,
        twist: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> None:
        self.state_dir = state_dir
        self.port, self.bridge_port = free_port(), free_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self.http = f"http://127.0.0.1:{self.port}"
        self.bridge = f"http://127.0.0.1:{self.bridge_port}"
        self.args = [
            *under,
            str(Path(sys.executable).with_name("twist")),
            "--log-format=text",
            *twist,
            "aichat",
            f"--state-dir={state_dir}",
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--bridge-listen=tcp:{self.bridge_port}:interface=127.0.0.1",
            *([f"--upstream-url={upstream_url}", "--upstream-model=fake-1"] if upstream_url else []),
            *args,
        ]
        self.env = {**WITHOUT_LIMITS, **(env or {})}
        self.process: Process
        self.start()

    def start(self) -> None:
        """Start, and wait for `ready`."""
        self.process = Process(self.args, self.env)
        self.process.wait_for(r"\bready(?:$|\",\"fields)")

    def kill(self) -> None:
        """kill -9."""
        self.process.end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM -> the exit code."""
        return self.process.end()

    @property
    def log(self) -> list[str]:
        """The lines logged since the last start."""
        return self.process.lines

    @property
    def token(self) -> str:
        """The owner's token."""
        return (self.state_dir / "owner.token").read_text().strip()

    def environment(self) -> dict[str, str]:
        """What a client process needs to find it."""
        return {**clean_environment(), "AICHAT_URL": self.url, "AICHAT_STATE_DIR": str(self.state_dir)}

    def check_log(self, expected: str = r"$^") -> None:
        """A logged error that nobody expected is a failure; `expected` is a pattern of lines."""
        bad = [line for line in self.log if re.search(r"#(error|critical)\]|Traceback|Unhandled", line)]
        bad = [line for line in bad if not re.search(expected, line)]
        assert not bad, "the service logged errors:\n" + "\n".join(self.log[-60:])


@contextmanager
def running_service(
    *args: str, upstream: Upstream | None = None, expected: str = r"$^", state_dir: Path | None = None, **more: Any
) -> Iterator[RunningService]:
    """A service over the fake upstream, ended and its log checked at the end but for `expected` lines."""
    own = upstream or Upstream()
    with tempfile.TemporaryDirectory(prefix="aichat-test-") as folder:
        service = None
        try:
            service = RunningService(state_dir or Path(folder), own.url, *args, **more)
            yield service
        finally:
            if service is not None:
                service.process.end()
            if upstream is None:
                own.end()
        service.check_log(expected)


def admin(service: RunningService | Path, *arguments: str, stdin: str = "", code: int = 0) -> str:
    """`aichat-admin` -> what it prints."""
    folder = service if isinstance(service, Path) else service.state_dir
    command = [str(Path(sys.executable).with_name("aichat-admin")), "--state-dir", str(folder), *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, env=clean_environment(), check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
