"""What the widgets show and the verbs they have, on top of a session.

Turns the session's changes into Qt signals and knows which persona and conversation are shown. Live text comes at
most every `FLUSH_MS`; other changes are gathered until the event loop is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from aichat.protocol import frames
from aichat.protocol.session import Pending, Session, State
from aichat.protocol.timeline import Change
from aichat.protocol.values import Conversation, Failure, Message, Persona, PersonaChanges, PersonaConfig, can_chat
from aichat_qt.link import Link

FLUSH_MS = 40
OLDER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """An own message that is not stored yet, or stored and not announced yet."""

    request_id: str
    content: str
    state: Literal["waiting", "sending", "queued", "failed"]
    """waiting: for the connection; queued: for the running answer."""
    failure: Failure | None = None


class Model(QObject):
    """The one object that widgets talk to."""

    personas_changed = Signal()
    conversations_changed = Signal()
    selected = Signal()
    """Another persona or conversation is shown."""
    messages_changed = Signal()
    """Which messages the shown conversation has, or the state of one of them."""
    live_grew = Signal(int)
    """Live text of this message grew."""
    link_changed = Signal()
    acknowledged = Signal(str, object)
    """The server carried out the command with this request id: the ack."""
    refused = Signal(str, object)
    """The server refused the command (not a chat) with this request id: the failure."""
    noticed = Signal(str)
    """Words for the reader that belong to no place."""
    user_changed = Signal()
    """Somebody else is here, or nobody."""

    def __init__(self, session: Session, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.link = session, link
        self.timeline = session.timeline
        self.persona_id = ""
        self.conversation_id: int | None = None
        self.loading_older = False
        self._fresh = False  # the user asked for a new conversation, so the newest must not come up by itself
        self.preferred_persona = ""
        self._last_state = session.state
        self._user = ""
        self._seen = False  # the shown conversation was in the list once; when it leaves it was deleted
        self._sent: dict[str, frames.Command] = {}
        self._settling: dict[str, frames.Chat] = {}  # acked, and its message not here yet
        self._stopping: set[int] = set()
        self._stale: set[str] = set()
        self._grown: set[int] = set()
        self._gather = QTimer(self, singleShot=True, interval=0)
        self._gather.timeout.connect(self._tell)
        self._flush = QTimer(self, singleShot=True, interval=FLUSH_MS)
        self._flush.timeout.connect(self._tell_live)
        link.received.connect(self._received)
        link.changed.connect(self._link_changed)

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
        self.link.log_out()
        self._reset("")

    def _reset(self, user: str) -> None:
        self._user = user
        self._fresh = False
        for what in (self._sent, self._settling, self._stopping, self._grown):
            what.clear()
        self._show("", None)
        self.user_changed.emit()
        self._mark("personas", "conversations", "messages")

    # what is shown

    @property
    def state(self) -> State:
        return self.session.state

    @property
    def persona(self) -> Persona | None:
        return self.timeline.personas.get(self.persona_id)

    @property
    def conversation(self) -> Conversation | None:
        return self.timeline.conversations.get(self.conversation_id or 0)

    @property
    def can_chat(self) -> bool:
        """Whether one can say something here; what was said with a persona no longer shared can be read."""
        return self.persona is None or can_chat(self.persona)

    def personas(self) -> list[Persona]:
        """All personas, the one spoken with last first, then by age."""
        latest: dict[str, int] = {}
        for conversation in self.timeline.conversations.values():
            latest[conversation.persona_id] = max(latest.get(conversation.persona_id, 0), conversation.touched)
        known = list(self.timeline.personas.values())
        return sorted(known, key=lambda p: latest.get(p.id, 0), reverse=True)

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
        here = {message.request_id for message in self.messages() if message.request_id}
        result = [
            Draft(request_id, chat.content, "sending")
            for request_id, chat in self._settling.items()
            if chat.conversation_id == self.conversation_id and request_id not in here
        ]
        for pending in self._pending_here():
            command, failure = pending.command, pending.failure
            if isinstance(command, frames.Chat) and command.request_id not in here:
                result.append(self._draft(command, failure))
        return result

    def _draft(self, chat: frames.Chat, failure: Failure | None) -> Draft:
        if failure is None:
            return Draft(chat.request_id, chat.content, "sending" if self.state is State.LIVE else "waiting")
        if failure.code == "busy":
            return Draft(chat.request_id, chat.content, "queued")
        return Draft(chat.request_id, chat.content, "failed", failure)

    def place_in_line(self, message: Message) -> int:
        """As which a running answer waits to be written: 1 is the next; 0 if it does not wait."""
        return self.timeline.queued.get(message.id, 0)

    def running(self) -> Message | None:
        """The answer being written in the shown conversation."""
        return None if self.conversation_id is None else self.timeline.running(self.conversation_id)

    def _pending_here(self) -> list[Pending]:
        pending = self.session.pending_chats(self.persona_id, self.conversation_id)
        if self.conversation_id is not None and self.conversations()[:1] == [self.conversation]:
            pending += self.session.pending_chats(self.persona_id, None)  # said before the conversation had a number
        return pending

    # choosing

    def select_persona(self, persona_id: str) -> None:
        """Show a persona with the newest conversation."""
        if persona_id != self.persona_id:
            newest = self.timeline.conversations_with(persona_id)
            self._fresh = False
            self._show(persona_id, newest[0].id if newest else None)

    def select_conversation(self, conversation_id: int | None) -> None:
        """Show a conversation of the shown persona; None: a new one, which the first message makes."""
        self._fresh = conversation_id is None
        if conversation_id != self.conversation_id:
            self._show(self.persona_id, conversation_id)

    def _show(self, persona_id: str, conversation_id: int | None) -> None:
        if self.conversation_id is not None and self.conversation_id != conversation_id:
            self.session.leave_conversation(self.conversation_id)
        self.persona_id, self.conversation_id = persona_id, conversation_id
        self.loading_older = self._seen = False
        if conversation_id is not None:
            self.session.open_conversation(conversation_id)
        self.link.flush()
        self.selected.emit()

    # verbs

    def post(self, content: str) -> str:
        """Say something in the shown conversation."""
        first = all(pending.failure is not None for pending in self.session.pending_chats(self.persona_id, None))
        new = self.conversation_id is None and first
        request_id = self.session.post(
            content, persona_id=self.persona_id, conversation_id=self.conversation_id, new=new
        )
        self._sent[request_id] = self.session.outbox[request_id].command
        self.link.flush()
        self._mark("messages")
        return request_id

    def retry(self, request_id: str) -> None:
        """Send refused words once more."""
        if request_id in self.session.outbox:
            self.session.retry(request_id)
            self.link.flush()
            self._mark("messages")

    def discard(self, request_id: str) -> str:
        """Give up refused words -> the words, for the composer."""
        command = self.session.discard(request_id)
        self._sent.pop(request_id, None)
        self._mark("messages")
        return command.content if isinstance(command, frames.Chat) else ""

    def stop(self) -> bool:
        """End the running answer of the shown conversation; False if none runs."""
        running = self.running()
        if running is None:
            return False
        if running.id not in self._stopping:
            self._stopping.add(running.id)
            self.request(frames.ChatStop(conversation_id=running.conversation_id, answer_id=running.id))
        return True

    def regenerate(self) -> None:
        """Have the last question answered anew."""
        if self.conversation_id is not None:
            self.request(frames.ChatRegenerate(conversation_id=self.conversation_id))

    def go_on(self) -> None:
        """Have the last answer, which broke off or was stopped, finished where it ended."""
        if self.conversation_id is not None:
            unfinished = self.timeline.unfinished(self.conversation_id)
            if unfinished is not None:
                self.request(frames.ChatContinue(conversation_id=self.conversation_id, answer_id=unfinished.id))

    def load_older(self) -> bool:
        """Ask for the page before the oldest loaded message; False if none exists or none can be had now."""
        if self.conversation_id is None or self.loading_older:
            return False
        self.loading_older = self.session.load_older(self.conversation_id, OLDER_PAGE)
        self.link.flush()
        return self.loading_older

    def create_persona(self, config: PersonaConfig) -> str:
        return self.request(frames.PersonaCreate(persona_config=config))

    def update_persona(self, persona_id: str, changes: PersonaChanges) -> str:
        return self.request(frames.PersonaUpdate(persona_id=persona_id, persona_config=changes))

    def delete_persona(self, persona_id: str) -> str:
        return self.request(frames.PersonaDelete(persona_id=persona_id))

    def rename_conversation(self, conversation_id: int, title: str) -> str:
        return self.request(frames.ConversationRename(conversation_id=conversation_id, title=title))

    def delete_conversation(self, conversation_id: int) -> str:
        return self.request(frames.ConversationDelete(conversation_id=conversation_id))

    def request(self, command: frames.Command) -> str:
        """Send a command now or after the next connect -> its request id."""
        request_id = self.session.request(command)
        self._sent[request_id] = command
        self.link.flush()
        return request_id

    # what comes in

    def _received(self, frame: frames.AnyPush, changes: list[Change]) -> None:
        match frame:
            case frames.Welcome():
                if self._user and self._user != self.session.user:
                    self._reset(self.session.user)
                self._user = self.session.user
                self._resend_queued()
                if not frame.recovered:
                    self._settling.clear()
                    self._mark("personas", "conversations", "messages")
            case frames.Error():
                self._errored(frame)
            case frames.Ack():
                self._acked(frame)
            case frames.HistoryResponse() if frame.conversation_id == self.conversation_id:
                self.loading_older = False
            case frames.MessageDone():
                self._stopping.discard(frame.message.id)
                self._resend_queued(frame.message.conversation_id)
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
        command = self._sent.pop(ack.request_id, None)
        if isinstance(command, frames.Chat) and ack.conversation_id:
            self._settling[ack.request_id] = replace(command, conversation_id=ack.conversation_id)
            if self.conversation_id is None and command.persona_id == self.persona_id:
                self._show(self.persona_id, ack.conversation_id)
            self._mark("messages")
        self.acknowledged.emit(ack.request_id, ack)

    def _errored(self, error: frames.Error) -> None:
        self.loading_older = False
        pending = self.session.outbox.get(error.request_id)
        if pending is None:
            if error.code not in {"unauthorized", "not_found", "shutting_down"}:
                self.noticed.emit(error.message)
        elif pending.failure is None:
            pass  # the next connection sends it again
        elif isinstance(pending.command, frames.Chat):
            self._mark("messages")
        else:
            self.session.discard(error.request_id)
            self._sent.pop(error.request_id, None)
            self.refused.emit(error.request_id, pending.failure)
            if not isinstance(pending.command, frames.PersonaCreate | frames.PersonaUpdate | frames.ChatStop):
                self.noticed.emit(pending.failure.message)

    def _resend_queued(self, conversation_id: int | None = None) -> None:
        """Words that came while an answer was being written go out when it ends."""
        for request_id, pending in list(self.session.outbox.items()):
            command, failure = pending.command, pending.failure
            if not isinstance(command, frames.Chat) or failure is None or failure.code != "busy":
                continue
            if conversation_id is None or command.conversation_id in {None, conversation_id}:
                self.session.retry(request_id)
                self._mark("messages")
        self.link.flush()

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
            self._keep_selection_valid()
        if stale & {"personas", "conversations"}:
            self.personas_changed.emit()
        if "conversations" in stale:
            self.conversations_changed.emit()
        if "messages" in stale:
            here = {message.request_id for message in self.messages()}
            self._settling = {k: chat for k, chat in self._settling.items() if k not in here}
            self.messages_changed.emit()

    def _tell_live(self) -> None:
        grown, self._grown = self._grown, set()
        for message_id in grown:
            self.live_grew.emit(message_id)

    def _keep_selection_valid(self) -> None:
        if self.timeline.personas_known and self.persona is None:
            wanted = self.preferred_persona
            personas = self.personas()
            first = wanted if wanted in self.timeline.personas else personas[0].id if personas else ""
            newest = self.timeline.conversations_with(first)
            self._fresh = False
            self._show(first, newest[0].id if newest else None)
        if not self.timeline.conversations_known:
            return
        if self.conversation is not None:
            self._seen = True
            return
        gone = self.conversation_id is not None and self._seen
        waiting = self.conversation_id is None and not self._fresh and not self.drafts()
        if gone or waiting:
            newest = self.timeline.conversations_with(self.persona_id)
            if gone or newest:
                self._show(self.persona_id, newest[0].id if newest else None)
