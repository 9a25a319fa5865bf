"""A client and a server end joined without a network: a real store on a real file, the real use cases and the real
bridge in this process, over a provider whose words a test writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, succeed

from aichat.bridge.app import BridgeApp
from aichat.bridge.book import PersonaBook
from aichat.bridge.client import BridgeClient
from aichat.bridge.providers.base import ChatRequest, Delta, Finish, OnDelta, Provider
from aichat.chat.accounts import Accounts
from aichat.chat.administration import Administration
from aichat.chat.completions import Completions
from aichat.chat.conversations import Conversations
from aichat.chat.hub import Hub
from aichat.chat.line import Lines
from aichat.chat.passwords import Passwords
from aichat.chat.personas import Personas
from aichat.chat.search import Search
from aichat.chat.turns import Turns
from aichat.doors.connection import Connection, UseCases
from aichat.gate import Gate
from aichat.protocol.errors import AichatError
from aichat.protocol.session import Session
from aichat.store import Store


class ScriptedProvider:
    """A provider that a test plays: `say`, `finish`, `fail` on its newest generation."""

    name = "scripted"
    model = "scripted-1"

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self.cancelled = 0
        self._waiting: list[Deferred[None]] = []
        self._on_delta: OnDelta
        self._done: Deferred[Finish] | None = None

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        def cancel(done: Deferred[Finish]) -> None:
            self.cancelled += 1
            done.errback(CancelledError())

        self.asked.append(request)
        self._on_delta = on_delta
        self._done = Deferred(cancel)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
        return self._done

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def next_question(self) -> Deferred[None]:
        """Fires when the next generation begins."""
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def say(self, content: str = "", reasoning: str = "") -> None:
        self._on_delta(Delta(content=content, reasoning=reasoning))

    def finish(self, reason: str = "stop") -> None:
        assert self._done is not None
        self._done.callback(Finish(reason=reason, model="scripted-1"))

    def fail(self, code: str, message: str = "") -> None:
        assert self._done is not None
        self._done.errback(AichatError(code, message))


class Server:
    """Everything of the service but its sockets."""

    def __init__(
        self,
        folder: Path,
        *,
        trust_local: bool = True,
        provider: Provider | None = None,
        bridge: BridgeClient | None = None,
        lines: Lines | None = None,
        most_per_user: int = 0,
        messages_per_minute: int = 0,
        clock: Any = reactor,
    ) -> None:
        """`clock`: that of the turns."""
        self.store = Store(folder / "chat.db", reactor)  # type: ignore[arg-type]
        self.provider = ScriptedProvider()
        self.hub = Hub(reactor)
        self.book = PersonaBook()
        site = BridgeApp(reactor, provider or self.provider, self.book, Gate()).site()  # type: ignore[arg-type]
        self.bridge = bridge or BridgeClient.in_process(reactor, site)
        self.lines = lines or Lines({"default": 64}, 64)
        self.turns = Turns(clock, self.store, self.hub, self.bridge, self.lines, context=8_192)
        self.passwords = Passwords(reactor)
        self.personas = Personas(self.store, self.hub, self.turns)
        self.personas.on_saved = lambda p: self.book.add_persona(p.id, p.name, p.prompt, p.avatar)
        self.personas.on_deleted = self.book.remove_persona
        self.conversations = Conversations(self.store, self.hub, self.turns)
        self.accounts = Accounts(
            self.store,
            self.passwords,
            folder,
            trust_local=trust_local,
            seconds=reactor.seconds,  # type: ignore[attr-defined]
            most_per_user=most_per_user,
            messages_per_minute=messages_per_minute,
        )
        self.administration = Administration(
            self.store, self.accounts, self.passwords, self.turns.stop_user, self.personas.publish
        )
        self.search = Search(reactor, self.store, self.turns)
        self.completions = Completions(self.store, self.bridge, self.lines)
        self.use_cases = UseCases(
            self.accounts, self.hub, self.personas, self.conversations, self.turns, self.completions, self.search
        )

    async def open(self) -> Server:
        await self.store.open()
        await self.accounts.open()
        await self.turns.recover()
        await self.personas.open(self.accounts.owner.id, [])
        return self

    async def close(self) -> None:
        await self.turns.close()
        await self.search.stop()
        self.passwords.close()
        await self.store.close()


class End:
    """The client's side of one joined socket: writes JSON, keeps what comes, can wait for a type of frame."""

    def __init__(self, server: Server, *, is_local: bool = True, header_token: str = "") -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.is_open = True
        self._waiting: list[tuple[str, Deferred[dict[str, Any]]]] = []
        self._read = 0
        self.connection = Connection(self, server.use_cases, is_local=is_local, header_token=header_token)

    # what the connection calls

    def write(self, data: bytes) -> None:
        assert self.is_open, "nothing may be written to a closed socket"
        self.frames.append(json.loads(data))
        reactor.callLater(0, self._wake)  # type: ignore[attr-defined]  # never within the server's own call

    def close(self, code: int, reason: str) -> None:
        self.closed, self.is_open = (code, reason), False
        reactor.callLater(0, self.connection.lost)  # type: ignore[attr-defined]

    # what a test calls

    def send(self, **frame: Any) -> None:
        self.send_bytes(json.dumps(frame, ensure_ascii=False).encode())

    def send_bytes(self, data: bytes) -> None:
        self.connection.received(data)

    def leave(self) -> None:
        """The network is gone."""
        self.is_open = False
        self.connection.lost()

    def get(self, kind: str) -> Deferred[dict[str, Any]]:
        """The next frame of this type after the last one gotten; frames in between are passed over."""
        waiting: Deferred[dict[str, Any]] = Deferred()
        waiting.addTimeout(10, reactor)  # type: ignore[arg-type]
        self._waiting.append((kind, waiting))
        self._wake()
        return waiting

    def _wake(self) -> None:
        while self._waiting:
            kind, waiting = self._waiting[0]
            for at in range(self._read, len(self.frames)):
                if self.frames[at]["type"] == kind:
                    self._read = at + 1
                    self._waiting.pop(0)
                    waiting.callback(self.frames[at])
                    break
            else:
                return

    async def ask(self, kind: str, **frame: Any) -> dict[str, Any]:
        """Send a frame -> the next frame of a type."""
        self.send(**frame)
        return await self.get(kind)

    async def hello(self, **more: Any) -> dict[str, Any]:
        """Open the full protocol -> welcome."""
        return await self.ask("welcome", type="hello", version=1, **more)


class Device:
    """A real session joined to a real connection; `drop` and `connect` play the network."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.session = Session(client="device")
        self.connection: Connection | None = None
        self.on_frame: list[Deferred[None]] = []

    def connect(self) -> None:
        self.connection = Connection(self, self.server.use_cases, is_local=True, header_token="")
        self.session.opened()
        self.flush()

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.lost()
            self.connection = None
            self.session.closed(1006)

    def write(self, data: bytes) -> None:
        if self.connection is not None:
            self.session.received(data)
            self.flush()
            waiting, self.on_frame = self.on_frame, []
            for each in waiting:
                each.callback(None)

    def close(self, code: int, reason: str) -> None:
        self.drop()

    def flush(self) -> None:
        for data in self.session.take():
            if self.connection is not None:
                self.connection.received(data)

    async def until(self, condition: Any) -> None:
        """Wait, frame by frame, until a condition of the session holds."""
        while not condition(self.session):
            waiting: Deferred[None] = Deferred()
            self.on_frame.append(waiting)
            waiting.addTimeout(10, reactor)  # type: ignore[arg-type]
            await waiting
