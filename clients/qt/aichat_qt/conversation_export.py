"""A conversation as a file: all its messages are fetched, then written as Markdown or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication, QObject

from aichat.protocol import frames
from aichat.protocol.values import AI, Conversation, Message
from aichat_qt.failures import said
from aichat_qt.model import Model
from aichat_qt.words import clean, local_time, one_line

PAGE = 500


class Fetch(QObject):
    """Brings all messages of a conversation, then calls `ready` with them, oldest first, or `failed` with words."""

    def __init__(
        self,
        model: Model,
        conversation_id: int,
        ready: Callable[[list[Message]], None],
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(model)
        self._model, self._conversation_id = model, conversation_id
        self._ready, self._failed = ready, failed
        self._messages: list[Message] = []
        self._asked = ""
        model.replied.connect(self._replied)
        model.link_changed.connect(self._link_changed)
        self._ask(None)

    def _ask(self, before: int | None) -> None:
        query = frames.HistoryRequest(conversation_id=self._conversation_id, before=before, limit=PAGE)
        self._asked = self._model.ask(query)
        if not self._asked:
            self._fail(_tr("There is no connection to the server: it cannot be exported now."))

    def _replied(self, frame: object) -> None:
        if getattr(frame, "request_id", "") != self._asked:
            return
        if isinstance(frame, frames.HistoryResponse):
            self._messages = [*frame.messages, *self._messages]
            if frame.more and frame.messages:
                self._ask(frame.messages[0].id)
            else:
                self._end()
                self._ready(self._messages)
        elif isinstance(frame, frames.Error):
            self._fail(said(frame.message, frame.code))

    def _link_changed(self) -> None:
        if self._asked and self._model.link.seconds_left:
            self._fail(_tr("The connection broke off: it was not exported."))

    def _fail(self, words: str) -> None:
        self._end()
        self._failed(words)

    def _end(self) -> None:
        self._asked = ""
        self._model.replied.disconnect(self._replied)
        self._model.link_changed.disconnect(self._link_changed)
        self.deleteLater()


def as_markdown(conversation: Conversation, persona: str, user: str, messages: list[Message]) -> str:
    """A document to read: who said what, when."""
    parts = [f"# {one_line(conversation.title)}"]
    for message in messages:
        who = one_line(persona if message.sender_type == AI else user)
        at = local_time(message.send_time)
        stamp = f" · {at:%Y-%m-%d %H:%M}" if at else ""
        text = clean(message.content).strip() or "…"
        ending = "" if message.status == "done" else f"\n\n*({_status(message)})*"
        parts.append(f"## {who}{stamp}\n\n{text}{ending}")
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation, persona: str, messages: list[Message]) -> bytes:
    """All that is known, with the protocol's own names."""
    value = {"format": "aichat-conversation", "version": 1, "persona": persona,
             "conversation": conversation, "messages": messages}  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def file_name(conversation: Conversation, kind: str) -> str:
    """A name for the file that every system takes."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", one_line(conversation.title)).strip(" .")[:80]
    return f"{name or 'conversation'}.{kind}"


def write(
    path: Path, kind: str, conversation: Conversation, persona: str, user: str, messages: list[Message]
) -> None:
    """Errors: OSError."""
    if kind == "json":
        path.write_bytes(as_json(conversation, persona, messages))
    else:
        path.write_text(as_markdown(conversation, persona, user, messages), encoding="utf-8")


def _status(message: Message) -> str:
    return {
        "stopped": _tr("stopped"),
        "interrupted": _tr("broke off"),
        "failed": _tr("failed"),
    }.get(message.status, _tr("being written"))


def _tr(text: str) -> str:
    return QCoreApplication.translate("conversation_export", text)
