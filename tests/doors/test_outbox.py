"""What waits for clients that do not read, one by one and all together."""

from __future__ import annotations

import pytest

from aichat.doors import outbox
from aichat.doors.outbox import CLOSE_TOO_SLOW, GRACE_SECONDS, Backlog, Outbox


class Socket:
    """The far end."""

    def __init__(self) -> None:
        self.written = 0
        self.closed = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)

    def close(self, code: int, reason: str) -> None:
        self.closed = code


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set; and a bound for all together of 100 bytes."""
    clock = [1_000.0]
    monkeypatch.setattr(outbox, "BACKLOG", Backlog(lambda: clock[0]))
    monkeypatch.setattr(outbox, "UNSENT_MOST_OF_ALL", 100)
    return clock


def make(count: int) -> tuple[list[Socket], list[Outbox]]:
    sockets = [Socket() for _ in range(count)]
    return sockets, [Outbox(socket, lambda _: None) for socket in sockets]


def test_who_has_not_read_for_longest_pays_for_all(now: list[float]) -> None:
    sockets, ways = make(3)
    for out in ways:
        out.clog()
        now[0] += GRACE_SECONDS
        out.write(b"x" * 30)
    assert [socket.closed for socket in sockets] == [0, 0, 0]
    ways[2].write(b"x" * 30)
    assert [socket.closed for socket in sockets] == [CLOSE_TOO_SLOW, 0, 0], "one is enough"
    assert [socket.written for socket in sockets] == [30, 30, 60]


def test_a_burst_that_clogs_everybody_closes_nobody(now: list[float]) -> None:
    sockets, ways = make(3)
    for out in ways:
        out.clog()
        out.write(b"x" * 60)
    now[0] += GRACE_SECONDS / 2
    for out in ways:
        out.write(b"x" * 60)
    assert [socket.closed for socket in sockets] == [0, 0, 0]
    for out in ways:
        out.unclog()
    now[0] += GRACE_SECONDS
    ways[0].clog()
    ways[0].write(b"x" * 90)
    assert [socket.closed for socket in sockets] == [0, 0, 0], "who reads again owes nothing"


def test_who_is_gone_owes_nothing(now: list[float]) -> None:
    sockets, ways = make(2)
    for out in ways:
        out.clog()
        out.write(b"x" * 50)
    ways[0].lost()
    now[0] += GRACE_SECONDS
    ways[1].write(b"x" * 50)
    assert [socket.closed for socket in sockets] == [0, 0]
    ways[1].write(b"x")
    assert [socket.closed for socket in sockets] == [0, CLOSE_TOO_SLOW]


def test_live_text_on_its_way_to_the_others_is_in_the_snapshot_already() -> None:
    told: list[bytes] = []

    class Reader(Socket):
        def write(self, data: bytes) -> None:
            told.append(data)

    def standing(conversation_id: int) -> list[bytes]:
        out.send_live(conversation_id, b"what the hub had gathered")
        return [b"snapshot"]

    out = Outbox(Reader(), standing)
    out.send_live(7, b"a")
    out.clog()
    out.send_live(7, b"left out")
    out.unclog()
    out.send_live(7, b"b")
    assert told == [b"a", b"snapshot", b"b"]
