"""A small server inside the test process: plays the server's side of the full protocol, as the test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import QObject
from PySide6.QtNetwork import QHostAddress
from PySide6.QtWebSockets import QWebSocket, QWebSocketProtocol, QWebSocketServer

from aichat.protocol import frames
from aichat.protocol.session import CLOSE_UNAUTHORIZED
from aichat.protocol.values import AI, USER, Conversation, Failure, Message, Persona

NOW = "2026-11-24 08:00:00"


class FakeServer(QObject):
    """Holds a small world. `commands` is what it was told; `refuse` makes it refuse the next of a kind."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.token = ""
        self.epoch = "e1"
        self.seq = 0
        self.personas: dict[str, Persona] = {}
        self.conversations: dict[int, Conversation] = {}
        self.messages: dict[int, dict[int, Message]] = {}
        self.log: list[tuple[int, frames.Push]] = []
        self.commands: list[frames.Command] = []
        self.refusals: dict[type, tuple[str, str, bool]] = {}
        self.seen: dict[str, frames.Push] = {}
        self.live: dict[int, str] = {}
        self.reasoning: dict[int, str] = {}
        self.deaf = False
        self.now: Callable[[], str] = lambda: NOW
        self._number = 100
        self._sockets: list[QWebSocket] = []
        self._subscribed: dict[QWebSocket, set[int]] = {}
        self._port = 0
        self._server = QWebSocketServer("fake", QWebSocketServer.SslMode.NonSecureMode, self)
        self._server.newConnection.connect(self._connected)
        self.listen()

    # the test's side

    def listen(self) -> None:
        assert self._server.listen(QHostAddress.SpecialAddress.LocalHost, self._port)
        self._port = self._server.serverPort()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws"

    def drop(self, *, stay_away: bool = True) -> None:
        """Every connection breaks; with `stay_away` none is accepted until `listen`."""
        if stay_away:
            self._server.close()
        for socket in list(self._sockets):
            socket.abort()
        self._sockets.clear()

    def end(self) -> None:
        self.drop()
        self._server.close()

    def told(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    def refuse(self, kind: type, code: str, message: str, *, retryable: bool) -> None:
        self.refusals[kind] = (code, message, retryable)

    def add_persona(self, persona_id: str, name: str, **more: Any) -> Persona:
        persona = Persona(id=persona_id, name=name, avatar=more.pop("avatar", ""), seq=self._next(), **more)
        self.personas[persona_id] = persona
        return persona

    def add_conversation(self, persona_id: str, title: str, stamp: str = NOW) -> int:
        number = self._count()
        self.conversations[number] = Conversation(
            id=number,
            title=title,
            create_time=stamp,
            update_time=stamp,
            persona_id=persona_id,
            seq=self._next(),
            touched=self.seq,
        )  # fmt: skip
        self.messages[number] = {}
        return number

    def add_message(self, conversation: int, sender: int, content: str, **more: Any) -> Message:
        message = Message(
            id=self._count(), conversation_id=conversation, sender_type=sender, content=content,
            send_time=more.pop("send_time", NOW), seq=self._next(), **more,
        )  # fmt: skip
        self.messages[conversation][message.id] = message
        self.conversations[conversation] = replace(self.conversations[conversation], touched=message.seq)
        return message

    def delta(self, text: str = "", reasoning: str = "", *, answer: int = 0) -> None:
        """Live text of the running answer."""
        message = self.running(answer)
        before, thought = self.live.get(message.id, ""), self.reasoning.get(message.id, "")
        self.live[message.id] = before + text
        self.reasoning[message.id] = thought + reasoning
        frame = frames.MessageDelta(
            conversation_id=message.conversation_id, message_id=message.id,
            offset=len(before), content=text, reasoning_offset=len(thought), reasoning=reasoning,
        )  # fmt: skip
        for socket, wanted in self._subscribed.items():
            if message.conversation_id in wanted:
                self._send(socket, frame)

    def queue(self, place: int) -> None:
        """The running answer waits in line; 0: its turn has come."""
        answer = self.running()
        frame = frames.MessageQueued(conversation_id=answer.conversation_id, message_id=answer.id, position=place)
        for socket, wanted in self._subscribed.items():
            if answer.conversation_id in wanted:
                self._send(socket, frame)

    def finish(self, status: Any = "done", failure: Failure | None = None, **more: Any) -> None:
        """The running answer ends."""
        message = self.running()
        final = replace(
            message, content=self.live.pop(message.id, ""), reasoning=self.reasoning.pop(message.id, ""),
            status=status, failure=failure, seq=self._next(), **more,
        )  # fmt: skip
        self.messages[message.conversation_id][message.id] = final
        self.publish(frames.MessageDone(message=final))

    def running(self, answer: int = 0) -> Message:
        found = [m for here in self.messages.values() for m in here.values() if m.status == "running"]
        return next(m for m in reversed(found) if not answer or m.id == answer)

    def is_running(self) -> bool:
        return any(m.status == "running" for here in self.messages.values() for m in here.values())

    def publish(self, frame: frames.Push) -> None:
        """A durable event to everybody, and into the log."""
        self.log.append((self.seq, frame))
        for socket in self._sockets:
            self._send(socket, frame)

    # the client's side

    def _connected(self) -> None:
        socket = self._server.nextPendingConnection()
        self._sockets.append(socket)
        self._subscribed[socket] = set()
        socket.textMessageReceived.connect(lambda text, socket=socket: self._received(socket, text))
        socket.disconnected.connect(lambda socket=socket: self._gone(socket))

    def _gone(self, socket: QWebSocket) -> None:
        self._subscribed.pop(socket, None)
        if socket in self._sockets:
            self._sockets.remove(socket)

    def _send(self, socket: QWebSocket, frame: frames.Push) -> None:
        socket.sendTextMessage(frames.encode(frame).decode())

    def _received(self, socket: QWebSocket, text: str) -> None:
        command = frames.decode_command(text.encode())
        self.commands.append(command)
        if self.deaf:
            return
        if type(command) in self.refusals:
            code, message, retryable = self.refusals.pop(type(command))
            self._send(socket, frames.Error(code=code, message=message, retryable=retryable,
                                            request_id=command.request_id))  # fmt: skip
            return
        if command.request_id in self.seen:
            self._send(socket, self.seen[command.request_id])
            return
        getattr(self, f"_on_{type(command).__name__}")(socket, command)

    def _ack(self, socket: QWebSocket, command: frames.Command, **more: Any) -> None:
        ack = frames.Ack(request_id=command.request_id, **more)
        self.seen[command.request_id] = ack
        self._send(socket, ack)

    def _on_Hello(self, socket: QWebSocket, hello: frames.Hello) -> None:
        if self.token and hello.token != self.token:
            self._send(socket, frames.Error(code="unauthorized", message="This token is not known here.",
                                            retryable=False))  # fmt: skip
            socket.close(QWebSocketProtocol.CloseCode(CLOSE_UNAUTHORIZED), "unauthorized")
            return
        recovered = hello.resume is not None and hello.resume.epoch == self.epoch
        self._send(socket, frames.Welcome(version=1, server="fake", user="owner", epoch=self.epoch, seq=self.seq,
                                          recovered=recovered))  # fmt: skip
        if recovered and hello.resume is not None:
            for seq, frame in self.log:
                if seq > hello.resume.seq:
                    self._send(socket, frame)

    def _on_PersonaListQuery(self, socket: QWebSocket, command: frames.PersonaListQuery) -> None:
        self._send(socket, frames.PersonaList(personas=list(self.personas.values())))

    def _on_ModelListQuery(self, socket: QWebSocket, query: frames.ModelListQuery) -> None:
        self._send(socket, frames.ModelList(models=[], may_choose=True, request_id=query.request_id))

    def _on_ConversationListQuery(self, socket: QWebSocket, command: frames.Command) -> None:
        self._send(socket, frames.ConversationListReply(conversations=list(self.conversations.values())))

    def _on_HistoryRequest(self, socket: QWebSocket, command: frames.HistoryRequest) -> None:
        number = command.conversation_id or 0
        if number not in self.conversations:
            self._send(socket, frames.Error(code="not_found", message="No such conversation.", retryable=False))
            return
        all_ = [m for m in self.messages.get(number, {}).values() if command.before is None or m.id < command.before]
        page = all_[-command.limit :]
        self._send(socket, frames.HistoryResponse(
            persona_id=self.conversations[number].persona_id, conversations=[], messages=page,
            conversation_id=number, more=len(page) < len(all_),
        ))  # fmt: skip

    def _on_ConversationSubscribe(self, socket: QWebSocket, command: frames.ConversationSubscribe) -> None:
        self._subscribed[socket].add(command.conversation_id)
        for message in self.messages.get(command.conversation_id, {}).values():
            if message.status == "running":
                self._send(socket, frames.MessageSnapshot(
                    conversation_id=message.conversation_id, message_id=message.id,
                    content=self.live.get(message.id, ""), reasoning=self.reasoning.get(message.id, ""),
                ))  # fmt: skip

    def _on_ConversationUnsubscribe(self, socket: QWebSocket, command: frames.ConversationUnsubscribe) -> None:
        self._subscribed[socket].discard(command.conversation_id)

    def _on_Chat(self, socket: QWebSocket, command: frames.Chat) -> None:
        number = command.conversation_id or 0
        if not number and not command.new_conversation:
            number = max((c.id for c in self.conversations.values() if c.persona_id == command.persona_id), default=0)
        if number and any(m.status == "running" for m in self.messages[number].values()):
            self._send(socket, frames.Error(code="busy", message="An answer is already being written.",
                                            retryable=True, request_id=command.request_id))  # fmt: skip
            return
        fresh = not number
        if fresh:
            number = self.add_conversation(command.persona_id, command.content[:40], self.now())
        said = self.add_message(number, USER, command.content, request_id=command.request_id, send_time=self.now())
        answer = self.add_message(number, AI, "", status="running", send_time=self.now())
        self._ack(socket, command, conversation_id=number, message_id=said.id, answer_id=answer.id)
        if fresh:
            self.publish(frames.ConversationSaved(conversation=self.conversations[number]))
        self.publish(frames.MessageAdded(message=said))
        self.publish(frames.MessageAdded(message=answer))

    def _on_ChatStop(self, socket: QWebSocket, command: frames.ChatStop) -> None:
        self._ack(socket, command)
        if self.is_running():
            self.finish("stopped")

    def _on_ChatRegenerate(self, socket: QWebSocket, command: frames.ChatRegenerate) -> None:
        here = self.messages[command.conversation_id]
        old = next(m for m in reversed(here.values()) if m.sender_type == AI)
        del here[old.id]
        self.seq += 1
        self.publish(frames.MessageDeleted(seq=self.seq, conversation_id=command.conversation_id, message_id=old.id))
        answer = self.add_message(command.conversation_id, AI, "", status="running")
        self._ack(socket, command, answer_id=answer.id)
        self.publish(frames.MessageAdded(message=answer))

    def _on_ChatContinue(self, socket: QWebSocket, command: frames.ChatContinue) -> None:
        old = self.messages[command.conversation_id][command.answer_id or 0]
        answer = replace(old, status="running", failure=None, seams=[len(old.content)], seq=self._next())
        self.messages[command.conversation_id][answer.id] = answer
        self.live[answer.id] = answer.content
        self._ack(socket, command, conversation_id=command.conversation_id, answer_id=answer.id)
        self.publish(frames.MessageAdded(message=answer))

    def _on_PersonaCreate(self, socket: QWebSocket, command: frames.PersonaCreate) -> None:
        config = command.persona_config
        persona = self.add_persona(
            f"made{self._count()}", config.name, prompt=config.prompt, avatar=config.avatar,
            greeting=config.greeting, starters=config.starters, shared=config.shared,
        )  # fmt: skip
        self._ack(socket, command, persona_id=persona.id)
        self.publish(frames.PersonaSaved(persona=persona))

    def _on_PersonaUpdate(self, socket: QWebSocket, command: frames.PersonaUpdate) -> None:
        changes = {k: v for k in ("name", "prompt", "avatar", "greeting", "starters", "shared")
                   if isinstance(v := getattr(command.persona_config, k), str | list | bool)}  # fmt: skip
        persona = replace(self.personas[command.persona_id], seq=self._next(), **changes)
        self.personas[persona.id] = persona
        self._ack(socket, command, persona_id=persona.id)
        self.publish(frames.PersonaSaved(persona=persona))

    def _on_PersonaDelete(self, socket: QWebSocket, command: frames.PersonaDelete) -> None:
        del self.personas[command.persona_id]
        self._ack(socket, command)
        self.publish(frames.PersonaDeleted(seq=self._next(), persona_id=command.persona_id))

    def _on_ConversationCreate(self, socket: QWebSocket, command: frames.ConversationCreate) -> None:
        number = self.add_conversation(command.persona_id, command.title, self.now())
        self._ack(socket, command, conversation_id=number)
        self.publish(frames.ConversationSaved(conversation=self.conversations[number]))

    def _on_ConversationRename(self, socket: QWebSocket, command: frames.ConversationRename) -> None:
        renamed = replace(self.conversations[command.conversation_id], title=command.title, seq=self._next())
        self.conversations[renamed.id] = renamed
        self._ack(socket, command)
        self.publish(frames.ConversationSaved(conversation=renamed))

    def _on_ConversationDelete(self, socket: QWebSocket, command: frames.ConversationDelete) -> None:
        del self.conversations[command.conversation_id]
        self._ack(socket, command)
        self.publish(frames.ConversationDeleted(seq=self._next(), conversation_id=command.conversation_id))

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _count(self) -> int:
        self._number += 1
        return self._number
