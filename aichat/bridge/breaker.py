"""A circuit breaker: while a provider is down, it is not asked, and whoever asks hears so at once.

    state      a failure                             a success     asked
    closed     counts; the LIMIT-th within WINDOW    forgets       goes through
               seconds of the first opens it         them all
    open       (of a call begun before) nothing      closes it     refused; after the pause: half_open
    half_open  opens it, for twice as long           closes it     one call at a time is let through

A failure is one that says the provider is down. A success is the first word of an answer, or a refusal that shows
that somebody is there. A call that ends otherwise (stopped by the user, say) changes nothing and makes room for the
next try. Libraries were looked at (purgatory, pybreaker, aiobreaker): they go by the wall clock, let everybody
through when half open, and know no success before a call's end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from aichat.protocol.errors import AichatError

State = Literal["closed", "open", "half_open"]

LIMIT = 5
WINDOW = 900.0
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 120.0

DOWN = ("upstream_unreachable", "upstream_timeout", "upstream_unavailable")
"""Codes of errors that say, before the first word, that a provider is down."""

THERE = (
    "upstream_unauthorized", "upstream_no_balance", "upstream_rate_limited", "upstream_rejected", "context_exceeded",
)  # fmt: skip
"""Codes of refusals that only a provider which is up can send."""


class Call:
    """One call that a breaker let through. It counts once: the first of `worked` and `ended` decides."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker: Breaker | None = breaker

    def worked(self) -> None:
        """The first word is here."""
        if self._breaker is not None:
            self._breaker._success(self)
            self._breaker = None

    def ended(self, error: BaseException | None) -> None:
        """It is over: how, if by an error."""
        breaker, code = self._breaker, getattr(error, "code", "")
        if breaker is None:
            return
        if error is None or code in THERE:
            breaker._success(self)
        elif isinstance(error, AichatError) and code in DOWN:
            breaker._failure(self, error)
        else:
            breaker._nothing(self)
        self._breaker = None


class Breaker:
    """The breaker of one provider. `now` gives seconds of a clock that is never set: time.monotonic."""

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self.state: State = "closed"
        self.failures = 0
        """In a row, within WINDOW."""
        self.why = ""
        """Words of the last failure that opened it."""
        self.on_change: Callable[[], None] = lambda: None
        self._now = now
        self._changed = self._first = now()
        self._pause = FIRST_PAUSE
        self._until = 0.0
        self._probe: Call | None = None

    @property
    def age(self) -> float:
        """Seconds in this state."""
        return self._now() - self._changed

    @property
    def retry_in(self) -> float:
        """Seconds until the next call is let through; 0 where it is now."""
        return max(0.0, self._until - self._now()) if self.state == "open" else 0.0

    def enter(self) -> Call:
        """Ask to call. Errors: AichatError upstream_unavailable, with since when, why, and when it is tried again."""
        if self.state == "open" and not self.retry_in:
            self._become("half_open")
        if self.state == "open" or self._probe is not None:
            raise self._refusal()
        call = Call(self)
        if self.state == "half_open":
            self._probe = call
        return call

    def _success(self, call: Call) -> None:
        self._nothing(call)
        self.failures = 0
        if self.state != "closed":
            self._become("closed")
            self._pause, self._probe = FIRST_PAUSE, None  # a call from before it opened may have closed it

    def _failure(self, call: Call, error: AichatError) -> None:
        now, was_probe = self._now(), call is self._probe
        self._nothing(call)
        if self.state == "closed":
            if self.failures == 0 or now - self._first > WINDOW:
                self.failures, self._first = 0, now
            self.failures += 1
        elif was_probe:
            self.failures += 1
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if was_probe or (self.state == "closed" and self.failures >= LIMIT):
            self.why = error.message
            self._until = now + self._pause
            self._become("open")

    def _nothing(self, call: Call) -> None:
        if call is self._probe:
            self._probe = None

    def _become(self, state: State) -> None:
        self.state, self._changed = state, self._now()
        self.on_change()

    def _refusal(self) -> AichatError:
        since = datetime.now(UTC) - timedelta(seconds=self._now() - self._first)
        wait = max(1, round(self.retry_in)) if self.state == "open" else 5
        when = f"It is asked again in {wait} s." if self.state == "open" else "It is being asked at this moment."
        words = f"The model service {self.name!r} has failed since {since:%H:%M} UTC. {when} Last: {self.why}"
        return AichatError("upstream_unavailable", words, retry_after=float(wait))
