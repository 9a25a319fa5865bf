"""How many may come, and how often: on a clock that a test turns."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock

from aichat.doors.crowd import Crowd
from aichat.protocol.errors import AichatError
from aichat.rates import KEYS_MOST, Rate


def at(host: str) -> IPv4Address:
    return IPv4Address("TCP", host, 1)


def test_places_are_counted_by_address_and_in_all() -> None:
    crowd = Crowd(Clock().seconds, most=4, per_address=2, per_minute=0)
    keys = [crowd.enter(at("192.0.2.1")), crowd.enter(at("192.0.2.1"))]
    assert crowd.enter(at("192.0.2.1")) is None
    assert crowd.enter(at("192.0.2.2")) == "192.0.2.2"
    assert crowd.enter(UNIXAddress("/tmp/x")) == ""
    assert crowd.enter(UNIXAddress("/tmp/x")) is None, "all four places are taken"
    crowd.leave(keys[0] or "")
    assert crowd.enter(at("192.0.2.1")) == "192.0.2.1"
    assert (crowd.total, crowd.turned_away) == (4, 2)


def test_this_machine_is_not_held_to_limits_by_address() -> None:
    crowd = Crowd(Clock().seconds, most=0, per_address=1, per_minute=1)
    assert [crowd.enter(at("127.0.0.1")) for _ in range(5)] == [""] * 5


def test_arrivals_are_slowed_down_by_address() -> None:
    clock = Clock()
    crowd = Crowd(clock.seconds, most=0, per_address=0, per_minute=60)
    assert sum(crowd.enter(at("192.0.2.1")) is not None for _ in range(100)) == 60
    assert crowd.enter(at("192.0.2.2")) is not None
    clock.advance(2)
    assert sum(crowd.enter(at("192.0.2.1")) is not None for _ in range(100)) == 2


def test_a_rate_says_how_long_to_wait() -> None:
    clock = Clock()
    rate = Rate(clock.seconds, 30, burst=1)
    rate.take("a")
    with pytest.raises(AichatError) as caught:
        rate.take("a")
    assert caught.value.retry_after == pytest.approx(2)
    rate.take("b")
    clock.advance(2)
    rate.take("a")


def test_a_rate_forgets_keys_that_nobody_uses() -> None:
    rate = Rate(Clock().seconds, 1)
    for key in range(KEYS_MOST + 50):
        rate.take(key)
    assert len(rate._buckets) == KEYS_MOST


def test_no_limit() -> None:
    rate = Rate(Clock().seconds, 0)
    assert not any(rate.wait("a") for _ in range(1_000))
