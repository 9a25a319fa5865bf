"""Live text that many watch goes out together: a frame is a system call for each watcher, whatever is in it.

The first piece goes out at once and opens a window; what comes within it is one frame at its end, which opens the
next. So nobody waits for longer than a window, pieces that come more slowly than that never wait, and where the
bridge reads its streams by a tick already (`pace`) this one does not come on top of it.
1,000 watchers, a piece every 10 ms: 3 µs for each piece and watcher; 10 to 12 if each piece went out by itself, of
which 7 to 8 are the system call (bench/fanout.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aichat.protocol.frames import MessageDelta

WINDOW_SECONDS = 0.025
MANY = 16
"""Watchers of a conversation from which on its text is gathered; to fewer it goes at once."""


class Gathering:
    """What waits, by conversation. `send` is called with each frame that is due."""

    def __init__(self, reactor: Any, send: Callable[[MessageDelta], None]) -> None:
        self._reactor = reactor
        self._send = send
        self._windows: dict[int, list[MessageDelta]] = {}

    def add(self, delta: MessageDelta) -> None:
        """One more piece of a conversation."""
        waiting = self._windows.get(delta.conversation_id)
        if waiting is None:
            self._open(delta.conversation_id, delta)
        else:
            if waiting and waiting[0].message_id != delta.message_id:
                self.settle(delta.conversation_id)
            waiting.append(delta)

    def settle(self, conversation_id: int) -> None:
        """Send what waits of a conversation now: something else is to follow it."""
        waiting = self._windows.get(conversation_id)
        if waiting:
            due = _joined(waiting)
            waiting.clear()
            self._send(due)

    def _open(self, conversation_id: int, due: MessageDelta) -> None:
        self._windows[conversation_id] = []
        began = self._reactor.seconds()
        self._send(due)
        took = self._reactor.seconds() - began
        # so many watchers that a window is not enough for them leave half of the time to everybody else
        self._reactor.callLater(max(WINDOW_SECONDS - took, took), self._close, conversation_id)

    def _close(self, conversation_id: int) -> None:
        waiting = self._windows.pop(conversation_id)
        if waiting:
            self._open(conversation_id, _joined(waiting))


def _joined(deltas: list[MessageDelta]) -> MessageDelta:
    """Pieces that follow each other as one."""
    first = deltas[0]
    if len(deltas) == 1:
        return first
    return MessageDelta(
        conversation_id=first.conversation_id,
        message_id=first.message_id,
        offset=first.offset,
        content="".join([delta.content for delta in deltas]),
        reasoning_offset=first.reasoning_offset,
        reasoning="".join([delta.reasoning for delta in deltas]),
    )
