"""One server: the session with it, its link, and what is shown of it. Lives on while another server is shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.saying import Saying
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat_qt.link import Link
from aichat_qt.selection import Selection


class Server(QObject):
    """Follows its session whether it is shown or not."""

    received = Signal(object, object)
    """A frame, and the list of changes that it made."""
    link_changed = Signal()
    said_changed = Signal()
    """Own words look different now."""
    user_changed = Signal()
    """Somebody else is here, or nobody."""

    def __init__(self, find: Callable[[], Address], client: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = Session(client=client)
        self.link = Link(self.session, find, self)
        self.saying = Saying(self.session)
        self.selection = Selection(self.session, self.saying, self._bring)
        self._user = ""
        self.link.received.connect(self._received)
        self.link.changed.connect(self._link_changed)

    def log_out(self) -> None:
        """Forget who this is, and wait for a login."""
        self.link.log_out()
        self._leave("")

    def _bring(self, conversation_id: int) -> None:
        pass

    def _received(self, frame: frames.AnyPush, changes: list[Change]) -> None:
        if isinstance(frame, frames.Welcome):
            if self._user and self._user != self.session.user:
                self._leave(self.session.user)
            self._user = self.session.user
        if self.saying.heard(frame):
            self.link.flush()
            self.said_changed.emit()
        self.received.emit(frame, changes)

    def _leave(self, user: str) -> None:
        self._user = user
        self.saying.clear()
        self.selection.clear()
        self.user_changed.emit()

    def _link_changed(self) -> None:
        if self.session.state is State.OFFLINE:
            self.saying.closed()
        self.link_changed.emit()
