"""Streams are read as they come, or together under load; on a clock that a test turns."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from aichat.bridge.body import FIRST_READS, stream_body
from aichat.pace import AT_ONCE, MANY, TICK_SECONDS, pace_of


class Response:
    """A response whose body a test writes; it keeps what comes while it is paused, as a socket does."""

    def __init__(self) -> None:
        self.paused = 0
        self.aborted = False
        self.waiting: list[bytes] = []

    def deliverBody(self, body: Any) -> None:
        self.body = body
        body.makeConnection(self)

    def pauseProducing(self) -> None:
        self.paused += 1

    def resumeProducing(self) -> None:
        self.paused -= 1
        waiting, self.waiting = self.waiting, []
        if waiting:
            self.body.dataReceived(b"".join(waiting))

    def abortConnection(self) -> None:
        self.aborted = True

    def arrive(self, data: bytes) -> None:
        if self.paused:
            self.waiting.append(data)
        else:
            self.body.dataReceived(data)


class Reader:
    """One paced stream and what it gave."""

    def __init__(self, clock: Clock) -> None:
        self.response = Response()
        self.pieces: list[bytes] = []
        self.done: Deferred[None] = stream_body(
            self.response,
            clock,
            60,
            self.pieces.append,
            paced=True,  # type: ignore[arg-type, func-returns-value]
        )

    def end(self) -> None:
        self.response.body.connectionLost(Failure(ResponseDone()))


def test_few_streams_are_read_as_they_come() -> None:
    clock = Clock()
    readers = [Reader(clock) for _ in range(MANY - 1)]
    for n in range(10):
        readers[0].response.arrive(b"%d" % n)
    assert readers[0].pieces == [b"%d" % n for n in range(10)]
    for reader in readers:
        reader.end()
    assert pace_of(clock).streams == 0
    assert not clock.getDelayedCalls()


def test_many_streams_are_read_together_but_for_their_first_words() -> None:
    clock = Clock()
    readers = [Reader(clock) for _ in range(MANY)]
    for reader in readers:
        for n in range(FIRST_READS + 4):
            reader.response.arrive(b"%d" % n)
    first = [b"%d" % n for n in range(FIRST_READS + 1)]
    assert all(reader.pieces == first for reader in readers), "the first are read at once, and the one after"
    clock.advance(TICK_SECONDS)
    assert all(reader.pieces == [*first, b"345"] for reader in readers), "what came in between is one piece"
    assert len([call for call in clock.getDelayedCalls() if call.getTime() < 1]) == 1, "one timer for all"
    for reader in readers:
        reader.end()
    clock.advance(TICK_SECONDS)
    assert not clock.getDelayedCalls()
    assert all(reader.response.paused == 0 for reader in readers) or all(r.done.called for r in readers)


@pytest.mark.parametrize("how", ["cancel", "end", "fail"])
def test_a_stream_that_goes_while_it_rests_is_left_alone(how: str) -> None:
    clock = Clock()
    readers = [Reader(clock) for _ in range(MANY)]
    reader = readers[0]
    for n in range(FIRST_READS + 1):
        reader.response.arrive(b"%d" % n)
    assert reader.response.paused == 1
    reader.done.addErrback(lambda _: None)
    if how == "cancel":
        reader.done.cancel()
        assert reader.response.aborted
    elif how == "end":
        reader.end()
    else:
        clock.advance(61)
        assert reader.response.aborted
    before = list(reader.pieces)
    reader.response.waiting.append(b"late")
    clock.advance(TICK_SECONDS)
    assert reader.pieces == before
    for other in readers[1:]:
        other.done.addErrback(lambda _: None)
        other.end()
    assert pace_of(clock).streams == 0


def test_what_is_put_off_is_done_in_order_on_one_timer_and_a_fault_stops_nothing(
    expected_errors: list[str],
) -> None:
    clock, done = Clock(), []
    pace = pace_of(clock)

    def fail() -> None:
        raise ZeroDivisionError

    expected_errors.append("what was to be done together failed")
    for n in range(3):
        pace.soon(lambda n=n: done.append(n))  # type: ignore[misc]
    pace.soon(fail)
    pace.soon(lambda: pace.soon(lambda: done.append(9)))
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(0)
    assert done == [0, 1, 2, 9]


class Rester:
    """Notes when it is read on."""

    def __init__(self, clock: Clock, name: str, notes: list[tuple[str, int]], again: int = 0) -> None:
        self.clock, self.name, self.notes, self.again = clock, name, notes, again

    def rest(self) -> None:
        pace_of(self.clock).rest(self)

    def read_on(self) -> None:
        self.notes.append((self.name, round(1_000 * self.clock.seconds())))
        if self.name == "bad":
            raise ZeroDivisionError
        if self.again:
            self.again -= 1
            self.rest()


def run(clock: Clock, milliseconds: int) -> None:
    for _ in range(milliseconds):
        clock.advance(0.001)


def test_all_who_rest_are_read_each_tick_in_their_order_on_one_timer() -> None:
    clock, notes = Clock(), []
    tick = round(1_000 * TICK_SECONDS)
    for n in range(20):  # one each millisecond
        Rester(clock, str(n), notes, again=1).rest()
        run(clock, 1)
    assert len(clock.getDelayedCalls()) == 1
    run(clock, 3 * tick)
    for reading in (notes[:20], notes[20:]):
        assert [name for name, _ in reading] == [str(n) for n in range(20)], "in order, and each once"
    assert {at for _, at in notes[:20]} == {tick}, "all with the tick that began with the first"
    assert {at for _, at in notes[20:]} == {2 * tick}
    assert not clock.getDelayedCalls()
    Rester(clock, "later", notes).rest()
    run(clock, tick)
    assert notes[-1] == ("later", 20 + 3 * tick + tick), "it rests as ever after a time without streams"


def test_after_every_so_many_streams_the_reactor_has_a_turn() -> None:
    clock, notes = Clock(), []
    clock.callLater(TICK_SECONDS, clock.callLater, 0, notes.append, ("another", 0))
    for n in range(AT_ONCE + 1):
        Rester(clock, str(n), notes).rest()
    clock.advance(TICK_SECONDS)
    assert [name for name, _ in notes[AT_ONCE:]] == ["another", str(AT_ONCE)], "nobody waits for more than that"
    assert not clock.getDelayedCalls()


def test_a_tick_goes_step_by_step(expected_errors: list[str]) -> None:
    """All are read, then what was put off is done, then what is to be last; a fault in between stops nothing."""
    clock, steps = Clock(), []
    pace = pace_of(clock)
    expected_errors.append("what was to be done together failed")

    class Stepper:
        def __init__(self, name: str) -> None:
            self.name = name

        def read_on(self) -> None:
            assert pace.is_stepping
            steps.append(f"read {self.name}")
            pace.soon(self.go)
            pace.last(self.send)

        def go(self) -> None:
            assert pace.is_stepping
            steps.append(f"go {self.name}")
            if self.name == "a":
                raise ZeroDivisionError

        def send(self) -> None:
            assert not pace.is_stepping
            steps.append(f"send {self.name}")

    for name in "ab":
        pace.rest(Stepper(name))
    clock.advance(TICK_SECONDS)
    assert steps == ["read a", "read b", "go a", "go b", "send a", "send b"]
    assert not clock.getDelayedCalls()


def test_things_are_done_together_one_fault_stops_nothing_and_what_is_last_comes_last(
    expected_errors: list[str],
) -> None:
    clock, steps = Clock(), []
    pace = pace_of(clock)
    expected_errors.append("what was to be done together failed")

    def step(name: str) -> None:
        assert pace.is_stepping
        pace.last(lambda: steps.append(f"last {name}"))
        if name == "bad":
            raise ZeroDivisionError
        steps.append(name)

    pace.together([partial(step, name) for name in ("a", "bad", "b")])
    assert steps == ["a", "b", "last a", "last bad", "last b"]
    assert not pace.is_stepping
    assert not clock.getDelayedCalls()


def test_a_stream_that_fails_holds_up_nobody(expected_errors: list[str]) -> None:
    clock, notes = Clock(), []
    expected_errors.append("what was to be done together failed")
    for name in ("a", "bad", "b"):
        Rester(clock, name, notes, again=2).rest()
    run(clock, 200)
    assert [name for name, _ in notes] == ["a", "bad", "b", "a", "b", "a", "b"]
    assert not clock.getDelayedCalls()


def test_a_stream_whose_reader_fails_ends_and_is_not_counted_on() -> None:
    clock = Clock()
    readers = [Reader(clock) for _ in range(MANY)]
    errors: list[Any] = []

    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    response = Response()
    broken = stream_body(response, clock, 60, fail, paced=True)  # type: ignore[arg-type]
    broken.addErrback(lambda failure: errors.append(failure.value))
    assert pace_of(clock).streams == MANY + 1
    response.arrive(b"x")
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert response.aborted
    assert pace_of(clock).streams == MANY
    for reader in readers:
        reader.end()
    response.body.connectionLost(Failure(ResponseDone()))  # told after the end, as sockets do
    assert pace_of(clock).streams == 0
    assert not clock.getDelayedCalls()
