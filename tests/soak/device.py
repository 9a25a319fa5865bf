"""A client as people have it: a real session on a real socket, which comes back whenever its line breaks. Here each
has a thread; `light` has hundreds in one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect

from aichat.protocol import frames
from aichat.protocol.session import Session, State

PACE = 0.1
"""Of the session's own retry delays: a soak has no time to be that polite."""

SILENCE = 1.5
"""Seconds without a frame, while one is due, after which a device gives its line up."""


class Client:
    """One session. `url` is asked anew for each connection; `act` is where a kind of client says and asks things."""

    def __init__(self, name: str, url: Callable[[], str], token: str = "") -> None:
        self.name = name
        self.session = Session(client=name, token=token)
        self.url = url
        self.over = threading.Event()
        self.changed = threading.Condition(threading.RLock())
        """Held while the session changes, notified after each frame."""
        self.wrong: list[str] = []
        self.connections = 0

    # for a kind of client to fill in

    def act(self) -> None:
        """Called in the session's own thread whenever something may have changed."""

    def heard(self, frame: frames.AnyPush) -> None:
        """One frame that the session has taken in."""

    def is_due(self) -> bool:
        """Whether the server owes this client a frame."""
        return self.session.state is State.GREETING or bool(self.session.outbox)

    def leaves_at(self) -> float:
        """When this connection is left by the client itself, a time of `time.monotonic`."""
        return float("inf")

    # for a test

    def wait_until(self, condition: Callable[[Session], bool], what: str, timeout: float = 60.0) -> None:
        """Wait, frame by frame, until a condition of the session holds."""
        with self.changed:
            held = self.changed.wait_for(lambda: self.wrong or condition(self.session), timeout)
            assert not self.wrong, self.wrong
            assert held, f"{self.name}: {what} not within {timeout} s; state {self.session.state}"

    # for what carries it

    def start(self) -> None:
        """Connect, and again after each break."""
        raise NotImplementedError

    def end(self) -> None:
        """Leave for good."""
        raise NotImplementedError

    def take_in(self, text: str | bytes) -> None:
        """One frame from the socket; hold `changed`."""
        frame = frames.decode_push(text)
        if isinstance(frame, frames.MessageDone):
            self._check_end(frame)
        self.session.received(text)
        if frame is not None:
            self.heard(frame)

    def _check_end(self, done: frames.MessageDone) -> None:
        """What was shown while it came must be the beginning of what was stored; after a crash, or the other way."""
        live = self.session.timeline.live.get(done.message.id)
        if live is None:
            return
        for shown, stored in ((live.content, done.message.content), (live.reasoning, done.message.reasoning)):
            begins = stored.startswith(shown)
            crashed = done.message.status in ("interrupted", "failed") and shown.startswith(stored)
            if not begins and not crashed:
                self.wrong.append(f"answer {done.message.id}: {shown!r} was shown, {stored!r} is stored")


class Device(Client):
    """In a thread of its own."""

    def __init__(self, name: str, url: Callable[[], str], token: str = "") -> None:
        super().__init__(name, url, token)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Connect, and again after each break."""
        self._thread.start()

    def end(self) -> None:
        """Leave for good."""
        self.over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    # the thread

    def _run(self) -> None:
        while not self.over.is_set():
            try:
                with connect(
                    self.url(), max_size=None, compression=None, open_timeout=3, ping_interval=None, close_timeout=0.2
                ) as socket:
                    self.connections += 1
                    self._live(socket)
            except (OSError, TimeoutError, WebSocketException, InvalidHandshake):
                pass
            with self.changed:
                pause = self.session.closed()
            assert pause is not None
            self.over.wait(pause * PACE)

    def _live(self, socket: ClientConnection) -> None:
        with self.changed:
            self.session.opened()
        leaves_at = self.leaves_at()
        heard_at = time.monotonic()
        while not self.over.is_set() and time.monotonic() < leaves_at:
            with self.changed:
                if self.session.state is State.LIVE:
                    self.act()
                outgoing = self.session.take()
            for data in outgoing:
                socket.send(data.decode())
            try:
                text = socket.recv(timeout=0.1)
            except TimeoutError:
                if self.is_due() and time.monotonic() - heard_at > SILENCE:
                    return
                continue
            heard_at = time.monotonic()
            with self.changed:
                self.take_in(text)
                self.changed.notify_all()


class Visiting(Client):
    """A second device: comes now and then, and follows one conversation."""

    def __init__(self, name: str, way: Any, conversation: Callable[[], int | None], token: str = "") -> None:
        super().__init__(name, way, token)
        self.conversation = conversation
        self.stays = False
        """From now on it does not leave by itself."""

    def leaves_at(self) -> float:
        return float("inf") if self.stays else time.monotonic() + random.uniform(0.05, 2.0)

    def act(self) -> None:
        conversation = self.conversation()
        if conversation is not None and conversation not in self.session.opened_conversations:
            self.session.open_conversation(conversation)


class Visitor(Visiting, Device):
    """In a thread of its own."""
