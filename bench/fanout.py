"""One live conversation and its watchers: CPU of the service for each watcher and frame, and for each delta.

Both figures are slopes, (CPU with many - CPU with one) / (frames or deltas of many - of one): what asks the upstream,
folds and stores is there once and drops out. Where many watch, several deltas travel in one frame, and what counts is
the figure per delta. Beside them the floor of a frame: `socket.send` in a bare loop of this interpreter, to as many
sockets that a process reads, the same bytes in the same steps; almost all of it is the kernel's."""

from __future__ import annotations

import json
import multiprocessing
import selectors
import socket
import sys
import time
from typing import Any

from harness import Client, Used, service, upstream

FRAME = b"\x81\x7e\x01\x28" + b"x" * 296
STEP_SECONDS = 0.025


def measure(quick: bool) -> dict[str, Any]:
    """-> {"us_per_frame", "us_per_delta": slopes at the most, "floor_us": of one send, "rows": by watchers}"""
    rows = []
    counts = (1, 100, 1000) if quick else (1, 10, 100, 300, 1000)
    with upstream() as (_, port), service(port) as running:
        for count in counts:
            with Client("watch", running.port, count, persona=running.persona, n=100, gap=10, timeout=180) as client:
                client.ask("chat")  # warm
                with Used(running.tree) as used:
                    got = client.ask("chat")
                    time.sleep(0.3)
            row = {"watchers": count, "frames": got["frames"], "us": used.us}
            row |= {"delay_p50_ms": got["delay"]["p50"] / 1000, "delay_p99_ms": got["delay"]["p99"] / 1000}
            if rows:
                more = used.us - rows[0]["us"]
                row["us_per_frame"] = more / (got["frames"] - rows[0]["frames"])
                row["us_per_delta"] = more / (count - 1) / 100
            rows.append(row)
    most = rows[-1]
    return {
        "us_per_frame": most["us_per_frame"],
        "us_per_delta": most["us_per_delta"],
        "floor_us": floor(counts[-1]),
        "rows": rows,
    }


def floor(count: int, steps: int = 40) -> float:
    """CPU µs of one `send` of a frame, to `count` sockets in turn every STEP_SECONDS."""
    with socket.create_server(("127.0.0.1", 0), backlog=count) as server:
        reader = multiprocessing.get_context("fork").Process(target=_read, args=(server.getsockname(), count))
        reader.start()
        sockets = [server.accept()[0] for _ in range(count)]
    for each in sockets:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        each.setblocking(False)
    used = 0.0
    for _ in range(steps):
        due = time.monotonic() + STEP_SECONDS
        began = time.process_time()
        for each in sockets:
            each.send(FRAME)
        used += time.process_time() - began
        time.sleep(max(0.0, due - time.monotonic()))
    for each in sockets:
        each.close()
    reader.join()
    return used / steps / count * 1e6


def _read(address: tuple[str, int], count: int) -> None:
    """Everything that comes, on so many sockets."""
    with selectors.DefaultSelector() as waiting:
        for _ in range(count):
            waiting.register(socket.create_connection(address), selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                if not key.fileobj.recv(65_536):  # type: ignore[union-attr]
                    waiting.unregister(key.fileobj)


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv), indent=1))
