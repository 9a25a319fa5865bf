"""What this process has done, as plain numbers, and the text form of them that Prometheus reads.

Counting is one addition to an attribute of `counts`, wherever something happens; what there is at the moment (open
connections, waiting writes) is asked for when somebody reads. Nothing is formatted before that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How many values were up to each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """(bound, number of values up to it), as Prometheus wants them."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


class Counts:
    """Everything that is counted since the process began."""

    def __init__(self) -> None:
        self.frames_in = 0
        self.frames_out = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.deltas = 0
        self.turns: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.logins: Counter[str] = Counter()
        self.commit_seconds = Histogram((0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0))
        self.commit_writes = Histogram((1, 2, 4, 8, 16, 32, 64, 128, 256))


counts = Counts()
"""Of this process."""

Read = Callable[[], float | Mapping[str, float]]
"""Gives a gauge's value, or its values by label."""


class Metrics(Collector):
    """The numbers of one service, in its own registry: `counts`, the gauges it was given, and the process's."""

    def __init__(self) -> None:
        self._gauges: list[tuple[str, str, str, Read]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def gauge(self, name: str, text: str, read: Read, label: str = "") -> None:
        """Something that goes up and down; with a label, `read` gives a value for each."""
        self._gauges.append((f"aichat_{name}", text, label, read))

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: the registry would call `collect` for it."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        for name, text, value in (
            ("frames_received", "WebSocket messages that came in", counts.frames_in),
            ("frames_sent", "WebSocket messages that went out", counts.frames_out),
            ("received_bytes", "Bytes of the messages that came in", counts.bytes_in),
            ("sent_bytes", "Bytes of the messages that went out", counts.bytes_out),
            ("deltas", "Pieces of answers that came from the bridge", counts.deltas),
        ):
            yield CounterMetricFamily(f"aichat_{name}", text, value=value)
        for name, text, label, by in (
            ("turns", "Answers that ended, by their final status", "status", counts.turns),
            ("refusals", "Errors told to clients, by code", "code", counts.refusals),
            ("logins", "Clients that said who they are, by outcome", "outcome", counts.logins),
        ):
            family = CounterMetricFamily(f"aichat_{name}", text, labels=[label])
            for key, times in by.items():
                family.add_metric([key], times)
            yield family
        for name, text, of in (
            (
                "commit_seconds",
                "Time that one commit took, from its start to the disk's answer",
                counts.commit_seconds,
            ),
            ("commit_writes", "Writes in one commit", counts.commit_writes),
        ):
            yield HistogramMetricFamily(f"aichat_{name}", text, buckets=of.buckets(), sum_value=of.total)
        for name, text, label, read in self._gauges:
            values = read()
            if isinstance(values, Mapping):
                gauge = GaugeMetricFamily(name, text, labels=[label])
                for key, number in values.items():
                    gauge.add_metric([key], number)
                yield gauge
            else:
                yield GaugeMetricFamily(name, text, value=values)
