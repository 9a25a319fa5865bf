"""Loads what lies in `sql/`: named queries by aiosql, migrations by number."""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import aiosql

import aichat


def sql_folder() -> Path:
    """`aichat/sql` of an installed package, or `sql/` of a checkout."""
    with as_file(files(aichat)) as package:
        installed = package / "sql"
        return installed if installed.is_dir() else package.parent / "sql"


def load_queries() -> Any:
    """All named queries as functions of a connection."""
    return aiosql.from_path(str(sql_folder() / "queries"), "sqlite3")


def migrations() -> list[tuple[int, str, str]]:
    """(number, file name, SQL) of every migration, in order."""
    paths = sorted((sql_folder() / "migrations").glob("[0-9]*.sql"))
    return [(int(path.name[:4]), path.name, path.read_text(encoding="utf-8")) for path in paths]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema, each migration in one transaction of its own.

    Errors: sqlite3.DatabaseError if the file is newer than this program.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, time DATETIME DEFAULT CURRENT_TIMESTAMP)"
    )
    done = {number for (number,) in connection.execute("SELECT number FROM migrations")}
    known = migrations()
    if unknown := done - {number for number, _, _ in known}:
        raise sqlite3.DatabaseError(f"it was written by a newer aichat (migration {max(unknown)}): update this one")
    for number, name, sql in known:
        if number in done:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(sql):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations (number, name) VALUES (?, ?)", (number, name))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _statements(sql: str) -> list[str]:
    """The statements of a script; `executescript` would commit in between."""
    statements, pending = [], ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return [s for s in statements if re.sub(r"--[^\n]*", "", s).strip()]
