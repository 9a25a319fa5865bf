"""Writes docs/benchmarks.md and its pictures from what was measured: `python bench/report.py [RESULTS]`.

The long run is not part of `make bench`; what bench/.data/long.json says of the last one stands on the page too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pictures
from goals import goals
from growth import growth
from harness import DATA, ROOT
from pictures import Panel
from results import Runs, added, cpu, delay, late, loads_of, median, name_of, number, of, paced, table
from systems import SYSTEMS

PAGE = ROOT / "docs/benchmarks.md"
PANELS = (1, 50, 200, 500)
"""Loads that are drawn side by side."""


def names_of(runs: Runs) -> list[str]:
    """Of the systems, the upstream by itself left out."""
    return [name for name in dict.fromkeys(run["system"] for run in runs) if name != "direct"]


def side_by_side(runs: Runs) -> str:
    """One table for each load that more than two systems took part in; growth has the others."""
    text = ""
    head = "system | CPU µs/delta | lowest–highest | × nginx | kernel | first token added ms, p50 / p99 "
    head += "| delay of a delta ms, p50 / p99 | upstream late ms, p99 | RSS MB"
    for load in loads_of(runs):
        rows = []
        for system in dict.fromkeys(run["system"] for run in runs):
            mine = of(runs, system, load)
            if not mine:
                continue
            each = [run["us_per_delta"] for run in mine]
            if system == "direct":
                first = " / ".join(number(median(mine, lambda r, p=p: r["first"][p] / 1000)) for p in ("p50", "p99"))
                first += " in all"
            else:
                first = " / ".join(number(added(runs, system, load, p)) for p in ("p50", "p99"))
            rows.append(
                [
                    f"**{system}**" if system == "aichat" else system,
                    number(cpu(runs, system, load)),
                    f"{number(min(each))}–{number(max(each))}",
                    number(cpu(runs, system, load) / cpu(runs, "nginx", load)),
                    f"{100 * median(mine, lambda r: r['kernel_share']):.0f} %",
                    first,
                    " / ".join(number(delay(runs, system, load, p)) for p in ("p50", "p99")),
                    number(late(runs, system, load)),
                    number(median(mine, lambda r: r["rss"] / 1024)),
                ]
            )
        text += f"### {name_of(load)}\n\n" + table(head, rows)
    return text


def draw(runs: Runs) -> None:
    """What is compared, as bars."""
    loads = [load for count in PANELS for load in paced(runs, count)]
    names = names_of(runs)

    def panels(value: Any) -> list[Panel]:
        return [
            Panel(f"K = {load[0]}", {name: value(name, load) for name in names if of(runs, name, load)})
            for load in loads
        ]

    pictures.bars(
        "cpu.svg",
        "CPU µs for each delta, all processes of a system (less is better)",
        panels(lambda name, load: (cpu(runs, name, load),)),
        floor=1,
    )
    pictures.bars(
        "first.svg",
        "First token: ms that the system adds, median – p99 (less is better)",
        panels(lambda name, load: tuple(added(runs, name, load, p) for p in ("p50", "p99"))),
        floor=0.1,
    )
    pictures.bars(
        "delay.svg",
        "Delay of a delta, ms, median – p99 (less is better)",
        panels(lambda name, load: tuple(delay(runs, name, load, p) for p in ("p50", "p99"))),
        floor=0.1,
    )


def where(profile: dict[str, Any]) -> str:
    """Where the service's CPU goes."""
    text = f"K = {profile['count']}, {profile['length']} deltas each, by sampling; a sample counts for the innermost "
    text += f"place of the way that it is in. {profile['us']:.1f} µs per delta in all, "
    text += f"{100 * profile['kernel_share']:.0f} % of it in the kernel.\n\n"
    total = sum(profile["places"].values())
    most = sorted(profile["places"].items(), key=lambda each: -each[1])
    shown = [(name, n) for name, n in most if n >= total / 100]
    rest = total - sum(n for _, n in shown)
    rows = [[name, number(profile["us"] * n / total), f"{100 * n / total:.0f} %"] for name, n in shown]
    return text + table(
        "place | µs per delta | share", [*rows, ["all the rest", number(profile["us"] * rest / total), ""]]
    )


def micro(benchmarks: list[dict[str, Any]]) -> str:
    """The parts by themselves."""
    rows = [
        [each["name"], f"{each['pieces']:,}", number(each["us"]), number(each["us"] / each["pieces"])]
        for each in benchmarks
    ]
    text = "Medians of `bench/micro.py`; a piece is a frame, a delta, an event or a watcher.\n\n"
    return text + table("part | pieces in a call | µs a call | µs a piece", rows)


def others(idle: dict[str, Any], store: dict[str, Any]) -> str:
    """What is not in a table elsewhere."""
    text = f"**Idle connections.** {idle['sockets']:,} open: {idle['rss_mb']:.0f} MB RSS in all, "
    text += (
        f"{idle['kb_per_socket']:.1f} KB each. One event to all of them: {idle['broadcast_us_per_socket']:.1f} µs "
    )
    text += f"CPU each; the last one has it after {idle['broadcast_seconds']:.2f} s.\n\n**Durable turns.** "
    text += f"{store['store_turns_per_second']:,.0f} turns a second through the store, "
    text += f"{store['queued_turns_per_second']:,.0f} by plain SQL through the same queue and thread "
    text += f"({100 * store['of_queued']:.0f} %), {store['bare_turns_per_second']:,.0f} in a bare loop; rounds, "
    text += "of the bare loop: " + ", ".join(f"{ratio:.2f}" for ratio in store["ratios_of_bare"]) + ".\n"
    index = store["index_us_per_answer"]
    text += (
        f"\nThe search index takes an answer of 200 deltas in {index / 1000:.1f} ms, {index / 200:.1f} µs a delta. "
    )
    return (
        text + "It is filled when no answer is being written (or after a minute), so it is in no row of the table.\n"
    )


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
- aichat's index for search is filled while no answer is being written, 5 s after the last one: what it costs is under
  "Other figures", and no part of a row. On a server that is never quiet for a minute it comes on top.
  Titles by the model are off: they would be one more request for each new conversation.
- From commit 7c9ba66 on the upstream keeps its connections for whoever wants that; nginx and LiteLLM are as they are
  set by default. What was measured before closed each at its end, for all.
- K = 1,000 and more is measured of aichat and nginx only, LiteLLM up to K = 200 and paced: the others need minutes
  for a run there, which says no more than that they cannot keep up.
- On loopback a send does the receiver's part of TCP too, in the sender's time: about 10 µs a send here, which is most
  of what nginx and a fan-out cost.
- Memory is that of a process that has had all smaller loads before. First token added is a difference of two
  percentiles, so a small one may come out below zero.
- Text is ASCII, a delta is 32 characters in 320 bytes on the wire.
"""


def page(results: dict[str, Any]) -> str:
    """All of docs/benchmarks.md."""
    machine, runs = results["machine"], results["runs"]
    text = (
        "# Benchmarks\n\nWritten by `make bench`; [bench/README.md](../bench/README.md) says how it is measured.\n\n"
    )
    if results["quick"]:
        text += "**A quick run on a machine that was busy with other work: it shows that all of it runs. The figures "
        text += "are no results.**\n\n"
    text += f"{machine['date']}, commit {machine['commit']}. {machine['cpu']}, {machine['cores']} cores, "
    text += f"Linux {machine['kernel']}, Python {machine['python']}; {machine['versions']}. "
    text += f"Load before {machine['load']:.1f}, after {machine['load_after']:.1f}. Medians of {results['rounds']} "
    text += f"interleaved round{'s' if results['rounds'] > 1 else ''}. "
    if results["pinned"]:
        text += "The measured system had core 0, the upstream and the client core 1.\n\n"
    else:
        text += "Nothing was pinned to a core.\n\n"
    text += f"## Goals\n\n{goals(results)}## Side by side\n\n"
    text += "".join(f"- **{kind.name}**: {kind.what}\n" for kind in SYSTEMS)  # type: ignore[attr-defined]
    text += "- **direct**: the upstream by itself, its CPU is the upstream's\n\n"
    for file, what in (("cpu", "CPU for each delta"), ("first", "first token added"), ("delay", "delay of a delta")):
        text += f"![{what}](images/bench/{file}.svg)\n\n"
    text += side_by_side(runs) + "## Growth\n\n" + growth(results)
    text += "## Other figures\n\n" + others(results["idle"], results["store"]) + "\n"
    if results.get("profile_service"):
        text += "## Where the CPU goes\n\n" + where(results["profile_service"])
    if results.get("micro"):
        text += "## Parts\n\n" + micro(results["micro"])
    return text + f"## What is uncertain\n\n{UNCERTAIN}"


def write(results: dict[str, Any]) -> None:
    """The page and its pictures."""
    kept = DATA / "long.json"
    if kept.exists() and (long := json.loads(kept.read_text()))["minutes"] >= 30:  # a shorter one was a trial
        results["long"] = long
    draw(results["runs"])
    PAGE.write_text(page(results))
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1] if sys.argv[1:] else DATA / "results.json").read_text()))
