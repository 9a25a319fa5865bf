"""What this app keeps on the disk of one user of one server: the cache, unsent commands, drafts."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from PySide6.QtCore import QLockFile

from aichat.protocol.session import Pending, Session
from aichat_qt.cache import Cache
from aichat_qt.files import private_folder
from aichat_qt.unsent import Place, Unsent

log = logging.getLogger(__name__)


class Shelf:
    """One folder, of this process alone: a second app that runs keeps nothing, and says so in the log."""

    def __init__(self, server: Path | None, user: str) -> None:
        self.user = user
        self.drafts: dict[Place, str] = {}
        self._lock: QLockFile | None = None
        self._folder = folder = None if server is None else server / f"user-{quote(user, safe='')}"
        if folder is not None and not self._take(folder):
            folder = self._folder = None
        self._cache = Cache(folder / "cache.sqlite3" if folder else None)
        self._unsent = Unsent(folder / "unsent.json" if folder else None)

    def restore(self, session: Session) -> None:
        """Fill a session that has not connected yet with the lists; messages come with `bring`."""
        kept = self._cache.read()
        if kept is not None:
            session.restore(self.user, kept.role, kept.position, kept.personas, kept.conversations)

    def unsent(self) -> list[Pending]:
        """The commands that were not sent at the end of the last run; fills the drafts."""
        outbox, self.drafts = self._unsent.read()
        return outbox

    def bring(self, conversation_id: int, session: Session) -> None:
        """Put the newest kept messages of a conversation into the session's timeline, if it has none."""
        self._cache.bring(conversation_id, session)

    def bring_older(self, conversation_id: int, session: Session, limit: int) -> bool:
        """The same with older ones -> False: they are not here."""
        return self._cache.bring_older(conversation_id, session, limit)

    def keep_words(self, outbox: Iterable[Pending]) -> None:
        """Outbox and drafts, now."""
        self._unsent.write(outbox, self.drafts)

    def keep_read(self, session: Session) -> None:
        """What changed in the timeline, now."""
        self._cache.write(session)

    def close(self) -> None:
        self._cache.close()
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def throw_away(self) -> None:
        """The user logged out: nothing of theirs stays."""
        self._cache.close()
        self.drafts.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self.close()

    def _take(self, folder: Path) -> bool:
        try:
            lock = QLockFile(str(private_folder(folder) / "lock"))
        except OSError as error:
            log.warning("nothing is kept of this server: %s", error)
            return False
        lock.setStaleLockTime(0)
        if not lock.tryLock(0):
            log.warning("nothing is kept of this server: another aichat-qt has %s", folder)
            return False
        self._lock = lock
        return True


def has_unsent(server: Path | None, user: str) -> bool:
    """Whether commands wait there for a connection."""
    if server is None or not user:
        return False
    path = server / f"user-{quote(user, safe='')}" / "unsent.json"
    return path.exists() and any(pending.failure is None for pending in Unsent(path).read()[0])
