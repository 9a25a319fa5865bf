"""A long run: `bench/long.py [MINUTES=30] [K=200]`. Conversations start and end all the time, K at once; half of the
clients hang up after each round and come back. Each minute a line: RSS, descriptors, threads, timers, CPU. A turn
that hangs ends the run: its client waits 60 s for it. At the end nothing may be left that was not there before:
answers that run, connections, descriptors, timers; and after the warm-up (a third of the time) RSS stays where it is.
The last run's figures stand in bench/.data/long.json, for `report`.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from harness import DATA, Client, Service, machine, service, upstream

MOST_KB = 1024
"""That RSS may grow in 10 minutes."""
SETTLE = 30.0
"""Seconds in which what is over has to be gone."""
KEPT = ("descriptors", "threads", "timers", "generations", "connections")

Row = dict[str, float]


def look(running: Service, began: float, turns: int) -> Row:
    """What there is now."""
    pid = running.tree.child.pid
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    numbers = {name: float(value) for name, value in re.findall(r"^(aichat_\w+\S*) ([\d.e+]+)$", text, re.MULTILINE)}
    return {
        "minute": round((time.monotonic() - began) / 60, 2),
        "rss_kb": running.tree.memory_kb()["rss"],
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "timers": numbers["aichat_timers"],
        "generations": numbers["aichat_generations_running"] + numbers["aichat_generations_waiting"],
        "connections": sum(value for name, value in numbers.items() if name.startswith("aichat_connections{")),
        "cpu_s": round(running.tree.cpu_us() / 1e6, 1),
        "turns": turns,
    }


def settled(running: Service, began: float, turns: int, start: Row | None = None) -> Row:
    """What there is when no client is there and no more goes: nothing over `start`, or no less than 2 s before."""
    ends = time.monotonic() + SETTLE
    row = look(running, began, turns)
    while left(start or {**row, "generations": 0, "connections": 0}, row) and time.monotonic() < ends:
        time.sleep(0.5)
        row = look(running, began, turns)
    while start is None and time.monotonic() < ends:
        time.sleep(2)
        before, row = row, look(running, began, turns)
        if not left(row, before):
            break
    return row


def left(start: Row, end: Row) -> list[str]:
    """What is there at the end and was not before, in words."""
    return [f"{end[name] - start[name]:.0f} {name}" for name in KEPT if end[name] > start[name]]


def slope(rows: list[Row]) -> float:
    """KB per 10 minutes, by least squares."""
    x, y = [row["minute"] for row in rows], [row["rss_kb"] for row in rows]
    middle, mean = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - middle) ** 2 for a in x)
    return 10 * sum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0


def live(running: Service, minutes: float, count: int) -> dict[str, Any]:
    """All of the run -> its result."""
    rows: list[Row] = []
    turns, half = 0, count // 2
    tokens = running.invite(count)
    options: dict[str, Any] = {"persona": running.persona, "tokens": tokens, "n": 200, "gap": 10, "timeout": 60}
    options["spread"] = 2000
    began = time.monotonic()
    with Client("aichat", running.port, count, **options) as first:  # threads and readers come with their first work
        turns += first.ask("go")["conversations"]
    start = settled(running, began, turns)
    staying = Client("aichat", running.port, half, **options)
    while (now := time.monotonic()) < began + minutes * 60:
        with Client("aichat", running.port, count - half, **options) as coming:
            for client in (staying, coming):
                client.tell("go")
            for client in (staying, coming):
                turns += client.hear()["conversations"]
        if not rows or now > began + 60 * len(rows) * min(1.0, minutes / 30):
            rows.append(look(running, began, turns))
            print(json.dumps(rows[-1]), flush=True)
    staying.close()
    end = settled(running, began, turns, start)
    return {
        "date": machine()["date"],
        "commit": machine()["commit"],
        "minutes": minutes,
        "count": count,
        "kb_per_10_minutes": round(slope(rows[len(rows) // 3 :]), 1),
        "left": left(start, end),
        "start": start,
        "end": end,
        "rows": rows,
    }


def main(minutes: float, count: int) -> int:
    with upstream() as (_, port), service(port) as running:
        result = live(running, minutes, count)
    DATA.mkdir(exist_ok=True)
    (DATA / "long.json").write_text(json.dumps(result, indent=1))
    grown = result["kb_per_10_minutes"]
    print(f"{result['end']['turns']:,} turns, none hung; RSS {grown:+.0f} KB per 10 minutes after the warm-up")
    print(f"before: {result['start']}\nafter:  {result['end']}")
    wrong = result["left"] + ([f"RSS grows by {grown:.0f} KB in 10 minutes"] if grown > MOST_KB else [])
    if wrong:
        print("NOT as it should be: " + ", ".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    given = [*sys.argv[1:], *("30", "200")[len(sys.argv) - 1 :]]
    sys.exit(main(float(given[0]), int(given[1])))
