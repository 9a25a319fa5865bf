"""The verbs of `aichat-admin` that look after the store as a file: backup, check, restore."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path
from typing import Any

from filelock import Timeout

from aichat.config import Settings
from aichat.store.backup import NotMade, back_up, restore
from aichat.store.checkup import examine
from aichat.store.store import lock_of

VERBS = ("backup", "check", "restore")


def add_verbs(nouns: Any) -> None:
    """Tell argparse about them."""
    backup = nouns.add_parser("backup", help="copy the database, while the service runs too")
    backup.add_argument("target", type=Path, metavar="TARGET", help="a new file, or a folder: named by the time then")
    nouns.add_parser("check", help="look the database over: whole, up to date, room on its disk")
    back = nouns.add_parser("restore", help="put a backup in the place of the database; the service must be stopped")
    back.add_argument(
        "copy", type=Path, metavar="FILE", help="a file made by backup; the old database is kept beside"
    )


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Carry one out -> the exit code."""
    database = settings.database_path
    try:
        match options.noun:
            case "backup":
                made = back_up(database, options.target)
                print(f"{made.path}: {made.size:,} bytes, checked, in {made.seconds:.1f} s")  # noqa: T201
                return 0
            case "restore":
                return _restore(options.copy, database)
            case _:
                return _check(database, settings.backup_path)
    except (NotMade, sqlite3.Error, OSError) as error:
        print(f"aichat-admin: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _check(database: Path, backups: Path) -> int:
    findings = examine(database, backups)
    for finding in findings:
        print(("   " if finding.is_well else "!! ") + finding.text)  # noqa: T201
    wrong = sum(not finding.is_well for finding in findings)
    print("All is well." if not wrong else f"{wrong} to see to.")  # noqa: T201
    return 1 if wrong else 0


def _restore(copy: Path, database: Path) -> int:
    database.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_of(database)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise NotMade(f"a service is using {database}: stop it first") from None
    try:
        old = restore(copy, database)
    finally:
        lock.release()
    kept = f"; the old one is now {old}" if old else ""
    print(f"{database} is what {copy} was{kept}. Start the service again.")  # noqa: T201
    return 0
