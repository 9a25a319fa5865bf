"""Answers that ended where nobody looked: the count, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from aichat.protocol.values import Message
from aichat_qt.failures import said
from aichat_qt.model import Model
from aichat_qt.words import clean, one_line

MOST = 160
"""Characters of an answer in a notification."""


class Attention(QObject):
    """`looked_at` names the conversation that the user has before them, or None."""

    changed = Signal(int)
    """How many conversations have an answer that nobody saw."""
    ended = Signal(int, str, str)
    """While the user was elsewhere: conversation, who answered, how it begins."""

    def __init__(
        self,
        model: Model,
        looked_at: Callable[[], set[int]],
        is_away: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._looked_at, self._is_away = model, looked_at, is_away
        self._unseen: set[int] = set()
        model.answered.connect(self._answered)
        model.selected.connect(self.look)
        model.user_changed.connect(self._forget)

    def count(self) -> int:
        return len(self._unseen)

    def look(self) -> None:
        """The user may have something else before them now."""
        left = self._unseen - self._looked_at()
        if left != self._unseen:
            self._unseen = left
            self.changed.emit(len(left))

    def _answered(self, message: Message) -> None:
        number = message.conversation_id
        if message.status == "stopped" or number in self._looked_at():
            return
        self._unseen.add(number)
        self.changed.emit(len(self._unseen))
        conversation = self._model.timeline.conversations.get(number)
        persona = self._model.timeline.personas.get(conversation.persona_id) if conversation else None
        if persona is not None and self._is_away():
            failure = None if message.status == "done" else message.failure
            words = message.content if failure is None else said(failure.message, failure.code)
            self.ended.emit(number, one_line(persona.name), _beginning(words))

    def _forget(self) -> None:
        if self._unseen:
            self._unseen.clear()
            self.changed.emit(0)


def _beginning(words: str) -> str:
    text = " ".join(clean(words).split())
    return text if len(text) <= MOST else text[: MOST - 1].rstrip() + "…"
