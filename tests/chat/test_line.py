"""The line: exact bounds, nobody idle while somebody may begin, each in order, users in turns."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError

from aichat.chat.line import WAITING_MOST, Line, Lines, Place
from aichat.protocol.errors import AichatError


def begun(places: list[Place]) -> list[Place]:
    return [place for place in places if place.is_running]


def test_one_user_gets_as_many_as_one_may_and_the_rest_wait_in_order() -> None:
    line = Line(most=10, per_user=2)
    places = [line.enter(1) for _ in range(5)]
    assert begun(places) == places[:2]
    assert (line.running, line.waiting) == (2, 3)
    assert list(line.order()) == places[2:]
    line.leave(places[1])
    assert begun(places) == [places[0], places[2]]
    other = line.enter(2)
    assert other.is_running, "a user at the cap holds up nobody else"


def test_users_take_turns() -> None:
    line = Line(most=1, per_user=1)
    first = line.enter(9)
    many = [line.enter(1) for _ in range(3)]
    few, late = line.enter(2), line.enter(3)
    assert list(line.order()) == [many[0], few, late, many[1], many[2]]
    served = []
    running = first
    while line.running:
        line.leave(running)
        at_work = begun([*many, few, late])
        if at_work:
            [running] = at_work
            served.append(running)
    assert served == [many[0], few, late, many[1], many[2]]
    assert (line.running, line.waiting) == (0, 0)


def test_places_are_told_when_they_change_and_zero_when_it_begins() -> None:
    line = Line(most=1, per_user=1)
    told: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    first = line.enter(1, told["a"].append)
    second = line.enter(1, told["b"].append)
    line.tell_places()
    third = line.enter(1, told["c"].append)
    line.tell_places()
    line.tell_places()
    line.leave(first)
    line.tell_places()
    line.leave(second)
    assert told == {"a": [], "b": [1, 0], "c": [2, 1, 0]}
    assert third.is_running


@pytest.mark.filterwarnings("ignore")
def test_giving_up_in_the_line_asks_for_nothing() -> None:
    line = Line(most=1, per_user=1)
    first, second, third = (line.enter(1) for _ in range(3))
    ends: list[object] = []
    second.begun.addErrback(lambda failure: ends.append(failure.check(CancelledError)))
    second.begun.cancel()
    assert ends == [CancelledError]
    assert (line.running, line.waiting) == (1, 1)
    line.leave(second)
    line.leave(first)
    line.leave(first)
    assert (line.running, line.waiting) == (1, 0)
    assert third.is_running


def test_more_than_may_wait_are_refused() -> None:
    line = Line(most=4, per_user=4)
    for _ in range(4 + WAITING_MOST):
        line.check(1)
        line.enter(1)
    with pytest.raises(AichatError, match="rate_limited"):
        line.check(1)
    line.check(2)


def test_one_that_leaves_as_it_begins_lets_the_next_begin() -> None:
    line = Line(most=1, per_user=1)
    first = line.enter(1)
    places = [line.enter(user) for user in (2, 3, 4)]
    for place in places[:2]:
        place.begun.addCallback(lambda _, place=place: line.leave(place))
    line.leave(first)
    assert begun(places) == [places[2]]
    assert (line.running, line.waiting) == (1, 0)


def test_each_provider_has_its_own_line() -> None:
    lines = Lines({"default": 1, "here": 1}, per_user=1)
    moved: list[int] = []
    lines.on_moved(lambda: moved.append(lines.waiting))
    first, unknown, here = lines.enter(1, ""), lines.enter(1, "gone"), lines.enter(1, "here")
    assert begun([first, unknown, here]) == [first, here]
    assert (lines.running, lines.waiting, moved) == (2, 1, [1])
    lines.tell_places()
    assert unknown.position == 1
    here.leave()
    assert not unknown.is_running
    first.leave()
    assert unknown.is_running
    lines.check(1, "here")


STEPS = st.lists(st.tuples(st.sampled_from(["enter", "enter", "leave", "give up"]), st.integers(0, 99)), max_size=80)


@given(st.integers(1, 5), st.integers(1, 3), STEPS)
def test_whatever_happens_the_bounds_are_exact_and_the_line_is_fair(
    most: int, per_user: int, steps: list[tuple[str, int]]
) -> None:
    line = Line(most, per_user)
    here: list[Place] = []
    passed: Counter[tuple[int, int]] = Counter()  # (waits, went before it) while the first of these might have begun
    for what, number in steps:
        before = set(map(id, begun(here)))
        could = {p.user_id for p in here if not p.is_running} - at_cap(here, per_user)
        if what == "enter":
            place = line.enter(number % 4)
            place.begun.addErrback(lambda _: None)
            here.append(place)
        elif here and (chosen := [p for p in here if p.is_running == (what == "leave")]):
            place = chosen[number % len(chosen)]
            here.remove(place)
            line.leave(place) if what == "leave" else place.begun.cancel()
        running = begun(here)
        waiting = [p for p in here if not p.is_running]
        assert (line.running, line.waiting) == (len(running), len(waiting))
        assert len(running) <= most
        assert max(Counter(p.user_id for p in running).values(), default=0) <= per_user
        if len(running) < most:
            assert {p.user_id for p in waiting} <= at_cap(here, per_user), "somebody could begin and does not"
        assert sorted(map(id, line.order())) == sorted(map(id, waiting))
        for user in range(4):
            mine = [p for p in here if p.user_id == user]
            assert sorted(not p.is_running for p in mine) == [not p.is_running for p in mine], "out of order"
        for new in (p for p in running if id(p) not in before):
            for user in could & {p.user_id for p in waiting} - {new.user_id}:
                passed[user, new.user_id] += 1
                assert passed[user, new.user_id] <= 1, "somebody began twice while another one waited"
            for key in [key for key in passed if key[0] == new.user_id]:
                del passed[key]
        for key in [key for key in passed if key[0] not in {p.user_id for p in waiting} - at_cap(here, per_user)]:
            del passed[key]


def at_cap(here: list[Place], per_user: int) -> set[int]:
    running = Counter(p.user_id for p in here if p.is_running)
    return {user for user, count in running.items() if count >= per_user}
