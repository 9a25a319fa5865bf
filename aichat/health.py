"""Whether a service should be asked anything: its reasons against it, and what its owner should know besides.

A reason means that sending somebody here now would be wrong (HTTP 503); a remark, that something wants seeing to
while the service goes on. The words name no path, no address and nobody: whoever reaches the port may read them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Say = Callable[[], str]
"""Gives the words, or "" while all is well. It is called for every request: no waiting."""


class Report(msgspec.Struct, frozen=True):
    """The body of /healthz. Example: {"ready": false, "why": ["it is starting"], "remarks": []}"""

    ready: bool
    why: list[str]
    remarks: list[str]


class Health:
    """Asks everybody who may have something against it."""

    def __init__(self) -> None:
        self._reasons: list[Say] = []
        self._remarks: list[Say] = []

    def reason(self, say: Say) -> None:
        """Somebody whose words make the service not ready."""
        self._reasons.append(say)

    def remark(self, say: Say) -> None:
        """Somebody whose words are only told."""
        self._remarks.append(say)

    def report(self) -> Report:
        """What there is to say now."""
        why = [words for say in self._reasons if (words := say())]
        return Report(ready=not why, why=why, remarks=[words for say in self._remarks if (words := say())])
