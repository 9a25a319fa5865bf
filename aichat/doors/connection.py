"""One connection of the WebSocket door: decodes frames, calls use cases, answers.

    fresh --login--> fresh     a name and a password become a token
    fresh --hello--> full      the whole protocol: acks, events, live text
    fresh --other--> plain     the seed's frames only: a whole answer for each question

Frames of one connection are carried out in the order they came, each up to its ack (a `chat` does not wait for
its answer), so that what a client sends in a row happens in that order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec.structs import replace
from twisted.internet.defer import ensureDeferred

import aichat
from aichat.chat.accounts import Accounts
from aichat.chat.completions import Completions
from aichat.chat.conversations import Conversations
from aichat.chat.generation import Generation
from aichat.chat.hub import Hub, SendLive
from aichat.chat.personas import Personas
from aichat.chat.search import Search
from aichat.chat.turns import Turns
from aichat.doors.conversation_frames import ConversationFrames
from aichat.doors.outbox import Outbox, Socket
from aichat.doors.rehearsal import Rehearsal
from aichat.log import make_logger
from aichat.metrics import counts
from aichat.protocol import frames
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Push, decode_command, encode, peek_request_id
from aichat.protocol.session import CLOSE_UNAUTHORIZED
from aichat.protocol.values import Message, as_seed_conversation, as_seed_message, as_seed_persona
from aichat.store.users import User

CLOSE_ABUSE = 1008
CLOSE_LATER = 1013

QUEUE_MOST, QUEUE_BYTES_MOST = 1_000, 8 * 1_048_576
"""Frames, and their bytes, that may wait while earlier ones are carried out."""

BAD_FRAMES_MOST = 50
"""Bad frames in a row before the connection is closed."""


class UseCases(NamedTuple):
    """What a connection can call."""

    accounts: Accounts
    hub: Hub
    personas: Personas
    conversations: Conversations
    turns: Turns
    completions: Completions
    search: Search


class Connection(ConversationFrames):
    """What one client may do and has asked for."""

    log = make_logger("aichat.doors.connection")
    user: User
    user_id: int

    __slots__ = (
        "__weakref__", "address", "bad_frames", "chat", "header_token", "incoming", "is_local", "leave", "out",
        "persona_id", "rehearsal", "state", "user", "user_id", "waiting_bytes", "working",
    )  # fmt: skip

    def __init__(
        self, socket: Socket, use_cases: UseCases, *, is_local: bool, header_token: str, address: str = ""
    ) -> None:
        self.out = Outbox(socket, self.standing)
        self.chat = use_cases
        self.is_local = is_local
        self.header_token = header_token
        self.address = address
        self.leave: Callable[[], None] = nobody_came
        self.state = "fresh"
        self.persona_id = ""
        self.incoming: deque[bytes] | tuple[()] = ()  # made when it is needed: it is 0.8 KB
        self.waiting_bytes = 0
        self.working = False
        self.bad_frames = 0
        self.rehearsal: Rehearsal | None = None

    def received(self, payload: bytes) -> None:
        """One text message from the client."""
        if len(self.incoming) >= QUEUE_MOST or self.waiting_bytes + len(payload) > QUEUE_BYTES_MOST:
            self.refuse(AichatError("rate_limited"), peek_request_id(payload))
            return
        counts.frames_in += 1
        counts.bytes_in += len(payload)
        if not self.working:
            ensureDeferred(self.work_off(payload))
        else:
            self.incoming = self.incoming or deque()
            self.incoming.append(payload)
            self.waiting_bytes += len(payload)

    @property
    def waiting(self) -> int:
        """Frames that wait for their turn."""
        return len(self.incoming)

    @property
    def unsent(self) -> int:
        """Bytes that the client has not read yet."""
        return self.out.unsent

    def lost(self) -> None:
        """The socket is gone; what it asked for goes on."""
        self.out.lost()
        self.leave()
        self.end_rehearsal()
        if self.state == "full":
            self.chat.hub.leave(self)

    def say_hello_first(self) -> None:
        """Time is up for whoever needs a token and has not shown one."""
        if self.state == "fresh" and not self.chat.accounts.knows_unasked(local=self.is_local):
            self.refuse(AichatError("unauthorized", "Nobody said who is there: send `hello` with a token."), "")
            self.out.close(CLOSE_LATER, "no hello came in time")  # over a slow line its token may be a good one

    def throw_out(self, why: str) -> None:
        """Who is here may be here no longer."""
        self.refuse(AichatError("unauthorized", why), "")
        self.out.close(CLOSE_UNAUTHORIZED, "unauthorized")
        self.end_rehearsal()
        if self.state == "full":
            self.chat.hub.leave(self)

    def end_rehearsal(self) -> None:
        """Nobody listens to what a persona says on trial."""
        if self.rehearsal is not None:
            self.rehearsal.end()
            self.rehearsal = None

    def send(self, data: bytes) -> None:
        """An event from the hub."""
        self.out.send(data)

    @property
    def send_live(self) -> SendLive:
        """For live text from the hub."""
        return self.out.send_live

    def standing(self, conversation_id: int) -> list[bytes]:
        """All live text of a conversation that this connection still watches, and its answer's place in the line."""
        watching = self.chat.hub.is_watching(self, conversation_id)
        self.chat.hub.settle(conversation_id)
        return [encode(frame) for frame in self.chat.turns.standing(conversation_id)] if watching else []

    async def work_off(self, payload: bytes) -> None:
        """Carry out a frame, and one by one those that come meanwhile."""
        self.working = True
        try:
            await self.handle(payload)
            while self.incoming and not self.out.is_closed:
                payload = self.incoming.popleft()
                self.waiting_bytes -= len(payload)
                await self.handle(payload)
        finally:
            self.working = False
            self.incoming = self.incoming or ()

    async def handle(self, payload: bytes) -> None:
        """Decode one frame and call its handler; whatever goes wrong is answered with an error frame."""
        command: frames.AnyCommand | None = None
        try:
            command = decode_command(payload)
            self.bad_frames = 0
            if self.state == "fresh" and not isinstance(command, GREETINGS):
                await self.admit(self.header_token)
                self.state = "plain"
            if self.state == "plain" and not isinstance(command, (*frames.PLAIN_COMMANDS, *GREETINGS)):
                raise AichatError("hello_required")
            if isinstance(command, GENERATING):
                self.chat.accounts.count_message(self.user_id)
            await HANDLERS[type(command)](self, command)
        except AichatError as error:
            self.refuse(error, command.request_id if command else peek_request_id(payload))
            if error.code == "unauthorized" or (isinstance(command, frames.Login) and self.state == "fresh"):
                self.out.close(CLOSE_UNAUTHORIZED, "unauthorized")
            elif error.code == "rate_limited" and isinstance(command, frames.Hello):
                self.out.close(CLOSE_LATER, "too many connections")  # nothing is wrong with the token
            elif command is None:
                self.bad_frames += 1
                if self.bad_frames >= BAD_FRAMES_MOST:
                    self.out.close(CLOSE_ABUSE, "too many bad frames")
        except Exception:
            self.log.failure("a frame failed: {type}", type=type(command).__name__)
            self.refuse(AichatError("internal"), command.request_id if command else "")

    def refuse(self, error: AichatError, request_id: str) -> None:
        """Answer with an error frame."""
        counts.refusals[error.code] += 1
        self.reply(
            frames.Error(code=error.code, message=error.message, retryable=error.retryable, request_id=request_id)
        )

    def reply(self, frame: Push) -> None:
        """Send one frame to this connection only."""
        self.out.write(encode(frame))

    def ack(self, ack: frames.Ack) -> None:
        """Tell a full client that its command is durable."""
        if self.state == "full" and ack.request_id:
            self.reply(ack)

    def watch_and_ack(self, ack: frames.Ack) -> None:
        """Follow the answer that a command began, and tell that it is durable."""
        self.chat.hub.watch(self, ack.conversation_id)
        self.ack(ack)

    async def admit(self, token: str) -> None:
        """Find out who this is. Errors: AichatError unauthorized, rate_limited."""
        self.user, self.leave = await self.chat.accounts.admit(token, local=self.is_local, throw_out=self.throw_out)
        self.user_id = self.user.id
        if self.out.is_closed:  # it left while we looked
            self.leave()

    # the full protocol

    async def handle_login(self, login: frames.Login) -> None:
        if self.state != "fresh":
            raise AichatError("conflict", "Somebody is known on this connection already: log in on a new one.")
        user, token = await self.chat.accounts.log_in(login.name, login.password, login.client, self.address)
        self.reply(frames.LoggedIn(user=user.name, token=token, request_id=login.request_id))

    async def handle_hello(self, hello: frames.Hello) -> None:
        if self.state != "fresh":
            raise AichatError("hello_repeated")
        if hello.version != frames.VERSION:
            raise AichatError("version_unsupported", f"This server speaks version {frames.VERSION} of the protocol.")
        await self.admit(hello.token or self.header_token)
        if self.out.is_closed:
            return
        self.state = "full"
        self.out.hold()  # events from here on follow what was missed
        self.chat.hub.join(self)
        try:
            missed = await self.chat.conversations.missed(self.user_id, hello.resume)
        except AichatError:
            self.chat.hub.leave(self)
            self.out.release(discard=True)
            self.state = "fresh"
            raise
        self.reply(
            frames.Welcome(
                version=frames.VERSION,
                server=f"aichat {aichat.__version__}",
                user=self.user.name,
                role=self.user.role,
                epoch=missed.position.epoch,
                seq=missed.position.seq,
                recovered=missed.events is not None,
            )
        )
        for event in missed.events or ():
            self.reply(event)
        self.out.release()

    async def handle_chat(self, chat: frames.Chat) -> None:
        if not chat.persona_id and chat.conversation_id is None:
            chat = replace(chat, persona_id=self.persona_id)
        acked: list[frames.Ack] = []

        def on_ack(ack: frames.Ack) -> None:
            acked.append(ack)
            if self.state == "full":
                self.chat.hub.watch(self, ack.conversation_id)
            self.ack(ack)

        generation = await self.chat.turns.post(self.user_id, self.user.name, chat, on_ack)
        if self.state == "plain":
            answering = ensureDeferred(self.answer_plainly(chat, acked[0], generation))
            answering.addErrback(lambda failure: self.log.failure("a plain answer failed", failure=failure))

    async def handle_chat_stop(self, command: frames.ChatStop) -> None:
        await self.chat.turns.stop_once(self.user_id, command)
        self.ack(frames.Ack(request_id=command.request_id, conversation_id=command.conversation_id))

    async def handle_chat_regenerate(self, command: frames.ChatRegenerate) -> None:
        await self.chat.turns.regenerate(self.user_id, self.user.name, command, self.watch_and_ack)

    async def handle_chat_continue(self, command: frames.ChatContinue) -> None:
        await self.chat.turns.carry_on(self.user_id, self.user.name, command, self.watch_and_ack)

    async def handle_message_edit(self, command: frames.MessageEdit) -> None:
        await self.chat.turns.edit(self.user_id, self.user.name, command, self.watch_and_ack)

    async def handle_message_delete(self, command: frames.MessageDelete) -> None:
        await self.chat.conversations.delete_message(self.user_id, command, self.ack)

    async def handle_branch_select(self, command: frames.BranchSelect) -> None:
        await self.chat.conversations.select_branch(self.user_id, command, self.ack)

    async def handle_persona_update(self, command: frames.PersonaUpdate) -> None:
        await self.chat.personas.update(self.user, command, self.ack)

    async def handle_persona_card(self, query: frames.PersonaCardQuery) -> None:
        card = await self.chat.personas.card(self.user_id, query.persona_id)
        self.reply(frames.PersonaCardReply(persona_id=query.persona_id, card=card, request_id=query.request_id))

    async def handle_persona_delete(self, command: frames.PersonaDelete) -> None:
        await self.chat.personas.delete(self.user_id, command, self.ack)

    async def handle_persona_try(self, command: frames.PersonaTry) -> None:
        self.chat.personas.check_choice(self.user, command.persona_config)
        self.end_rehearsal()
        if command.messages:
            self.chat.accounts.count_message(self.user_id)
            self.rehearsal = Rehearsal(self.chat.completions, self.user, command, self.reply, self.refuse)

    async def handle_model_list(self, query: frames.ModelListQuery) -> None:
        models, may_choose = self.chat.personas.offers(), self.chat.personas.may_choose(self.user)
        self.reply(frames.ModelList(models=models, may_choose=may_choose, request_id=query.request_id))

    async def handle_conversation_subscribe(self, command: frames.ConversationSubscribe) -> None:
        await self.chat.conversations.subscribe(self, command.conversation_id)
        self.ack(frames.Ack(request_id=command.request_id, conversation_id=command.conversation_id))

    async def handle_conversation_unsubscribe(self, command: frames.ConversationUnsubscribe) -> None:
        self.chat.hub.unwatch(self, command.conversation_id)
        self.ack(frames.Ack(request_id=command.request_id, conversation_id=command.conversation_id))

    # the seed's frames, for both

    async def handle_persona_list(self, query: frames.PersonaListQuery) -> None:
        await self.reply_personas("", query.request_id)

    async def handle_persona_select(self, command: frames.PersonaSelect) -> None:
        self.persona_id = (await self.chat.personas.get(self.user_id, command.persona_id)).id
        await self.reply_personas(self.persona_id, command.request_id)

    async def handle_persona_create(self, command: frames.PersonaCreate) -> None:
        acked: list[frames.Ack] = []

        def on_ack(ack: frames.Ack) -> None:
            acked.append(ack)
            self.ack(ack)

        await self.chat.personas.create(self.user, command, on_ack)
        if self.state == "plain":
            await self.reply_personas(acked[0].persona_id, "")

    async def handle_history_request(self, request: frames.HistoryRequest) -> None:
        if not request.persona_id and request.conversation_id is None:
            request = replace(request, persona_id=self.persona_id)
        history = await self.chat.conversations.history(self.user_id, request)
        if self.state == "full":
            self.reply(frames.HistoryResponse(request_id=request.request_id, **history._asdict()))
            return
        shown = [m for m in history.messages if m.content and m.status != "running"]
        self.reply(
            frames.HistoryResponse(
                persona_id=history.persona_id,
                conversations=[as_seed_conversation(c) for c in history.conversations],
                messages=[as_seed_message(m) for m in shown],
            )
        )

    async def reply_personas(self, chosen: str, request_id: str) -> None:
        personas = await self.chat.personas.all_of(self.user_id)
        if self.state == "plain":
            personas, request_id = [as_seed_persona(persona) for persona in personas], ""
        self.reply(frames.PersonaList(personas=personas, persona_id=chosen, request_id=request_id))

    async def answer_plainly(self, chat: frames.Chat, ack: frames.Ack, generation: Generation | None) -> None:
        """The whole answer in one frame, or the error that kept it from being whole."""
        try:
            message = await self.whole_answer(ack, generation)
        except AichatError as error:
            self.refuse(error, chat.request_id)
            return
        if message.status in ("done", "stopped"):
            self.reply(frames.ChatResponse(persona_id=ack.persona_id, content=message.content))
        else:
            failure = message.failure
            why = AichatError(failure.code, failure.message) if failure else AichatError("upstream_interrupted")
            self.refuse(why, chat.request_id)

    def whole_answer(self, ack: frames.Ack, generation: Generation | None) -> Awaitable[Message]:
        turns = self.chat.turns
        return turns.stored(ack.answer_id) if generation is None else turns.result(generation)


def nobody_came() -> None:
    """Nobody is known on this connection yet."""


GREETINGS = (frames.Login, frames.Hello)
GENERATING = (frames.Chat, frames.ChatRegenerate, frames.ChatContinue, frames.MessageEdit)

Handler = Callable[[Connection, Any], Awaitable[None]]

HANDLERS: dict[type[frames.Command], Handler] = {
    command: getattr(Connection, f"handle_{command.__struct_config__.tag}") for command in frames.COMMANDS
}
"""Command -> the method that carries it out."""
