"""Checks what happened, in the manner of Jepsen: clients log what they asked for and how it ended, and the store is
read at the end.

    ok        acked: present exactly once
    fail      refused: absent
    unknown   never answered: present once, or absent
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

Outcome = Literal["ok", "fail", "unknown"]


class Operation(NamedTuple):
    """One message that a client said; `content` is different for each."""

    content: str
    outcome: Outcome


def faults(log: Iterable[Operation], stored: Iterable[str]) -> list[str]:
    """What is wrong with a history, in words; nothing if it is right."""
    found = Counter(stored)
    wrong = []
    said = set()
    for content, outcome in log:
        if content in said:
            wrong.append(f"the log itself names {content!r} twice")
        said.add(content)
        times = found[content]
        if outcome == "ok" and times == 0:
            wrong.append(f"lost: {content!r} was acked and is not there")
        elif outcome == "fail" and times:
            wrong.append(f"ghost: {content!r} was refused and is there")
        if times > 1:
            wrong.append(f"duplicate: {content!r} is there {times} times")
    wrong += [f"nobody said {content!r}" for content in found if content not in said]
    return wrong
