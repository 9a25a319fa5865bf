"""Measures the app under a pty against the real service: `python -m tests.tui.measure`.

CPU seconds to the first screen and to `live`; share of a core while an answer streams; opening a conversation of
10,000 messages; resident memory after each.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

from tests.service import RunningService, running_service
from tests.tui.stage import Stage, until
from tests.tui.terminal import Terminal
from tests.tui.world import World

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def start(service: RunningService, size: tuple[int, int]) -> tuple[Terminal, dict[str, float]]:
    terminal = Terminal(env=service.environment(), columns=size[0], lines=size[1])
    terminal.until("^Q Quit")
    first = cpu(terminal.pid)
    terminal.until("● live")
    terminal.until("^N New")
    return terminal, {"first screen, CPU s": first, "live, CPU s": cpu(terminal.pid), "MB": resident(terminal.pid)}


def stream(terminal: Terminal, deltas: int) -> dict[str, float]:
    """The fake upstream writes up to 200 deltas of 20 characters a second."""
    terminal.send("\x0e")
    terminal.until("new conversation")
    terminal.send(f"!long {deltas}")
    terminal.until(f"!long {deltas}")
    before, began = cpu(terminal.pid), time.monotonic()
    terminal.send("\r")
    terminal.until(f"{deltas - 1:06d}", timeout=120)
    took = time.monotonic() - began
    used = cpu(terminal.pid) - before
    return {"deltas/s": deltas / took, "share of a core": used / took, "CPU ms/delta": 1000 * used / deltas,
            "MB": resident(terminal.pid)}  # fmt: skip


async def paging() -> dict[str, float]:
    """10,000 messages that a client has loaded: opening, and a change in it."""
    world = World()
    talk = world.add_conversation("mara", "long")
    for n in range(10_000):
        world.add_message(talk, n % 2, f"{n}: words, **as they come**, 一些中文字。\n\n- one\n- two\n")
    stage = Stage(world)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "9999: words")
        while stage.desk.has_older:
            stage.desk._asked_before = 0
            stage.desk.load_older()
        await pilot.pause()
        stage.desk.new_conversation()
        stage.app.on_state()
        await until(pilot, "Ahoy")
        began = time.process_time()
        stage.desk.choose_conversation(talk)
        stage.app.on_state()
        await until(pilot, "9999: words")
        return {"open 10,000 loaded messages, CPU s": time.process_time() - began}


def main() -> None:
    with running_service() as service:
        terminal, figures = start(service, (120, 40))
        print("start 120x40", json.dumps({k: round(v, 3) for k, v in figures.items()}))
        print("stream", json.dumps({k: round(v, 3) for k, v in stream(terminal, 2000).items()}))
        terminal.end()
    print("open", json.dumps({k: round(v, 3) for k, v in asyncio.run(paging()).items()}))


if __name__ == "__main__":
    main()
