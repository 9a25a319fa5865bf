"""The work W, side by side: `python bench/run.py [--quick] [--pin] [--rounds N] [--only NAME ...]`.

All systems are started once and warmed up; then they take turns (A, B, C, A, B, C ...) at each load, the upstream by
itself first. CPU is that of the system's tree from just before the first question to 0.5 s after the last answer,
which takes in what is stored after it. Then the other measurements run, and `report` writes docs/benchmarks.md and
its pictures from bench/.data/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import fanout
import idle
import micro
import profile_service
import report
import start
import store
from harness import DATA, Client, Tree, Used, machine, upstream
from systems import SYSTEMS, System


class Load(NamedTuple):
    """K conversations of N deltas, one per `gap` ms; 0 is as fast as it goes."""

    count: int
    length: int = 200
    gap: int = 10


LOADS = [Load(1), Load(50), Load(200), Load(500), Load(1_000), Load(2_000), Load(50, 2_000, 0)]
QUICK_LOADS = [Load(1), Load(50), Load(200), Load(50, 500, 0)]
SETTLE = 0.5


class Direct:
    """The upstream by itself: what the client and the machine add."""

    name = "direct"

    def __init__(self, tree: Tree, port: int, pin: int | None) -> None:
        self.tree, self.port, self.most, self.unpaced, self.pin = tree, port, 2_000, True, pin

    def client(self, count: int, **options: Any) -> Client:
        return Client("sse", self.port, count, path="/v1/chat/completions", **options)


def measure(system: System | Direct, load: Load, pin: int | None) -> dict[str, Any]:
    """One run."""
    options = {"n": load.length, "gap": load.gap, "timeout": 300, "pin": pin}
    with system.client(load.count, **options) as client:
        before = system.tree.system_share()
        with Used(system.tree) as used:
            got = client.ask("go")
            time.sleep(SETTLE)
        user, kernel = (b - a for a, b in zip(before, system.tree.system_share(), strict=True))
        memory = system.tree.memory_kb()
    return {
        "system": system.name,
        **load._asdict(),
        "us_per_delta": used.us / got["deltas"],
        "kernel_share": kernel / max(user + kernel, 0.01),
        "first": got["first"],
        "delay": got["delay"],
        "late": got["late"],
        "frames": got["frames"],
        "seconds": got["seconds"],
        **memory,
    }


def compare(loads: list[Load], rounds: int, only: list[str], pin: bool) -> list[dict[str, Any]]:
    """All systems, taking turns -> one record for each run."""
    theirs, ours = (0, 1) if pin else (None, None)
    runs: list[dict[str, Any]] = []
    with ExitStack() as stack:
        tree, port = stack.enter_context(upstream(ours))
        systems: list[System | Direct] = [Direct(tree, port, ours)]
        for kind in SYSTEMS:
            if not only or kind.name in only:  # type: ignore[attr-defined]
                system = kind(port, max(load.count for load in loads), theirs)
                stack.callback(system.stop)
                systems.append(system)
        for system in systems:
            measure(system, Load(20, 50), ours)  # warm
        for number in range(rounds):
            for load in loads:
                for system in systems:
                    if load.count <= system.most and (load.gap or system.unpaced):
                        runs.append({"round": number} | measure(system, load, ours))
                        say(runs[-1])
    return runs


def say(run: dict[str, Any]) -> None:
    first, delay = run["first"]["p50"] / 1000, run["delay"]["p99"] / 1000
    pace = f"{run['gap']} ms" if run["gap"] else "unpaced"
    print(
        f"{run['system']:8} K={run['count']:<4} {pace:8} {run['us_per_delta']:8.1f} µs/delta, "
        f"first {first:7.1f} ms, delay p99 {delay:7.1f} ms, {run['pss'] / 1024:5.0f} MB",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description="Measure aichat beside its peers.")
    options.add_argument("--quick", action="store_true", help="one round of smaller loads, to see that it works")
    options.add_argument("--rounds", type=int, help="how often each system takes its turn; 5, or 1 if quick")
    options.add_argument("--pin", action="store_true", help="the measured system on core 0, all else on core 1")
    options.add_argument("--only", nargs="+", default=[], help="these systems, and none of the other measurements")
    args = options.parse_args()
    rounds = args.rounds or (1 if args.quick else 5)
    results: dict[str, Any] = {"machine": machine(), "quick": args.quick, "rounds": rounds, "pinned": args.pin}
    results["runs"] = compare(QUICK_LOADS if args.quick else LOADS, rounds, args.only, args.pin)
    if not args.only:
        for part in (store, fanout, idle, start, micro, profile_service):
            print(f"{part.__name__} ...", flush=True)
            results[part.__name__] = part.measure(args.quick)  # type: ignore[attr-defined]
            print(json.dumps(results[part.__name__]), flush=True)
        results["machine"]["load_after"] = machine()["load"]
        DATA.mkdir(exist_ok=True)
        (DATA / "results.json").write_text(json.dumps(results, indent=1))
        report.write(results)
    else:
        print(report.side_by_side(results["runs"]))


if __name__ == "__main__":
    sys.exit(main())
