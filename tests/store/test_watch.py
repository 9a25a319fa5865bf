"""What the store's state means for /healthz."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from aichat import watch
from aichat.health import Health
from aichat.metrics import Histogram, Metrics
from aichat.store import Store


@pytest_twisted.ensureDeferred
async def test_space_that_runs_out_is_first_a_remark_then_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await store.open()
    health = Health()
    watch.watch_store(health, Metrics(), store)
    assert health.report().ready and health.report().remarks == []
    monkeypatch.setattr(watch, "FREE_LOW_BYTES", 2**62)
    assert health.report().ready
    assert len(health.report().remarks) == 1
    monkeypatch.setattr(watch, "FREE_FLOOR_BYTES", 2**62)
    assert health.report().why == ["hardly any space is left on the database's disk"]
    await store.close()


def test_a_value_falls_into_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (0.5, 1, 1.5, 4, 9):
        histogram.add(value)
    assert histogram.buckets() == [("1", 2), ("2", 3), ("4", 4), ("+Inf", 5)]
    assert histogram.total == 16
