"""Copies of a store: whole, private, another epoch, and nothing removed that is not ours; what a check says."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from aichat.protocol.frames import Chat, PersonaCreate
from aichat.protocol.values import PersonaConfig
from aichat.store import Store
from aichat.store.backup import NotMade, back_up, copies, forget_old, open_read_only, restore
from aichat.store.checkup import examine
from aichat.store.queries import migrations


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await opened.open()
    await opened.users.owner("")
    config = PersonaConfig(name="大", prompt="p", avatar="A" * 200_000)
    for n in range(20):
        await opened.personas.create(1, PersonaCreate(persona_config=config, request_id=f"p{n}"))
    yield opened
    await opened.close()


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = open_read_only(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def damage_file(path: Path) -> None:
    """Overwrite a page in the middle."""
    with path.open("r+b") as file:
        file.seek(8 * 4_096)
        file.write(b"\xa5" * 4_096)


@pytest_twisted.ensureDeferred
async def test_a_copy_holds_what_was_written_and_later_writes_go_on(store: Store, tmp_path: Path) -> None:
    copying = deferToThread(back_up, store.path, tmp_path / "copy.db")
    persona = (await store.personas.all_of(1))[0]
    written = 0
    while not copying.called:
        await store.messages.append_turn(
            1, Chat(content="x" * 5_000, persona_id=persona.id, new_conversation=True, request_id=f"q{written}")
        )
        written += 1
    made = await copying
    assert made.size == made.path.stat().st_size > 4_000_000
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert written
    assert len(rows(made.path, "SELECT id FROM personas")) == 20
    assert len(rows(store.path, "SELECT id FROM messages")) == 2 * written
    assert rows(made.path, "SELECT epoch FROM store") != rows(store.path, "SELECT epoch FROM store")
    assert {p.name for p in tmp_path.iterdir() if "copy" in p.name} == {"copy.db"}, "one file, nothing beside it"


@pytest_twisted.ensureDeferred
async def test_reading_beside_a_service_never_checkpoints(store: Store, tmp_path: Path) -> None:
    log = store.path.with_name("chat.db-wal")
    before = store.path.read_bytes(), log.read_bytes()
    back_up(store.path, tmp_path / "copy.db")
    assert (store.path.read_bytes(), log.read_bytes()) == before
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        open_read_only(store.path).execute("DELETE FROM personas")


@pytest_twisted.ensureDeferred
async def test_a_name_that_is_taken_and_a_stop_in_the_middle_leave_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotMade, match="there already"):
        back_up(store.path, store.path)
    folder = tmp_path / "b"
    folder.mkdir()
    steps: list[None] = []
    with pytest.raises(NotMade, match="stopping"):
        back_up(store.path, folder, lambda: len(steps) > 2 or bool(steps.append(None)))
    assert len(steps) == 3
    assert list(folder.iterdir()) == []
    with pytest.raises(NotMade, match="no database"):
        back_up(tmp_path / "none.db", folder)


@pytest_twisted.ensureDeferred
async def test_a_damaged_file_gives_no_copy_and_a_clear_word(tmp_path: Path) -> None:
    store = Store(tmp_path / "chat.db", reactor)  # type: ignore[arg-type]
    await store.open()
    await store.users.owner("")
    await store.close()
    folder = tmp_path / "backups"
    folder.mkdir()
    good = back_up(store.path, folder).path
    assert all(finding.is_well for finding in examine(store.path, folder))
    damage_file(store.path)
    with pytest.raises((NotMade, sqlite3.DatabaseError)):
        back_up(store.path, tmp_path / "copy.db")
    assert not [p for p in tmp_path.iterdir() if "copy" in p.name]
    wrong = [finding.text for finding in examine(store.path, folder) if not finding.is_well]
    assert len(wrong) == 1
    assert "damaged" in wrong[0] and wrong[0].endswith(f"restore {good}")
    store.path.with_name("chat.db-wal").write_bytes(b"the log of the old file")
    old = restore(good, store.path)
    assert old is not None and old.exists() and old.with_name(old.name + "-wal").exists()
    assert all(finding.is_well for finding in examine(store.path, folder))
    again = Store(store.path, reactor)  # type: ignore[arg-type]
    await again.open()
    await again.close()


def test_only_our_own_names_are_removed(tmp_path: Path) -> None:
    names = [f"aichat-202601{day:02d}-000000.db" for day in range(1, 6)]
    others = ["aichat-20250101-000000.db.gz", "chat.db", "aichat-mine.db", "xaichat-20250101-000000.db"]
    for name in [*names, *others]:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "aichat-20240101-000000.db").mkdir()
    stale, fresh = tmp_path / ".aichat-20260101-000000.db.x.part", tmp_path / ".aichat-20260102-000000.db.x.part"
    for path in (stale, fresh):
        path.write_bytes(b"")
    os.utime(stale, (0, 0))
    assert [path.name for path in forget_old(tmp_path, 2)] == names[:3]
    assert [path.name for path in copies(tmp_path)] == names[3:]
    assert {p.name for p in tmp_path.iterdir()} == {
        *names[3:], *others, "aichat-20240101-000000.db", fresh.name,
    }  # fmt: skip


def test_a_check_of_files_that_no_service_made(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    assert "no database" in examine(path, tmp_path)[0].text
    with sqlite3.connect(path) as seed:
        seed.executescript(migrations()[0][2])
    seed.close()
    assert examine(path, tmp_path)[-1].is_well
    with sqlite3.connect(path) as newer:
        newer.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT)")
        newer.execute("INSERT INTO migrations VALUES (9999, 'x')")
    newer.close()
    assert "newer aichat" in examine(path, tmp_path)[-1].text
    path.write_bytes(b"this is a text, and long enough to be looked at as a database file " * 100)
    assert "damaged" in examine(path, tmp_path)[-1].text
