"""Opens the store and holds its nouns."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from filelock import FileLock, Timeout
from twisted.internet.interfaces import IReactorThreads

from aichat.store.branches import Branches
from aichat.store.bundle import Bundles
from aichat.store.conversations import Conversations
from aichat.store.database import Database
from aichat.store.log import Log
from aichat.store.messages import Messages
from aichat.store.personas import Personas
from aichat.store.queries import load_queries, migrate
from aichat.store.search import Search
from aichat.store.users import Users


def lock_of(path: Path) -> FileLock:
    """The lock that a service holds while it uses the store at `path`; it goes with its process."""
    return FileLock(path.with_name(path.name + ".lock"), thread_local=False)


class Store:
    """`store.personas.create(...)`, `store.messages.append_turn(...)` and so on, each one transaction."""

    def __init__(self, path: Path, reactor: IReactorThreads) -> None:
        self.path = path
        self._database = Database(path, reactor)
        self._lock = lock_of(path)
        self._queries = load_queries()
        self.log = Log(self._database, self._queries)
        self.bundles = Bundles(self._database, self._queries)
        self.users = Users(self._database, self._queries)
        self.personas = Personas(self._database, self._queries)
        self.conversations = Conversations(self._database, self._queries)
        self.branches = Branches(self._database, self._queries)
        self.messages = Messages(self._database, self._queries)
        self.search = Search(self._database, self._queries)

    @property
    def refuses(self) -> bool:
        """Whether the last commit failed."""
        return self._database.refuses

    @property
    def failed_reads(self) -> int:
        """Reads that the file did not answer since the service began."""
        return self._database.failed_reads

    @property
    def writes_waiting(self) -> int:
        """Writes that wait for their commit to begin."""
        return self._database.waiting

    async def open(self) -> None:
        """Open or make the file and bring it to the newest schema. Errors: sqlite3.Error, OSError.

        A second service on the same file would be a second writer, and would take the first one's running answers
        for cut off: the lock keeps it out. It goes with the process that holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise OSError(f"another aichat service is using {self.path}: stop that one first") from None
        await self._database.open(self._prepare)

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        await self._database.close()
        self._lock.release()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        migrate(connection)
        if self._queries.position(connection) is None:
            self._queries.make_store(connection, epoch=secrets.token_hex(8))
