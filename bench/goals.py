"""The goals, and what was measured of each: met, or by how much it is missed."""

from __future__ import annotations

from math import isnan
from typing import Any, NamedTuple

from results import NONE, Runs, added, delay, of, paced, ratio, table


class Goal(NamedTuple):
    """One line. `limit` is the most, or the least where `at_least`; `text` gives the measured value in words."""

    what: str
    goal: str
    value: float
    limit: float
    text: str
    at_least: bool = False
    stretch: float = 0.0
    """A stricter limit that is worth a word when it is met."""

    @property
    def verdict(self) -> str:
        """met, or by how much it is missed."""
        if isnan(self.value):
            return "not measured"
        if self.value >= self.limit if self.at_least else self.value <= self.limit:
            return f"met; {self.value - self.stretch:.2f} over {self.stretch:.1f}" if self._over_stretch else "met"
        over = self.limit / self.value if self.at_least else self.value / self.limit if self.limit else float("inf")
        if over > 2:
            return f"**missed, by a factor of {over:.1f}**"
        return f"**missed by {100 * abs(self.value / self.limit - 1):.0f} %**"

    @property
    def _over_stretch(self) -> bool:
        return 0 < self.stretch < self.value


def of_runs(runs: Runs) -> list[Goal]:
    """What is measured side by side."""
    found = []
    for load in [load for count in (200, 500) for load in paced(runs, count)]:
        at = f"K = {load[0]}"
        value = ratio(runs, "aichat", "nginx", load)
        goal = "≤ 1.0 × nginx, 1.5 × at most"
        found.append(Goal(f"CPU per delta, {at}", goal, value, 1.5, f"{value:.2f} ×", stretch=1.0))
        for other, name, least in (("fastapi", "FastAPI + httpx", 4), ("litellm", "LiteLLM", 35)):
            if of(runs, other, load):
                value = ratio(runs, other, "aichat", load)
                found.append(Goal(f"cheaper than {name}, {at}", f"≥ {least} ×", value, least, f"{value:.1f} ×", True))
    for count, p50, p99 in ((1, 1, 5), (200, 5, 50)):
        for load in paced(runs, count):
            for percentile, most in (("p50", p50), ("p99", p99)):
                value = added(runs, "aichat", load, percentile)
                what = f"first token added, K = {count}, {percentile}"
                found.append(Goal(what, f"≤ {most} ms", value, most, f"{value:.1f} ms"))
    for count, most in ((200, 40), (1, 2)):
        for load in paced(runs, count):
            value = delay(runs, "aichat", load, "p99")
            found.append(Goal(f"delay of a delta, K = {count}, p99", f"≤ {most} ms", value, most, f"{value:.1f} ms"))
    return found


def of_parts(results: dict[str, Any]) -> list[Goal]:
    """What is measured by itself."""
    store, fan, idle, last = results["store"], results["fanout"], results["idle"], results["start"]["rows"][-1]
    durable = f"{100 * store['of_bare']:.0f} % of the bare loop"
    watch = f"{fan['us_per_frame']:.1f} µs; {fan['us_per_delta']:.1f} for each delta"
    open_now, at = f"{idle['sockets']:,} open", f"{last['messages']:,} messages"
    grown = f"{last['history_ms'] / results['start']['rows'][0]['history_ms']:.2f}"
    return [
        Goal("turns durable, 50 in flight, FULL", "≥ 90 % of a bare loop", store["of_bare"], 0.9, durable, True),
        Goal("fan-out to 1,000 watchers, each frame", "≤ 4 µs", fan["us_per_frame"], 4, watch),
        Goal(
            f"an idle WebSocket, {open_now}", "≤ 12 KB", idle["kb_per_socket"], 12, f"{idle['kb_per_socket']:.1f} KB"
        ),
        Goal("to connect, hello included", "≤ 0.6 ms CPU", idle["connect_ms"], 0.6, f"{idle['connect_ms']:.2f} ms"),
        Goal(f"ready, at {at}", "≤ 0.8 s CPU", last["ready_cpu_s"], 0.8, f"{last['ready_cpu_s']:.2f} s"),
        Goal("RSS then", "≤ 90 MB", last["rss_mb"], 90, f"{last['rss_mb']:.0f} MB"),
        Goal(f"open a last page, at {at}", "≤ 3 ms CPU", last["history_ms"], 3, f"{last['history_ms']:.2f} ms"),
        Goal(f"list 1,000 conversations, at {at}", "≤ 3 ms CPU", last["list_ms"], 3, f"{last['list_ms']:.2f} ms"),
        Goal("a last page, cost as the table grows × 100", "flat (≤ 1.25 ×)", float(grown), 1.25, f"{grown} ×"),
    ]


def of_long_run(long: dict[str, Any] | None) -> list[Goal]:
    """What 30 minutes show."""
    if long is None:
        return [Goal("30 minutes at K = 200: RSS after warm-up", "≤ 1 MB in 10 minutes", NONE, 1, "–")]
    what = f"{long['minutes']:.0f} minutes at K = {long['count']}"
    slope = long["kb_per_10_minutes"] / 1024
    left = len(long["left"])
    said = "nothing" if not left else "; ".join(long["left"])
    return [
        Goal(f"{what}: RSS after warm-up", "≤ 1 MB in 10 minutes", slope, 1, f"{slope:+.2f} MB".replace("-", "−")),
        Goal(f"{what}: turns that hung", "0", 0.0, 0, f"0 of {long['end']['turns']:,}"),
        Goal(f"{what}: descriptors, timers, connections left", "none", left, 0, said),
    ]


def goals(results: dict[str, Any]) -> str:
    """The table."""
    found = [*of_runs(results["runs"]), *of_parts(results), *of_long_run(results.get("long"))]
    rows = [[goal.what, goal.goal, goal.text, goal.verdict] for goal in found]
    return table("what | goal | measured | ", rows)
