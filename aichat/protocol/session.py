"""What a client remembers across connections: outbox, position, open conversations, retry schedule.

No I/O: a link (QWebSocket, Autobahn) tells the session what happened and writes what `take` returns.

    link: opened() · received(text) · closed(code) -> seconds until the next try     then: take() -> frames
    user: post(...) · request(command) · open_conversation(id) · retry(request_id)   then: take() -> frames
    log_in(name, password)                                                           then: connect anew

A command that changes something stays in the outbox until its `ack`; after a reconnect it is sent again with the
same `request_id`, which the server answers as the first time. All that decides state is `TRANSITIONS`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable
from enum import Enum

from msgspec.structs import replace

from aichat.protocol import frames
from aichat.protocol.timeline import Change, Timeline
from aichat.protocol.values import Conversation, Failure, Persona, Position

CLOSE_UNAUTHORIZED = 4401
"""WebSocket close code of a refused token: trying again would not help."""

LOGIN = "login"
"""Request id of a login."""

OPENING = "open-"
"""Request ids of our own subscriptions: this and the conversation's id."""

ASKING = "ask-"
"""What the request ids of questions begin with."""

RETRY_FIRST, RETRY_MOST = 0.5, 30.0
"""Seconds: the bound of the first retry delay, doubled each time up to the second figure."""


class State(Enum):
    """Where a session stands."""

    OFFLINE = "offline"
    GREETING = "greeting"
    LIVE = "live"
    REFUSED = "refused"


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.OFFLINE, "opened"): State.GREETING,
    (State.REFUSED, "opened"): State.GREETING,
    (State.GREETING, "welcome"): State.LIVE,
    (State.GREETING, "refused"): State.REFUSED,
    (State.LIVE, "welcome"): State.LIVE,
    (State.LIVE, "refused"): State.REFUSED,
    (State.REFUSED, "refused"): State.REFUSED,
    (State.OFFLINE, "refused"): State.REFUSED,
    (State.GREETING, "closed"): State.OFFLINE,
    (State.LIVE, "closed"): State.OFFLINE,
    (State.OFFLINE, "closed"): State.OFFLINE,
    (State.REFUSED, "closed"): State.REFUSED,
}


class Pending:
    """A command on its way. `failure` is set when the server refused it: then `retry` or `discard` it."""

    __slots__ = ("command", "failure")

    def __init__(self, command: frames.Command, failure: Failure | None = None) -> None:
        self.command = command
        self.failure = failure


class Session:
    """One user's dealings with one server."""

    def __init__(
        self,
        *,
        token: str = "",
        client: str = "",
        jitter: Callable[[], float] = random.random,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.state = State.OFFLINE
        self.timeline = Timeline()
        self.token = token
        self.user = ""
        self.role = ""
        self.server = ""
        self.refusal = ""
        self.outbox: dict[str, Pending] = {}
        self.acked: Pending | None = None
        """What the ack answered that came last."""
        self.opened_conversations: set[int] = set()
        self._client = client
        self._jitter = jitter
        self._new_id = new_id
        self._login: frames.Login | None = None
        self._tries = 0
        self._position: Position | None = None
        self._outgoing: list[bytes] = []
        self._resubscribing: set[int] = set()

    # what was kept on disk

    @property
    def position(self) -> Position | None:
        """How far the timeline is in step with the server: what to keep beside what `restore` takes."""
        return self._position

    def restore(
        self,
        user: str,
        role: str,
        position: Position,
        personas: Iterable[Persona],
        conversations: Iterable[Conversation],
    ) -> None:
        """Begin where a user was when this was kept; the next connect resumes from there.

        Call it before the first `opened`. If another user connects then, or the position is too old, it is dropped.
        """
        self.user, self.role, self._position = user, role, position
        self.timeline.restore(personas, conversations)

    def take_back(self, pending: Iterable[Pending]) -> None:
        """Put kept commands into the outbox, oldest first; they are sent under the request ids that they had."""
        for one in pending:
            self.outbox[one.command.request_id] = one
            if self.state is State.LIVE and one.failure is None:
                self._write(one.command)

    # the link's side

    def opened(self) -> None:
        """The socket is open: greet."""
        self._move("opened")
        self._outgoing = []
        self._resubscribing.clear()
        if self._login is not None:
            self._write(self._login)
        else:
            self._greet()

    def received(self, text: bytes | str) -> tuple[frames.AnyPush | None, list[Change]]:
        """One message from the socket -> the frame (None if newer than this client) and what changed.

        Errors: AichatError bad_frame if the server's text is no frame.
        """
        frame = frames.decode_push(text)
        match frame:
            case None:
                return None, []
            case frames.LoggedIn():
                self._logged_in(frame)
            case frames.Welcome():
                self._welcomed(frame)
            case frames.Ack():
                self.acked = self.outbox.pop(frame.request_id, None)
            case frames.Error():
                self._failed(frame)
            case frames.MessageSnapshot():
                self._resubscribing.discard(frame.message_id)
        changes = self.timeline.apply(frame)
        self._advance(frame)
        for change in changes:
            if change.kind == "gap" and isinstance(frame, frames.MessageDelta):
                self._fill_gap(frame)
            elif change.kind == "missing" and isinstance(change.key, int):
                self._write(frames.HistoryRequest(conversation_id=change.key))
            elif change.kind == "conversations" and change.key not in self.timeline.conversations:
                self.opened_conversations.discard(change.key)
        return frame, changes

    def closed(self, code: int | None = None) -> float | None:
        """The socket is closed or did not open -> seconds until the next try, or None: trying is no use."""
        self._outgoing = []
        self._move("refused" if code == CLOSE_UNAUTHORIZED else "closed")
        if self.state is State.REFUSED:
            return None
        bound = min(RETRY_MOST, RETRY_FIRST * 2.0**self._tries)
        self._tries += 1
        return bound * (0.5 + 0.5 * self._jitter())

    def take(self) -> list[bytes]:
        """The frames to write to the socket now, each one text message."""
        out, self._outgoing = self._outgoing, []
        return out

    # the user's side

    def log_in(self, name: str, password: str) -> None:
        """Show a name and a password at the next connect, instead of the token; then the link must connect anew.

        The link sees the `LoggedIn` frame and keeps its token where secrets are kept. A refused login ends as a
        refused token does: `REFUSED`, with `refusal` in words.
        """
        self._login = frames.Login(name=name, password=password, client=self._client, request_id=LOGIN)

    def log_out(self) -> None:
        """Forget who one was and all that is theirs, unsent words too; the link must leave, and waits for a login."""
        self.token = self.user = self.role = self.refusal = ""
        self._login = None
        self._position = None
        self._outgoing = []
        self.outbox.clear()
        self.opened_conversations.clear()
        self.timeline.clear()
        self._move("refused")

    def post(self, content: str, *, persona_id: str, conversation_id: int | None = None, new: bool = False) -> str:
        """Say something; without a conversation the newest one goes on, or a `new` one starts -> request id."""
        return self.request(
            frames.Chat(content=content, persona_id=persona_id, conversation_id=conversation_id, new_conversation=new)
        )

    def request(self, command: frames.Command) -> str:
        """Send a command that changes something, now or after the next connect -> its request id."""
        request_id = self._new_id()
        command = replace(command, request_id=request_id)
        self.outbox[request_id] = Pending(command)
        if self.state is State.LIVE:
            self._write(command)
        return request_id

    def ask(self, query: frames.Command) -> str:
        """Ask what changes nothing, now or not at all -> its request id, "" without a connection.

        It is not asked again: its reply, an `error` or the end of the connection is all that comes.
        """
        if self.state is not State.LIVE:
            return ""
        request_id = f"{ASKING}{self._new_id()}"
        self._write(replace(query, request_id=request_id))
        return request_id

    def retry(self, request_id: str) -> None:
        """Send a refused command once more, under the same request id."""
        pending = self.outbox[request_id]
        pending.failure = None
        if self.state is State.LIVE:
            self._write(pending.command)

    def discard(self, request_id: str) -> frames.Command | None:
        """Give up a command -> the command, so that its text can go back where it was typed."""
        pending = self.outbox.pop(request_id, None)
        return None if pending is None else pending.command

    def pending_chats(self, persona_id: str, conversation_id: int | None) -> list[Pending]:
        """What was said in a conversation (None: in a new one with the persona) and is not acked yet."""
        return [
            pending
            for pending in self.outbox.values()
            if isinstance(pending.command, frames.Chat)
            and pending.command.conversation_id == conversation_id
            and (conversation_id is not None or pending.command.persona_id == persona_id)
        ]

    def open_conversation(self, conversation_id: int) -> None:
        """Follow a conversation live, and load its newest page if it is not here."""
        self.opened_conversations.add(conversation_id)
        if self.state is State.LIVE:
            self._open(conversation_id)

    def leave_conversation(self, conversation_id: int) -> None:
        """No longer follow a conversation live."""
        self.opened_conversations.discard(conversation_id)
        if self.state is State.LIVE:
            self._write(frames.ConversationUnsubscribe(conversation_id=conversation_id))

    def load_older(self, conversation_id: int, limit: int = 50) -> bool:
        """Ask for the page before the oldest loaded message; False if there is none or no connection."""
        loaded = self.timeline.messages(conversation_id)
        if self.state is not State.LIVE or not loaded or not self.timeline.older.get(conversation_id):
            return False
        self._write(frames.HistoryRequest(conversation_id=conversation_id, before=loaded[0].id, limit=limit))
        return True

    # inside

    def _move(self, what: str) -> None:
        self.state = TRANSITIONS[self.state, what]

    def _write(self, frame: frames.Command) -> None:
        self._outgoing.append(frames.encode(frame))

    def _greet(self) -> None:
        known = self.timeline.personas_known and self.timeline.conversations_known
        self._write(
            frames.Hello(
                version=frames.VERSION,
                token=self.token,
                client=self._client,
                resume=self._position if known else None,
            )
        )

    def _logged_in(self, frame: frames.LoggedIn) -> None:
        self._login = None
        self.token = frame.token
        self._greet()

    def _welcomed(self, welcome: frames.Welcome) -> None:
        self._move("welcome")
        self._tries = 0
        self.refusal = ""
        another = self.user not in ("", welcome.user)
        self.user, self.role, self.server = welcome.user, welcome.role, welcome.server
        if another:  # what is here is not theirs
            self.outbox.clear()
            self.opened_conversations.clear()
        if another or not welcome.recovered:
            self.timeline.clear()
            self._position = Position(epoch=welcome.epoch, seq=welcome.seq)
            self._write(frames.PersonaListQuery())
            self._write(frames.ConversationListQuery())
        for conversation_id in sorted(self.opened_conversations):
            self._open(conversation_id)
        for pending in self.outbox.values():
            if pending.failure is None:
                self._write(pending.command)

    def _open(self, conversation_id: int) -> None:
        if not self.timeline.is_loaded(conversation_id):
            self._write(frames.HistoryRequest(conversation_id=conversation_id))
        request_id = f"{OPENING}{conversation_id}"
        self._write(frames.ConversationSubscribe(conversation_id=conversation_id, request_id=request_id))

    def _fill_gap(self, delta: frames.MessageDelta) -> None:
        """Ask for a snapshot, once for each answer."""
        if delta.message_id not in self._resubscribing:
            self._resubscribing.add(delta.message_id)
            self._write(frames.ConversationSubscribe(conversation_id=delta.conversation_id))

    def _failed(self, error: frames.Error) -> None:
        if error.code == "unauthorized" or error.request_id == LOGIN:
            self.refusal = error.message
            self._login = None
        if error.request_id.startswith(OPENING) and error.code == "not_found":
            self.opened_conversations.discard(int(error.request_id.removeprefix(OPENING)))  # deleted meanwhile
        pending = self.outbox.get(error.request_id)
        if pending is not None and error.code != "shutting_down":  # then the next connection sends it again
            pending.failure = Failure(code=error.code, message=error.message, retryable=error.retryable)

    def _advance(self, frame: frames.AnyPush) -> None:
        """Move the position on with a durable event. Replies do not count: events before them may be under way."""
        match frame:
            case frames.PersonaSaved():
                seq = frame.persona.seq
            case frames.ConversationSaved():
                seq = frame.conversation.seq
            case frames.MessageAdded() | frames.MessageDone():
                seq = frame.message.seq
            case frames.PersonaDeleted() | frames.ConversationDeleted() | frames.MessageDeleted():
                seq = frame.seq
            case _:
                return
        if self._position is not None and seq > self._position.seq:
            self._position = Position(epoch=self._position.epoch, seq=seq)
