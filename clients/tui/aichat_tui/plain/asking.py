"""`aichat-tui ask`: one question, its answer."""

from __future__ import annotations

import argparse
import asyncio
import select
import sys
from collections.abc import Callable

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.saying import Saying
from aichat.protocol.values import Message
from aichat_tui.confined import STANDARD_INPUT, is_silent
from aichat_tui.i18n import _
from aichat_tui.plain.errand import Errand
from aichat_tui.plain.finding import find_conversation, find_persona
from aichat_tui.plain.output import (
    BROKEN,
    DONE,
    INTERRUPTED,
    NO_READER,
    UNREACHABLE,
    USAGE,
    End,
    Growing,
    Printer,
    complain,
    of_message,
)
from aichat_tui.text import label

MOST = 200_000
"""Characters of one message, as `values.Content` allows."""

FOR_THE_STOP = 3.0
"""Seconds to wait for the server's word that the answer is stopped."""

PATIENCE = 2.0
"""Seconds without standard input before a person is told that it is waited for."""


class Asking(Errand):
    """Says one thing and prints the answer."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address], text: str) -> None:
        super().__init__(arguments, find)
        self._text = text
        self._saying = Saying(self.session)
        self._request_id = ""
        self._ack: frames.Ack | None = None
        self._stopping = 0
        """The exit status after a stop that was asked for."""
        self._errors = Printer(sys.stderr)
        self._content = Growing(self.out)
        self._reasoning = Growing(self._errors)

    async def do(self) -> int:
        """Say it once, print what comes, tell how it ended."""
        await self.ready()
        persona = find_persona(self.timeline.personas.values(), self.arguments.persona)
        conversation_id = None
        if self.arguments.conversation:
            wanted = find_conversation(self.timeline.conversations_with(persona.id), self.arguments.conversation)
            conversation_id = wanted.id
        self._request_id = self.session.post(
            self._text, persona_id=persona.id, conversation_id=conversation_id, new=self.arguments.new
        )
        self.link.flush()
        await self.until(lambda: self._ack is not None or self._is_refused)
        if self._ack is None:
            failure = self.session.outbox[self._request_id].failure
            raise End(UNREACHABLE, label(failure.message if failure else ""))
        self.session.open_conversation(self._ack.conversation_id)
        self.link.flush()
        return self._end_of(await self._follow(self._ack))

    @property
    def _is_refused(self) -> bool:
        """What only waits for another answer there is said when that one ends."""
        pending = self.session.outbox.get(self._request_id)
        return pending is not None and pending.failure is not None and pending.failure.code != "busy"

    async def _follow(self, ack: frames.Ack) -> Message:
        """Print the answer as it comes -> what it came to."""
        if self._stopping:
            self._stop(ack)
        while True:
            message = self.timeline.message(ack.conversation_id, ack.answer_id)
            live = self.timeline.live.get(ack.answer_id)
            if message is not None:
                self._print(message.content, message.reasoning)
            elif live is not None:
                self._print(live.content, live.reasoning)
            if self.out.broken and not self._stopping:
                self._stopping = NO_READER
                self._stop(ack)
            if message is not None and message.status != "running":
                return message
            await self.until_news()

    def heard(self, frame: frames.AnyPush) -> None:
        """Follow what was said, and what happens to it elsewhere."""
        if self._saying.heard(frame):
            self.link.flush()
        ack = self._ack
        match frame:
            case frames.Ack() if frame.request_id == self._request_id:
                self._ack = frame
            case frames.Error() if frame.request_id == self._request_id and frame.code == "busy":
                complain(_("another answer is being written there: waiting for its end"))
            case frames.ConversationDeleted(conversation_id=gone) if ack and gone == ack.conversation_id:
                self.finish(BROKEN, _("the conversation was deleted"))
            case frames.MessageDeleted(message_id=gone) if ack and gone in (ack.answer_id, ack.message_id):
                self.finish(BROKEN, _("the message was deleted"))
            case frames.Error(code="not_found") if ack and self._is_of_opening(frame, ack):
                self.finish(BROKEN, _("the conversation was deleted"))

    def _is_of_opening(self, error: frames.Error, ack: frames.Ack) -> bool:
        """After a reconnect: there is no such conversation any more."""
        return error.request_id == f"open-{ack.conversation_id}"

    def broke(self) -> None:
        """What waited for another answer waits for the next connection."""
        self._saying.closed()

    def _print(self, content: str, reasoning: str) -> None:
        if self.arguments.json:
            return
        if self.arguments.reasoning:
            self._reasoning.grow(reasoning)
            if content:
                self._errors.end_line()
        self._content.grow(content)

    def _end_of(self, message: Message) -> int:
        """How it ended. Errors: End with the words for it."""
        if self.arguments.json:
            self.out.json(of_message(message))
        self.out.end_line()
        self._errors.end_line()
        if self._stopping:
            return self._stopping
        if message.status == "done":
            return DONE
        words = {"stopped": _("the answer was stopped"), "interrupted": _("the answer broke off")}
        reason = label(message.failure.message) if message.failure else ""
        raise End(BROKEN, reason or words.get(message.status, _("there is no answer")))

    def interrupted(self) -> None:
        """Ctrl-C: stop the answer on the server too."""
        if not self.is_live or not self._request_id:
            self.finish(INTERRUPTED)
            return
        self._stopping = INTERRUPTED
        if self._ack is not None:
            self._stop(self._ack)
        self._leave_soon()

    def _stop(self, ack: frames.Ack) -> None:
        self.session.request(frames.ChatStop(conversation_id=ack.conversation_id, answer_id=ack.answer_id))
        self.link.flush()
        self._leave_soon()

    def _leave_soon(self) -> None:
        asyncio.get_running_loop().call_later(FOR_THE_STOP, self.finish, self._stopping)


def run(arguments: argparse.Namespace, find: Callable[[], Address]) -> int:
    """Ask -> exit status. Errors: End."""
    words = [word for word in arguments.text if word != STANDARD_INPUT]
    parts = [" ".join(words)]
    if sys.stdin is not None and not sys.stdin.isatty():
        if parts[0].strip() and words == arguments.text and is_silent():
            complain(_("nothing came on standard input: asked without it (a word - waits for it)"))
        else:
            parts.append(_standard_input())
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    if not text:
        raise End(USAGE, _("nothing to say: give TEXT, or write to standard input"))
    if len(text) > MOST:
        raise End(USAGE, _("the text has {n} characters; {most} are allowed").format(n=len(text), most=MOST))
    return Asking(arguments, find, text).run()


def _standard_input() -> str:
    """All of it. Errors: End."""
    try:
        if sys.platform != "win32" and not select.select([sys.stdin], [], [], PATIENCE)[0]:
            complain(_("waiting for standard input (Ctrl-D ends it; with none: < /dev/null, ssh -n)"))
        data = sys.stdin.buffer.read(4 * MOST + 1)
        if len(data) > 4 * MOST:
            raise End(USAGE, _("standard input is too long: {most} characters are allowed").format(most=MOST))
        return data.decode()
    except UnicodeDecodeError:
        raise End(USAGE, _("standard input is not UTF-8 text")) from None
    except KeyboardInterrupt:
        raise End(INTERRUPTED) from None
