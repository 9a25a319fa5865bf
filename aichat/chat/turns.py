"""Turns: a question is stored, acked, published; its answer grows as a generation that belongs to the server.

The order is the guarantee: store, then ack, then publish, then ask the bridge. Whoever asked may leave; only
`stop` and the end of the service break a generation off, and then its text is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater

from aichat.bridge.client import BridgeClient, Delta
from aichat.chat.generation import CUT, RESTARTED, WHOLE, Generation, broken
from aichat.chat.hub import Hub
from aichat.chat.line import Lines
from aichat.chat.prompt import build_prompt
from aichat.log import make_logger
from aichat.metrics import counts
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    Ack,
    Chat,
    ChatContinue,
    ChatRegenerate,
    ChatStop,
    ConversationSaved,
    MessageAdded,
    MessageDelta,
    MessageDone,
    MessageEdit,
    Push,
)
from aichat.protocol.values import Message, Persona
from aichat.store import Store
from aichat.store.messages import Ending
from aichat.store.turns import Turn

CHECKPOINT_SECONDS, CHECKPOINT_CHARS = 0.25, 1_024
"""The text so far of all running answers is stored this often, and when one has grown by this much."""

CHECKPOINT_MOST = 100
"""Answers in one write, so that nobody's turn waits long for it."""

STORE_AGAIN_SECONDS = 1.0

TELL_PLACES_SECONDS = 0.1


class Ended(NamedTuple):
    """An answer that was stored: whose, what was said before it (a question only, the first time), and itself."""

    user_id: int
    persona: Persona
    history: list[Message]
    message: Message


OnAck = Callable[[Ack], None]


class Turns:
    """All generations of this service."""

    _log = make_logger("aichat.chat.turns")

    def __init__(
        self, reactor: Any, store: Store, hub: Hub, bridge: BridgeClient, lines: Lines, context: int
    ) -> None:
        self._reactor = reactor
        self._store = store
        self._hub = hub
        self._bridge = bridge
        self._lines = lines
        self._lines.on_moved(self._tell_places_soon)
        self._telling: IDelayedCall | None = None
        self._context = context
        self.contexts: Mapping[str, int] = {}
        """Tokens that the models of named providers read."""
        self.on_ended: Callable[[Ended], None] = lambda ended: None
        self._running: dict[int, Generation] = {}
        self._grown: dict[int, Generation] = {}
        """By answer id, those that have text which is not stored."""
        self._checkpoint_timer: IDelayedCall | None = None
        self._checkpointing = False
        self._stopping = False

    async def recover(self) -> int:
        """At start-up: answers that were running when the service went down become `interrupted` -> how many."""
        return await self._store.messages.interrupt_running(RESTARTED)

    async def post(self, user_id: int, user_name: str, command: Chat, on_ack: OnAck) -> Generation | None:
        """Store what was said and start the answer -> the generation, or None if it was posted before.

        `on_ack` is called after the commit and before anybody sees an event of it.
        Errors: AichatError not_found, busy, rate_limited, request_id_reused, storage_failed, shutting_down.
        """
        self._check_open()
        turn = await self._store.messages.append_turn(user_id, command, self._lines.unfinished_most, self._most_read)
        return self._begin(user_id, user_name, turn, on_ack)

    async def regenerate(
        self, user_id: int, user_name: str, command: ChatRegenerate, on_ack: OnAck
    ) -> Generation | None:
        """Have the last question of a conversation answered anew. Errors: as `post`, and conflict."""
        self._check_open()
        turn = await self._store.messages.replace_answer(
            user_id, command, self._lines.unfinished_most, self._most_read
        )
        return self._begin(user_id, user_name, turn, on_ack)

    async def edit(self, user_id: int, user_name: str, command: MessageEdit, on_ack: OnAck) -> Generation | None:
        """Say a message in other words: a question is answered then -> the generation, if there is one.

        Errors: as `post`.
        """
        self._check_open()
        turn = await self._store.messages.edit(user_id, command, self._lines.unfinished_most, self._most_read)
        return self._begin(user_id, user_name, turn, on_ack)

    async def carry_on(self, user_id: int, user_name: str, command: ChatContinue, on_ack: OnAck) -> Generation | None:
        """Finish the last answer of a conversation, from the text it has. Errors: as `post`, and conflict."""
        self._check_open()
        turn = await self._store.messages.reopen_answer(
            user_id, command, self._lines.unfinished_most, self._most_read
        )
        return self._begin(user_id, user_name, turn, on_ack)

    def stop(self, user_id: int, conversation_id: int, answer_id: int | None = None) -> None:
        """Break the running answer of a conversation off, if it is the one meant; its text stays, as `stopped`."""
        generation = self._running.get(conversation_id)
        if generation is not None and generation.user_id == user_id and answer_id in (None, generation.answer.id):
            self._break_off(generation, "stopped")

    async def stop_once(self, user_id: int, command: ChatStop) -> None:
        """A user's stop, carried out once per request id. Errors: AichatError not_found."""
        await self._store.conversations.check_owner(user_id, command.conversation_id)
        if not command.request_id or await self._store.log.first_time(user_id, command):
            self.stop(user_id, command.conversation_id, command.answer_id)

    def stop_user(self, user_id: int) -> None:
        """Break off every running answer of a user."""
        for generation in list(self._running.values()):
            if generation.user_id == user_id:
                self._break_off(generation, "stopped")

    def stop_persona(self, user_id: int, persona_id: str) -> None:
        """Break off every running answer of a persona."""
        for generation in list(self._running.values()):
            if generation.user_id == user_id and generation.persona_id == persona_id:
                self._break_off(generation, "stopped")

    @property
    def running(self) -> int:
        """How many answers are being written."""
        return self._lines.running

    @property
    def waiting(self) -> int:
        """How many answers wait for their turn."""
        return self._lines.waiting

    def standing(self, conversation_id: int) -> list[Push]:
        """How the running answer of a conversation stands: its text so far, then its place if it waits."""
        generation = self._running.get(conversation_id)
        if generation is None:
            return []
        position = 0 if generation.place is None else generation.place.position
        return [generation.snapshot(), *([generation.queued(position)] if position else [])]

    def result(self, generation: Generation) -> Deferred[Message]:
        """Fires with the final message of a generation."""
        waiting: Deferred[Message] = Deferred()
        generation.waiting.append(waiting)
        return waiting

    async def stored(self, message_id: int) -> Message:
        """The final message of a turn that ended before. Errors: AichatError not_found."""
        message = await self._store.messages.get(message_id)
        if message is None:
            raise AichatError("not_found", "That message was deleted.")
        return message

    async def close(self) -> None:
        """Break off every answer as `interrupted`, its text stored."""
        self._stopping = True
        while self._running:
            generations = list(self._running.values())
            for generation in generations:
                self._break_off(generation, "interrupted")
            await DeferredList([generation.done for generation in generations])
        for timer in (self._telling, self._checkpoint_timer):
            if timer is not None and timer.active():
                timer.cancel()
        self._telling = self._checkpoint_timer = None

    @property
    def _most_read(self) -> int:
        """Tokens that the model with the longest context reads."""
        return max([self._context, *self.contexts.values()])

    def _check_open(self) -> None:
        if self._stopping:
            raise AichatError("shutting_down")

    def _begin(self, user_id: int, user_name: str, turn: Turn, on_ack: OnAck) -> Generation | None:
        if turn.repeated:
            on_ack(turn.ack)
            running = self._running.get(turn.ack.conversation_id)
            return running if running is not None and running.answer.id == turn.ack.answer_id else None
        assert turn.persona is not None and turn.conversation is not None and turn.answer is not None
        if turn.answer.status != "running":  # it is as its user wrote it
            on_ack(turn.ack)
            self._publish_beginning(user_id, turn)
            return None
        generation = Generation(user_id, turn.persona.id, turn.answer)
        self._running[generation.conversation_id] = generation
        try:
            on_ack(turn.ack)
            self._publish_beginning(user_id, turn)
        finally:  # what is stored as running runs
            if self._stopping:  # it was stored while the service began to stop
                generation.ended_by = "interrupted"
            generation.done = ensureDeferred(self._run(generation, turn.persona, turn.history, user_name))
        return generation

    def _publish_beginning(self, user_id: int, turn: Turn) -> None:
        assert turn.conversation is not None and turn.answer is not None
        self._hub.publish(user_id, ConversationSaved(conversation=turn.conversation))
        if turn.question is not None:
            self._hub.publish(user_id, MessageAdded(message=turn.question))
        running = turn.answer.status == "running"
        self._hub.publish(user_id, (MessageAdded if running else MessageDone)(message=turn.answer))

    def _break_off(self, generation: Generation, status: str) -> None:
        if not generation.ended_by:
            generation.ended_by = status
            if generation.asking is not None:
                generation.asking.cancel()

    async def _run(self, generation: Generation, persona: Persona, history: list[Message], user_name: str) -> None:
        message: Message | None = None
        place = generation.place = self._lines.enter(
            generation.user_id,
            persona.provider,
            lambda position: self._hub.publish_live(generation.queued(position)),
        )
        try:
            try:
                ending = await self._answer(generation, persona, history, user_name)
            except CancelledError:
                ending = broken(generation, None)
            except AichatError as error:
                ending = broken(generation, error)
            except Exception:
                self._log.failure("answer {id} failed", id=generation.answer.id)
                ending = broken(generation, AichatError("internal"))
            place.leave()
            self._grown.pop(generation.answer.id, None)
            message = await self._store_ending(generation, ending)
        finally:
            del self._running[generation.conversation_id]
            generation.place = None  # which knows the generation: neither need wait for the collector
            if message is not None:
                counts.turns[message.status] += 1
                self._hub.publish(generation.user_id, MessageDone(message=message))
                self.on_ended(Ended(generation.user_id, persona, history, message))
            for waiting in generation.waiting:
                if message is not None:
                    waiting.callback(message)
                else:
                    waiting.errback(AichatError("not_found", "This answer was deleted while it was being written."))

    async def _store_ending(self, generation: Generation, ending: Ending) -> Message | None:
        """Write the end; while the disk refuses, keep the text here and try again."""
        while True:
            try:
                return await self._store.messages.finish(generation.answer.id, ending)
            except AichatError as error:
                self._log.error("answer {id} is not stored yet: {error}", id=generation.answer.id, error=error)
                if self._stopping:
                    return None
                await deferLater(self._reactor, STORE_AGAIN_SECONDS)

    async def _answer(
        self, generation: Generation, persona: Persona, history: list[Message], user_name: str
    ) -> Ending:
        """Wait for the turn, then ask the bridge. Errors: CancelledError when it is broken off, AichatError."""
        context = self.contexts.get(persona.provider, self._context)
        if generation.place is not None and not generation.ended_by:
            generation.asking = generation.place.begun
            await generation.asking
        while True:
            messages = build_prompt(persona, history, user_name, context, unfinished=generation.answer.content)
            if generation.ended_by:
                return broken(generation, None)
            generation.asking = self._bridge.generate(
                persona.id,
                messages,
                persona.model,
                lambda delta: self._on_delta(generation, delta),
                provider=persona.provider,
                fallback=persona.fallback,
                temperature=persona.temperature,
            )
            try:
                finish = await generation.asking
            except AichatError as error:
                if generation.ended_by:  # what it was cancelled in the middle of may call it by another name
                    return broken(generation, None)
                if error.code == "context_exceeded" and len(messages) > 2 and context > 1_000:
                    context //= 2  # the guess was too high for this model: send less history
                    continue
                return broken(generation, error)
            if generation.ended_by:
                return broken(generation, None)
            if finish.reason.lower() not in WHOLE:
                return broken(generation, AichatError(CUT.get(finish.reason.lower(), "upstream_interrupted")))
            if not generation.length:
                words = "The model finished without a word. Try again, or ask in another way."
                return broken(generation, AichatError("upstream_invalid", words))
            return Ending("done", generation.content, generation.reasoning, generation.reasoning_ms, finish.model)

    def _tell_places_soon(self) -> None:
        """Where many come and go, each change need not be told by itself."""
        if self._telling is None:
            self._telling = self._reactor.callLater(TELL_PLACES_SECONDS, self._tell_places)

    def _tell_places(self) -> None:
        self._telling = None
        self._lines.tell_places()

    def _on_delta(self, generation: Generation, delta: Delta) -> None:
        if delta.reasoning and generation.thinks_again:
            delta = Delta(content=delta.content, reasoning=f"\n\n{delta.reasoning}")
        frame = MessageDelta(
            conversation_id=generation.conversation_id,
            message_id=generation.answer.id,
            offset=generation.length,
            content=delta.content,
            reasoning_offset=generation.reasoning_length,
            reasoning=delta.reasoning,
        )
        self._time_reasoning(generation, delta)
        generation.grow(delta)
        self._hub.publish_live(frame)
        self._grown[generation.answer.id] = generation
        if self._checkpointing:
            return  # one at a time: a slow disk gets fewer, not a queue of them
        if self._checkpoint_timer is None:
            self._checkpoint_timer = self._reactor.callLater(CHECKPOINT_SECONDS, self._checkpoint)
        elif generation.length + generation.reasoning_length - generation.checkpointed >= CHECKPOINT_CHARS:
            self._checkpoint_timer.reset(0)

    def _time_reasoning(self, generation: Generation, delta: Delta) -> None:
        if delta.reasoning and generation.thinking_since is None:
            generation.thinking_since = self._reactor.seconds()
        if generation.thinking_since is not None and (delta.reasoning or not generation.length):
            thought = round(1_000 * (self._reactor.seconds() - generation.thinking_since))
            generation.reasoning_ms = generation.answer.reasoning_ms + thought

    def _checkpoint(self) -> None:
        """Store the text so far of every answer that has grown."""
        self._checkpoint_timer, self._checkpointing = None, True
        grown, self._grown = list(self._grown.values()), {}
        parts = [grown[at : at + CHECKPOINT_MOST] for at in range(0, len(grown), CHECKPOINT_MOST)]
        writes = []
        for part in parts:
            texts = []
            for generation in part:
                generation.checkpointed = generation.length + generation.reasoning_length
                texts.append((generation.answer.id, generation.content, generation.reasoning))
            writes.append(self._store.messages.checkpoint_all(texts))
        DeferredList(writes, consumeErrors=True).addCallback(self._checkpointed, parts)

    def _checkpointed(self, outcomes: list[tuple[bool, Any]], parts: list[list[Generation]]) -> None:
        self._checkpointing = False
        for (succeeded, failure), part in zip(outcomes, parts, strict=True):
            if not succeeded:  # the next one has them too, though they may say no more
                error = failure.getErrorMessage()
                self._log.error("checkpoint of {count} answers: {error}", count=len(part), error=error)
                running = [each for each in part if self._running.get(each.conversation_id) is each]
                self._grown = {each.answer.id: each for each in running} | self._grown
        if self._grown and not self._stopping and self._checkpoint_timer is None:
            self._checkpoint_timer = self._reactor.callLater(CHECKPOINT_SECONDS, self._checkpoint)
