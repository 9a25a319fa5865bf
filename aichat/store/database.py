"""Runs transactions on SQLite through adbapi: one writer that commits in groups, several readers.

Python here links an SQLite with the WAL-reset race (fixed in 3.51.3), which needs two connections that write or
checkpoint. So exactly one connection writes and checkpoints, and it is closed last; readers are `query_only`.
This is the one module that calls adbapi, which is untyped.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from twisted.enterprise import adbapi
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from aichat.log import make_logger
from aichat.metrics import counts
from aichat.pace import pace_of
from aichat.protocol.errors import AichatError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

GROUP_MOST = 256
"""Writes in one commit at most: bounds how long the first of them waits for the last."""

SPACING_SECONDS = 0.006
"""From the beginning of one commit to that of the next, under load: a commit costs what it does whatever is in it, so
400 turns a second in groups of 4 take a fifth less of the processor than one by one (bench/profile_service.py 200 1).
Nobody waits where few answers are written."""

PATIENT_SECONDS = 0.020
"""The same where all that waits is what nobody looks at until it is there: text that was seen already."""

READERS = 3

PROBE_SECONDS = 5.0
"""While the file refuses writes, one is tried this often, so that it is known when it takes them again."""


class Writer(sqlite3.Connection):
    """The connection that writes. It gives out the positions of the log."""

    _seq: int | None = None

    def begin(self) -> None:
        """Begin a write transaction."""
        self.execute("BEGIN IMMEDIATE")
        self._seq = None

    def next_seq(self) -> int:
        """The position of one more change. The file is asked in the first and told in the end of a transaction:
        a statement for each position was a quarter of what a turn costs in this thread."""
        if self._seq is None:
            self._seq = int(self.execute("SELECT seq FROM store").fetchone()[0])
        self._seq += 1
        return self._seq

    def end(self) -> None:
        """Commit."""
        if self._seq is not None:
            self.execute("UPDATE store SET seq = ?", [self._seq])
        self.execute("COMMIT")


def next_seq(connection: sqlite3.Connection) -> int:
    """The position of one more change, for a work that `Database.write` runs."""
    assert isinstance(connection, Writer)
    return connection.next_seq()


class Database:
    """A file and the connections to it. `open` before use, `close` at the end."""

    _log = make_logger("aichat.store.database")

    def __init__(self, path: Path, reactor: Any) -> None:
        self.path = path
        self._reactor = reactor
        self._pace = pace_of(reactor)
        self._queue: deque[tuple[Work[Any], Deferred[Any]]] = deque()
        self._writing = False
        self._in_haste = False
        """Whether something in the queue is not patient."""
        self._resting: IDelayedCall | None = None
        """Until the next commit begins."""
        self._drained: Deferred[None] | None = None
        self._writer: Any = None
        self._readers: Any = None
        self._probe: IDelayedCall | None = None
        self._group_began = 0.0
        self.refuses = False
        self.failed_reads = 0

    @property
    def waiting(self) -> int:
        """Writes that wait for their commit to begin."""
        return len(self._queue)

    def open(self, prepare: Work[None]) -> Deferred[None]:
        """Open the file and run `prepare` (migrations) on the writer. Errors: sqlite3.Error."""
        self._writer = self._pool(1, _tune_writer, Writer)
        return ensureDeferred(self._open(prepare))

    async def _open(self, prepare: Work[None]) -> None:
        await self._writer.runWithConnection(lambda wrapped: prepare(_raw(wrapped)))
        self._readers = self._pool(READERS, _tune_reader, sqlite3.Connection)

    def write(self, work: Work[T], *, patient: bool = False) -> Deferred[T]:
        """Run `work` in a write transaction -> its result, once the commit that holds it is on disk.

        Works run in the order given, several in one commit; one that raises is undone alone. A work may be run
        again from its beginning, its first run undone. A `patient` one waits for company, where there is much to do.
        Errors: what `work` raises; AichatError storage_failed if the commit does not succeed.
        """
        done: Deferred[T] = Deferred()
        if self._writer is None:
            done.errback(AichatError("shutting_down"))
            return done
        self._queue.append((work, done))
        is_sooner = not patient and not self._in_haste
        self._in_haste = self._in_haste or not patient
        if not self._writing:
            self._writing = True
            self._next_group()
        elif is_sooner and self._resting is not None:
            self._resting.cancel()
            self._next_group()
        return done

    def read(self, work: Work[T]) -> Deferred[T]:
        """Run `work` on one consistent snapshot -> its result. It cannot write."""
        if self._readers is None:
            failed: Deferred[T] = Deferred()
            failed.errback(AichatError("shutting_down"))
            return failed
        reading: Deferred[T] = self._readers.runWithConnection(_snapshot, work)
        return reading.addErrback(self._as_storage_failure)

    async def close(self) -> None:
        """Finish the queued writes, then close the readers, then the writer (which checkpoints)."""
        if self._probe is not None and self._probe.active():
            self._probe.cancel()
        if self._writing or self._queue:  # the queue alone: one of a group just committed closes us
            self._drained = Deferred()
            await self._drained
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        for pool in (readers, writer):
            if pool is not None:
                pool.close()

    def _pool(self, size: int, tune: Callable[[Any], None], factory: type[sqlite3.Connection]) -> Any:
        pool = adbapi.ConnectionPool(
            "sqlite3",
            str(self.path),
            check_same_thread=False,
            isolation_level=None,
            factory=factory,
            cp_min=size,
            cp_max=size,
            cp_openfun=tune,
            cp_reactor=self._reactor,
        )
        pool.start()
        return pool

    def _next_group(self) -> None:
        """Write what waits: now, or under load when enough may have come."""
        spacing = SPACING_SECONDS if self._in_haste else PATIENT_SECONDS
        wait = self._group_began + spacing - perf_counter() if self._pace.is_busy else 0.0
        if wait > 0:
            self._resting = self._reactor.callLater(wait, self._write_group)
        else:
            self._write_group()

    def _write_group(self) -> None:
        self._resting = None
        group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_MOST))]
        self._in_haste = bool(self._queue)
        counts.commit_writes.add(len(group))
        self._group_began = perf_counter()
        committing = self._writer.runWithConnection(_commit_group, [work for work, _ in group])
        committing.addBoth(self._group_done, [done for _, done in group])

    def _group_done(self, outcome: list[Any] | Failure, waiting: list[Deferred[Any]]) -> None:
        counts.commit_seconds.add(perf_counter() - self._group_began)
        self.refuses = isinstance(outcome, Failure)
        if isinstance(outcome, Failure):
            self._try_again_later()
            self._log.error("commit failed: {error}", error=outcome.getErrorMessage())
            words = in_words(outcome.value)
            outcome = [Failure(AichatError("storage_failed", words)) for _ in waiting]
        told = zip(waiting, outcome, strict=True)  # a Failure goes to the errbacks
        self._pace.together([partial(done.callback, result) for done, result in told])
        # Only now, since what they write in turn shares a commit with what waits: else 50 in flight fall apart into
        # groups of 1 and 49 and stay so, two syncs for one.
        self._writing = bool(self._queue)
        if self._writing:
            self._next_group()
        elif self._drained is not None:
            self._drained.callback(None)

    def _try_again_later(self) -> None:
        if (self._probe is None or not self._probe.active()) and self._drained is None:
            self._probe = self._reactor.callLater(PROBE_SECONDS, self._try_again)

    def _try_again(self) -> None:
        if self.refuses:  # nobody may be sent here while it does, so that nothing else would find out
            self.write(next_seq).addErrback(lambda failure: failure.trap(AichatError))

    def _as_storage_failure(self, failure: Failure) -> Failure:
        if failure.check(sqlite3.OperationalError, sqlite3.DatabaseError) is None:
            return failure
        self.failed_reads += 1
        self._log.error("read failed: {error}", error=failure.getErrorMessage())
        return Failure(AichatError("storage_failed", in_words(failure.value)))


def _commit_group(wrapped: Any, works: list[Work[Any]]) -> list[Any]:
    connection = _raw(wrapped)
    assert isinstance(connection, Writer)
    try:
        connection.begin()
        results = _run_all(connection, works)
        if results is None:
            connection.execute("ROLLBACK")
            connection.begin()
            results = _run_each(connection, works)
        connection.end()
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(works) > 1 and _primary_code(error) == sqlite3.SQLITE_CORRUPT:
            return [_commit_alone(wrapped, work) for work in works]  # the others touch another part of the file
        raise
    return results


def _run_all(connection: Writer, works: list[Work[Any]]) -> list[Any] | None:
    """-> their results, or None if one raised after it had changed something, which must be undone.

    Nearly all that raise do so before: no savepoint for each saves a turn four statements, and SQLite a copy of
    each page that each work touches.
    """
    results: list[Any] = []
    for work in works:
        changes = connection.total_changes
        try:
            results.append(work(connection))
        except Exception as error:
            if _is_of_the_file(error):
                raise
            if connection.total_changes != changes:
                return None
            results.append(Failure())
    return results


def _run_each(connection: Writer, works: list[Work[Any]]) -> list[Any]:
    """-> their results; what one did that raised is undone."""
    results: list[Any] = []
    for work in works:
        connection.execute("SAVEPOINT work")
        try:
            results.append(work(connection))
        except Exception as error:
            if _is_of_the_file(error):
                raise
            results.append(Failure())
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
    return results


def _is_of_the_file(error: Exception) -> bool:
    """Whether the file failed and not the work: then nothing of its group may be called saved."""
    theirs = sqlite3.IntegrityError | sqlite3.ProgrammingError
    return isinstance(error, sqlite3.Error) and not isinstance(error, theirs)


def _commit_alone(wrapped: Any, work: Work[Any]) -> Any:
    try:
        return _commit_group(wrapped, [work])[0]
    except sqlite3.Error as error:
        return Failure(AichatError("storage_failed", in_words(error)))


def _snapshot(wrapped: Any, work: Work[T]) -> T:
    connection = _raw(wrapped)
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("COMMIT")


def _raw(wrapped: Any) -> sqlite3.Connection:
    """The sqlite3 connection inside adbapi's wrapper."""
    connection: sqlite3.Connection = wrapped._connection
    return connection


WHAT_TO_DO = {
    sqlite3.SQLITE_FULL: "The disk is full: free some space, then try again.",
    sqlite3.SQLITE_IOERR: "The disk cannot be read or written: look for space, quotas and faults, then try again.",
    sqlite3.SQLITE_BUSY: "Another program keeps the database locked: close it, then try again.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: `aichat-admin check` says where, `restore` brings a backup back.",
    sqlite3.SQLITE_NOTADB: "The file is damaged, or not SQLite's: `aichat-admin restore` brings a backup back.",
}


def in_words(error: BaseException | None) -> str:
    """What is wrong with the database, and what to do about it."""
    code = _primary_code(error)
    todo = WHAT_TO_DO.get(code, "Check the rights of its folder, then try again." if code else "")
    return f"The database refused: {error}. {todo}".rstrip()


def _primary_code(error: BaseException | None) -> int:
    """SQLite's result code without its finer part, 0 if there is none."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _tune_writer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _tune_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA query_only = ON")
