"""Writes docs/benchmarks.md and its pictures from what was measured: `python bench/report.py [RESULTS]`."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

from harness import DATA, ROOT
from systems import SYSTEMS

PAGE = ROOT / "docs/benchmarks.md"
PICTURES = ROOT / "docs/images"
Runs = list[dict[str, Any]]


def loads_of(runs: Runs) -> list[tuple[int, int, int]]:
    """(K, N, gap), in the order measured."""
    return list(dict.fromkeys((run["count"], run["length"], run["gap"]) for run in runs))


def of(runs: Runs, system: str, load: tuple[int, int, int]) -> Runs:
    return [run for run in runs if run["system"] == system and (run["count"], run["length"], run["gap"]) == load]


def median(runs: Runs, value: Callable[[dict[str, Any]], float]) -> float:
    return statistics.median(map(value, runs)) if runs else float("nan")


def added(runs: Runs, system: str, load: tuple[int, int, int], percentile: str) -> float:
    """ms to the first delta, less what the upstream by itself takes in the same round; median of rounds."""
    direct = {run["round"]: run["first"][percentile] for run in of(runs, "direct", load)}
    return median(of(runs, system, load), lambda run: (run["first"][percentile] - direct[run["round"]]) / 1000)


def name_of(load: tuple[int, int, int]) -> str:
    count, length, gap = load
    pace = f"one per {gap} ms" if gap else "unpaced"
    return f"K = {count}, {length} deltas each, {pace}"


def number(value: float) -> str:
    return "–" if isnan(value) else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def table(runs: Runs) -> str:
    """One table for each load."""
    text = ""
    for load in loads_of(runs):
        nginx = median(of(runs, "nginx", load), lambda run: run["us_per_delta"])
        text += f"### {name_of(load)}\n\n"
        text += "| system | CPU µs/delta (lowest–highest) | × nginx | kernel | first token added ms, p50 / p99 "
        text += (
            "| delay of a delta ms, p50 / p99 | upstream late ms, p99 | RSS MB |\n|---|---|---|---|---|---|---|---|\n"
        )
        for system in dict.fromkeys(run["system"] for run in runs):
            mine = of(runs, system, load)
            if not mine:
                continue
            cpu = [run["us_per_delta"] for run in mine]
            us = statistics.median(cpu)
            first = " / ".join(number(added(runs, system, load, p)) for p in ("p50", "p99"))
            if system == "direct":
                first = " / ".join(number(median(mine, lambda r, p=p: r["first"][p] / 1000)) for p in ("p50", "p99"))
                first += " in all"
            delay = " / ".join(number(median(mine, lambda r, p=p: r["delay"][p] / 1000)) for p in ("p50", "p99"))
            kernel = f"{100 * median(mine, lambda r: r['kernel_share']):.0f} %"
            memory = number(median(mine, lambda r: r["rss"] / 1024))
            text += (
                f"| {system} | {number(us)} ({number(min(cpu))}–{number(max(cpu))}) | {us / nginx:.2f} | {kernel} "
            )
            late = number(median(mine, lambda r: r["late"]["p99"] / 1000))
            text += f"| {first} | {delay} | {late} | {memory} |\n"
        text += "\n"
    return text


def goals(results: dict[str, Any]) -> str:
    """What the goals are and what was measured."""
    runs: Runs = results["runs"]
    rows: list[tuple[str, str, str, bool]] = []

    def ratio(load: tuple[int, int, int], system: str) -> float:
        ours = median(of(runs, "aichat", load), lambda r: r["us_per_delta"])
        return ours / median(of(runs, system, load), lambda r: r["us_per_delta"])

    for load in loads_of(runs):
        if load[2] and load[0] in (200, 500):
            value = ratio(load, "nginx")
            rows.append((f"CPU per delta, K = {load[0]}", "≤ 1.5 × nginx", f"{value:.2f} ×", value <= 1.5))
            value = 1 / ratio(load, "fastapi")
            rows.append((f"cheaper than FastAPI + httpx, K = {load[0]}", "≥ 4 ×", f"{value:.1f} ×", value >= 4))
            if of(runs, "litellm", load):
                value = 1 / ratio(load, "litellm")
                rows.append((f"cheaper than LiteLLM, K = {load[0]}", "≥ 35 ×", f"{value:.1f} ×", value >= 35))
        for count, p50, p99 in ((1, 1, 5), (200, 5, 50)):
            if load[2] and load[0] == count:
                got = [added(runs, "aichat", load, p) for p in ("p50", "p99")]
                good = got[0] <= p50 and got[1] <= p99
                goal, said = f"≤ {p50} / {p99} ms", f"{got[0]:.1f} / {got[1]:.1f} ms"
                rows.append((f"first token added, K = {count}, p50 / p99", goal, said, good))
                delay = median(of(runs, "aichat", load), lambda r: r["delay"]["p99"] / 1000)
                most = 2 if count == 1 else 40
                rows.append((f"delay of a delta, K = {count}, p99", f"≤ {most} ms", f"{delay:.1f} ms", delay <= most))
    ours, queue = results["store"]["of_bare"], results["store"]["of_queued"]
    said = f"{100 * ours:.0f} % of the bare loop, {100 * queue:.0f} % of plain SQL through the same queue"
    rows.append(("turns durable, 50 in flight", "≥ 90 %", said, ours >= 0.9))
    us, delta = results["fanout"]["us_per_frame"], results["fanout"]["us_per_delta"]
    rows.append(("fan-out to 1,000 watchers, each frame", "≤ 4 µs", f"{us:.1f} µs, {delta:.1f} each delta", us <= 4))
    idle = results["idle"]
    kb, ms = idle["kb_per_socket"], idle["connect_ms"]
    rows.append((f"an idle WebSocket, {idle['sockets']:,} open", "≤ 12 KB", f"{kb:.1f} KB", kb <= 12))
    rows.append(("to connect, hello included", "≤ 0.6 ms CPU", f"{ms:.2f} ms", ms <= 0.6))
    last = results["start"]["rows"][-1]
    cpu, memory = last["ready_cpu_s"], last["rss_mb"]
    rows.append(("ready, at 1,000,000 messages", "≤ 0.8 s CPU", f"{cpu:.2f} s", cpu <= 0.8))
    rows.append(("RSS then", "≤ 90 MB", f"{memory:.0f} MB", memory <= 90))
    for what, field in (("open a last page", "history_ms"), ("list 1,000 conversations", "list_ms")):
        rows.append((f"{what}, at 1,000,000 messages", "≤ 3 ms CPU", f"{last[field]:.2f} ms", last[field] <= 3))
    text = "| what | goal | measured | |\n|---|---|---|---|\n"
    return text + "".join(f"| {w} | {g} | {s} | {'met' if good else 'missed'} |\n" for w, g, s, good in rows)


def growth(results: dict[str, Any]) -> str:
    """Tables over watchers and messages."""
    runs: Runs = results["runs"]
    text = "### Conversations at once\n\n| K | aichat µs/delta | × nginx | first token added ms, p50 / p99 "
    text += "| delay p99 ms | RSS MB |\n|---|---|---|---|---|---|\n"
    for load in loads_of(runs):
        ours, nginx = of(runs, "aichat", load), of(runs, "nginx", load)
        if load[2] and ours:
            us = median(ours, lambda r: r["us_per_delta"])
            first = " / ".join(number(added(runs, "aichat", load, p)) for p in ("p50", "p99"))
            text += f"| {load[0]:,} | {number(us)} | {us / median(nginx, lambda r: r['us_per_delta']):.2f} | {first} "
            text += f"| {number(median(ours, lambda r: r['delay']['p99'] / 1000))} "
            text += f"| {number(median(ours, lambda r: r['rss'] / 1024))} |\n"
    text += (
        "\n### Watchers of one live conversation\n\n| watchers | frames sent | CPU ms in all | µs for each further "
    )
    text += "watcher and frame | delay p99 ms |\n|---|---|---|---|---|\n"
    for row in results["fanout"]["rows"]:
        slope = number(row.get("us_per_frame", float("nan")))
        text += f"| {row['watchers']:,} | {row['frames']:,} | {row['us'] / 1000:.0f} | {slope} "
        text += f"| {row['delay_p99_ms']:.0f} |\n"
    text += "\n### Messages in the database\n\n| messages | ready, CPU s | ready, s | RSS MB | last page, CPU ms "
    text += "| list of 1,000 conversations, CPU ms |\n|---|---|---|---|---|---|\n"
    for row in results["start"]["rows"]:
        text += f"| {row['messages']:,} | {row['ready_cpu_s']:.2f} | {row['ready_s']:.2f} | {row['rss_mb']:.0f} "
        text += f"| {row['history_ms']:.2f} | {row['list_ms']:.2f} |\n"
    idle, store = results["idle"], results["store"]
    text += (
        f"\n### Idle connections\n\n{idle['sockets']:,} open: {idle['rss_mb']:.0f} MB RSS in all. One event to all "
    )
    text += f"of them: {idle['broadcast_us_per_socket']:.1f} µs CPU each, the last one has it after "
    text += f"{idle['broadcast_seconds']:.2f} s.\n\n### Durable turns\n\n"
    text += f"{store['store_turns_per_second']:,.0f} turns a second through the store, "
    text += f"{store['queued_turns_per_second']:,.0f} by plain SQL through the same queue and thread, "
    text += f"{store['bare_turns_per_second']:,.0f} in a bare loop; ratios of rounds to the bare loop: "
    return text + ", ".join(f"{ratio:.2f}" for ratio in store["ratios_of_bare"]) + ".\n"


UNCERTAIN = """\
- Two cores hold the upstream, the client and what is measured, so a system that needs more than one core's time is
  slowed by them, and its delays are those of a machine at its end. CPU per delta moves by 25–40 % with what else the
  machine does; ratios within a round are steadier, which is why the systems take turns.
- Who is late works in larger pieces: CPU per delta falls where a system cannot keep up. Read it beside the delay. So
  does the upstream: where it is late by more than the 10 ms between two deltas, for want of a core, it writes several
  at once, and whoever reads them is flattered (nginx most of all).
- At K = 1 a run is 200 deltas: the CPU of a process that mostly waits includes its timers.
- The client and the upstream are the same C programs for all. nginx and LiteLLM answer with server-sent events, the
  others with WebSocket frames; the client's own cost is in nobody's figures.
- aichat stores, checkpoints and publishes; nginx and the relays do not. LiteLLM counts tokens and costs.
- On loopback a send does the receiver's part of TCP too, in the sender's time: about 10 µs a send here, which is most
  of what nginx and a fan-out cost.
- Text is ASCII, a delta is 32 characters in 320 bytes on the wire.
"""


def page(results: dict[str, Any]) -> str:
    machine = results["machine"]
    text = (
        "# Benchmarks\n\nWritten by `make bench`; [bench/README.md](../bench/README.md) says how it is measured.\n\n"
    )
    if results["quick"]:
        text += (
            "**A quick run on a machine that was busy with other work: it shows that all of it runs. The figures are "
        )
        text += "no results.**\n\n"
    text += f"{machine['date']}, commit {machine['commit']}. {machine['cpu']}, {machine['cores']} cores, "
    text += f"Linux {machine['kernel']}, Python {machine['python']}; {machine['versions']}. "
    text += f"Load before {machine['load']:.1f}, after {machine['load_after']:.1f}. {results['rounds']} interleaved "
    text += "rounds, medians. " + (
        "The measured system had core 0, the upstream and the client core 1.\n\n"
        if results["pinned"]
        else "Nothing was pinned to a core.\n\n"
    )
    text += f"## Goals\n\n{goals(results)}\n## Side by side\n\n"
    text += "".join(f"- **{kind.name}**: {kind.what}\n" for kind in SYSTEMS)  # type: ignore[attr-defined]
    text += "- **direct**: the upstream by itself, its CPU is the upstream's\n\n"
    text += "![CPU per delta](images/bench-cpu.svg)\n![first token](images/bench-first.svg)\n\n" + table(
        results["runs"]
    )
    text += "## Growth\n\n![growth](images/bench-growth.svg)\n\n" + growth(results)
    return text + f"\n## What is uncertain\n\n{UNCERTAIN}"


def draw(results: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {
            "svg.hashsalt": "aichat",
            "svg.fonttype": "none",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    from matplotlib import pyplot

    runs: Runs = results["runs"]
    paced = [load for load in loads_of(runs) if load[2]]
    names = [name for name in dict.fromkeys(run["system"] for run in runs) if name != "direct"]

    def bars(file: str, title: str, value: Callable[[str, tuple[int, int, int]], float]) -> None:
        figure, axes = pyplot.subplots(figsize=(8, 3.4))
        width = 0.8 / len(names)
        for place, name in enumerate(names):
            at = [i + place * width for i in range(len(paced))]
            drawn = axes.bar(at, [max(value(name, load), 0.05) for load in paced], width, label=name)
            labels = ["" if isnan(value(name, load)) else f"{value(name, load):.3g}" for load in paced]
            axes.bar_label(drawn, labels, fontsize=6)
        axes.set_xticks([i + 0.4 for i in range(len(paced))], [f"K = {load[0]}" for load in paced])
        axes.set_yscale("log")
        axes.set_title(title, loc="left")
        axes.legend(frameon=False, ncols=6, fontsize=7)
        save(figure, file)

    def save(figure: Any, file: str) -> None:
        figure.tight_layout()
        figure.savefig(PICTURES / file, metadata={"Date": None})
        pyplot.close(figure)

    bars(
        "bench-cpu.svg",
        "CPU µs per delta, the whole process tree (less is better)",
        lambda name, load: median(of(runs, name, load), lambda r: r["us_per_delta"]),
    )
    bars(
        "bench-first.svg",
        "first token added, ms, p50 (less is better)",
        lambda name, load: added(runs, name, load, "p50"),
    )
    figure, (first, left, right) = pyplot.subplots(1, 3, figsize=(9, 3))
    for name in ("aichat", "nginx"):
        mine = [load for load in paced if of(runs, name, load)]
        cpu = [median(of(runs, name, load), lambda r: r["us_per_delta"]) for load in mine]
        first.plot([load[0] for load in mine], cpu, marker="o", label=name)
    first.set(xlabel="conversations at once", ylabel="CPU µs per delta", xscale="log", ylim=(0, None))
    first.legend(frameon=False)
    watchers = results["fanout"]["rows"]
    left.plot([r["watchers"] for r in watchers], [r["us"] / 1000 for r in watchers], marker="o")
    left.set(xlabel="watchers", ylabel="CPU ms for one answer")
    rows = results["start"]["rows"]
    for field, label in (("history_ms", "last page"), ("list_ms", "list of 1,000")):
        right.plot([r["messages"] for r in rows], [r[field] for r in rows], marker="o", label=label)
    right.set(xlabel="messages", ylabel="CPU ms", xscale="log", ylim=(0, None))
    right.legend(frameon=False)
    save(figure, "bench-growth.svg")


def write(results: dict[str, Any]) -> None:
    """The page and its pictures."""
    draw(results)
    PAGE.write_text(page(results))
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1] if sys.argv[1:] else DATA / "results.json").read_text()))
