"""`aichat-tui ask` and `aichat-tui list`: the same session and link as the app, printing instead of drawing.

The text printed is what the timeline has beyond what was printed before, so a connection that breaks mid-answer
costs neither a gap nor a repetition. Exit codes are in `cli.ASK_HELP`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

import msgspec

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat.protocol.values import Message, Persona
from aichat_tui.confined import has_input, is_confined
from aichat_tui.i18n import _
from aichat_tui.link import CLIENT, SocketLink
from aichat_tui.text import Cleaner, clean, label

MOST = 200_000
"""Characters of one message, as `values.Content` allows."""

DONE, BROKEN, USAGE, UNREACHABLE, INTERRUPTED, NO_READER = 0, 1, 2, 3, 130, 141

AFTER_A_BREAK = 60.0
"""Seconds to try again when a connection that stood has broken."""

FOR_THE_STOP = 3.0
"""Seconds to wait for the server's word that the answer is stopped."""


class Printer:
    """Prints a growing text; on a terminal without anything that could command it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._cleaner = Cleaner() if out.isatty() or is_confined() else None
        self.printed = 0
        self.broken = False
        """Nobody reads any more."""
        self._last = "\n"

    def grow(self, whole: str) -> None:
        """Print what of the whole text is new."""
        new, self.printed = whole[self.printed :], max(self.printed, len(whole))
        if self._cleaner is not None:
            new = self._cleaner.feed(new)
        self.write(new)

    def end(self) -> None:
        """End the last line."""
        if self._last != "\n":
            self.write("\n")

    def write(self, text: str) -> None:
        """Print a text at once."""
        if text and not self.broken:
            self._last = text[-1]
            try:
                self._out.write(text)
                self._out.flush()
            except BrokenPipeError:
                self.broken = True
                # What is still buffered cannot be written, at exit neither.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())


class Errand:
    """What `ask` and `list` have in common: connect, wait for the personas, do it, leave."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address]) -> None:
        self.arguments = arguments
        self.session = Session(client=CLIENT)
        self.link = SocketLink(self.session, find)
        self.status: int | None = None
        self._stood = False
        self._deadline: asyncio.TimerHandle | None = None
        self._url = find().url
        self._over = asyncio.Event()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on: `call_later` and the like."""
        return asyncio.get_running_loop()

    def run(self) -> int:
        """Run a loop until the errand is done -> exit status."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = self.loop
        for number in (signal.SIGINT, signal.SIGTERM):  # `add_signal_handler` is not there on Windows
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(self.interrupted))
        self.link.start(self)
        await self._over.wait()
        await self.link.settle()
        return UNREACHABLE if self.status is None else self.status

    def interrupted(self) -> None:
        """Ctrl-C."""
        self.finish(INTERRUPTED)

    def finish(self, status: int, words: str = "") -> None:
        """Say the last words and end."""
        if self.status is not None:
            return
        self.status = status
        if words:
            complain(words)
        self.link.stop()
        self._over.set()

    # the link's listener

    def on_frame(self, frame: frames.AnyPush | None, changes: list[Change]) -> None:
        """Go on when the personas are known."""
        if isinstance(frame, frames.PersonaList):
            self.ready()

    def on_state(self) -> None:
        """Give up when the server refuses, or does not answer for too long."""
        if self.session.state is State.LIVE:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            self._stood = True
        elif self.session.state is State.REFUSED:
            if self.link.is_idle:
                self.refused()
        elif self.link.retry_at is not None and self._deadline is None:
            wait = self.arguments.wait
            if wait is None:
                wait = AFTER_A_BREAK if self._stood else 0.0
            if self._stood:
                complain(_("offline — reconnecting"))
            self._deadline = self.loop.call_later(wait, self._unreachable)

    def on_kept(self, done: bool) -> None:
        """Only who logs in needs to know."""

    def refused(self) -> None:
        """The server wants to know who this is, or does not know the token."""
        reason = label(self.session.refusal)
        self.finish(UNREACHABLE, _("refused: {reason} (to log in: aichat-tui login)").format(reason=reason))

    def _unreachable(self) -> None:
        self._deadline = None
        self.finish(UNREACHABLE, _("no connection to {url}").format(url=self._url))

    def ready(self) -> None:
        """The personas are known."""
        raise NotImplementedError


class Listing(Errand):
    """Prints the personas."""

    def ready(self) -> None:
        """One a line, or as a JSON array."""
        personas = list(self.session.timeline.personas.values())
        if self.arguments.json:
            rows = [{"id": p.id, "name": p.name, "model": p.model} for p in personas]
            sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
        else:
            sys.stdout.write("".join(f"{label(p.id)}\t{label(p.name)}\n" for p in personas))
        sys.stdout.flush()
        self.finish(DONE)


class Asking(Errand):
    """Says one thing and prints the answer."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address], text: str) -> None:
        super().__init__(arguments, find)
        self._text = text
        self._request_id = ""
        self._conversation_id = 0
        self._answer_id = 0
        self._stopping = 0
        self._content = Printer(sys.stdout)
        self._reasoning = Printer(sys.stderr)

    def ready(self) -> None:
        """Find the persona and say it, once."""
        if self._request_id:
            return
        found = find_persona(list(self.session.timeline.personas.values()), self.arguments.persona)
        if isinstance(found, str):
            self.finish(USAGE, found)
            return
        self._request_id = self.session.post(self._text, persona_id=found.id, new=self.arguments.new)
        self.link.flush()

    def on_frame(self, frame: frames.AnyPush | None, changes: list[Change]) -> None:
        """Follow the answer."""
        super().on_frame(frame, changes)
        match frame:
            case frames.Ack() if frame.request_id == self._request_id:
                self._conversation_id, self._answer_id = frame.conversation_id, frame.answer_id
                self.session.open_conversation(self._conversation_id)
                self.link.flush()
                if self._stopping:
                    self._stop()
            case frames.Error() if self._request_id and frame.request_id == self._request_id:
                if self.session.outbox[self._request_id].failure is not None:
                    self.finish(UNREACHABLE, label(frame.message))
            case frames.MessageDone(message=message) if message.id == self._answer_id:
                self._done(message)
            case frames.HistoryResponse() | frames.MessageAdded():
                known = self.session.timeline.message(self._conversation_id, self._answer_id)
                if known is not None and known.status != "running":
                    self._done(known)
            case frames.ConversationDeleted(conversation_id=gone) if gone and gone == self._conversation_id:
                self.finish(BROKEN, _("the conversation was deleted"))
            case frames.MessageDeleted(message_id=gone) if gone and gone == self._answer_id:
                self.finish(BROKEN, _("the answer was made anew elsewhere"))
        live = self.session.timeline.live.get(self._answer_id)
        if live is not None and self.status is None:
            self._print(live.content, live.reasoning)

    def _print(self, content: str, reasoning: str) -> None:
        if self.arguments.json:
            return
        if self.arguments.reasoning:
            self._reasoning.grow(reasoning)
            if content:
                self._reasoning.end()
        self._content.grow(content)
        if self._content.broken and not self._stopping:
            self._stopping = NO_READER
            self._stop()

    def _done(self, message: Message) -> None:
        """The final state, from the event or from the history after a break."""
        self._print(message.content, message.reasoning)
        if self.arguments.json:
            self._content.write(msgspec.json.encode(_report(message)).decode() + "\n")
        self._content.end()
        if self._content.broken:
            self._stopping = self._stopping or NO_READER
        if self._stopping:
            self.finish(self._stopping)
        elif message.status == "done":
            self.finish(DONE)
        else:
            words = {"stopped": _("the answer was stopped"), "interrupted": _("the answer broke off")}
            reason = label(message.failure.message) if message.failure else ""
            self.finish(BROKEN, reason or words.get(message.status, _("there is no answer")))

    def interrupted(self) -> None:
        """Ctrl-C: stop the answer on the server too; a second time: leave at once."""
        if self._stopping or self.session.state is not State.LIVE or not self._request_id:
            self.finish(self._stopping or INTERRUPTED)
            return
        self._stopping = INTERRUPTED
        if self._conversation_id:
            self._stop()
        self.loop.call_later(FOR_THE_STOP, self.finish, INTERRUPTED)

    def _stop(self) -> None:
        if self.status is None:
            self.session.request(frames.ChatStop(conversation_id=self._conversation_id, answer_id=self._answer_id))
            self.link.flush()
            self.loop.call_later(FOR_THE_STOP, self.finish, self._stopping)

    def finish(self, status: int, words: str = "") -> None:
        """End the line before the last words, if they share a terminal."""
        if self.status is None:
            self._content.end()
            self._reasoning.end()
        super().finish(status, words)


def find_persona(personas: list[Persona], wanted: str) -> Persona | str:
    """The persona with this id, or with this name whatever its case; else what is wrong, in words."""
    for persona in personas:
        if persona.id == wanted:
            return persona
    named = [p for p in personas if p.name.casefold().strip() == wanted.casefold().strip()]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(label(p.id) for p in named)
        return _("more than one persona is called {name}: use an id ({ids})").format(name=label(wanted), ids=ids)
    there = ", ".join(f"{label(p.name)} ({label(p.id)})" for p in personas) or _("there are none")
    return _("no persona {name}; there are: {there}").format(name=label(wanted), there=there)


def _report(message: Message) -> dict[str, object]:
    failure = message.failure
    return {
        "conversation_id": message.conversation_id,
        "message_id": message.id,
        "status": message.status,
        "content": message.content,
        "reasoning": message.reasoning,
        "model": message.model,
        "error": None if failure is None else {"code": failure.code, "message": failure.message},
    }


def complain(words: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"aichat-tui: {clean(words)}\n")
    sys.stderr.flush()


def run(arguments: argparse.Namespace, find: Callable[[], Address]) -> int:
    """Run a command -> exit status."""
    if arguments.command == "list":
        return Listing(arguments, find).run()
    parts = [" ".join(arguments.text)]
    if has_input(parts[0]):
        try:
            parts.append(sys.stdin.buffer.read().decode())
        except UnicodeDecodeError:
            complain(_("standard input is not UTF-8 text"))
            return USAGE
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    if not text:
        complain(_("nothing to say: give TEXT, or write to standard input"))
        return USAGE
    if len(text) > MOST:
        complain(_("the text has {n} characters; {most} are allowed").format(n=len(text), most=MOST))
        return USAGE
    return Asking(arguments, find, text).run()
