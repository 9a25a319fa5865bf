"""Reads the records of runs: medians over rounds, differences within a round, numbers as a person reads them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from math import isnan
from typing import Any

Runs = list[dict[str, Any]]
Load = tuple[int, int, int]
"""(K, N, gap in ms)"""

NONE = float("nan")


def loads_of(runs: Runs) -> list[Load]:
    """In the order measured."""
    return list(dict.fromkeys((run["count"], run["length"], run["gap"]) for run in runs))


def paced(runs: Runs, count: int = 0) -> list[Load]:
    """The loads with a pause between deltas, by K; with a count, that one."""
    return sorted(load for load in loads_of(runs) if load[2] and count in (0, load[0]))


def of(runs: Runs, system: str, load: Load) -> Runs:
    """A system's runs at a load, one for each round."""
    return [run for run in runs if run["system"] == system and (run["count"], run["length"], run["gap"]) == load]


def median(runs: Runs, value: Callable[[dict[str, Any]], float]) -> float:
    """NaN where there is no run."""
    return statistics.median(map(value, runs)) if runs else NONE


def cpu(runs: Runs, system: str, load: Load) -> float:
    """µs per delta, of all processes of the system."""
    return median(of(runs, system, load), lambda run: run["us_per_delta"])


def ratio(runs: Runs, system: str, other: str, load: Load) -> float:
    """CPU of one as a multiple of the other's, each round by itself; median of rounds."""
    theirs = {run["round"]: run["us_per_delta"] for run in of(runs, other, load)}
    mine = [run for run in of(runs, system, load) if run["round"] in theirs]
    return median(mine, lambda run: run["us_per_delta"] / theirs[run["round"]])


def added(runs: Runs, system: str, load: Load, percentile: str) -> float:
    """ms to the first delta, less what the upstream by itself takes in the same round; median of rounds."""
    direct = {run["round"]: run["first"][percentile] for run in of(runs, "direct", load)}
    mine = [run for run in of(runs, system, load) if run["round"] in direct]
    return median(mine, lambda run: (run["first"][percentile] - direct[run["round"]]) / 1000)


def delay(runs: Runs, system: str, load: Load, percentile: str) -> float:
    """ms from the upstream's write of a delta to the client's read."""
    return median(of(runs, system, load), lambda run: run["delay"][percentile] / 1000)


def late(runs: Runs, system: str, load: Load) -> float:
    """ms after its time that the upstream wrote a delta, p99."""
    return median(of(runs, system, load), lambda run: run["late"]["p99"] / 1000)


def core(runs: Runs, system: str, load: Load) -> float:
    """CPU seconds in a second while the answers came: 1 is one core's time."""
    return median(of(runs, system, load), lambda r: r["us_per_delta"] * r["count"] * r["length"] / r["seconds"] / 1e6)


def name_of(load: Load) -> str:
    """In words."""
    count, length, gap = load
    pace = f"one per {gap} ms" if gap else "as fast as it goes"
    return f"K = {count:,}, {length:,} deltas each, {pace}"


def number(value: float) -> str:
    """Two or three digits that matter; a dash for what was not measured."""
    if isnan(value):
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def table(head: str, rows: list[list[str]]) -> str:
    """Markdown; the head's columns are parted by |, those of numbers stand to the right."""
    names = [name.strip() for name in head.split("|")]
    ruler = ["---", *["--:"] * (len(names) - 1)]
    return "".join("| " + " | ".join(row) + " |\n" for row in (names, ruler, *rows)) + "\n"
