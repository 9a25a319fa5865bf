"""How often something may happen: a token bucket for each key (a user, an address)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from aichat.protocol.errors import AichatError

KEYS_MOST = 10_000
"""Keys remembered; the one unused longest is forgotten, which gives it a full bucket again."""


class Rate:
    """`per_minute` times a minute for each key, `burst` at once (as many, unless said); 0 is without a limit."""

    def __init__(self, seconds: Callable[[], float], per_minute: float, burst: float = 0) -> None:
        self._seconds = seconds
        self._per_second = per_minute / 60
        self._burst = burst or max(1.0, per_minute)
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> (left, when)

    def take(self, key: Hashable) -> None:
        """Count one. Errors: AichatError rate_limited, with the seconds until the next one is allowed."""
        wait = self.wait(key)
        if wait > 0:
            raise AichatError(
                "rate_limited", f"That is too often: try again in {max(1, round(wait))} s.", retry_after=wait
            )

    def wait(self, key: Hashable) -> float:
        """Count one if it is allowed now -> 0; else the seconds until it is."""
        if not self._per_second:
            return 0.0
        now = self._seconds()
        left, when = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - when) * self._per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > KEYS_MOST:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
