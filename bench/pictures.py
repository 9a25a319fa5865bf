"""The pictures of docs/benchmarks.md: SVG, for light and dark pages, readable without their colours.

matplotlib draws them in the colours of a light page; a style sheet in each file changes ink, lines and paper where
the reader's system is dark. A program that knows no style sheets shows the light ones.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from typing import Any, NamedTuple

import matplotlib as mpl
from harness import ROOT

mpl.use("svg")
from matplotlib import pyplot, ticker

PICTURES = ROOT / "docs/images/bench"

PAPER, INK, FAINT, OURS, OTHER, LIMIT = "#ffffff", "#1f2328", "#d1d9e0", "#0969da", "#8c959f", "#bc4c00"
DARK = {PAPER: "#0d1117", INK: "#e6edf3", FAINT: "#3d444d", OURS: "#4493f8", OTHER: "#7d8590", LIMIT: "#f0883e"}

mpl.rcParams.update(
    {
        "svg.hashsalt": "aichat",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.edgecolor": FAINT,
        "axes.facecolor": "none",
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid.axis": "y",
        "axes.grid": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "figure.facecolor": PAPER,
        "legend.frameon": False,
        "lines.markersize": 4,
    }
)


class Panel(NamedTuple):
    """One of several bar charts side by side: a value, or a lower and an upper one, for each name."""

    title: str
    values: dict[str, tuple[float, ...]]


class Line(NamedTuple):
    """One line of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_ours: bool = True


class Chart(NamedTuple):
    """One line chart of several side by side. `limit` is a goal, drawn as a line."""

    title: str
    x_label: str
    lines: Sequence[Line]
    limit: float | None = None
    log_x: bool = True
    least_top: float = 0.0
    """The axis goes up to this at least, so that noise around a flat line looks like it."""


def short(value: float) -> str:
    """A number with three digits at most that matter."""
    if isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def plain(value: float, _: object = None) -> str:
    """A number on an axis."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


@contextmanager
def figure(file: str, title: str, columns: int, size: tuple[float, float], **more: Any) -> Iterator[Any]:
    """A row of charts under one title, written to a file at the end."""
    drawn, row = pyplot.subplots(1, columns, figsize=size, squeeze=False, layout="constrained", **more)
    drawn.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    yield row[0]
    text = io.StringIO()
    drawn.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(drawn)
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
    PICTURES.mkdir(parents=True, exist_ok=True)
    head, tag, rest = text.getvalue().partition("<defs>")
    (PICTURES / file).write_text(head + sheet + tag + rest)


def bars(file: str, title: str, panels: Sequence[Panel], *, floor: float) -> None:
    """Horizontal bars on one logarithmic axis, ours in colour; of two values the bar is one, a line the other."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.values))[::-1]
    height = 0.75 + 0.3 * len(names)
    with figure(file, title, len(panels), (10, height), sharey=True, sharex=True) as row:
        for axes, panel in zip(row, panels, strict=True):
            axes.set(title=panel.title, xscale="log")
            axes.grid(visible=False)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.xaxis.set_major_formatter(ticker.FuncFormatter(letters))
            axes.xaxis.set_minor_locator(ticker.NullLocator())
            axes.set_yticks(range(len(names)), names)
            for place, name in enumerate(names):
                values = [max(value, floor) for value in panel.values.get(name, ()) if not isnan(value)]
                if not values:
                    axes.annotate("not measured", (0.02, place), xycoords=("axes fraction", "data"), va="center",
                                  color=OTHER, fontsize=7)  # fmt: skip
                    continue
                colour = OURS if name == "aichat" else OTHER
                axes.barh(place, values[0], 0.62, color=colour)
                if len(values) > 1:
                    axes.plot([values[0], values[1]], [place, place], color=colour, linewidth=1.2, marker="|")
                said = " – ".join(short(value) for value in panel.values[name])
                axes.annotate(
                    said, (max(values), place), (4, 0), textcoords="offset points", va="center", fontsize=7.5
                )
        high = row[0].get_xlim()[1]
        row[0].set_xlim(floor, high * (high / floor) ** 0.35)  # room for the numbers


def lines(file: str, title: str, charts: Sequence[Chart]) -> None:
    """Line charts from zero; a goal is a broken line."""
    with figure(file, title, len(charts), (10, 2.9)) as row:
        for axes, chart in zip(row, charts, strict=True):
            axes.set(title=chart.title, xlabel=chart.x_label)
            for line in chart.lines:
                colour = OURS if line.is_ours else OTHER
                style = "-" if line.is_ours else (0, (4, 2))
                axes.plot(line.x, line.y, color=colour, linestyle=style, marker="o" if len(line.x) < 12 else "")
                if line.name:
                    above = line.is_ours
                    place = {"xytext": (0, 6 if above else -6), "va": "bottom" if above else "top"}
                    end = line.x[-1], line.y[-1]
                    axes.annotate(
                        line.name, end, textcoords="offset points", ha="right", fontsize=8, color=colour, **place
                    )
            top = max(value for line in chart.lines for value in line.y)
            if chart.limit is not None:
                axes.axhline(chart.limit, color=LIMIT, linewidth=1, linestyle=(0, (2, 2)))
                axes.annotate(f"goal {plain(chart.limit)}", (0.01, chart.limit), (0, 2), fontsize=8, color=LIMIT,
                              xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
            axes.set_ylim(0, 1.18 * max(top, chart.limit or 0, chart.least_top))
            axes.yaxis.set_major_formatter(ticker.FuncFormatter(plain))
            if chart.log_x:
                axes.set_xscale("log")
                ticks = sorted({x for line in chart.lines for x in line.x})
                axes.set_xticks(ticks, [letters(x) for x in ticks])
                axes.xaxis.set_minor_locator(ticker.NullLocator())


def letters(value: float, _: object = None) -> str:
    """1000 -> 1k, 1000000 -> 1M"""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
