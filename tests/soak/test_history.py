"""The checker itself: every planted bug is found, and nothing else."""

from __future__ import annotations

import pytest

from tests.soak.history import Operation, faults

LOG = [Operation("a", "ok"), Operation("b", "fail"), Operation("c", "unknown"), Operation("d", "unknown")]


@pytest.mark.parametrize("stored", [["a", "c"], ["a", "c", "d"], ["a"]])
def test_a_right_history_passes(stored: list[str]) -> None:
    assert faults(LOG, stored) == []


@pytest.mark.parametrize(
    ("stored", "bug"),
    [
        (["c"], "lost"),
        (["a", "a"], "duplicate"),
        (["a", "c", "c"], "duplicate"),
        (["a", "b"], "ghost"),
        (["a", "z"], "nobody"),
    ],
)
def test_a_planted_bug_is_found(stored: list[str], bug: str) -> None:
    wrong = faults(LOG, stored)
    assert len(wrong) == 1
    assert wrong[0].startswith(bug)
