"""Starts what is measured, and measures it: process trees, their CPU and memory, the compiled upstream and client.

CPU      the CPU clock of each process of the tree (ns; all its threads, those that ended too)
memory   Pss of the tree from smaps_rollup (shared pages count in parts), and RSS
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
ROOT = BENCH.parent
sys.path.insert(0, str(ROOT))

from tests.soak.people import add_members  # noqa: E402

VENVS = BENCH / ".venvs"
BUILD = BENCH / ".build"
DATA = BENCH / ".data"

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

NO_LIMITS = {
    "AICHAT_GENERATIONS_MOST": "100000",
    "AICHAT_GENERATIONS_PER_USER": "100000",
    "AICHAT_TITLES": "words",
    "AICHAT_CONNECTIONS_MOST": "0",
    "AICHAT_CONNECTIONS_PER_USER": "0",
    "AICHAT_FRAMES_PER_SECOND": "0",
    "AICHAT_MESSAGES_PER_MINUTE": "0",
}


def build() -> None:
    """Compile the upstream and the client where they changed."""
    BUILD.mkdir(exist_ok=True)
    for name in ("upstream", "client"):
        source, binary = BENCH / f"{name}.c", BUILD / name
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", binary, source], check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Without settings and keys of whoever measures."""
    return {k: v for k, v in os.environ.items() if not k.startswith("AICHAT_") and not k.endswith("_API_KEY")}


class Tree:
    """A process and all that it started. `pin` is the core it may use."""

    def __init__(
        self, args: Sequence[str | Path], env: Mapping[str, str] | None = None, pin: int | None = None
    ) -> None:
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        under = [] if pin is None else ["taskset", "-c", str(pin)]
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            [*under, *map(str, args)],
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )

    @property
    def text(self) -> str:
        """What it printed."""
        self.log.flush()
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait_for(self, pattern: str, seconds: float = 120) -> None:
        """Until it prints a line that matches."""
        self._until(lambda: re.search(pattern, self.text, re.MULTILINE) is not None, pattern, seconds)

    def wait_for_port(self, port: int, path: str = "", seconds: float = 180) -> None:
        """Until it answers there."""

        def answers() -> bool:
            try:
                if path:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
                else:
                    socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
            return True

        self._until(answers, f"port {port}", seconds)

    def _until(self, holds: Any, what: str, seconds: float) -> None:
        while not holds():
            if self.child.poll() is not None:
                raise RuntimeError(f"ended with {self.child.returncode} before {what}:\n{self.text[-3000:]}")
            if time.monotonic() > self.began + seconds:
                raise RuntimeError(f"no {what} within {seconds} s:\n{self.text[-3000:]}")
            time.sleep(0.005)

    def pids(self) -> list[int]:
        """Of the tree, its root first."""
        found = [self.child.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found.extend(map(int, children.read_text().split()))
        return found

    def cpu_us(self) -> float:
        """CPU used so far by all processes of the tree that live."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids()) * 1e6

    def system_share(self) -> tuple[float, float]:
        """(user, system) seconds so far, in ticks of 10 ms."""
        ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        hertz = os.sysconf("SC_CLK_TCK")
        return sum(int(t[11]) for t in ticks) / hertz, sum(int(t[12]) for t in ticks) / hertz

    def memory_kb(self) -> dict[str, int]:
        """{"pss": ..., "rss": ...}"""
        sizes = {"pss": 0, "rss": 0}
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            for name in sizes:
                sizes[name] += int(re.search(rf"^{name}:\s+(\d+)", text, re.I | re.M)[1])  # type: ignore[index]
        return sizes

    def end(self) -> None:
        """SIGTERM to its root, and SIGKILL to whatever of the tree is left after 15 s."""
        pids = self.pids()
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                self.child.wait()
        self.log.close()


class Client:
    """The compiled client; see client.c for its kinds, options and what it reports."""

    def __init__(self, kind: str, port: int, count: int, pin: int | None = None, **options: Any) -> None:
        under = [] if pin is None else ["taskset", "-c", str(pin)]
        self.child = subprocess.Popen(
            [*under, BUILD / "client", kind, str(port), str(count), *(f"{k}={v}" for k, v in options.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            self.ready = self.hear()
        except BaseException:
            self.close()
            raise

    def ask(self, command: str) -> dict[str, Any]:
        """One command -> its report."""
        self.tell(command)
        return self.hear()

    def tell(self, command: str) -> None:
        """One command; `hear` waits for its report."""
        assert self.child.stdin is not None
        self.child.stdin.write(command + "\n")

    def hear(self) -> dict[str, Any]:
        """The next report. Errors: RuntimeError if the client found something wrong."""
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"the client ended with {self.child.wait()}: its result was wrong, see above")
        report: dict[str, Any] = json.loads(line)
        return report

    def close(self) -> None:
        """Hang up everywhere."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def upstream(pin: int | None = None) -> Iterator[tuple[Tree, int]]:
    """The compiled upstream -> (tree, port)."""
    build()
    port = free_port()
    tree = Tree([BUILD / "upstream", str(port)], pin=pin)
    try:
        tree.wait_for_port(port)
        yield tree, port
    finally:
        tree.end()


class Service:
    """`twist aichat` as a user runs it, on its own state folder, with the limits on a user's haste off."""

    def __init__(
        self,
        folder: Path,
        upstream_port: int,
        *,
        env: Mapping[str, str] | None = None,
        pin: int | None = None,
        under: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.port, self.bridge_port = free_port(), free_port()
        self.args = [
            *under,
            str(Path(sys.executable).with_name("twist")),
            "--log-format=text",
            "aichat",
            f"--state-dir={folder}",
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--bridge-listen=tcp:{self.bridge_port}:interface=127.0.0.1",
            f"--upstream-url=http://127.0.0.1:{upstream_port}/v1",
            "--upstream-model=fake-1",
        ]
        self.env, self.pin = {**NO_LIMITS, **(env or {})}, pin
        self.start()

    def start(self) -> None:
        """Start, and wait for `ready`."""
        self.tree = Tree(self.args, self.env, self.pin)
        self.tree.wait_for(r"\bready$")

    def stop(self) -> None:
        """End it; what it logged as an error fails the run."""
        text = self.tree.text
        self.tree.end()
        if re.search(r"#(error|critical)\]|Traceback|Unhandled", text):
            raise RuntimeError("the service logged errors:\n" + text[-4000:])

    @property
    def database(self) -> Path:
        return self.folder / "chat.db"

    @property
    def persona(self) -> str:
        """One that everybody may chat with."""
        with closing(sqlite3.connect(self.database)) as db:
            return str(db.execute("SELECT id FROM personas WHERE user_id = 1 ORDER BY id LIMIT 1").fetchone()[0])

    def invite(self, count: int) -> Path:
        """So many users, each with a token, and a persona shared with them -> a file of a token a line.

        The service is stopped for it and started again.
        """
        self.stop()
        tokens = add_members(self.database, count, self.persona)
        file = self.folder / "tokens.txt"
        file.write_text("\n".join(tokens) + "\n")
        self.start()
        return file


@contextmanager
def service(upstream_port: int, **more: Any) -> Iterator[Service]:
    """The service on a new state folder."""
    with tempfile.TemporaryDirectory(prefix="aichat-bench-") as folder:
        running = Service(Path(folder), upstream_port, **more)
        try:
            yield running
        finally:
            if running.tree.child.poll() is None:
                running.stop()


class Used:
    """CPU of a tree between two moments: `with Used(tree) as used: ...; used.us`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.us = 0.0

    def __enter__(self) -> Used:
        self.before = self.tree.cpu_us()
        return self

    def __exit__(self, *_: object) -> None:
        self.us = self.tree.cpu_us() - self.before


def output(*args: str | Path) -> str:
    """What a program says of itself."""
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def versions() -> str:
    """Of what is compared and of what it stands on."""
    wanted = {
        "aichat": "twisted autobahn treq msgspec",
        "peers": "aiohttp fastapi httpx uvicorn",
        "litellm": "litellm",
    }
    found = []
    for venv, names in wanted.items():
        code = (
            "import sys; from importlib.metadata import version; print(*(f'{n} {version(n)}' for n in sys.argv[1:]))"
        )
        found.append(output(VENVS / venv / "bin/python", "-c", code, *names.split()))
    nginx = re.search(r"nginx/([\d.]+)", output("/usr/sbin/nginx", "-v"))
    sqlite = f"SQLite {sqlite3.sqlite_version}"
    return ", ".join([*found, f"nginx {nginx[1] if nginx else '?'}", sqlite])


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": model[1] if model else "unknown",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "kernel": os.uname().release,
        "python": sys.version.split()[0],
        "commit": output("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "versions": versions(),
    }
