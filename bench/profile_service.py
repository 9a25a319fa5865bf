"""Where the service's CPU goes while K conversations run: `bench/profile_service.py [K] [N] [gap=10] [--keep FILE]`.

Runs without a profiler give µs per delta, others with shorter answers split that into what a turn costs and what a
delta costs. Then py-spy says which room the interpreter is in (C and the standard library count for the line that
calls them), and perf, where there is one, which library and how much of it is the kernel. Shares are of the CPU of
the run without a profiler. Short answers (200 1) show what a turn costs, long ones (50 1000) what a delta costs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import VENVS, Client, Service, Used, service, upstream

ROOMS = [
    ("aichat/protocol/", "protocol"),
    ("aichat/store/", "store"),
    ("aiosql/", "store: SQL (aiosql and SQLite)"),
    ("twisted/enterprise/", "store: adbapi"),
    ("twisted/python/threadpool", "store: adbapi"),
    ("twisted/_threads/", "store: adbapi"),
    ("aichat/bridge/inprocess", "bridge: in-process hop"),
    ("aichat/bridge/", "bridge"),
    ("aichat/chat/", "chat"),
    ("aichat/doors/", "doors"),
    ("aichat/", "aichat, the rest"),
    ("autobahn/", "autobahn"),
    ("treq/", "treq"),
    ("klein/", "klein"),
    ("werkzeug/", "klein"),
    ("twisted/internet/epollreactor", "twisted: epoll"),
    ("twisted/internet/tcp", "twisted: sockets (recv, send)"),
    ("twisted/internet/abstract", "twisted: sockets (recv, send)"),
    ("untilConcludes (twisted", "twisted: sockets (recv, send)"),
    ("twisted/internet/defer", "twisted: deferreds, timers, reactor"),
    ("twisted/internet/", "twisted: deferreds, timers, reactor"),
    ("twisted/web/", "twisted.web"),
    ("twisted/logger/", "logging"),
    ("twisted/", "twisted, the rest"),
    ("tenacity/", "tenacity"),
]


IDLE = ("wait (threading.py", "_worker (concurrent", "acquire (filelock")


def room_of(stack: list[str]) -> str:
    """The room of the innermost frame that is in one."""
    for frame in reversed(stack):
        for start, room in ROOMS:
            if start in frame:
                return room
    return "Python itself"


class Load:
    """K conversations of N deltas over one service, as often as they are asked for; connections stay open."""

    def __init__(self, running: Service, tokens: Path, count: int, length: int, gap: int) -> None:
        self.running, self.count, self.length = running, count, length
        self.client = Client(
            "aichat", running.port, count, n=length, gap=gap, persona=running.persona, tokens=tokens, timeout=300
        )

    def run(self) -> tuple[float, dict[str, object]]:
        """-> (µs CPU, the client's report)."""
        with Used(self.running.tree) as used:
            report = self.client.ask("go")
            time.sleep(0.5)
        return used.us, report

    def sampled(self, args: list[str | Path]) -> None:
        """Runs under a sampler that stops by SIGINT; more of them where they are short."""
        sampler = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        for _ in range(min(5, 1 + 200 // self.length)):
            self.run()
        sampler.send_signal(2)
        _, errors = sampler.communicate(timeout=120)
        if sampler.returncode not in (0, -2, 130):
            print(f"{args[0]}: {errors.strip()[-300:]}")


def table(title: str, parts: Counter[str], us: float, most: int = 20) -> None:
    total = sum(parts.values())
    print(f"\n{title} ({total} samples)\n{'µs/delta':>9} {'share':>6}")
    for name, n in parts.most_common(most):
        print(f"{us * n / total:9.1f} {100 * n / total:5.1f}%  {name}")


def by_room(load: Load, us: float, keep: Path) -> None:
    program = shutil.which("py-spy") or VENVS / "aichat/bin/py-spy"
    pid = str(load.running.tree.child.pid)
    load.sampled([program, "record", "--pid", pid, "--rate", "400", "--format", "raw", "--output", keep])
    rooms: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in keep.read_text().splitlines():
        stack, _, number = line.rpartition(" ")
        frames = stack.split(";")
        if any(word in frames[-1] for word in IDLE):
            continue  # a thread that waits is not always seen as one
        rooms[room_of(frames)] += int(number)
        lines[frames[-1]] += int(number)
        for frame in set(frames):
            if "aichat/" in frame:
                whole[re.sub(r":\d+\)", ")", frame)] += int(number)
    table("By room (with the library code it calls directly)", rooms, us)
    table("By line, itself", lines, us, 40)
    total = sum(rooms.values())
    print("\nOur functions, with all that they call\n µs/delta  share")
    for frame, n in whole.most_common(40):
        print(f"{us * n / total:9.1f} {100 * n / total:5.1f}%  {frame}")


def by_library(load: Load, us: float) -> None:
    if not shutil.which("perf"):
        print("\nno perf: apt install linux-perf")
        return
    with tempfile.NamedTemporaryFile(suffix=".perf") as file:
        pid = str(load.running.tree.child.pid)
        load.sampled(["perf", "record", "-q", "-F", "499", "-e", "cpu-clock", "-p", pid, "-o", file.name])
        for title, keys, most in (("By library", "dso", 12), ("By symbol", "dso,symbol", 30)):
            text = subprocess.run(
                ["perf", "report", "-i", file.name, "--stdio", "--sort", keys, "-n", "-g", "none"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            parts: Counter[str] = Counter()
            for line in text.splitlines():
                if match := re.match(r"\s+[\d.]+%\s+(\d+)\s+(.*?)[\s-]*$", line):
                    parts[re.sub(r"\s+", " ", match[2])] += int(match[1])
            if parts:
                table(title, parts, us, most)
        collector = sum(n for name, n in parts.items() if re.search(r"gc_collect|visit_\w+|_traverse", name))
        print(f"the cyclic garbage collector: {100 * collector / max(1, parts.total()):.0f} %")


def main() -> None:
    numbers = [int(arg) for arg in sys.argv[1:] if arg.isdigit()]
    gap = next((int(arg[4:]) for arg in sys.argv if arg.startswith("gap=")), 10)
    count, length = (*numbers, *(200, 200)[len(numbers) :])
    with tempfile.TemporaryDirectory() as folder, upstream() as (_, port), service(port) as running:
        keep = Path(sys.argv[sys.argv.index("--keep") + 1]) if "--keep" in sys.argv else Path(folder) / "stacks.txt"
        tokens = running.invite(count)
        shorter = Load(running, tokens, count, 20, gap)
        shorter.run()  # warm
        short = min(shorter.run()[0] for _ in range(3))
        shorter.client.close()
        load = Load(running, tokens, count, length, gap)
        before = running.tree.system_share()
        long, report = min((load.run() for _ in range(2)), key=lambda run: run[0])
        user, system = (b - a for a, b in zip(before, running.tree.system_share(), strict=True))
        us = long / (count * length)
        kernel = 100 * system / (user + system)
        print(f"K={count} N={length} gap={gap}: {us:.1f} µs CPU per delta, {kernel:.0f} % of it in the kernel")
        if length > 40:
            each = (long - short) / (count * (length - 20))
            print(f"of it {each:.1f} per delta as such and {(short / count - each * 20) / 1000:.2f} ms per turn")
        print(f"client: {report}")
        by_room(load, us, keep)
        by_library(load, us)
        load.client.close()


if __name__ == "__main__":
    main()
