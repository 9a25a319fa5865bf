"""Tells the server what was read: the shown conversation, while its window is the one that the user looks at."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from aichat.protocol.session import State
from aichat_qt.model import Model


class Reading(QObject):
    """Each message is told once, so that a mark that somebody else sets stays."""

    def __init__(self, model: Model, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._window = model, window
        self._told: tuple[object, int, int] = (None, 0, 0)
        model.selected.connect(self.look)
        model.messages_changed.connect(self.look)
        model.conversations_changed.connect(self.look)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.WindowActivate, QEvent.Type.Show}:
            self.look()
        return super().eventFilter(watched, event)

    def look(self) -> None:
        """Tell what stands there now, if it was not read before."""
        model, conversation = self._model, self._model.conversation
        if conversation is None or not conversation.unread or model.state is not State.LIVE:
            return
        if not self._window.isActiveWindow() or model.running() is not None:
            return
        messages = model.messages()
        if not messages:
            return
        newest = (model.server, conversation.id, messages[-1].id)
        if newest != self._told:
            self._told = newest
            model.mark_read(conversation.id, messages[-1].id)
