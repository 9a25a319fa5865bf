"""A link without a socket: the session on one side, a `World` on the other."""

from __future__ import annotations

import time
from collections import deque

from aichat_tui.link import Listener

from aichat.protocol.session import CLOSE_UNAUTHORIZED, Session
from tests.tui.world import Wire, World


class FakeLink:
    """Delivers in order and at once."""

    def __init__(self, session: Session, world: World, *, reachable: bool = True) -> None:
        self.session = session
        self.world = world
        self.reachable = reachable
        self.retry_at: float | None = None
        self.wire: Wire | None = None
        self.listener: Listener | None = None
        self._inbox: deque[bytes] = deque()
        self._pumping = False

    @property
    def is_idle(self) -> bool:
        return self.wire is None

    def log_in(self, name: str, password: str) -> None:
        self.leave()
        self.session.log_in(name, password)
        self.connect()

    def use_token(self, token: str) -> None:
        self.leave()
        self.session.token = token
        self.connect()

    def log_out(self) -> None:
        self.leave()
        self.session.log_out()
        self.listener.on_state()

    def leave(self) -> None:
        if self.wire is not None:
            self.world.drop(self.wire)
            self.wire = None
        self._inbox.clear()

    def start(self, listener: Listener) -> None:
        self.listener = listener
        self.connect()

    def connect(self) -> None:
        """One try."""
        if not self.reachable:
            self._closed(None)
            return
        self.retry_at = None
        self.wire = self.world.connect(self._deliver)
        self.session.opened()
        self.flush()
        self.listener.on_state()

    def drop(self, code: int | None = None) -> None:
        """The connection breaks."""
        if self.wire is not None:
            self.world.drop(self.wire)
            self.wire = None
        self._inbox.clear()
        self._closed(code)

    def _closed(self, code: int | None) -> None:
        delay = self.session.closed(code)
        self.retry_at = None if delay is None else time.monotonic() + 4
        self.listener.on_state()

    def flush(self) -> None:
        for data in self.session.take():
            if self.wire is not None:
                self.wire.send(data)
        self._pump()

    def retry_now(self) -> None:
        self.connect()

    def stop(self) -> None:
        if self.wire is not None:
            self.world.drop(self.wire)

    async def settle(self) -> None:
        pass

    def _deliver(self, data: bytes) -> None:
        self._inbox.append(data)
        self._pump()

    def _pump(self) -> None:
        if self._pumping or self.listener is None:
            return
        self._pumping = True
        while self._inbox:
            before = self.session.state
            frame, changes = self.session.received(self._inbox.popleft())
            for data in self.session.take():
                if self.wire is not None:
                    self.wire.send(data)
            self.listener.on_frame(frame, changes)
            if self.session.state is not before:
                self.listener.on_state()
            if self.session.refusal and self.wire is not None:
                self._pumping = False
                self.drop(CLOSE_UNAUTHORIZED)
        self._pumping = False
