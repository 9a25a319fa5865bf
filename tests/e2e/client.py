"""A blocking client of the full protocol for end-to-end tests, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect


class Client:
    """Sends JSON, waits for a type of frame."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame, ensure_ascii=False))

    def next(self, timeout: float = 60) -> dict[str, Any]:
        """The next frame, whatever it is."""
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        return frame

    def get(self, kind: str, timeout: float = 60) -> dict[str, Any]:
        """The next frame of a type; an error frame in its place fails the test."""
        while True:
            frame = self.next(timeout)
            if frame["type"] == kind:
                return frame
            assert frame["type"] != "error", frame

    def ask(self, kind: str, **frame: Any) -> dict[str, Any]:
        self.send(**frame)
        return self.get(kind)

    def history(self, persona_id: str) -> list[tuple[int, str, str]]:
        """(sender, status, content) of the newest conversation with a persona."""
        page = self.ask("history_response", type="history_request", persona_id=persona_id)
        return [(m["sender_type"], m.get("status", "done"), m["content"]) for m in page["messages"]]


@contextmanager
def full_client(url: str, token: str = "", resume: dict[str, Any] | None = None) -> Iterator[Client]:
    """A connection that has said hello."""
    with connect(url, max_size=None) as socket:
        client = Client(socket)
        more = {"resume": resume} if resume else {}
        client.welcome = client.ask("welcome", type="hello", version=1, token=token, **more)  # type: ignore[attr-defined]
        yield client
