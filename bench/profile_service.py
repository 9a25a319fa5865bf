"""Where the service's CPU goes: `bench/profile_service.py [--watch] [K] [N] [--gap 10] [--keep FILE]`.

K conversations of N deltas, or with --watch one of N deltas that K connections watch. Runs without a profiler give µs
per delta (per frame and watcher), others with shorter answers split that into what a turn costs and what a delta
costs. Then py-spy says on which part of the way and in which room the interpreter is (C and the standard library
count for the line that calls them), and perf, where there is one, which library, how much of it is the kernel and how
much the garbage collector. Shares are of the CPU of the run without a profiler.
Short answers (200 1) show what a turn costs, long ones (50 1000) what a delta costs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

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
]


PLACES = [
    ("_commit_group", "store: in the writer's thread"),
    ("_snapshot (aichat/store", "store: in a reader's thread"),
    ("threadpool.py", "threads: to and fro"),
    ("_threads/", "threads: to and fro"),
    ("_group_done", "store: results back"),
    ("LimitedRequest.process", "hop: its server half (klein, app), begin of a turn"),
    ("_try (aichat/bridge/providers/openai", "upstream: the request (agent, provider)"),
    ("Providers.", "bridge: registry"),
    ("BridgeClient.", "hop: its client half (treq)"),
    ("_Reading.feed", "hop: the client reads deltas"),
    ("Answer.feed", "upstream: SSE and JSON of its deltas"),
    ("_Stream", "hop: the server writes deltas"),
    ("_Side._deliver", "hop: HTTP of both ends"),
    ("_Body.dataReceived", "body reader"),
    ("HTTP11ClientProtocol", "upstream: HTTP client"),
    ("HTTPClientParser", "upstream: HTTP client"),
    ("HostnameEndpoint", "upstream: connecting"),
    ("_resolver.py", "upstream: connecting"),
    ("doConnect", "upstream: connecting"),
    ("Turns.", "chat: turns"),
    ("Generation", "chat: turns"),
    ("Line.", "chat: line"),
    ("Hub.", "chat: hub"),
    ("Outbox", "doors: outbox"),
    ("WebSocketProtocol", "doors: websocket (Autobahn)"),
    ("AutobahnSocket", "doors: websocket"),
    ("Connection (aichat", "doors: connection"),
    ("direct_writer", "sockets: writing"),
    ("doRead (twisted/internet/tcp", "sockets: reading"),
    ("doWrite (twisted", "sockets: writing"),
    ("_doReadOrWrite", "reactor: what sockets want"),
    ("doPoll", "reactor: epoll"),
    ("runUntilCurrent", "reactor: timers"),
]
"""On the way of a message; the innermost one counts."""

IDLE = ("wait (threading.py", "_worker (concurrent")


def innermost(stack: list[str], known: list[tuple[str, str]]) -> str:
    """What the innermost frame that is known stands for."""
    for frame in reversed(stack):
        for part, what in known:
            if part in frame:
                return what
    return "elsewhere"


class Load:
    """K conversations of N deltas, or K watchers of one, as often as they are asked for; connections stay open."""

    def __init__(self, running: Service, tokens: Path | None, count: int, length: int, gap: int) -> None:
        self.running, self.count, self.length, self.watch = running, count, length, tokens is None
        options = {"n": length, "gap": gap, "persona": running.persona, "timeout": 300}
        if tokens is not None:
            options["tokens"] = tokens
        self.client = Client("watch" if self.watch else "aichat", running.port, count, **options)

    def run(self) -> tuple[float, dict[str, Any]]:
        """-> (µs CPU, the client's report)."""
        with Used(self.running.tree) as used:
            report = self.client.ask("chat" if self.watch else "go")
            time.sleep(0.5)
        return used.us, report

    def pieces(self, report: dict[str, Any]) -> int:
        """What a figure is of: a delta, or a frame to a watcher."""
        return int(report["frames"] if self.watch else report["deltas"])

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
    print(f"\n{title} ({total} samples)\n{'µs each':>9} {'share':>6}")
    for name, n in parts.most_common(most):
        print(f"{us * n / total:9.1f} {100 * n / total:5.1f}%  {name}")


def by_room(load: Load, us: float, keep: Path) -> Counter[str]:
    """-> samples by place on the way."""
    program = shutil.which("py-spy") or VENVS / "aichat/bin/py-spy"
    pid = str(load.running.tree.child.pid)
    load.sampled([program, "record", "--pid", pid, "--rate", "400", "--format", "raw", "--output", keep])
    places: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in keep.read_text().splitlines():
        stack, _, number = line.rpartition(" ")
        frames = stack.split(";")
        if any(word in frames[-1] for word in IDLE):
            continue  # a thread that waits is not always seen as one
        places[innermost(frames, PLACES)] += int(number)
        rooms[innermost(frames, ROOMS)] += int(number)
        lines[frames[-1]] += int(number)
        for frame in set(frames):
            if "aichat/" in frame:
                whole[re.sub(r":\d+\)", ")", frame)] += int(number)
    table("By place on the way", places, us, 40)
    table("By room", rooms, us)
    table("By line, itself", lines, us, 40)
    total = sum(rooms.values())
    print("\nOur functions, with all that they call\n  µs each  share")
    for frame, n in whole.most_common(40):
        print(f"{us * n / total:9.1f} {100 * n / total:5.1f}%  {frame}")
    return places


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


def measure(quick: bool) -> dict[str, Any] | None:
    """-> {"us": CPU per delta, "places": samples by place on the way, ...}; None where py-spy may not look."""
    count, length = (50, 100) if quick else (200, 200)
    with tempfile.TemporaryDirectory() as folder, upstream() as (_, port), service(port) as running:
        load = Load(running, running.invite(count), count, length, 10)
        load.run()  # warm
        before = running.tree.system_share()
        used, report = load.run()
        user, kernel = (b - a for a, b in zip(before, running.tree.system_share(), strict=True))
        us = used / load.pieces(report)
        places: Counter[str] = Counter()
        with redirect_stdout(StringIO()), suppress(FileNotFoundError):  # no stacks: it was not let look
            places = by_room(load, us, Path(folder) / "stacks.txt")
        load.client.close()
    shape = {"count": count, "length": length, "us": us, "kernel_share": kernel / max(user + kernel, 0.01)}
    return {**shape, "places": dict(places)} if places else None


def main() -> None:
    options = argparse.ArgumentParser(description="Profile the service.")
    options.add_argument("count", nargs="?", type=int, default=200, help="K: conversations, or watchers of one")
    options.add_argument("length", nargs="?", type=int, default=200, help="N: deltas of an answer")
    options.add_argument("--gap", type=int, default=10, help="ms between two deltas; 0 is unpaced")
    options.add_argument("--watch", action="store_true", help="one conversation, K watchers")
    options.add_argument("--keep", type=Path, help="where to leave the stacks, one a line, as flamegraphs want them")
    args = options.parse_args()
    shape = args.count, args.length, args.gap
    with tempfile.TemporaryDirectory() as folder, upstream() as (_, port), service(port) as running:
        tokens = None if args.watch else running.invite(args.count)
        shorter = Load(running, tokens, args.count, 20, args.gap)
        shorter.run()  # warm
        short = min(shorter.run()[0] for _ in range(3))
        shorter.client.close()
        load = Load(running, tokens, *shape)
        before = running.tree.system_share()
        long, report = min((load.run() for _ in range(2)), key=lambda run: run[0])
        user, system = (b - a for a, b in zip(before, running.tree.system_share(), strict=True))
        us = long / load.pieces(report)
        of = "frame to a watcher" if args.watch else "delta"
        print(f"K={args.count} N={args.length} gap={args.gap}: {us:.1f} µs CPU per {of}, ", end="")
        print(f"{100 * system / (user + system):.0f} % of it in the kernel")
        if args.length > 40 and not args.watch:
            each = (long - short) / (args.count * (args.length - 20))
            print(f"of it {each:.1f} per delta as such and {(short / args.count - each * 20) / 1000:.2f} ms per turn")
        print(f"client: {report}")
        by_room(load, us, args.keep or Path(folder) / "stacks.txt")
        by_library(load, us)
        load.client.close()


if __name__ == "__main__":
    main()
