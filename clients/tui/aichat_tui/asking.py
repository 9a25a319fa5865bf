"""Questions to the server that change nothing, and who waits for their replies; no Textual, no socket."""

from __future__ import annotations

from collections.abc import Callable

from aichat.protocol import frames
from aichat.protocol.session import Session

Then = Callable[[frames.AnyPush | None], None]
"""Is called once: with the reply, with an `Error`, or with None when the connection ended before either."""


class Questions:
    """What was asked on this connection and has no reply yet."""

    def __init__(self, session: Session, flush: Callable[[], None]) -> None:
        self._session, self._flush = session, flush
        self._waiting: dict[str, Then] = {}

    def ask(self, query: frames.Command, then: Then) -> bool:
        """Ask now; False, and no reply ever, without a connection."""
        request_id = self._session.ask(query)
        if not request_id:
            return False
        self._waiting[request_id] = then
        self._flush()
        return True

    def heard(self, frame: frames.AnyPush | None) -> None:
        """A frame came: it may be a reply."""
        then = self._waiting.pop(getattr(frame, "request_id", "") or "", None)
        if then is not None:
            then(frame)

    def lost(self) -> None:
        """The connection is over."""
        waiting, self._waiting = self._waiting, {}
        for then in waiting.values():
            then(None)
