"""What is printed, and how a command ends.

Text for a terminal is stripped of whatever could command it, and so is what goes out by the SSH door, which may end
at one; into a pipe or a file it goes as it is, in UTF-8.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

import msgspec

from aichat.protocol.values import AI, Conversation, Message, Persona, SearchResult
from aichat_tui.confined import is_confined
from aichat_tui.text import Cleaner, clean

DONE, BROKEN, USAGE, UNREACHABLE, INTERRUPTED, NO_READER = 0, 1, 2, 3, 130, 141

_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]")


class End(Exception):
    """Nothing more to do: the exit status, and the last words for standard error."""

    def __init__(self, status: int, words: str = "") -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Printer:
    """Standard output, or error: where nobody reads any more, `broken` says so and nothing else happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.is_terminal = out.isatty()
        self.cleans = self.is_terminal or is_confined()
        self.broken = False
        self.at_start = True
        """Whether a line begins here."""

    def write(self, text: str) -> None:
        """Print at once what may be printed as it is."""
        if text and not self.broken:
            self.at_start = text[-1] == "\n"
            try:
                self._out.write(text)
                self._out.flush()
            except BrokenPipeError:
                self.broken = True
                # What is still buffered cannot be written, at exit neither.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())

    def line(self, text: str = "") -> None:
        """A line of our own words or of what others wrote; a terminal gets it cleaned."""
        self.write((clean(text) if self.cleans else text) + "\n")

    def json(self, value: object) -> None:
        """One JSON object on one line."""
        text = msgspec.json.encode(value).decode()
        if self.cleans:
            text = _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        self.write(text + "\n")

    def end_line(self) -> None:
        """End the line, if one has begun."""
        if not self.at_start:
            self.write("\n")


class Growing:
    """A text that grows: prints what is new of it."""

    def __init__(self, printer: Printer, printed: int = 0) -> None:
        self._printer = printer
        self._cleaner = Cleaner() if printer.cleans else None
        self._printed = printed

    def grow(self, whole: str) -> None:
        """The text so far; it only ever gets longer."""
        new, self._printed = whole[self._printed :], max(self._printed, len(whole))
        if new:
            self._printer.write(new if self._cleaner is None else self._cleaner.feed(new))


def prepare_streams() -> None:
    """Pipes and files are UTF-8 whatever the locale says; a terminal gets a ? for what it cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        else:
            stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]


def complain(words: str) -> None:
    """A line on standard error."""
    Printer(sys.stderr).write(f"aichat-tui: {clean(words)}\n")


# the shapes of --json, as docs/plain.md has them


def of_persona(persona: Persona) -> dict[str, object]:
    """A persona, without its prompt and picture."""
    return {
        "type": "persona",
        "id": persona.id,
        "name": persona.name,
        "model": persona.model,
        "provider": persona.provider,
        "shared": persona.shared,
        "owner": persona.owner,
    }


def of_conversation(conversation: Conversation) -> dict[str, object]:
    """A conversation, without its messages."""
    return {
        "type": "conversation",
        "id": conversation.id,
        "title": conversation.title,
        "persona_id": conversation.persona_id,
        "create_time": iso(conversation.create_time),
        "update_time": iso(conversation.update_time or conversation.create_time),
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        "unread": conversation.unread,
        "tags": conversation.tags,
    }


def of_message(message: Message) -> dict[str, object]:
    """A message; `error` says why an answer is not whole."""
    failure = message.failure
    return {
        "type": "message",
        "conversation_id": message.conversation_id,
        "message_id": message.id,
        "role": role(message.sender_type),
        "time": iso(message.send_time),
        "status": message.status,
        "content": message.content,
        "reasoning": message.reasoning,
        "model": message.model,
        "error": None if failure is None else {"code": failure.code, "message": failure.message},
    }


def of_result(result: SearchResult) -> dict[str, object]:
    """What a search found: a message, or a title, which has no `message_id`."""
    return {
        "type": "result",
        "conversation_id": result.conversation.id,
        "title": result.conversation.title,
        "persona_id": result.conversation.persona_id,
        "message_id": result.message_id or None,
        "role": role(result.sender_type) if result.message_id else None,
        "time": iso(result.send_time) or None,
        "snippet": result.snippet,
        "matches": result.matches,
    }


def role(sender_type: int) -> str:
    """Who speaks, as programs call it."""
    return "assistant" if sender_type == AI else "user"


def iso(utc: str) -> str:
    """A time of the wire -> 2026-11-24T08:00:01Z."""
    return utc.replace(" ", "T") + "Z" if utc else ""
