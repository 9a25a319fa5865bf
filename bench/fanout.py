"""One live conversation and its watchers: CPU of the service for each watcher and frame.

The figure is a slope, (CPU with many - CPU with one) / (frames of many - frames of one): what asks the upstream,
folds and stores is there once and drops out. Per delta it is less where several travel in one frame."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from harness import Client, Used, service, upstream


def measure(quick: bool) -> dict[str, Any]:
    """-> {"us_per_frame": slope at the most, "rows": one for each number of watchers}"""
    rows = []
    with upstream() as (_, port), service(port) as running:
        for count in (1, 100, 1000) if quick else (1, 10, 100, 300, 1000):
            with Client("watch", running.port, count, persona=running.persona, n=100, gap=10, timeout=180) as client:
                client.ask("chat")  # warm
                with Used(running.tree) as used:
                    got = client.ask("chat")
                    time.sleep(0.3)
            row = {"watchers": count, "frames": got["frames"], "us": used.us}
            row |= {"delay_p99_ms": got["delay"]["p99"] / 1000}
            if rows:
                more = used.us - rows[0]["us"]
                row["us_per_frame"] = more / (got["frames"] - rows[0]["frames"])
                row["us_per_delta"] = more / (count - 1) / 100
            rows.append(row)
    return {"us_per_frame": rows[-1]["us_per_frame"], "us_per_delta": rows[-1]["us_per_delta"], "rows": rows}


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
