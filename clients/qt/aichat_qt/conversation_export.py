"""A conversation as a file: all its messages are fetched, then written as Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject

from aichat.protocol import export, frames
from aichat.protocol.values import Conversation, Message
from aichat_qt.failures import said
from aichat_qt.model import Model
from aichat_qt.words import clean, one_line


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
        self._model, self._pages = model, export.Pages(conversation_id)
        self._ready, self._failed = ready, failed
        self._asked = ""
        model.replied.connect(self._replied)
        model.link_changed.connect(self._link_changed)
        self._ask()

    def _ask(self) -> None:
        self._asked = self._model.ask(self._pages.query)
        if not self._asked:
            self._fail(_tr("There is no connection to the server: it cannot be exported now."))

    def _replied(self, frame: object) -> None:
        if getattr(frame, "request_id", "") != self._asked:
            return
        if isinstance(frame, frames.HistoryResponse):
            self._pages.take(frame)
            if self._pages.whole:
                self._end()
                self._ready(self._pages.messages)
            else:
                self._ask()
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


def file_name(conversation: Conversation, kind: str) -> str:
    """A name for the file that every system takes."""
    return export.file_name(one_line(conversation.title), kind)


def write(
    path: Path, kind: str, conversation: Conversation, persona: str, user: str, messages: list[Message]
) -> None:
    """Errors: OSError."""
    if kind == "json":
        path.write_bytes(export.as_json(conversation, persona, messages))
    else:
        states = {
            "running": _tr("being written"),
            "stopped": _tr("stopped"),
            "interrupted": _tr("broke off"),
            "failed": _tr("failed"),
        }
        text = export.as_markdown(conversation, persona, user, messages, clean, states)
        path.write_text(text, encoding="utf-8")


def _tr(text: str) -> str:
    return QCoreApplication.translate("conversation_export", text)
