"""What was read, kept in a small SQLite file: there at once at the next start, and without a connection.

It holds the timeline as it was at a position; the session resumes from there. It can always be had again from the
server, so a file that is old, broken or too large is thrown away, and no failure here is one for the user.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from aichat.protocol.journal import Journal
from aichat.protocol.session import Session
from aichat.protocol.timeline import Timeline
from aichat.protocol.values import Conversation, Message, Persona, Position

log = logging.getLogger(__name__)

MOST_BYTES = 128 * 1024 * 1024
"""A larger file is thrown away at the start."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE personas (id TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE conversations (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE pages (conversation_id INTEGER PRIMARY KEY, more INTEGER NOT NULL, siblings BLOB NOT NULL);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, conversation_id INTEGER NOT NULL, parent_id INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE INDEX of_conversation ON messages (conversation_id);
CREATE INDEX below ON messages (parent_id) WHERE parent_id;
"""
MOST_ID = 2**63 - 1
TABLES = ("meta", "personas", "conversations", "pages", "messages")
PAGE = "SELECT more, siblings FROM pages WHERE conversation_id = ?"
MESSAGES = "SELECT value FROM messages WHERE conversation_id = ? AND id >= ? AND id < ? ORDER BY id"
ANY_BEFORE = "SELECT EXISTS (SELECT 1 FROM messages WHERE conversation_id = ? AND id < ?)"
FIRST_UP = """
WITH RECURSIVE up (id, parent_id, place) AS (
    SELECT id, parent_id, 1 FROM messages WHERE id = ?
    UNION ALL
    SELECT above.id, above.parent_id, up.place + 1 FROM up JOIN messages above ON above.id = up.parent_id
    WHERE up.place < ?
) SELECT min(id) FROM up
"""
"""Where a part of so many of the chain that ends in a message begins."""
FIRST_OF_ALL = """
SELECT min(id) FROM (SELECT id FROM messages WHERE conversation_id = ? AND id < ? ORDER BY id DESC LIMIT ?)
"""
"""The same where there are no branches."""
BELOW = """
WITH RECURSIVE down (id) AS (
    SELECT ?
    UNION ALL
    SELECT messages.id FROM down CROSS JOIN messages ON messages.parent_id = down.id AND messages.parent_id
) SELECT id FROM down
"""
"""A message and all below it."""
NEWEST = 100
"""So many messages of a conversation are read when it is opened; the others when the reader gets there."""

_shape = repr([SCHEMA, *(kind.__struct_fields__ for kind in (Persona, Conversation, Message))])
VERSION = zlib.crc32(_shape.encode()) & 0x7FFFFFFF
"""Of the tables and of what stands in them: a value with other fields than today's is not read."""

_encode = msgspec.msgpack.Encoder().encode
_persona = msgspec.msgpack.Decoder(Persona).decode
_conversation = msgspec.msgpack.Decoder(Conversation).decode
_siblings = msgspec.msgpack.Decoder(list[list[int]]).decode
_message = msgspec.msgpack.Decoder(Message).decode


class Kept(NamedTuple):
    """What a session begins with."""

    role: str
    position: Position
    personas: list[Persona]
    conversations: list[Conversation]


class _Rest(NamedTuple):
    """What of a conversation stands in the file and was not read into the timeline yet."""

    before: int
    """The messages with lesser ids."""
    more: bool
    """Whether the server has others before those."""
    siblings: list[list[int]]
    """`Timeline.forks` of the whole."""


class Cache:
    """One user's file. Without a path, or after a failure, it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._pages: set[int] = set()  # conversations of which messages are here
        self._rest: dict[int, _Rest] = {}
        if path is not None:
            self._open(path)

    def read(self) -> Kept | None:
        """Everything but the messages; None if there is nothing."""
        with self._careful() as database:
            if database is None:
                return None
            meta = dict(database.execute("SELECT name, value FROM meta"))
            if not meta:
                return None
            self._pages = {number for (number,) in database.execute("SELECT conversation_id FROM pages")}
            return Kept(
                role=meta["role"],
                position=Position(epoch=meta["epoch"], seq=int(meta["seq"])),
                personas=[
                    _persona(value) for (value,) in database.execute("SELECT value FROM personas ORDER BY rowid")
                ],
                conversations=[
                    _conversation(value) for (value,) in database.execute("SELECT value FROM conversations")
                ],
            )
        return None

    def bring(self, conversation_id: int, session: Session) -> None:
        """Put the newest kept messages of a conversation into a timeline that does not have them."""
        if conversation_id in self._pages and not session.timeline.is_loaded(conversation_id):
            with self._in_step(session) as database:
                if database is not None:
                    more, siblings = database.execute(PAGE, (conversation_id,)).fetchone()
                    self._rest[conversation_id] = _Rest(MOST_ID, bool(more), _siblings(siblings))
                    self._bring(database, conversation_id, session.timeline, NEWEST)

    def bring_older(self, conversation_id: int, session: Session, limit: int) -> bool:
        """Put about `limit` older ones into a timeline that has the newest -> False: they are not here."""
        if conversation_id in self._rest and session.timeline.is_loaded(conversation_id):
            with self._in_step(session) as database:
                return database is not None and self._bring(database, conversation_id, session.timeline, limit)
        return False

    def _bring(self, database: sqlite3.Connection, number: int, timeline: Timeline, limit: int) -> bool:
        """The next part of the chain that is shown, with all that was written beside it."""
        rest, conversation, shown = self._rest[number], timeline.conversations.get(number), timeline.messages(number)
        if conversation is None:
            return False
        if conversation.leaf_id:
            begin = database.execute(FIRST_UP, (shown[0].parent_id if shown else conversation.leaf_id, limit))
        else:
            begin = database.execute(FIRST_OF_ALL, (number, rest.before, limit))
        (first,) = begin.fetchone()
        if first is None or first >= rest.before:
            return False
        rows = database.execute(MESSAGES, (number, first, rest.before)).fetchall()
        (further,) = database.execute(ANY_BEFORE, (number, first)).fetchone()
        del self._rest[number]
        if further:
            self._rest[number] = rest._replace(before=first)
        take = timeline.restore_older if shown else timeline.restore_messages
        take(number, [_message(value) for (value,) in rows], more=further or rest.more, siblings=rest.siblings)
        return True

    def write(self, session: Session) -> None:
        """Bring the file in step with a session whose timeline keeps a journal, in one transaction; empties it."""
        timeline, journal, position = session.timeline, session.timeline.journal, session.position
        if not journal or position is None or not (timeline.personas_known and timeline.conversations_known):
            return
        timeline.journal = Journal()
        with self._careful() as database:
            if database is None:
                return
            with database:
                if journal.cleared:
                    for table in TABLES:
                        database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
                    self._pages.clear()
                    self._rest.clear()
                meta = [("role", session.role), ("epoch", position.epoch), ("seq", str(position.seq))]
                database.executemany("REPLACE INTO meta VALUES (?, ?)", meta)
                self._write_lists(database, timeline, journal)
                self._write_messages(database, timeline, journal)

    def _write_lists(self, database: sqlite3.Connection, timeline: Timeline, journal: Journal) -> None:
        order = {persona_id: place for place, persona_id in enumerate(timeline.personas)}
        for persona_id in sorted(journal.personas, key=lambda one: order.get(one, 0)):
            persona = timeline.personas.get(persona_id)
            if persona is None:
                database.execute("DELETE FROM personas WHERE id = ?", (persona_id,))
            else:  # its place in the list stays
                add = "INSERT INTO personas VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value"
                database.execute(add, (persona_id, _encode(persona)))
        for number in journal.conversations:
            conversation = timeline.conversations.get(number)
            if conversation is not None:
                database.execute("REPLACE INTO conversations VALUES (?, ?)", (number, _encode(conversation)))
                continue
            database.execute("DELETE FROM conversations WHERE id = ?", (number,))
            database.execute("DELETE FROM pages WHERE conversation_id = ?", (number,))
            database.execute("DELETE FROM messages WHERE conversation_id = ?", (number,))
            self._pages.discard(number)
            self._rest.pop(number, None)

    def _write_messages(self, database: sqlite3.Connection, timeline: Timeline, journal: Journal) -> None:
        changed = set(journal.messages)
        for number in journal.loaded & timeline.older.keys() - self._pages:
            self._pages.add(number)
            changed |= {(number, message.id) for message in timeline.messages(number)}
        rows, gone = [], set()
        for number, message_id in sorted(changed):
            if number not in self._pages:
                continue
            message = timeline.message(number, message_id)
            if message is None:
                gone |= set(database.execute(BELOW, (message_id,)).fetchall())
            else:
                rows.append((message_id, number, message.parent_id, _encode(message)))
        database.executemany("DELETE FROM messages WHERE id = ?", gone)
        database.executemany("REPLACE INTO messages VALUES (?, ?, ?, ?)", rows)
        for number in journal.loaded | {number for number, _ in changed}:
            if number in self._pages and timeline.is_loaded(number):
                self._write_page(database, timeline, number, {ident for (ident,) in gone})

    def _write_page(self, database: sqlite3.Connection, timeline: Timeline, number: int, gone: set[int]) -> None:
        more, siblings, rest = timeline.older[number], timeline.forks(number), self._rest.get(number)
        if rest is not None:  # of the part that was not read yet all stays
            known = {ident for each in siblings for ident in each}
            others = [[ident for ident in each if ident not in gone] for each in rest.siblings]
            others = [each for each in others if len(each) > 1 and known.isdisjoint(each)]
            self._rest[number] = rest._replace(siblings=siblings + others)
            more, siblings = rest.more, siblings + others
        database.execute("REPLACE INTO pages VALUES (?, ?, ?)", (number, more, _encode(siblings)))

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def throw_away(self) -> None:
        """The file goes; nothing is kept any more."""
        self.close()
        self._pages.clear()
        self._rest.clear()
        if self._path is not None:
            for end in ("", "-wal", "-journal"):
                self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def _open(self, path: Path) -> None:
        for _ in range(2):  # as it is, then anew
            try:
                if path.exists() and path.stat().st_size > MOST_BYTES:
                    self.throw_away()
                database = self._database = sqlite3.connect(path, timeout=0.1)
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = NORMAL")
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if version == VERSION:
                    return
                (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if not tables:
                    database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT")
                    return
            except (OSError, sqlite3.Error) as error:
                log.warning("the cache %s is made anew: %s", path, error)
            try:
                self.throw_away()
            except OSError:
                return

    @contextmanager
    def _in_step(self, session: Session) -> Iterator[sqlite3.Connection | None]:
        """The database as the timeline is now; None if the file is of another world, and will be written anew."""
        self.write(session)
        journal = session.timeline.journal
        with self._careful() as database:
            yield None if journal is not None and journal.cleared else database

    @contextmanager
    def _careful(self) -> Iterator[sqlite3.Connection | None]:
        """The database, or None; whatever goes wrong with it is the end of the file."""
        try:
            yield self._database
        except (sqlite3.Error, msgspec.DecodeError, KeyError, ValueError) as error:
            log.warning("the cache is thrown away: %s", error)
            try:
                self.throw_away()
            except OSError as worse:
                log.warning("the cache cannot be thrown away: %s", worse)
