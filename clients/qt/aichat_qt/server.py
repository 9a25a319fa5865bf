"""One server: the session with it, its link, what is shown of it and what is kept of it on the disk.

It lives on while another server is shown: words go out, answers come in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.journal import Journal
from aichat.protocol.saying import Saying
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat_qt.book import Entry
from aichat_qt.link import Link
from aichat_qt.selection import Selection
from aichat_qt.shelf import Shelf
from aichat_qt.unsent import Place

KEEP_MS = 1000
"""What changed goes to the disk together, so late at most; words that are to be sent go at once."""


class Server(QObject):
    """Follows its session whether it is shown or not."""

    received = Signal(object, object)
    """A frame, and the list of changes that it made."""
    link_changed = Signal()
    said_changed = Signal()
    """Own words look different now."""
    user_changed = Signal()
    """Somebody else is here, or nobody."""
    user_known = Signal(str)
    """Who is here, "" after a log-out."""

    def __init__(
        self,
        entry: Entry,
        find: Callable[[], Address],
        client: str,
        folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session = Session(client=client)
        session.timeline.journal = Journal()
        self.link = Link(session, find, entry.certificate, self)
        self.saying = Saying(session)
        self.selection = Selection(session, self.saying, lambda number: self._shelf.bring(number, session))
        self.selection.prefer(entry.persona, entry.conversation)
        self._folder = folder
        self._keep = QTimer(self, singleShot=True, interval=KEEP_MS)
        self._keep.timeout.connect(self.keep)
        self._user = ""
        self._shelf = Shelf(None, "")
        if entry.user:
            self._take_shelf(entry.user)
            self._user = session.user
        self.link.received.connect(self._received)
        self.link.changed.connect(self._link_changed)

    def flush(self) -> None:
        """Send what the session has to say, after it is on the disk. Call it after every command."""
        self._shelf.keep_words(self.session.outbox.values())
        self.link.flush()

    def bring_older(self, conversation_id: int, limit: int) -> bool:
        """Take older messages of a loaded conversation from the disk; False if they are not there."""
        return self._shelf.bring_older(conversation_id, self.session, limit)

    def draft(self, place: Place) -> str:
        """What was typed there and not sent."""
        return self._shelf.drafts.get(place, "")

    def set_draft(self, place: Place, text: str) -> None:
        if text != self.draft(place):
            self._shelf.drafts.pop(place, None)
            if text:
                self._shelf.drafts[place] = text
            self._keep_soon()

    def log_out(self) -> None:
        """Forget who this is and all that is kept of them, and wait for a login."""
        self.link.log_out()
        self._shelf.throw_away()
        self._shelf = Shelf(None, "")
        self._leave("")
        self.user_known.emit("")

    def close(self) -> None:
        """The app ends, or this server is not wanted any more."""
        self.link.close()
        journal, timeline = self.session.timeline.journal, self.session.timeline
        for number in self.session.opened_conversations:
            running = timeline.running(number)
            if running is not None and journal is not None:
                journal.messages.add((number, running.id))  # with what came so far
        self.keep()
        self._shelf.close()

    def throw_away(self) -> None:
        """Nothing of this server stays."""
        self.link.close()
        self._shelf.throw_away()

    def keep(self) -> None:
        """Put on the disk what changed."""
        self._keep.stop()
        self._shelf.keep_words(self.session.outbox.values())
        self._shelf.keep_read(self.session)

    def _keep_soon(self) -> None:
        if not self._keep.isActive():
            self._keep.start()

    def _take_shelf(self, user: str) -> None:
        self._shelf.close()
        self._shelf = Shelf(self._folder, user)
        if self.session.state is State.OFFLINE:
            self._shelf.restore(self.session)
        self.session.take_back(self._shelf.unsent())
        self.saying.closed()

    def _received(self, frame: frames.AnyPush, changes: list[Change]) -> None:
        if isinstance(frame, frames.Welcome):
            if self._user and self._user != self.session.user:
                self._leave(self.session.user)
            self._user = self.session.user
            if self._shelf.user != self._user:
                self._take_shelf(self._user)
                self.link.flush()
            self.user_known.emit(self._user)
        if self.saying.heard(frame):
            self.flush()
            self.said_changed.emit()
        if self.session.timeline.journal or isinstance(frame, frames.Ack | frames.Error):
            self._keep_soon()
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
