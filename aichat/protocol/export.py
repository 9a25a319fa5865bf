"""A conversation as a document: all its messages, page by page, then Markdown or JSON.

pages = Pages(7)     ask(pages.query)     for each reply: pages.take(reply), and ask again until `pages.whole`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from aichat.protocol import frames
from aichat.protocol.values import AI, Conversation, Message

PAGE = 500
"""Messages of one reply; the most that a server gives."""

STATES = {"running": "being written", "stopped": "stopped", "interrupted": "broke off", "failed": "failed"}
"""What is said of an answer that is not whole."""


class Pages:
    """The messages of a conversation that are shown, the newest page first; all of them, or the last `most`."""

    def __init__(self, conversation_id: int, most: int | None = None) -> None:
        self.messages: list[Message] = []
        """What came so far, oldest first."""
        self.whole = most == 0
        self._conversation_id, self._most = conversation_id, most

    @property
    def query(self) -> frames.HistoryRequest:
        """What to ask next."""
        before = self.messages[0].id if self.messages else None
        limit = PAGE if self._most is None else max(1, min(PAGE, self._most - len(self.messages)))
        return frames.HistoryRequest(conversation_id=self._conversation_id, before=before, limit=limit)

    def take(self, reply: frames.HistoryResponse) -> None:
        """Take in what came."""
        self.messages[:0] = reply.messages
        enough = self._most is not None and len(self.messages) >= self._most
        self.whole = enough or not (reply.more and reply.messages)


def as_markdown(
    conversation: Conversation,
    persona: str,
    user: str,
    messages: list[Message],
    clean: Callable[[str], str],
    states: Mapping[str, str] = STATES,
) -> str:
    """A document to read: who said what, when. `clean` takes out of a text what may not be shown."""
    parts = [f"# {_one_line(clean(conversation.title))}"]
    for message in messages:
        who = _one_line(clean(persona if message.sender_type == AI else user))
        text = clean(message.content).strip() or "…"
        state = "" if message.status == "done" else f"\n\n*({states[message.status]})*"
        parts.append(f"## {who}{_stamp(message.send_time)}\n\n{text}{state}")
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation, persona: str, messages: list[Message], *, indent: int = 1) -> bytes:
    """All that is known, with the protocol's own names; `indent` 0 is all of it on one line."""
    value = {"format": "aichat-conversation", "version": 1, "persona": persona,
             "conversation": conversation, "messages": messages}  # fmt: skip
    data = msgspec.json.encode(value)
    return (msgspec.json.format(data, indent=indent) if indent else data) + b"\n"


def file_name(title: str, kind: str) -> str:
    """A name for the file that every system takes."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", title).strip(" .")[:80]
    return f"{name or 'conversation'}.{kind}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _stamp(utc: str) -> str:
    """On the reader's clock."""
    try:
        at = datetime.fromisoformat(utc).replace(tzinfo=UTC).astimezone()
    except ValueError:
        return ""
    return f" · {at:%Y-%m-%d %H:%M}"
