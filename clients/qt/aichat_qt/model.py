"""What the widgets show, on top of the server that is shown; what the user can do there is in `verbs`.

Turns the session's changes into Qt signals. Live text comes at most every `FLUSH_MS`; other changes are gathered
until the event loop is free.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, SignalInstance

from aichat.protocol import frames
from aichat.protocol.saying import Said
from aichat.protocol.session import ASKING, State
from aichat.protocol.timeline import Change, Timeline
from aichat.protocol.values import Conversation, Message, Persona, can_chat
from aichat_qt.failures import said
from aichat_qt.servers import Servers
from aichat_qt.verbs import Verbs

FLUSH_MS = 40
OLDER_PAGE = 50

Draft = Said
"""An own message that is not stored yet, or stored and not announced yet."""


class Model(Verbs):
    """The one object that widgets talk to."""

    personas_changed = Signal()
    conversations_changed = Signal()
    selected = Signal()
    """Another persona or conversation is shown."""
    messages_changed = Signal()
    """Which messages the shown conversation has, or the state of one of them."""
    live_grew = Signal(int)
    """Live text of this message grew."""
    answered = Signal(object)
    """An answer ended, in whatever conversation: its message."""
    link_changed = Signal()
    acknowledged = Signal(str, object)
    """The server carried out the command with this request id: the ack."""
    refused = Signal(str, object)
    """The server refused the command (not a chat) with this request id: the failure."""
    replied = Signal(object)
    """A reply to something asked, or the `error` in its place; both have the `request_id` of the question."""
    noticed = Signal(str)
    """Words for the reader that belong to no place."""
    user_changed = Signal()
    """Somebody else is here, or nobody."""
    server_changed = Signal()
    """Another server is shown, and with it everything else."""
    kept = Signal(bool)
    """After a login: whether a keyring has it now."""

    def __init__(self, servers: Servers, parent: QObject | None = None) -> None:
        super().__init__(servers, parent)
        self.loading_older = False
        self._stale: set[str] = set()
        self._grown: set[int] = set()
        self._gather = QTimer(self, singleShot=True, interval=0)
        self._gather.timeout.connect(self._tell)
        self._flush = QTimer(self, singleShot=True, interval=FLUSH_MS)
        self._flush.timeout.connect(self._tell_live)
        self._last_state = self.state
        self._listen()
        servers.switched.connect(self._switch)
        self._mark("personas", "conversations", "messages")  # what was kept is there before the connection is

    def _listen(self) -> None:
        """Hear the server that is shown, and only that one."""
        for signal, slot in self._heard():
            signal.connect(slot)

    def _heard(self) -> list[tuple[SignalInstance, Callable[..., None] | SignalInstance]]:
        server = self.server
        return [
            (server.received, self._received),
            (server.link_changed, self._link_changed),
            (server.said_changed, self._said_changed),
            (server.user_changed, self._user_changed),
            (server.link.kept, self.kept),
        ]

    def _switch(self) -> None:
        for signal, slot in self._heard():
            signal.disconnect(slot)
        self.server = self.servers.current
        self._listen()
        self._stopping.clear()
        self._grown.clear()
        self._last_state = self.state
        self.server.selection.keep_valid()
        self.server_changed.emit()
        self._moved()
        self.link_changed.emit()
        self._mark("personas", "conversations", "messages")

    # who is here

    @property
    def shown_user(self) -> str:
        """The user's name, where it says something: not for the owner at their own machine."""
        at_home = self.session.role == "owner" and self.link.address.is_local
        return "" if at_home else self.session.user

    def unsent(self) -> int:
        """How many commands were not taken by the server yet."""
        return len(self.session.outbox)

    def log_out(self) -> None:
        """Forget who this is, and wait for a login."""
        self.server.log_out()

    def connect_now(self) -> None:
        """Do not wait for the next try."""
        self.link.connect_now()

    def trust(self) -> None:
        """The certificate that the server showed is its own."""
        self.link.trust()

    # what is shown

    @property
    def state(self) -> State:
        return self.session.state

    @property
    def timeline(self) -> Timeline:
        return self.session.timeline

    @property
    def persona_id(self) -> str:
        return self.server.selection.persona_id

    @property
    def persona(self) -> Persona | None:
        return self.server.selection.persona

    @property
    def conversation(self) -> Conversation | None:
        return self.server.selection.conversation

    def prefer(self, persona_id: str, conversation_id: int) -> None:
        """Show these first, if they are there."""
        if persona_id:
            self.server.selection.prefer(persona_id, conversation_id)

    @property
    def can_chat(self) -> bool:
        """Whether one can say something here; what was said with a persona no longer shared can be read."""
        return self.persona is None or can_chat(self.persona)

    def personas(self) -> list[Persona]:
        """All personas, the one spoken with last first, then by age."""
        return self.server.selection.personas()

    def conversations(self) -> list[Conversation]:
        """The conversations with the shown persona, newest first."""
        return self.timeline.conversations_with(self.persona_id)

    def is_loaded(self) -> bool:
        return self.conversation_id is None or self.timeline.is_loaded(self.conversation_id)

    def messages(self) -> list[Message]:
        """The loaded messages of the shown conversation, oldest first."""
        return [] if self.conversation_id is None else self.timeline.messages(self.conversation_id)

    def drafts(self) -> list[Draft]:
        """Own words in the shown conversation that are on their way or were refused."""
        return self.server.saying.said(self.persona_id, self.conversation_id)

    def place_in_line(self, message: Message) -> int:
        """As which a running answer waits to be written: 1 is the next; 0 if it does not wait."""
        return self.timeline.queued.get(message.id, 0)

    def draft(self) -> str:
        """What was typed in the shown conversation and not sent; kept across restarts."""
        return self.server.draft((self.persona_id, self.conversation_id))

    def set_draft(self, text: str) -> None:
        self.server.set_draft((self.persona_id, self.conversation_id), text)

    def carry_draft(self) -> None:
        """The new conversation has its number: what is being typed goes on there."""
        begun = (self.persona_id, None)
        self.set_draft(self.server.draft(begun))
        self.server.set_draft(begun, "")

    # choosing

    def select_persona(self, persona_id: str) -> None:
        """Show a persona with the newest conversation."""
        if self.server.selection.choose_persona(persona_id):
            self._moved()

    def select_conversation(self, conversation_id: int | None) -> None:
        """Show a conversation of the shown persona; None: a new one, which the first message makes."""
        if self.server.selection.choose_conversation(conversation_id):
            self._moved()

    def open_conversation(self, conversation_id: int) -> None:
        """Show a conversation and the persona it is with; one that is gone changes nothing."""
        if self.server.selection.choose_both(conversation_id):
            self._moved()

    def load_older(self, limit: int = OLDER_PAGE) -> bool:
        """Have the page before the oldest loaded message; False if none exists or none can be had now."""
        if self.conversation_id is None or self.loading_older:
            return False
        if self.server.bring_older(self.conversation_id, limit):
            self._mark("messages")
            return True
        self.loading_older = self.session.load_older(self.conversation_id, limit)
        self.link.flush()
        return self.loading_older

    def _moved(self) -> None:
        self.loading_older = False
        self.link.flush()
        if self.persona is not None:
            self.servers.remember_place(self.persona_id, self.conversation_id or 0)
        self.selected.emit()

    # what comes in

    def _received(self, frame: frames.AnyPush, changes: list[Change]) -> None:
        if getattr(frame, "request_id", "").startswith(ASKING):
            self.replied.emit(frame)
            if isinstance(frame, frames.Error):
                return
        match frame:
            case frames.Welcome():
                if not frame.recovered:
                    self._mark("personas", "conversations", "messages")
            case frames.Error():
                self._errored(frame)
            case frames.Ack():
                self._acked(frame)
            case frames.HistoryResponse() if frame.conversation_id == self.conversation_id:
                self.loading_older = False
            case frames.MessageDone():
                self._stopping.discard(frame.message.id)
                self.answered.emit(frame.message)
        for change in changes:
            if change.kind == "live" and isinstance(change.key, int):
                self._grown.add(change.key)
                if not self._flush.isActive():
                    self._flush.start()
            elif change.kind == "message" or (change.kind == "messages" and change.key == self.conversation_id):
                self._mark("messages")
            elif change.kind in {"personas", "conversations"}:
                self._mark(change.kind)

    def _acked(self, ack: frames.Ack) -> None:
        command = self.session.acked.command if self.session.acked else None
        if (
            isinstance(command, frames.Chat)
            and ack.conversation_id
            and self.server.selection.began(command.persona_id, ack.conversation_id)
        ):
            self._moved()
        self.acknowledged.emit(ack.request_id, ack)

    def _errored(self, error: frames.Error) -> None:
        self.loading_older = False
        pending = self.session.outbox.get(error.request_id)
        if pending is None:
            if error.code not in {"unauthorized", "not_found", "shutting_down"}:
                self.noticed.emit(said(error.message, error.code))
        elif pending.failure is not None and not isinstance(pending.command, frames.Chat):
            self.session.discard(error.request_id)
            self.server.flush()
            self.refused.emit(error.request_id, pending.failure)
            if not isinstance(pending.command, frames.PersonaCreate | frames.PersonaUpdate | frames.ChatStop):
                self.noticed.emit(said(pending.failure.message, pending.failure.code))

    def _said_changed(self) -> None:
        self._mark("messages")

    def _user_changed(self) -> None:
        self._stopping.clear()
        self._grown.clear()
        self._moved()
        self.user_changed.emit()
        self._mark("personas", "conversations", "messages")

    def _link_changed(self) -> None:
        if self.state is not State.LIVE:
            self.loading_older = False
        if self.state is not self._last_state:
            self._last_state = self.state
            self._mark("messages")
        self.link_changed.emit()

    # telling the widgets

    def _mark(self, *kinds: str) -> None:
        self._stale.update(kinds)
        if not self._gather.isActive():
            self._gather.start()

    def _tell(self) -> None:
        stale, self._stale = self._stale, set()
        if stale & {"personas", "conversations"}:
            if self.server.selection.keep_valid():
                self._moved()
            self.personas_changed.emit()
        if "conversations" in stale:
            self.conversations_changed.emit()
        if "messages" in stale:
            self.messages_changed.emit()

    def _tell_live(self) -> None:
        grown, self._grown = self._grown, set()
        for message_id in grown:
            self.live_grew.emit(message_id)
