"""Where the user is (persona, conversation) and what they may do there; no Textual, no socket.

Screens call the verbs and draw what the attributes say. Every verb talks to the session and then flushes the link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from aichat.protocol import frames
from aichat.protocol.session import Pending, Session, State
from aichat.protocol.timeline import Change
from aichat.protocol.values import (
    AI,
    Conversation,
    Failure,
    Message,
    Persona,
    PersonaChanges,
    PersonaConfig,
    can_chat,
)
from aichat_tui.asking import Questions

PAGE = 50
"""Messages asked for when the reader reaches the top."""


class Said(NamedTuple):
    """What the user said in this run and the timeline does not show yet."""

    request_id: str
    content: str
    failure: Failure | None


class Desk:
    """One user's place among personas and conversations."""

    def __init__(self, session: Session, flush: Callable[[], None], *, at_home: bool = False) -> None:
        self.session = session
        self.user = ""
        """Whose desk this is: another user finds it empty."""
        self._at_home = at_home
        self.timeline = session.timeline
        self.persona_id = ""
        self.conversation_id: int | None = None
        """None: a conversation that begins with the next message."""
        self.unread: set[int] = set()
        """Conversations with an answer that was not on the screen."""
        self.drafts: dict[tuple[str, int | None], str] = {}
        self.acks: dict[str, frames.Ack] = {}
        self.questions = Questions(session, flush)
        self.read: dict[int, int] = {}
        """Which state (seq) of a conversation the other devices were told is read."""
        self.began: int | None = None
        """The conversation that a fresh one on the screen has turned into, with its first message."""
        self._flush = flush
        self._said: dict[str, frames.Chat] = {}
        self._known: int | None = None
        self._asked_before = 0
        """The oldest message when older ones were asked for: once is enough."""

    # who is here

    @property
    def shown_user(self) -> str:
        """The user's name, where it says something: not for the owner at their own machine."""
        return "" if self._at_home and self.session.role == "owner" else self.session.user

    def leave(self, user: str) -> None:
        """Another user comes, or nobody: what was the last one's is gone."""
        self.user = user
        self.persona_id, self.conversation_id = "", None
        self.began = self._known = None
        self._asked_before = 0
        for what in (self.unread, self.drafts, self.acks, self._said, self.read):
            what.clear()

    # what is here

    @property
    def persona(self) -> Persona | None:
        """The persona spoken with."""
        return self.timeline.personas.get(self.persona_id)

    @property
    def greeting(self) -> str:
        """What the persona spoken with says first, with the names in it."""
        return "" if self.persona is None else self._filled(self.persona.greeting)

    @property
    def starters(self) -> list[str]:
        """Questions to begin with, with the names in them."""
        return [] if self.persona is None else [self._filled(starter) for starter in self.persona.starters]

    def _filled(self, text: str) -> str:
        if self.persona is None or not ("{{" in text or "<" in text):
            return text
        from aichat.protocol.cards import fill_in  # noqa: PLC0415 - few texts have names to fill in

        return fill_in(text, self.persona.name, self.session.user)

    @property
    def conversation(self) -> Conversation | None:
        """The conversation on the screen; None in one that has not begun."""
        return None if self.conversation_id is None else self.timeline.conversations.get(self.conversation_id)

    @property
    def personas(self) -> list[Persona]:
        """All personas, as the server orders them."""
        return list(self.timeline.personas.values())

    @property
    def messages(self) -> list[Message]:
        """The loaded messages of the conversation."""
        return [] if self.conversation_id is None else self.timeline.messages(self.conversation_id)

    @property
    def loading(self) -> bool:
        """Whether the conversation's messages are still under way."""
        return self.conversation_id is not None and not self.timeline.is_loaded(self.conversation_id)

    @property
    def has_older(self) -> bool:
        """Whether the server has messages before the oldest loaded one."""
        return self.conversation_id is not None and self.timeline.older.get(self.conversation_id, False)

    @property
    def running(self) -> Message | None:
        """The answer being written here."""
        return None if self.conversation_id is None else self.timeline.running(self.conversation_id)

    @property
    def waiting(self) -> bool:
        """Whether something said here is on its way and not refused."""
        return any(said.failure is None for said in self.said())

    @property
    def broken(self) -> Message | None:
        """The last message, if it is an answer that did not come to its end."""
        last = None if self.closed_by else next(reversed(self.messages), None)
        if last is not None and last.sender_type == AI and last.status in ("failed", "interrupted", "stopped"):
            return last
        return None

    @property
    def closed_by(self) -> str:
        """Who no longer shares the persona spoken with: what was said can be read, and no more; "" if it is open."""
        return "" if self.persona is None or can_chat(self.persona) else self.persona.owner

    @property
    def unfinished(self) -> Message | None:
        """The last message, if it is an answer that can go on where it ended."""
        if self.conversation_id is None or self.closed_by:
            return None
        return self.timeline.unfinished(self.conversation_id)

    @property
    def refused(self) -> tuple[str, Pending] | None:
        """The oldest command the server refused and nobody has dealt with."""
        return next(((key, p) for key, p in self.session.outbox.items() if p.failure is not None), None)

    def has_unread(self, persona_id: str) -> bool:
        """Whether a conversation with this persona has an unseen answer."""
        return any(self.is_unread(c) for c in self.timeline.conversations_with(persona_id) if not c.archived)

    def is_unread(self, conversation: Conversation) -> bool:
        """Whether something was answered there that its user has not seen, on any device; not while it is written."""
        if conversation.id == self.conversation_id:
            return False
        known = conversation.unread and self.timeline.running(conversation.id) is None
        return known or conversation.id in self.unread

    def said(self) -> list[Said]:
        """What was said here and is not among the messages yet, oldest first."""
        messages = self.messages
        newest = messages[-1].id if messages else 0
        shown = {m.request_id for m in messages[-20:] if m.request_id}
        here = []
        for request_id, command in list(self._said.items()):
            ack = self.acks.get(request_id)
            if request_id in shown or (ack is not None and 0 < ack.message_id <= newest and self._is_here(command)):
                del self._said[request_id]
            elif self._is_here(command):
                pending = self.session.outbox.get(request_id)
                here.append(Said(request_id, command.content, pending.failure if pending else None))
        return here

    def _is_here(self, command: frames.Chat) -> bool:
        if command.conversation_id is not None or self.conversation_id is not None:
            return command.conversation_id == self.conversation_id
        return command.persona_id == self.persona_id

    # going places

    def choose_persona(self, persona_id: str) -> None:
        """Go to the persona's newest conversation, or to a fresh one."""
        newest = next(iter(self.timeline.conversations_with(persona_id)), None)
        self._go(persona_id, None if newest is None else newest.id)

    def choose_conversation(self, conversation_id: int) -> None:
        """Go to a conversation."""
        conversation = self.timeline.conversations.get(conversation_id)
        if conversation is not None:
            self._go(conversation.persona_id or self.persona_id, conversation_id)

    def new_conversation(self) -> None:
        """Go to a conversation that begins with the next message."""
        self._go(self.persona_id, None)

    def _go(self, persona_id: str, conversation_id: int | None) -> None:
        if self.conversation_id is not None and self.conversation_id != conversation_id:
            self.session.leave_conversation(self.conversation_id)
        self.persona_id, self.conversation_id = persona_id, conversation_id
        self._known = conversation_id if conversation_id in self.timeline.conversations else None
        if conversation_id is not None:
            self.unread.discard(conversation_id)
            if conversation_id not in self.session.opened_conversations:
                self.session.open_conversation(conversation_id)
        self._flush()

    def load_older(self, limit: int = PAGE) -> bool:
        """Ask for older messages; False if there are none or they cannot be asked for now."""
        oldest = next(iter(self.messages), None)
        if self.conversation_id is None or oldest is None or oldest.id == self._asked_before:
            return False
        asked = self.session.load_older(self.conversation_id, limit)
        self._asked_before = oldest.id if asked else 0
        self._flush()
        return asked

    # saying and doing

    def say(self, content: str) -> None:
        """Say something here."""
        fresh = self.conversation_id is None
        request_id = self.session.post(
            content, persona_id=self.persona_id, conversation_id=self.conversation_id, new=fresh
        )
        command = self.session.outbox[request_id].command
        if isinstance(command, frames.Chat):
            self._said[request_id] = command
        self._flush()

    def stop(self) -> str | None:
        """Stop the running answer; what was said and not sent yet comes back as text."""
        running = self.running
        if running is not None:
            self.request(frames.ChatStop(conversation_id=running.conversation_id, answer_id=running.id))
        elif self.session.state is not State.LIVE:
            waiting = next((said for said in self.said() if said.failure is None), None)
            if waiting is not None:
                return self.discard(waiting.request_id)
        return None

    def regenerate(self, message_id: int | None = None) -> None:
        """Have the question of an answer answered anew; without one that of the last."""
        if self.conversation_id is not None:
            self.request(frames.ChatRegenerate(conversation_id=self.conversation_id, message_id=message_id))

    # in the branches of the conversation

    def siblings(self, message_id: int) -> list[int]:
        """The ids of all versions of a message, in order."""
        return self.timeline.siblings(self.conversation_id or 0, message_id)

    def edit(self, message_id: int, content: str) -> None:
        """Say a message in other words, beside the first ones."""
        if self.conversation_id is not None:
            self.request(
                frames.MessageEdit(conversation_id=self.conversation_id, message_id=message_id, content=content)
            )

    def say_below(self, message_id: int, content: str) -> None:
        """Say something below a message: a branch of its own."""
        if self.conversation_id is not None:
            self.request(frames.Chat(content=content, conversation_id=self.conversation_id, parent_id=message_id))

    def select_branch(self, message_id: int) -> None:
        """Show the branch that a message is in."""
        if self.conversation_id is not None:
            self.request(frames.BranchSelect(conversation_id=self.conversation_id, message_id=message_id))

    def delete_message(self, message_id: int) -> None:
        """Delete a message and all below it."""
        if self.conversation_id is not None:
            self.request(frames.MessageDelete(conversation_id=self.conversation_id, message_id=message_id))

    def go_on(self) -> None:
        """Have the last answer finished where it ended."""
        if self.unfinished is not None:
            number, answer = self.unfinished.conversation_id, self.unfinished.id
            self.request(frames.ChatContinue(conversation_id=number, answer_id=answer))

    def retry(self, request_id: str) -> None:
        """Send a refused command once more."""
        if request_id in self.session.outbox:
            self.session.retry(request_id)
            self._flush()

    def discard(self, request_id: str) -> str:
        """Give a command up -> what was said in it, so that it can go back where it was typed."""
        self._said.pop(request_id, None)
        command = self.session.discard(request_id)
        return command.content if isinstance(command, frames.Chat) else ""

    def request(self, command: frames.Command) -> str:
        """Send any other command -> its request id; `outcome` tells how it went."""
        request_id = self.session.request(command)
        self._flush()
        return request_id

    def save_persona(self, persona_id: str, config: PersonaConfig) -> str:
        """Make a persona (no id), or change the fields that differ -> request id."""
        known = self.timeline.personas.get(persona_id)
        if known is None:
            return self.request(frames.PersonaCreate(persona_config=config))
        changes = PersonaChanges(name=config.name, prompt=config.prompt, greeting=config.greeting,
                                 starters=config.starters, shared=config.shared)  # fmt: skip
        return self.request(frames.PersonaUpdate(persona_id=persona_id, persona_config=changes))

    def outcome(self, request_id: str) -> Failure | bool:
        """How a command went: True carried out, False on its way, or why it was refused."""
        pending = self.session.outbox.get(request_id)
        return True if pending is None else pending.failure or False

    # what comes in

    def heard(self, frame: frames.AnyPush | None, changes: Iterable[Change]) -> None:
        """Follow a frame: where a fresh conversation began, what was not seen, what is gone."""
        self.questions.heard(frame)
        match frame:
            case frames.Ack():
                self._acked(frame)
            case frames.MessageDone(message=message) if message.sender_type == AI:
                if message.conversation_id != self.conversation_id:
                    self.unread.add(message.conversation_id)
            case frames.ConversationSaved(conversation=one) if not one.unread and one.read:
                self.unread.discard(one.id)  # read on another device
            case frames.Error(request_id=request_id) if request_id:
                self._drop_pointless(request_id)
            case frames.Welcome(user=user):
                self._asked_before = 0
                if user != self.user:
                    self.leave(user)
        if any(change.kind in ("personas", "conversations") for change in changes):
            self._settle()

    def _acked(self, ack: frames.Ack) -> None:
        self.acks[ack.request_id] = ack
        said = self._said.get(ack.request_id)
        if said is not None and said.conversation_id is None:
            was_here = self._is_here(said)
            self._said[ack.request_id] = frames.Chat(
                content=said.content, persona_id=said.persona_id, conversation_id=ack.conversation_id
            )
            if was_here:
                self.began = ack.conversation_id
                self._go(self.persona_id, ack.conversation_id)

    def _drop_pointless(self, request_id: str) -> None:
        """A stop that came too late asks for nothing: its refusal is no news."""
        pending = self.session.outbox.get(request_id)
        if pending is not None and pending.failure is not None and isinstance(pending.command, frames.ChatStop):
            self.session.discard(request_id)

    def _settle(self) -> None:
        """Leave what is gone; at the start, go somewhere once personas and conversations are known."""
        timeline = self.timeline
        if not (timeline.personas_known and timeline.conversations_known):
            return
        if self.persona_id not in timeline.personas:
            newest = max(timeline.conversations.values(), key=lambda c: (c.touched, c.id), default=None)
            first = next(iter(timeline.personas), "")
            wanted = newest.persona_id if newest is not None and newest.persona_id in timeline.personas else first
            self.choose_persona(wanted)
        elif self.conversation_id in timeline.conversations:
            self._known = self.conversation_id
        elif self.conversation_id is not None and self._known == self.conversation_id:
            self.choose_persona(self.persona_id)  # deleted; one that has just begun is not listed yet
