"""What goes out on one connection, and what waits: the bounds of a client that reads slowly.

held      while a client catches up, events wait behind what it missed
clogged   while a client does not read, live text is left out (one snapshot follows), the rest is counted
closed    nothing goes out any more
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

CLOSE_TOO_SLOW = 4408

UNSENT_MOST, UNSENT_MOST_OF_ALL = 8 * 1_048_576, 128 * 1_048_576
"""Bytes written while a client does not read, live text left out, before its connection is closed; and what waits for
all such clients together, before those are closed that have not read for longest."""

GRACE_SECONDS = 2.0
"""Who stopped reading only so long ago is not closed for what waits for all: a burst clogs everybody for a moment."""


class Socket(Protocol):
    """What a connection needs of its socket."""

    def write(self, data: bytes) -> None:
        """Send one text message, if the socket is still open."""

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket code."""


class Backlog:
    """What waits for all clients that do not read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Outbox, float] = {}
        self._sum = 0

    def enter(self, outbox: Outbox) -> None:
        """It reads no more."""
        self._since.setdefault(outbox, self._clock())

    def grow(self, size: int) -> None:
        """So many bytes more wait; the clients that have not read for longest pay for too many."""
        self._sum += size
        while self._sum > UNSENT_MOST_OF_ALL and self._since:
            first, since = next(iter(self._since.items()))
            if self._clock() - since < GRACE_SECONDS:
                break
            first.give_up()

    def leave(self, outbox: Outbox, size: int) -> None:
        """It reads again, or is gone, with the bytes that waited."""
        self._since.pop(outbox, None)
        self._sum -= size


BACKLOG = Backlog()


class Outbox:
    """The way out of one connection. `standing` gives frames with all live text of a conversation, if any."""

    __slots__ = ("_behind", "_clogged", "_closed", "_held", "_socket", "_standing", "_unsent")

    def __init__(self, socket: Socket, standing: Callable[[int], list[bytes]]) -> None:
        self._socket = socket
        self._standing = standing
        self._held: list[bytes] | None = None
        self._clogged = False
        self._closed = False
        self._unsent = 0
        self._behind: set[int] | None = None

    def write(self, data: bytes) -> None:
        """A reply: it goes out at once."""
        if self._closed:
            return
        if self._clogged:
            self._unsent += len(data)
            BACKLOG.grow(len(data))
            if self._unsent > UNSENT_MOST:
                self.give_up()
            if self._closed:
                return
        self._socket.write(data)

    def send(self, data: bytes) -> None:
        """An event: it waits while the client catches up."""
        if self._held is not None:
            self._held.append(data)
        else:
            self.write(data)

    def send_live(self, conversation_id: int, data: bytes) -> None:
        """Live text: a client that does not read gets one snapshot later in place of all of it."""
        if self._clogged:
            self._behind = self._behind or set()
            self._behind.add(conversation_id)
        elif self._held is not None:
            self._held.append(data)
        elif not self._closed:  # a thousand times for each piece of a conversation that many watch
            self._socket.write(data)

    def hold(self) -> None:
        """From now on events wait."""
        self._held = []

    def release(self, *, discard: bool = False) -> None:
        """What waited goes out, or is thrown away."""
        held, self._held = self._held, None
        for data in held or ():
            if not discard:
                self.write(data)

    def clog(self) -> None:
        """The client reads more slowly than we write."""
        if not self._closed:
            self._clogged = True
            BACKLOG.enter(self)

    def unclog(self) -> None:
        """All that was written is on its way: catch up with live text that was left out."""
        # still as one who does not read: live text that is on its way to the others is in these already
        behind = list(self._behind or ())
        standing = [data for conversation_id in behind for data in self._standing(conversation_id)]
        self._clogged, self._behind = False, None
        self._leave_backlog()
        for data in standing:
            self.send(data)

    def give_up(self) -> None:
        """Too much waits for a client that does not read."""
        self.close(CLOSE_TOO_SLOW, "the client does not read")

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; nothing goes out after it."""
        if not self._closed:
            self.lost()
            self._socket.close(code, reason)

    def lost(self) -> None:
        """The socket is gone."""
        self._closed = True
        self._leave_backlog()

    def _leave_backlog(self) -> None:
        unsent, self._unsent = self._unsent, 0
        BACKLOG.leave(self, unsent)

    @property
    def unsent(self) -> int:
        """Bytes written that a slow client has not read yet, and events that wait while it catches up."""
        return self._unsent + sum(map(len, self._held or ()))

    @property
    def is_clogged(self) -> bool:
        """Whether the client does not read what it is sent."""
        return self._clogged

    @property
    def is_closed(self) -> bool:
        """Whether nothing goes out any more."""
        return self._closed
