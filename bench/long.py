"""A long run: `bench/long.py [MINUTES=30] [K=200]`. Conversations start and end all the time, K at once; half of the
clients hang up after each round and come back. Each minute a line: RSS, descriptors, threads, CPU. At the end the
slope of RSS after the warm-up (a third of the time). A turn that hangs ends the run: its client waits 60 s for it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from harness import DATA, Client, Service, service, upstream


def look(running: Service, began: float, turns: int) -> dict[str, float]:
    pid = running.tree.child.pid
    return {
        "minute": round((time.monotonic() - began) / 60, 2),
        "rss_kb": running.tree.memory_kb()["rss"],
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "cpu_s": round(running.tree.cpu_us() / 1e6, 1),
        "turns": turns,
    }


def slope(rows: list[dict[str, float]]) -> float:
    """KB per 10 minutes, by least squares."""
    x, y = [row["minute"] for row in rows], [row["rss_kb"] for row in rows]
    middle, mean = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - middle) ** 2 for a in x)
    return 10 * sum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0


def main(minutes: float, count: int) -> None:
    rows, turns, began, half = [], 0, time.monotonic(), count // 2
    with upstream() as (_, port), service(port) as running:
        tokens = running.invite(count)
        options = {"persona": running.persona, "tokens": tokens, "n": 200, "gap": 10, "timeout": 60, "spread": 2000}
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
        time.sleep(3)
        end = look(running, began, turns)
    warm = rows[len(rows) // 3 :]
    result = {"kb_per_10_minutes": round(slope(warm), 1), "end": end, "rows": rows}
    DATA.mkdir(exist_ok=True)
    (DATA / "long.json").write_text(json.dumps(result, indent=1))
    print(f"{turns:,} turns, none hung; RSS {slope(warm):+.0f} KB per 10 minutes after the warm-up; at the end {end}")


if __name__ == "__main__":
    given = [*sys.argv[1:], *("30", "200")[len(sys.argv) - 1 :]]
    main(float(given[0]), int(given[1]))
