"""How each cost grows: tables over conversations, watchers, messages and time, pictures of them, and slopes in words.

Words that stand beside a figure are chosen by it, so that they hold for the run that is told of.
"""

from __future__ import annotations

from typing import Any

import pictures
from pictures import Chart, Line
from results import Runs, added, core, cpu, delay, late, median, number, of, paced, ratio, table

FLAT = 1.25
"""Costs that differ by less are called flat: single runs differ by as much."""


def grows(first: float, last: float, times: float, unit: str) -> str:
    """What became of a cost while something grew so many times."""
    if max(first, last) < FLAT * min(first, last):
        return f"flat ({number(first)} → {number(last)} {unit})"
    if last < first:
        return f"falls from {number(first)} to {number(last)} {unit}"
    text = f"grows from {number(first)} to {number(last)} {unit}"
    return f"{text} (× {number(last / first)} while it grows × {times:,.0f})"


def conversations(runs: Runs) -> str:
    """K from one to as many as hold."""
    loads = [load for load in paced(runs) if of(runs, "aichat", load)]
    rows = []
    for load in loads:
        mine = of(runs, "aichat", load)
        each = median(mine, lambda r: r["count"] * r["length"] / r["frames"])
        first, slow = (
            " / ".join(number(value(p)) for p in ("p50", "p99"))
            for value in (
                lambda p, load=load: added(runs, "aichat", load, p),
                lambda p, load=load: delay(runs, "aichat", load, p),
            )
        )
        share = f"{100 * core(runs, 'aichat', load):.0f} %"
        memory = fresh(runs, load) / 1024
        ours = [cpu(runs, "aichat", load), ratio(runs, "aichat", "nginx", load), each]
        figures = [*map(number, ours), share, first, slow, number(late(runs, "aichat", load)), number(memory)]
        rows.append([f"{load[0]:,}", *figures])
    head = "K | CPU µs/delta | × nginx | deltas a frame | of one core | first token added ms, p50 / p99 "
    text = table(head + "| delay ms, p50 / p99 | upstream late ms, p99 | RSS MB", rows)
    few, many = loads[0], loads[-1]
    times = many[0] / few[0]
    cost = grows(cpu(runs, "aichat", few), cpu(runs, "aichat", many), times, "µs")
    text += f"- **CPU per delta** {cost}: a wake-up, a read and a write are what a delta costs. Few streams pay them "
    text += (
        "for each delta; from 16 on all are read together every 34 ms, and what came of one in between travels on "
    )
    text += "as one piece.\n"
    slow = [delay(runs, "aichat", load, "p99") for load in (few, many)]
    text += f"- **Delay** (p99) {grows(*slow, times, 'ms')}: a delta waits for the next tick, 34 ms at most, and for "
    text += "the work on the streams before it; where a core is full, for all that is in front of it.\n"
    held = [load for load in loads if delay(runs, "aichat", load, "p99") <= 40]
    text += "- **As many as hold**: "
    if held:
        text += f"up to K = {held[-1][0]:,} a delta is there within 40 ms (p99)"
    else:
        text += "at no load a delta was there within 40 ms (p99): the machine had other work"
    full = [load for load in loads if core(runs, "aichat", load) >= 0.9]
    if full:
        text += f"; from K = {full[0][0]:,} on the service's thread has no time left: what is late is read in larger "
        text += "pieces, which makes it cheaper, and no text is lost"
    text += ".\n"
    if len(loads) > 1:
        size = [fresh(runs, load) for load in (few, many)]
        text += f"- **Memory**: {number((size[1] - size[0]) / (many[0] - few[0]))} KB more for each further "
        text += "conversation, with its socket, its upstream socket and its text. RSS is that of the first round, in "
        text += "which loads only grow: a process keeps much of what it once needed.\n"
    lines = [
        Line(name, [load[0] for load in theirs], [cpu(runs, name, load) for load in theirs], name == "aichat")
        for name in ("aichat", "nginx")
        if (theirs := [load for load in loads if of(runs, name, load)])
    ]
    at = [load[0] for load in loads]
    memory = [fresh(runs, load) / 1024 for load in loads]
    x_label = "conversations at once"
    charts = [
        Chart("CPU µs per delta", x_label, lines),
        Chart(
            "delay of a delta, p99, ms", x_label, [Line("", at, [delay(runs, "aichat", x, "p99") for x in loads])], 40
        ),
        Chart("RSS MB", x_label, [Line("", at, memory)]),
    ]
    pictures.lines("conversations.svg", "Conversations at once", charts)
    return "### Conversations\n\n![over conversations](images/bench/conversations.svg)\n\n" + text


def fresh(runs: Runs, load: tuple[int, ...]) -> float:
    """RSS of the service in KB in the first round, in which loads only grow."""
    return float(next(run["rss"] for run in of(runs, "aichat", load) if not run["round"]))


def watchers(fan: dict[str, Any]) -> str:
    """One conversation that many look at."""
    rows = fan["rows"]
    head = "watchers | frames sent | deltas a frame | CPU ms in all | µs for each further watcher and frame "
    text = table(
        head + "| delay p99 ms",
        [
            [
                f"{row['watchers']:,}",
                f"{row['frames']:,}",
                number(100 * row["watchers"] / row["frames"]),
                f"{row['us'] / 1000:,.0f}",
                number(row.get("us_per_frame", float("nan"))),
                number(row["delay_p99_ms"]),
            ]
            for row in rows
        ],
    )
    sloped = [row for row in rows if "us_per_frame" in row]
    first, last = sloped[0], sloped[-1]
    times = last["watchers"] / first["watchers"]
    slope = grows(first["us_per_frame"], last["us_per_frame"], times, "µs")
    text += (
        f"- **A further watcher** costs a send for each frame: {slope}. A frame is made once for all of them; what "
    )
    text += "is left is the kernel's way of the bytes to each socket. Asking, folding and storing are there once, "
    text += "whoever looks.\n"
    at = [row["watchers"] for row in rows]
    charts = [
        Chart("CPU ms for an answer of 100 deltas", "watchers", [Line("", at, [row["us"] / 1000 for row in rows])]),
        Chart(
            "µs for each watcher and frame",
            "watchers",
            [Line("", [r["watchers"] for r in sloped], [r["us_per_frame"] for r in sloped])],
            4,
        ),
        Chart("delay of a delta, p99, ms", "watchers", [Line("", at, [row["delay_p99_ms"] for row in rows])], 40),
    ]
    pictures.lines("watchers.svg", "Watchers of one conversation", charts)
    return "### Watchers\n\n![over watchers](images/bench/watchers.svg)\n\n" + text


def messages(rows: list[dict[str, Any]]) -> str:
    """A database that grows."""
    head = (
        "messages | ready, CPU s | ready, s | RSS MB | last page of 50, CPU ms | list of 1,000 conversations, CPU ms"
    )
    fields = ("ready_cpu_s", "ready_s", "rss_mb", "history_ms", "list_ms")
    text = table(head, [[f"{row['messages']:,}", *(number(row[field]) for field in fields)] for row in rows])
    times = rows[-1]["messages"] / rows[0]["messages"]

    def from_to(field: str, unit: str) -> str:
        return grows(rows[0][field], rows[-1][field], times, unit)

    text += (
        f"- **Ready**: CPU {from_to('ready_cpu_s', 's')}, RSS {from_to('rss_mb', 'MB')}. A start reads the schema's "
    )
    text += "version, the personas and, by an index of their own, the answers that were running; nothing counts or "
    text += "loads messages. It is the interpreter's imports that take the time.\n"
    text += f"- **A last page**: {from_to('history_ms', 'ms')}, **a list**: {from_to('list_ms', 'ms')}. A page "
    text += "goes from the last message up, row by row, a list is a range of an index; a test explains every query "
    text += "and refuses those that read a whole table.\n"
    at = [row["messages"] for row in rows]

    def chart(title: str, field: str, limit: float) -> Chart:
        return Chart(title, "messages", [Line("", at, [row[field] for row in rows])], limit)

    charts = [
        chart("ready, CPU s", "ready_cpu_s", 0.8),
        chart("RSS MB", "rss_mb", 90),
        chart("a last page, CPU ms", "history_ms", 3),
        chart("a list of 1,000, CPU ms", "list_ms", 3),
    ]
    pictures.lines("messages.svg", "Messages in the database", charts)
    return "### Messages\n\n![over messages](images/bench/messages.svg)\n\n" + text


def long_run(long: dict[str, Any]) -> str:
    """Half an hour."""
    rows, end = long["rows"], long["end"]
    text = f"{long['minutes']:.0f} minutes at K = {long['count']}, {long['date']}, commit {long['commit']}: "
    text += (
        f"{end['turns']:,} turns, none of them hung (each had 60 s). Conversations start and end all the time, and "
    )
    text += "half of the clients hang up after each round and come back. After the warm-up (a third of the time) RSS "
    text += f"changes by {long['kb_per_10_minutes'] / 1024:+.2f} MB in 10 minutes.\n\n".replace("-", "−")
    shown = [("before", long["start"]), ("after", end)]
    head = " | RSS MB | descriptors | threads | timers | answers running | connections"
    fields = ("descriptors", "threads", "timers", "generations", "connections")
    text += table(
        head, [[name, number(r["rss_kb"] / 1024), *(f"{r[field]:.0f}" for field in fields)] for name, r in shown]
    )
    text += f"Left behind: {'; '.join(long['left']) or 'nothing'}.\n\n"
    at = [row["minute"] for row in rows]
    charts = [
        Chart(title, "minutes", [Line("", at, [row[field] / unit for row in rows])], log_x=False)
        for title, field, unit in (
            ("RSS MB", "rss_kb", 1024),
            ("descriptors", "descriptors", 1),
            ("timers", "timers", 1),
        )
    ]
    pictures.lines("long.svg", f"{long['minutes']:.0f} minutes at K = {long['count']}", charts)
    return "### Time\n\n![over time](images/bench/long.svg)\n\n" + text


def growth(results: dict[str, Any]) -> str:
    """All of it."""
    text = conversations(results["runs"]) + "\n" + watchers(results["fanout"]) + "\n"
    text += messages(results["start"]["rows"]) + "\n"
    if results.get("long"):
        text += long_run(results["long"])
    return text
