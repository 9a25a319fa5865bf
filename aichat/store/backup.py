"""Copies of the store: made while a service writes, checked before they get their name, and put back.

The copy is made by SQLite's backup API from a read-only connection, on one snapshot: every write that was acked
before it began is in it. Such a connection neither writes nor checkpoints, not even when it is closed, because it
cannot get the lock for it (`database` says why there may be one writer only); what it costs is that the WAL grows
while the snapshot is held. A copy has an epoch of its own: its log goes on differently from the original's, so a
position in the one means nothing in the other.

Never open the database with `open()` in the service's process: closing that file would drop SQLite's own locks.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple

from aichat.store.queries import load_queries

STEP_PAGES = 256
"""Copied in one go, 1 MiB: between two steps other threads get their turn, and a stop is heard."""

SYNC_STEPS = 8
"""Steps after which the copy goes to the disk: all of it at once would keep a service's commits waiting there."""

OWN_NAME = re.compile(r"aichat-(\d{8}-\d{6})\.db")
SIDE_FILES = ("-wal", "-shm", "-journal")
MARGIN_BYTES = 4 * 1_048_576
"""Free space that a copy leaves on its disk at least."""


STOPPING = "the service is stopping"


class Copy(NamedTuple):
    """One finished copy: the file, its size in bytes, and how long it took in seconds."""

    path: Path
    size: int
    seconds: float


class NotMade(Exception):
    """Why there is no copy, in one line: what happened and what to do."""


def open_read_only(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, for use beside a running service. Errors: sqlite3.Error."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def back_up(database: Path, target: Path, should_stop: Callable[[], bool] = lambda: False) -> Copy:
    """Copy a store to `target`, or under a name with the time into the folder `target`; mode 0600, whole or not
    at all. `should_stop` is asked between steps. Errors: NotMade, sqlite3.Error, OSError.
    """
    began = time.monotonic()
    if not database.is_file():
        raise NotMade(f"there is no database {database}")
    if target.is_dir():
        target = target / time.strftime("aichat-%Y%m%d-%H%M%S.db", time.gmtime())
    if target.exists():
        raise NotMade(f"{target} is there already: choose another name, or name a folder")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)  # mode 0600
    part = Path(name)
    try:
        _copy(database, part, handle, should_stop)
        with closing(open_read_only(part)) as made:
            made.set_progress_handler(should_stop, 100_000)  # of SQLite's steps: the check of a large file is long
            wrong = damage(made)
        if should_stop():
            raise NotMade(STOPPING)
        if wrong:
            raise NotMade(f"{database} is damaged, so its copy is not kept: {wrong[0]}; see aichat-admin check")
        os.fsync(handle)
        part.rename(target)
        _sync(target.parent)
    finally:
        os.close(handle)
        for end in ("", *SIDE_FILES):
            part.with_name(part.name + end).unlink(missing_ok=True)
    return Copy(target, target.stat().st_size, time.monotonic() - began)


def restore(copy: Path, database: Path) -> Path | None:
    """Put a copy in the place of a store that no service uses -> where the old file is now, None if there was none.

    The old WAL goes with the old file: SQLite would take it for a part of the new one. Errors: as `back_up`.
    """
    new = database.with_name(f".{database.name}.{secrets.token_hex(4)}.new")
    back_up(copy, new)
    old = database.with_name(time.strftime(f"{database.name}.before-%Y%m%d-%H%M%S", time.gmtime()))
    moved = False
    for end in ("", *SIDE_FILES):
        beside = database.with_name(database.name + end)
        if beside.exists():
            beside.rename(old.with_name(old.name + end))
            moved = True
    new.rename(database)
    _sync(database.parent)
    return old if moved else None


def copies(folder: Path) -> list[Path]:
    """The files in a folder that carry the name of a backup, oldest first. Errors: OSError."""
    return sorted(path for path in folder.iterdir() if OWN_NAME.fullmatch(path.name) and path.is_file())


def forget_old(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` backups of a folder, and nothing else -> what was removed. Errors: OSError."""
    old = copies(folder)[: -max(1, keep)]
    for path in old:
        path.unlink(missing_ok=True)
    day_ago = time.time() - 86_400
    for part in folder.glob(".aichat-*.db.*.part"):  # of a process that was killed
        if part.stat().st_mtime < day_ago:
            part.unlink(missing_ok=True)
    return old


def _copy(database: Path, part: Path, handle: int, should_stop: Callable[[], bool]) -> None:
    steps = count(1)

    def between_steps(status: int, remaining: int, total: int) -> None:
        if should_stop():
            raise NotMade(STOPPING)
        if next(steps) % SYNC_STEPS == 0:
            os.fsync(handle)

    with closing(open_read_only(database)) as source, closing(sqlite3.connect(part, isolation_level=None)) as made:
        source.execute("BEGIN")  # one snapshot: else each write of the service would start the copy anew
        pages = source.execute("PRAGMA page_count").fetchone()[0]
        need = pages * source.execute("PRAGMA page_size").fetchone()[0] + MARGIN_BYTES
        free = shutil.disk_usage(part.parent).free
        if free < need:
            raise NotMade(f"{part.parent} has {free:,} bytes free, {need:,} are needed: make room there")
        source.backup(made, pages=STEP_PAGES, progress=between_steps)
        source.execute("COMMIT")
        made.execute("PRAGMA journal_mode = DELETE")  # one file, without a WAL beside it
        if made.execute("SELECT 1 FROM sqlite_schema WHERE name = 'store'").fetchone():
            load_queries().set_epoch(made, epoch=secrets.token_hex(8))


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with a file, [] if nothing: pages, indexes, constraints, then foreign keys."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        if found != ["ok"]:
            return found
        orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [
        f"row {row} of {table} belongs to a row of {parent} that is not there" for table, row, parent, _ in orphans
    ]


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
