"""Looks a store over, whether a service runs on it or not, and says in plain words what it finds."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from filelock import Timeout

from aichat.store.backup import copies, damage, open_read_only
from aichat.store.queries import load_queries, migrations
from aichat.store.store import lock_of

FREE_FLOOR_BYTES = 64 * 1_048_576
"""Below this much free space the service says that it is not ready, and a check fails."""

BIG_WAL_BYTES = 256 * 1_048_576


class Finding(NamedTuple):
    """One line of a check; `is_well` is false where somebody must do something."""

    is_well: bool
    text: str


def examine(database: Path, backups: Path) -> list[Finding]:
    """Everything there is to say about a store; `backups` is where its copies lie."""
    if not database.is_file():
        return [Finding(False, f"There is no database {database}: start the service once, or name it by --database.")]
    runs = is_in_use(database)
    found = [
        Finding(True, f"{database}: {_size(database.stat().st_size)}."),
        Finding(True, "A service is running on it." if runs else "No service is running on it."),
        *_disk(database, runs),
    ]
    try:
        with closing(open_read_only(database)) as connection:
            connection.execute("BEGIN")
            return found + _inside(connection, database, backups, runs)
    except sqlite3.OperationalError as error:
        return [*found, Finding(False, f"It cannot be read: {error}. Run this as the user that the service runs as.")]
    except sqlite3.DatabaseError as error:
        return [*found, _damaged([str(error)], database, backups)]


def is_in_use(database: Path) -> bool:
    """Whether a service holds the lock of a store. Errors: OSError."""
    lock = lock_of(database)
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _disk(database: Path, runs: bool) -> list[Finding]:
    free, size = shutil.disk_usage(database.parent).free, database.stat().st_size
    words = f"{_size(free)} are free on its disk"
    if free < FREE_FLOOR_BYTES:
        found = [Finding(False, f"{words}, less than {_size(FREE_FLOOR_BYTES)}: make room, before writes fail.")]
    elif free < size:
        found = [Finding(True, f"{words}, less than the file itself: a backup there would not fit.")]
    else:
        found = [Finding(True, f"{words}.")]
    log = database.with_name(database.name + "-wal")
    logged = log.stat().st_size if log.exists() else 0
    if logged > BIG_WAL_BYTES:
        words = f"Its write-ahead log is large ({_size(logged)})"
        found.append(Finding(True, f"{words}: a reader has been holding it open, or it was; a restart folds it in."))
    elif logged and not runs:
        words = f"The last stop left a write-ahead log of {_size(logged)}"
        found.append(Finding(True, f"{words}: it belongs to the file and is folded in at the next start."))
    elif logged:
        found.append(Finding(True, f"Its write-ahead log has {_size(logged)}."))
    return found


def _inside(connection: sqlite3.Connection, database: Path, backups: Path, runs: bool) -> list[Finding]:
    wrong = damage(connection)
    if wrong:
        return [_damaged(wrong, database, backups)]
    found = [Finding(True, "Every page, index and reference is whole.")]
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").fetchone():
        return [*found, Finding(True, "No aichat has opened it yet: the first start brings it to the newest schema.")]
    done = {number for (number,) in connection.execute("SELECT number FROM migrations")}
    known = {number for number, _, _ in migrations()}
    if done - known:
        words = f"It was written by a newer aichat (migration {max(done - known)}): update this one."
        return [*found, Finding(False, words)]
    if known - done:
        numbers = ", ".join(f"{number:04d}" for number in sorted(known - done))
        how = "restart the service" if runs else "the next start of the service brings them"
        found.append(Finding(not runs, f"Migrations are missing ({numbers}): {how}."))
    else:
        found.append(Finding(True, f"All {len(known)} migrations are in it."))
    running = 0 if runs or 2 not in done else len(list(load_queries().all_running(connection)))
    if running:
        words = f"{running} answers were being written when the service went down"
        found.append(Finding(True, f"{words}: the next start keeps their text and marks them as interrupted."))
    return found


def _damaged(wrong: list[str], database: Path, backups: Path) -> Finding:
    try:
        newest = str(copies(backups)[-1])
    except (OSError, IndexError):
        newest = "FILE"
    text = (
        f"The file is damaged: {'; '.join(wrong[:3])}. Stop the service, then put a backup in its place:"
        f" aichat-admin --database {database} restore {newest}"
    )
    return Finding(False, text)


def _size(count: int) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1_024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1_024  # type: ignore[assignment]
    raise AssertionError
