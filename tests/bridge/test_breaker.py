"""The circuit breaker, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from aichat.bridge.breaker import DOWN, FIRST_PAUSE, LIMIT, LONGEST_PAUSE, THERE, WINDOW, Breaker, Call
from aichat.protocol.errors import AichatError


def broken(clock: Clock) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker("gpu", clock.seconds)
    for code in (DOWN * LIMIT)[:LIMIT]:
        assert breaker.state == "closed"
        breaker.enter().ended(AichatError(code, f"it was {code}."))
    assert breaker.state == "open"
    return breaker


def test_it_opens_refuses_and_lets_one_try_through() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.advance(FIRST_PAUSE - 4)
    with pytest.raises(AichatError) as refused:
        breaker.enter()
    assert (refused.value.code, refused.value.retry_after) == ("upstream_unavailable", 4.0)
    assert "'gpu' has failed since " in refused.value.message
    assert "asked again in 4 s" in refused.value.message
    assert "it was upstream_" in refused.value.message
    clock.advance(4)
    probe = breaker.enter()
    assert breaker.state == "half_open"
    with pytest.raises(AichatError, match="at this moment") as second:
        breaker.enter()
    assert second.value.retry_after
    probe.worked()
    assert (breaker.state, breaker.failures) == ("closed", 0)
    probe.ended(AichatError("upstream_timeout"))
    assert breaker.failures == 0, "what follows the first word says nothing of the provider"
    breaker.enter()


def test_a_try_that_fails_doubles_the_pause_up_to_a_limit_and_success_forgets_it() -> None:
    clock = Clock()
    breaker = broken(clock)
    pause = FIRST_PAUSE
    for _ in range(6):
        assert breaker.retry_in == pause
        clock.advance(pause)
        breaker.enter().ended(AichatError("upstream_unreachable"))
        assert breaker.state == "open"
        pause = min(2 * pause, LONGEST_PAUSE)
    clock.advance(pause)
    breaker.enter().ended(None)
    for _ in range(LIMIT):
        breaker.enter().ended(AichatError("upstream_unreachable"))
    assert breaker.retry_in == FIRST_PAUSE


@pytest.mark.parametrize("error", [CancelledError(), AichatError("upstream_invalid"), AichatError("internal")])
def test_what_says_nothing_changes_nothing_and_makes_room(error: Exception) -> None:
    clock = Clock()
    breaker = Breaker("gpu", clock.seconds)
    for _ in range(LIMIT - 1):
        breaker.enter().ended(AichatError("upstream_unavailable"))
        breaker.enter().ended(error)
    assert breaker.failures == LIMIT - 1
    breaker.enter().ended(AichatError("upstream_unavailable"))
    clock.advance(FIRST_PAUSE)
    breaker.enter().ended(error)
    assert breaker.state == "half_open"
    breaker.enter().worked()
    assert breaker.state == "closed"


@pytest.mark.parametrize("code", THERE)
def test_a_refusal_shows_that_somebody_is_there(code: str) -> None:
    clock = Clock()
    breaker = Breaker("gpu", clock.seconds)
    for _ in range(3 * LIMIT):
        for _ in range(LIMIT - 1):
            breaker.enter().ended(AichatError("upstream_unavailable"))
        breaker.enter().ended(AichatError(code))
    assert breaker.state == "closed"


def test_failures_that_lie_far_apart_are_no_row() -> None:
    clock = Clock()
    breaker = Breaker("gpu", clock.seconds)
    for _ in range(3 * LIMIT):
        breaker.enter().ended(AichatError("upstream_unavailable"))
        clock.advance(WINDOW / 2 + 1)
    assert breaker.state == "closed"


def test_calls_begun_before_it_opened_do_not_prolong_it_but_may_close_it() -> None:
    clock = Clock()
    breaker = Breaker("gpu", clock.seconds)
    early = [breaker.enter() for _ in range(LIMIT + 2)]
    for call in early[: LIMIT + 1]:
        clock.advance(1)
        call.ended(AichatError("upstream_timeout"))
    assert (breaker.state, breaker.failures) == ("open", LIMIT)
    assert breaker.retry_in == FIRST_PAUSE - 1
    early[-1].worked()
    assert breaker.state == "closed"


def test_a_call_from_before_it_opened_may_close_it_while_the_try_is_on_its_way() -> None:
    clock = Clock()
    breaker = Breaker("gpu", clock.seconds)
    early = [breaker.enter() for _ in range(LIMIT + 1)]
    for call in early[:LIMIT]:
        call.ended(AichatError("upstream_timeout"))
    clock.advance(FIRST_PAUSE)
    probe = breaker.enter()
    early[-1].worked()
    assert breaker.state == "closed"
    breaker.enter().worked()  # it is open to all again
    probe.ended(AichatError("upstream_timeout"))
    assert (breaker.state, breaker.failures) == ("closed", 1)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order: never two tries when half open, and never shut for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker("gpu", self.clock.seconds)
        self.calls: list[Call] = []

    @rule()
    def enter(self) -> None:
        self._entered(self.breaker.enter)

    def _entered(self, enter: Callable[[], Call]) -> None:
        was = self.breaker.state
        tries = [call for call in self.calls if call is self.breaker._probe]
        try:
            self.calls.append(enter())
        except AichatError as error:
            assert error.retry_after is not None
            assert 0 < error.retry_after <= LONGEST_PAUSE
            assert was != "closed"
            assert self.breaker.retry_in or tries
        else:
            assert not tries

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), how=st.sampled_from(["worked", "fine", "stopped", "refused", "down", "down", "down"]))
    def end(self, data: Any, how: str) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        ends = {"fine": None, "stopped": CancelledError(), "refused": AichatError(THERE[0])}
        if how == "worked":
            call.worked()
        call.ended(ends.get(how, AichatError(DOWN[0])))

    @rule(seconds=st.sampled_from([0.1, 5.0, FIRST_PAUSE, LONGEST_PAUSE, WINDOW + 1]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def it_opens_again(self) -> None:
        assert self.breaker.retry_in <= LONGEST_PAUSE
        if self.breaker.state != "half_open":
            assert self.breaker._probe is None


TestAnyOrder = AnyOrder.TestCase
