"""How many people fit through the SSH door: `bench/ssh.py [--sessions 200] [--seconds 30]`; exit code 1: too slow.

A real service over the fake upstream of the tests; each session is a real OpenSSH client with a terminal of its own,
in which the app is up and connected before anything is measured. Then keys are typed, spread over all sessions, one
every X, service and programs share this machine, and whatever else runs on it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import platform
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from tests.service import RunningService, Upstream, admin, clean_environment, free_port  # noqa: E402

GOAL_MS = 50.0
KEY_SECONDS = 2.0
"""Between two keys of one person: somebody who writes, thinks and reads."""

LETTERS = [chr(code) for code in range(0x100, 0x180)]
"""Typed one after the other, so that each comes back for its own key only."""

_CSI = re.compile(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]")
TICK = os.sysconf("SC_CLK_TCK")


class Figure(NamedTuple):
    """One measured line; `most` 0: no goal, only told."""

    what: str
    value: float
    unit: str
    most: float = 0

    @property
    def line(self) -> str:
        verdict = "" if not self.most else "met" if self.value <= self.most else "MISSED"
        goal = f"<= {self.most:g} {self.unit}" if self.most else ""
        return f"{self.what:<58} {self.value:>9.2f} {self.unit:<6} {goal:<12} {verdict}"


class Person:
    """One OpenSSH client in a terminal of 80 × 24."""

    def __init__(self, command: list[str]) -> None:
        self.seen = b""
        self.waiting: tuple[bytes, float] | None = None
        self.typed = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            env = {**clean_environment(), "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            os.execvpe(command[0], command, env)

    def read(self) -> float | None:
        """Take what came -> milliseconds, if the key that was waited for is there."""
        try:
            data = os.read(self.fd, 65_536)
        except OSError:
            raise AssertionError("a session ended: " + self.seen.decode("utf-8", "replace")[-300:]) from None
        now = time.perf_counter()
        self.seen = (self.seen + data)[-8_192:]
        if self.waiting is None or self.waiting[0] not in _CSI.sub(b"", self.seen):
            return None
        took, self.waiting = (now - self.waiting[1]) * 1_000, None
        return took

    def type(self) -> None:
        """Press a key, unless the last one has not come back."""
        if self.waiting is not None:
            return
        letter = LETTERS[self.typed % len(LETTERS)].encode()
        self.typed += 1
        self.seen = b""
        self.waiting = (letter, time.perf_counter())
        os.write(self.fd, letter)

    def end(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)


def listen(people: list[Person], seconds: float) -> list[float]:
    """Read what comes to anybody for so long -> the times of keys that came back, in ms."""
    poll = select.poll()
    by_fd = {person.fd: person for person in people}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    end, took = time.perf_counter() + seconds, []
    while (left := end - time.perf_counter()) > 0:
        for fd, _ in poll.poll(left * 1_000):
            if (ms := by_fd[fd].read()) is not None:
                took.append(ms)
    return took


def open_all(command: list[str], count: int, at_once: int) -> list[Person]:
    """Open sessions, so many at a time, until the app is up and connected in each."""
    people: list[Person] = []
    ready: set[int] = set()
    while len(ready) < count:
        while len(people) < count and len(people) - len(ready) < at_once:
            people.append(Person(command))
        listen([person for person in people if person.fd not in ready], 0.05)
        ready |= {person.fd for person in people if b"live" in person.seen}
    return people


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid: int) -> tuple[float, float, float]:
    """Resident, proportional and private memory in MB."""
    rows = dict(re.findall(r"^(\w+): +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    private = int(rows["Private_Clean"]) + int(rows["Private_Dirty"])
    return int(rows["Rss"]) / 1_024, int(rows["Pss"]) / 1_024, private / 1_024


def cpu(pids: list[int]) -> float:
    """Seconds of CPU that processes have used."""
    used = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / TICK
    return used


def type_for(people: list[Person], seconds: float) -> list[float]:
    """Everybody types at their pace -> the times in ms."""
    rng = random.Random(1)
    due = [(rng.random() * KEY_SECONDS, person) for person in people]
    start, took = time.perf_counter(), []
    while (now := time.perf_counter() - start) < seconds:
        due.sort(key=lambda entry: entry[0])
        for at, (when, person) in enumerate(due):
            if when > now:
                break
            person.type()
            due[at] = (when + KEY_SECONDS * rng.uniform(0.5, 1.5), person)
        took += listen(people, max(0.001, min(0.02, min(entry[0] for entry in due) - now)))
    return took + listen(people, 1.0)


def measure(service: RunningService, command: list[str], options: argparse.Namespace) -> list[Figure]:
    """Open, look, type."""
    server = service.process.child.pid
    empty = memory(server)
    begun = time.perf_counter()
    people = open_all(command, options.sessions, options.at_once)
    figures = [Figure("all sessions open after", time.perf_counter() - begun, "s")]
    try:
        programs = [program for template in children(server) for program in children(template)]
        print(f"{len(people)} sessions, {len(programs)} processes", flush=True)
        figures.append(Figure("CPU of a program until it is up", cpu(programs) / max(1, len(programs)), "s"))
        listen(people, 2)
        idle = cpu(programs)
        listen(people, 5)
        figures.append(Figure("CPU of all programs while nobody types", (cpu(programs) - idle) / 5 * 100, "%"))
        sizes = [memory(pid) for pid in programs] or [(0.0, 0.0, 0.0)]
        for at, name in enumerate(("resident", "its share of what is shared included", "private")):
            figures.append(Figure(f"memory of a program, {name}", sum(s[at] for s in sizes) / len(sizes), "MB"))
        full = memory(server)
        figures.append(Figure("the service, per session", (full[2] - empty[2]) / len(people), "MB"))
        total = (sum(s[1] for s in sizes) + full[1] - empty[1]) / len(people)
        figures.append(Figure("memory of a session, everything on the server's side", total, "MB"))
        if options.go:  # the machine may be wanted quiet from here on
            print(f"waiting for {options.go}", flush=True)
            while not options.go.exists():
                listen(people, 0.2)
        before, start = (cpu(programs), cpu([server])), time.perf_counter()
        took = sorted(type_for(people, options.seconds))
        spent = time.perf_counter() - start
        busy = (cpu(programs) - before[0]) / spent * 100
        figures.append(Figure("CPU of all programs while they are typed in", busy, "%"))
        figures.append(Figure("CPU of the service meanwhile", (cpu([server]) - before[1]) / spent * 100, "%"))
        figures.append(Figure("keys typed and seen, each second", len(took) / options.seconds, "/s"))
        lost = sum(person.waiting is not None for person in people)
        figures.append(Figure("keys that did not come back in time", lost, "", 0))
        for share in (50, 95, 99):
            goal = GOAL_MS if share == 95 else 0
            figures.append(Figure(f"a key, p{share}", took[min(len(took) - 1, len(took) * share // 100)], "ms", goal))
        figures.append(Figure("a key, the slowest", took[-1], "ms"))
    finally:
        for person in people:
            person.end()
    return figures


def main() -> int:
    """Measure, print -> exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--at-once", type=int, default=4, help="sessions that start at the same time")
    parser.add_argument("--go", type=Path, help="type only once this file is there")
    options = parser.parse_args()
    port, upstream = free_port(), Upstream()
    with tempfile.TemporaryDirectory(prefix="aichat-bench-") as name:
        folder = Path(name)
        env = {"AICHAT_SSH_SESSIONS_MOST": "0", "AICHAT_SSH_SESSIONS_PER_USER": "0"}
        service = RunningService(folder, upstream.url, f"--ssh-listen=tcp:{port}:interface=127.0.0.1", env=env)
        try:
            key = folder / "key"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
            admin(service, "key", "add", "owner", f"{key}.pub")
            command = [
                "ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={folder}/known", "-o", "LogLevel=ERROR", "-p", str(port), "you@127.0.0.1",
            ]  # fmt: skip
            figures = measure(service, command, options)
        finally:
            service.process.end(timeout=60)
            upstream.end()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for figure in figures:
        print(figure.line)
    return 1 if any(figure.most and figure.value > figure.most for figure in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
