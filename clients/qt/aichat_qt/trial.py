"""A talk with a persona while it is being written: what was said, the answer under way. Nothing is kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat.protocol.values import AI, PersonaConfig, Spoken
from aichat_qt.failures import said
from aichat_qt.model import Model

MOST = 40
"""Messages that are sent along."""


class Trial(QObject):
    """Asks the server that the model shows; `written` gives the persona as it is now."""

    changed = Signal()
    """Another message, or another state."""
    grew = Signal()
    """The answer under way has more text."""

    def __init__(self, model: Model, written: Callable[[], PersonaConfig], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._written = written
        self._asked = ""
        self.messages: list[Spoken] = []
        self.live = ""
        self.failure = ""
        """Why the last answer did not come, in words."""
        model.replied.connect(self._replied)
        model.link_changed.connect(self._link_changed)

    @property
    def is_running(self) -> bool:
        return bool(self._asked)

    @property
    def user(self) -> str:
        """What `{{user}}` stands for."""
        return self._model.session.user

    def say(self, words: str) -> bool:
        """Say something; False if an answer is under way or there is no connection."""
        if self._asked or not self._may_ask():
            return False
        self.messages.append(Spoken(sender_type=0, content=words))
        self._ask()
        return True

    def again(self) -> None:
        """Have the last words answered anew, by the persona as it is now."""
        if self._asked or not self._may_ask():
            return
        while self.messages and self.messages[-1].sender_type == AI:
            self.messages.pop()
        if self.messages:
            self._ask()

    def stop(self) -> None:
        """End the answer under way; what came stays."""
        if self._asked:
            nothing = frames.PersonaTry(persona_config=PersonaConfig(name="-", prompt=""), messages=[])
            self._model.ask(nothing)
            self._end("")

    def forget(self) -> None:
        """Begin anew."""
        self.stop()
        self.messages, self.failure = [], ""
        self.changed.emit()

    def _may_ask(self) -> bool:
        self.failure = "" if self._model.state is State.LIVE else self.tr("There is no connection to the server.")
        if self.failure:
            self.changed.emit()
        return not self.failure

    def _ask(self) -> None:
        self.live = self.failure = ""
        query = frames.PersonaTry(persona_config=self._written(), messages=self.messages[-MOST:])
        self._asked = self._model.ask(query)
        self.changed.emit()

    def _replied(self, frame: object) -> None:
        if not self._asked or getattr(frame, "request_id", "") != self._asked:
            return
        if isinstance(frame, frames.Error):
            self._end(said(frame.message, frame.code))
        elif isinstance(frame, frames.PersonaTried):
            self.live += frame.content
            if frame.done:
                self._end("")
            else:
                self.grew.emit()

    def _link_changed(self) -> None:
        if self._asked and self._model.state is not State.LIVE:
            self._end(self.tr("The connection broke off."))

    def _end(self, failure: str) -> None:
        if self.live:
            self.messages.append(Spoken(sender_type=1, content=self.live))
        self._asked, self.live, self.failure = "", "", failure
        self.changed.emit()
