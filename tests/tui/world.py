"""A small server without I/O, for the terminal client's tests: it answers commands and grows answers on demand.

`connect` gives a `Wire`; what the client writes goes to `Wire.send`, what the world says to `deliver`. It keeps
an event log, so that resume works; `drop` ends a wire the hard way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from aichat.protocol import frames
from aichat.protocol.values import AI, USER, Conversation, Failure, Message, Offer, Persona, SearchResult

STORM = "Tell me about the worst storm you ever met"
PERSONAS = [
    Persona(id="mara", name="Captain Mara", avatar="", prompt="You are Captain Mara.", model="qwen2.5-0.5b",
            greeting="Ahoy, mate. Pull up a stool. What would you like tonight: a storm, a strange island, or some"
            " plain advice?",
            starters=[STORM, "What is the strangest thing you saw at sea?",
                      "I am afraid of a big change. Any advice, Captain?"]),
    Persona(id="reviewer", name="Code Reviewer", avatar="", prompt="You review code.",
            greeting="Paste a function or a diff and say what it should do. I will list the problems, worst first.",
            starters=["Review: def mean(xs): return sum(xs) / len(xs)"]),
    Persona(id="xiaoyu", name="林小雨", avatar="", prompt="你是林小雨。",
            greeting="嗨，我是小雨。今天过得怎么样？想聊聊天，或者写点什么，我都在。",
            starters=["今天有点累，陪我说说话吧", "帮我给很久没联系的老朋友写一封信", "把今天这场雨写成一篇小日记"]),
    Persona(id="xueba", name="学霸助手", avatar="", prompt="你是一个严谨的学术助手。",
            greeting="你好，我是学霸助手。把想弄懂的题目或概念告诉我，我们一步一步来。",
            starters=["为什么天空是蓝色的？请分步讲给我听", "鸡兔同笼：35 个头、94 只脚，怎么算？"]),
]  # fmt: skip


class Wire:
    """One connection."""

    def __init__(self, world: World, deliver: Callable[[bytes], None]) -> None:
        self.world = world
        self.deliver = deliver
        self.open = True
        self.subscribed: set[int] = set()

    def send(self, data: bytes) -> None:
        """The client wrote this."""
        self.world.handle(self, frames.decode_command(data))

    def push(self, frame: frames.Push) -> None:
        """Write to the client."""
        if self.open:
            self.deliver(frames.encode(frame))


class World:
    """Personas, conversations, messages and the log of events."""

    def __init__(self, personas: list[Persona] | None = None, *, token: str = "", epoch: str = "e1") -> None:
        self.token = token
        self.epoch = epoch
        self.seq = 0
        self.personas: dict[str, Persona] = {}
        self.conversations: dict[int, Conversation] = {}
        self.messages: dict[int, dict[int, Message]] = {}
        self.wires: list[Wire] = []
        self.deleted: dict[int, Conversation] = {}
        self.log: list[tuple[int, frames.Push]] = []
        self.done: dict[str, frames.Push] = {}
        self.refuse: dict[str, frames.Error] = {}
        """Command tag -> the error it gets, once."""
        self.said: list[str] = []
        self.commands: list[str] = []
        self.on_turn: Callable[[Message, str], None] = lambda answer, question: None
        self.model = "qwen2.5-0.5b"
        self.time = "2026-03-02 08:00:00"
        self._ids = itertools.count(1)
        for persona in PERSONAS if personas is None else personas:
            self.personas[persona.id] = persona

    def connect(self, deliver: Callable[[bytes], None]) -> Wire:
        """A new connection."""
        wire = Wire(self, deliver)
        self.wires.append(wire)
        return wire

    def drop(self, wire: Wire) -> None:
        """The connection is gone."""
        wire.open = False
        if wire in self.wires:
            self.wires.remove(wire)

    # making history

    def add_conversation(self, persona_id: str, title: str, time: str = "2026-03-02 08:00:00") -> int:
        """A conversation that was there before."""
        number = next(self._ids)
        self.conversations[number] = Conversation(
            id=number, title=title, create_time=time, persona_id=persona_id, update_time=time, seq=self._next()
        )
        self.messages[number] = {}
        return number

    def add_message(self, conversation_id: int, sender: int, content: str, **more: object) -> Message:
        """A message that was there before."""
        message = Message(sender_type=sender, content=content, id=next(self._ids), seq=self._next(),
                          conversation_id=conversation_id, **{"send_time": self.time, **more})  # type: ignore[arg-type]  # fmt: skip
        self.messages[conversation_id][message.id] = message
        self.conversations[conversation_id] = replace(self.conversations[conversation_id], touched=message.seq)
        return message

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _event(self, frame: frames.Push, seq: int) -> None:
        self.log.append((seq, frame))
        for wire in list(self.wires):
            wire.push(frame)

    # an answer grows

    def grow(self, answer: Message, content: str = "", reasoning: str = "") -> Message:
        """Live text."""
        known = self.messages[answer.conversation_id][answer.id]
        delta = frames.MessageDelta(
            conversation_id=answer.conversation_id, message_id=answer.id, offset=len(known.content), content=content,
            reasoning_offset=len(known.reasoning), reasoning=reasoning,
        )  # fmt: skip
        known = replace(known, content=known.content + content, reasoning=known.reasoning + reasoning)
        self.messages[answer.conversation_id][answer.id] = known
        for wire in list(self.wires):
            if answer.conversation_id in wire.subscribed:
                wire.push(delta)
        return known

    def finish(self, answer: Message, status: str = "done", failure: Failure | None = None, ms: int = 0) -> None:
        """The final state."""
        known = self.messages[answer.conversation_id][answer.id]
        if known.status != "running":
            return
        known = replace(known, status=status, failure=failure, seq=self._next(), model=self.model, reasoning_ms=ms)
        self.messages[answer.conversation_id][answer.id] = known
        self._event(frames.MessageDone(message=known), known.seq)

    def queue(self, answer: Message, place: int) -> None:
        """It waits in line; 0: its turn has come."""
        frame = frames.MessageQueued(conversation_id=answer.conversation_id, message_id=answer.id, position=place)
        for wire in list(self.wires):
            if answer.conversation_id in wire.subscribed:
                wire.push(frame)

    def running(self) -> list[Message]:
        """All answers under way."""
        return [m for one in self.messages.values() for m in one.values() if m.status == "running"]

    # commands

    def handle(self, wire: Wire, command: frames.AnyCommand) -> None:
        """One command."""
        tag = str(command.__struct_config__.tag)
        self.commands.append(tag)
        if tag in self.refuse:
            wire.push(replace(self.refuse.pop(tag), request_id=command.request_id))
        elif command.request_id and command.request_id in self.done:
            wire.push(self.done[command.request_id])
        elif getattr(command, "conversation_id", None) not in (None, *self.conversations):
            wire.push(frames.Error(code="not_found", message="No such conversation.", retryable=False,
                                   request_id=command.request_id))  # fmt: skip
        else:
            getattr(self, f"_{tag}")(wire, command)

    def _ack(self, wire: Wire, command: frames.Command, **more: object) -> None:
        ack = frames.Ack(request_id=command.request_id, **more)  # type: ignore[arg-type]
        self.done[command.request_id] = ack
        wire.push(ack)

    def _hello(self, wire: Wire, hello: frames.Hello) -> None:
        if self.token and hello.token != self.token:
            wire.push(frames.Error(code="unauthorized", message="This token is not valid.", retryable=False))
            return
        known = hello.resume is not None and hello.resume.epoch == self.epoch
        wire.push(frames.Welcome(version=1, server="fake", user="owner", epoch=self.epoch, seq=self.seq,
                                 recovered=known))  # fmt: skip
        if hello.resume is not None and known:
            for seq, frame in self.log:
                if seq > hello.resume.seq:
                    wire.push(frame)

    def _login(self, wire: Wire, login: frames.Login) -> None:
        wire.push(frames.Error(code="unauthorized", message="The name or the password is wrong.", retryable=False,
                               request_id=login.request_id))  # fmt: skip

    def _persona_list(self, wire: Wire, query: frames.PersonaListQuery) -> None:
        wire.push(frames.PersonaList(personas=list(self.personas.values()), request_id=query.request_id))

    def _conversation_list(self, wire: Wire, query: frames.ConversationListQuery) -> None:
        found = list(self.conversations.values())
        wire.push(frames.ConversationListReply(conversations=found, request_id=query.request_id))

    def _history_request(self, wire: Wire, query: frames.HistoryRequest) -> None:
        assert query.conversation_id is not None
        before = [
            m for m in self.messages[query.conversation_id].values() if query.before is None or m.id < query.before
        ]
        wire.push(frames.HistoryResponse(
            persona_id=query.persona_id, conversations=[], messages=before[-query.limit :],
            conversation_id=query.conversation_id, more=len(before) > query.limit,
        ))  # fmt: skip

    def _conversation_subscribe(self, wire: Wire, query: frames.ConversationSubscribe) -> None:
        wire.subscribed.add(query.conversation_id)
        for answer in self.running():
            if answer.conversation_id == query.conversation_id:
                wire.push(frames.MessageSnapshot(conversation_id=query.conversation_id, message_id=answer.id,
                                                 content=answer.content, reasoning=answer.reasoning))  # fmt: skip

    def _conversation_unsubscribe(self, wire: Wire, query: frames.ConversationUnsubscribe) -> None:
        wire.subscribed.discard(query.conversation_id)

    def _chat(self, wire: Wire, chat: frames.Chat) -> None:
        number = chat.conversation_id
        if number is None and not chat.new_conversation:
            number = max((c.id for c in self.conversations.values() if c.persona_id == chat.persona_id), default=None)
        fresh = number is None
        if number is None:
            number = self.add_conversation(chat.persona_id, chat.content[:30])
        own = self.add_message(number, USER, chat.content, request_id=chat.request_id)
        answer = self.add_message(number, AI, "", status="running")
        self.said.append(chat.content)
        self._ack(wire, chat, persona_id=self.conversations[number].persona_id, conversation_id=number,
                  message_id=own.id, answer_id=answer.id)  # fmt: skip
        if fresh:
            conversation = replace(self.conversations[number], seq=self._next())
            self._event(frames.ConversationSaved(conversation=conversation), conversation.seq)
        self._event(frames.MessageAdded(message=own), own.seq)
        self._event(frames.MessageAdded(message=answer), answer.seq)
        self.on_turn(answer, chat.content)

    def _chat_stop(self, wire: Wire, stop: frames.ChatStop) -> None:
        self._ack(wire, stop)
        for answer in self.running():
            if answer.conversation_id == stop.conversation_id:
                self.finish(answer, "stopped")

    def _chat_regenerate(self, wire: Wire, again: frames.ChatRegenerate) -> None:
        old = max(self.messages[again.conversation_id].values(), key=lambda m: m.id)
        self._ack(wire, again)
        del self.messages[again.conversation_id][old.id]
        seq = self._next()
        self._event(frames.MessageDeleted(seq=seq, conversation_id=again.conversation_id, message_id=old.id), seq)
        answer = self.add_message(again.conversation_id, AI, "", status="running")
        self._event(frames.MessageAdded(message=answer), answer.seq)
        self.on_turn(answer, "again")

    def _chat_continue(self, wire: Wire, go_on: frames.ChatContinue) -> None:
        old = self.messages[go_on.conversation_id][go_on.answer_id or 0]
        answer = replace(old, status="running", failure=None, seams=[len(old.content)], seq=self._next())
        self.messages[go_on.conversation_id][answer.id] = answer
        self._ack(wire, go_on, conversation_id=go_on.conversation_id, answer_id=answer.id)
        self._event(frames.MessageAdded(message=answer), answer.seq)

    def _persona_create(self, wire: Wire, create: frames.PersonaCreate) -> None:
        config = create.persona_config
        self._save_persona(Persona(id=f"p{next(self._ids)}", name=config.name, avatar="", prompt=config.prompt,
                                   greeting=config.greeting, starters=config.starters,
                                   shared=config.shared), wire, create)  # fmt: skip

    def _save_persona(self, persona: Persona, wire: Wire, command: frames.Command) -> None:
        persona = replace(persona, seq=self._next())
        self.personas[persona.id] = persona
        self._ack(wire, command, persona_id=persona.id)
        self._event(frames.PersonaSaved(persona=persona), persona.seq)

    def _persona_update(self, wire: Wire, update: frames.PersonaUpdate) -> None:
        c = update.persona_config
        changed = replace(self.personas[update.persona_id], name=c.name, prompt=c.prompt, greeting=c.greeting,
                          starters=c.starters, shared=c.shared)  # fmt: skip
        self._save_persona(changed, wire, update)

    def _persona_delete(self, wire: Wire, delete: frames.PersonaDelete) -> None:
        del self.personas[delete.persona_id]
        self._ack(wire, delete)
        seq = self._next()
        self._event(frames.PersonaDeleted(seq=seq, persona_id=delete.persona_id), seq)

    def _conversation_rename(self, wire: Wire, rename: frames.ConversationRename) -> None:
        changed = replace(self.conversations[rename.conversation_id], title=rename.title, seq=self._next())
        self.conversations[changed.id] = changed
        self._ack(wire, rename)
        self._event(frames.ConversationSaved(conversation=changed), changed.seq)

    def _conversation_update(self, wire: Wire, update: frames.ConversationUpdate) -> None:
        old, new = self.conversations[update.conversation_id], update.changes
        names = ("title", "pinned", "archived", "tags")
        changed = replace(old, seq=self._next(), **{n: v for n in names if (v := getattr(new, n)) is not UNSET})
        self.conversations[changed.id] = changed
        self._ack(wire, update)
        self._event(frames.ConversationSaved(conversation=changed), changed.seq)

    def _conversation_read(self, wire: Wire, read: frames.ConversationRead) -> None:
        old = self.conversations[read.conversation_id]
        changed = replace(old, unread=False, read=read.message_id, seq=self._next())
        self.conversations[changed.id] = changed
        wire.push(frames.Ack(request_id=read.request_id))
        self._event(frames.ConversationSaved(conversation=changed), changed.seq)

    def _conversation_restore(self, wire: Wire, restore: frames.ConversationRestore) -> None:
        back = replace(self.deleted.pop(restore.conversation_id), seq=self._next())
        self.conversations[back.id] = back
        self._ack(wire, restore)
        self._event(frames.ConversationSaved(conversation=back), back.seq)

    def _search_request(self, wire: Wire, query: frames.SearchRequest) -> None:
        found = []
        for one in self.conversations.values():
            for message in self.messages[one.id].values():
                at = message.content.casefold().find(query.query.casefold())
                if at >= 0:
                    snippet, end = message.content.replace("\n", " "), at + len(query.query)
                    found.append(SearchResult(conversation=one, snippet=snippet, matches=[[at, end]],
                                              message_id=message.id, sender_type=message.sender_type,
                                              send_time=message.send_time))  # fmt: skip
        wire.push(frames.SearchResults(query=query.query, results=found[::-1], request_id=query.request_id))

    def _model_list(self, wire: Wire, query: frames.ModelListQuery) -> None:
        offers = [Offer(provider="", model=self.model), Offer(provider="gpu", model="qwen3-8b")]
        wire.push(frames.ModelList(models=offers, may_choose=True, request_id=query.request_id))

    def _persona_card(self, wire: Wire, query: frames.PersonaCardQuery) -> None:
        wire.push(frames.PersonaCardReply(persona_id=query.persona_id, card="", request_id=query.request_id))

    def _conversation_delete(self, wire: Wire, delete: frames.ConversationDelete) -> None:
        self.deleted[delete.conversation_id] = self.conversations.pop(delete.conversation_id)
        self._ack(wire, delete)
        seq = self._next()
        self._event(frames.ConversationDeleted(seq=seq, conversation_id=delete.conversation_id), seq)
