"""`aichat-tui chat --plain`: a talk line by line.

What is printed follows the messages of the conversation in their order: the answer under way grows where it is, and
whatever another device says comes when it is over. What is typed meanwhile waits, but for `/stop` and `/quit`.
"""

from __future__ import annotations

import argparse
import asyncio
import codecs
import math
import os
import sys
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from threading import Thread

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.cards import fill_in
from aichat.protocol.saying import Saying
from aichat.protocol.values import AI, Message, Persona, can_chat
from aichat_tui.i18n import _
from aichat_tui.plain import verbs
from aichat_tui.plain.finding import find_conversation, find_persona
from aichat_tui.plain.output import BROKEN, DONE, INTERRUPTED, USAGE, End, Growing, complain, of_message
from aichat_tui.plain.reading import Reading, ending
from aichat_tui.text import label

BLOCK = '"""'
MOST = 200_000


class Chatting(Reading):
    """A persona, a conversation with it, and who types."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address]) -> None:
        super().__init__(arguments, find)
        self.persona_id = ""
        self.conversation_id: int | None = None
        """None: one that begins with the next words."""
        self.leaving = False
        self.is_typed = sys.stdin is not None and sys.stdin.isatty()
        if self.is_typed and self._wait is None:
            self.patience = math.inf  # who types can see that there is no connection, and leave
        self._prompts = self.is_typed and self.out.is_terminal and not arguments.json
        self._saying = Saying(self.session)
        self._lines: deque[str] = deque()
        self._input_is_over = False
        self._asked: dict[str, str] = {}  # request id -> what is not done yet: "say", or "do"
        self._due = 0  # an answer that is acked and not here yet
        self._stop_wanted = False
        self._own: set[str] = set()  # request ids of what was said here
        self._seen = 0  # the last message that was printed, or was there before
        self._running: Message | None = None
        self._growing = Growing(self.out)
        self._is_whole = True

    # the talk

    async def do(self) -> int:
        """Say what comes in, print what comes back."""
        await self.ready()
        self._begin()
        loop = asyncio.get_running_loop()
        Thread(target=self._read, args=(loop,), daemon=True).start()
        while not self.leaving and not self.out.broken:
            self._advance()
            await self._take_lines()
            if self.is_idle:
                if self._stop_wanted:
                    raise End(INTERRUPTED)
                if self._input_is_over and not self._lines:
                    break
                if not self._lines and not self.leaving:
                    self._prompt()
            if not self.leaving:
                await self.until_news()
        return DONE if self._is_whole or self.is_typed else BROKEN

    def _begin(self) -> None:
        """Find who is meant, and where it goes on."""
        personas = [p for p in self.timeline.personas.values() if can_chat(p)]
        newest = max(self.timeline.conversations.values(), key=lambda c: (c.touched, c.id), default=None)
        if self.arguments.persona:
            persona = find_persona(self.timeline.personas.values(), self.arguments.persona)
        elif self.arguments.conversation:
            wanted = self.find_conversation(self.arguments.conversation)
            persona = find_persona(self.timeline.personas.values(), wanted.persona_id)
        elif newest is not None and newest.persona_id in self.timeline.personas:
            persona = self.timeline.personas[newest.persona_id]
        elif personas:
            persona = personas[0]
        else:
            raise End(USAGE, _("there are no personas yet; the app or the desktop app makes one"))
        if self.arguments.conversation:
            there = self.timeline.conversations_with(persona.id)
            self.enter(persona, find_conversation(there, self.arguments.conversation).id)
        else:
            self.go_to(persona, fresh=self.arguments.new)
        self.tell(_("/help tells the commands."))

    @property
    def persona(self) -> Persona | None:
        """Who is spoken with."""
        return self.timeline.personas.get(self.persona_id)

    @property
    def persona_name(self) -> str:
        """Their name, on one line."""
        return label(self.persona.name if self.persona else self.persona_id)

    @property
    def is_answering(self) -> bool:
        """Whether an answer is being written here."""
        return self.conversation_id is not None and self.timeline.running(self.conversation_id) is not None

    @property
    def is_asking(self) -> bool:
        """Whether something that was asked for has not begun yet."""
        return bool(self._asked) or bool(self._due)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way: then the next line has its turn."""
        return self.is_live and not self.is_asking and not self.is_answering and self._running is None

    def go_to(self, persona: Persona, *, fresh: bool = False) -> None:
        """Speak with somebody from now on, where it was left, or in a new conversation."""
        there = [] if fresh else self.timeline.conversations_with(persona.id)
        self.enter(persona, there[0].id if there else None)

    def enter(self, persona: Persona, conversation_id: int | None) -> None:
        """Go on in a conversation, or begin one with the next words."""
        if self.conversation_id not in (None, conversation_id):
            self.session.leave_conversation(self.conversation_id)
        self.persona_id, self.conversation_id = persona.id, conversation_id
        self._running = None
        if conversation_id is None:
            self.tell(_("A new conversation with {name}.").format(name=self.persona_name))
            if persona.greeting and not self.arguments.json:
                greeting = fill_in(persona.greeting, self.persona_name, self.session.user or _("You"))
                self.line(f"{self.persona_name}: {greeting}")
            return
        conversation = self.timeline.conversations[conversation_id]
        self._seen = conversation.leaf_id
        self.session.open_conversation(conversation_id)
        self.link.flush()
        words = _("{name}, in “{title}” ({number}).")
        self.tell(words.format(name=self.persona_name, title=label(conversation.title), number=conversation_id))

    # what is printed

    def tell(self, words: str) -> None:
        """Our own words about the talk."""
        self.line(f"({words})")

    def line(self, words: str) -> None:
        """A line that is no message; with --json on standard error."""
        if self.arguments.json:
            complain(words)
            return
        self.out.end_line()
        self.out.line(words)

    def _prompt(self) -> None:
        if self._prompts and self.out.at_start:
            self.out.write("> ")

    def _advance(self) -> None:
        """Print what the conversation has beyond what was printed."""
        if self.conversation_id is None or not self.timeline.is_loaded(self.conversation_id):
            return
        while self._running is None or self._grow(self._running):
            following = next((m for m in self._messages() if m.id > self._seen), None)
            going_on = self.timeline.running(self.conversation_id)
            if following is None and going_on is None:
                return
            if following is None:
                self._follow(going_on)  # continued, or under way since before
            elif following.sender_type == AI:
                self._follow(following)
            else:
                self._print_said(following)
            self._seen = max(self._seen, following.id if following else 0)

    def _messages(self) -> list[Message]:
        return self.timeline.messages(self.conversation_id or 0)

    def _follow(self, message: Message | None) -> None:
        """Print an answer as it grows; of a continued one what is new."""
        if message is None:
            return
        self._running, self._due = message, 0
        said = message.seams[-1] if message.seams and message.id <= self._seen else 0
        self._growing = Growing(self.out, said)
        if not self.arguments.json:
            self.out.end_line()
            self.out.write(f"{self.persona_name}: ")
        if self._stop_wanted:
            self.stop_answer()

    def _grow(self, running: Message) -> bool:
        """Print what is new of the answer under way -> whether it is over."""
        message = self.timeline.message(running.conversation_id, running.id)
        if message is None:
            self._running = None
            self.tell(_("this answer was deleted elsewhere"))
            return True
        if not self.arguments.json:
            self._growing.grow(message.content)
        if message.status == "running":
            return False
        self._running = None
        self.interrupts = 0
        if self.arguments.json:
            self.out.json(of_message(message))
        else:
            self.out.end_line()
        if message.status != "done":
            self._is_whole = False
            self.tell(ending(message))
        return True

    def _print_said(self, message: Message) -> None:
        if self.arguments.json:
            self.out.json(of_message(message))
        elif message.request_id not in self._own:
            self.out.end_line()
            self.out.line(_("You, elsewhere: {words}").format(words=message.content))

    # what is typed

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """On a thread: lines of standard input, without its buffer, whose lock would be held at the end."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while data := _chunk():
            *lines, rest = (rest + decoder.decode(data)).split("\n")
            for line in lines:
                loop.call_soon_threadsafe(self._line, line.removesuffix("\r"))
        rest += decoder.decode(b"", True)
        loop.call_soon_threadsafe(self._over, rest)

    def _line(self, line: str) -> None:
        if self.is_typed:  # what was typed ended the line of the prompt
            self.interrupts = 0
            self.out.at_start = True
        self._lines.append(line)
        self.wake()

    def _over(self, rest: str) -> None:
        if rest:
            self._lines.append(rest)
        self._input_is_over = True
        self.wake()

    async def _take_lines(self) -> None:
        """Do what was typed: `/stop` and `/quit` at once, the rest one after the other."""
        for urgent in [] if self.is_idle else self._urgent():
            self._lines.remove(urgent)
            await verbs.run(self, urgent)
        while self._lines and self.is_idle and not self.leaving and not self._stop_wanted:
            text = self._whole_text()
            if text is None:
                return
            if text.startswith("/") and not text.startswith("//"):
                await self._try(text)
            elif text.strip():
                self.say(text.removeprefix("/") if text.startswith("//") else text)
            self._advance()

    def _urgent(self) -> list[str]:
        """What does not wait for the answer."""
        lines = takewhile(lambda line: line.strip() != BLOCK, self._lines)
        return [line for line in lines if line.strip() == "/stop" or (line.strip() == "/quit" and self.is_typed)]

    def _whole_text(self) -> str | None:
        """The next line, or the lines of a block; None if its end is not here yet."""
        if self._lines[0].strip() != BLOCK:
            return self._lines.popleft()
        rest = list(self._lines)[1:]
        end = next((at for at, line in enumerate(rest) if line.strip() == BLOCK), None)
        if end is None:
            if not self._input_is_over:
                return None
            end = len(rest)
        text = "\n".join(rest[:end])
        for _line in range(min(end + 2, len(self._lines))):
            self._lines.popleft()
        return text.replace("/", "//", 1) if text.startswith("/") else text

    async def _try(self, line: str) -> None:
        """A command: what is wrong with it ends nothing."""
        try:
            await verbs.run(self, line)
        except End as end:
            self._is_whole = False
            self.tell(end.words)

    def say(self, text: str) -> None:
        """Say something here."""
        if len(text) > MOST:
            self._is_whole = False
            self.tell(_("the text has {n} characters; {most} are allowed").format(n=len(text), most=MOST))
            return
        new = self.conversation_id is None
        request_id = self.session.post(
            text, persona_id=self.persona_id, conversation_id=self.conversation_id, new=new
        )
        self._own.add(request_id)
        self._asked[request_id] = "say"
        self.link.flush()

    def request(self, command: frames.Command) -> None:
        """Change something; its end, or what is wrong with it, is heard of later."""
        self._asked[self.session.request(command)] = "do"
        self.link.flush()

    # what is heard

    def heard(self, frame: frames.AnyPush) -> None:
        """Follow what was asked for."""
        if self._saying.heard(frame):
            self.link.flush()
        match frame:
            case frames.Ack() if frame.request_id in self._asked:
                what = self._asked.pop(frame.request_id)
                if frame.answer_id and self.timeline.message(frame.conversation_id, frame.answer_id) is None:
                    self._due = frame.answer_id
                if what == "say" and self.conversation_id is None:
                    self.conversation_id = frame.conversation_id
                    self._seen = frame.message_id - 1
                    self.session.open_conversation(frame.conversation_id)
                    self.link.flush()
            case frames.Error() if frame.request_id in self._asked and frame.code != "shutting_down":
                if frame.code == "busy" and self._asked[frame.request_id] == "say":
                    return  # it is said when the answer there ends
                del self._asked[frame.request_id]
                self.session.discard(frame.request_id)
                self._is_whole = False
                self.tell(label(frame.message))
            case frames.MessageDeleted():
                self._due = 0
            case frames.ConversationDeleted() if frame.conversation_id == self.conversation_id:
                self.conversation_id, self._running, self._due = None, None, 0
                self.tell(_("This conversation was deleted elsewhere; the next words begin a new one."))

    def broke(self) -> None:
        """What waited for another answer waits for the next connection."""
        self._saying.closed()

    def stop_answer(self) -> bool:
        """Stop the answer being written here -> whether there is one."""
        running = self.timeline.running(self.conversation_id) if self.conversation_id is not None else None
        if running is None:
            return False
        self.session.request(frames.ChatStop(conversation_id=running.conversation_id, answer_id=running.id))
        self.link.flush()
        return True

    def interrupted(self) -> None:
        """Ctrl-C: stop the answer; without one, or with nobody at the keys, leave."""
        if not self.is_live or not (self.is_answering or self.is_asking):
            self.finish(INTERRUPTED)
            return
        self._stop_wanted = not (self.stop_answer() and self.is_typed)


def _chunk() -> bytes:
    try:
        return os.read(0, 65536)
    except OSError:  # the terminal is gone
        return b""


def run(arguments: argparse.Namespace, find: Callable[[], Address]) -> int:
    """Talk -> exit status."""
    return Chatting(arguments, find).run()
