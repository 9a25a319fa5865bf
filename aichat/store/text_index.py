"""The index of texts: filled after the fact, user by user, in the order of the log; a turn writes nothing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from aichat.store.matching import LETTERS

STEP, STEP_CHARS = 200, 200_000
"""Messages, and their text, that one transaction puts into the index."""

TEXT_MOST = 100_000
"""Letters of one message in the index."""


def index_some(queries: Any, connection: sqlite3.Connection, user_ids: list[int]) -> list[int]:
    """Put some of these users' messages into the index -> those of whom not all is in it."""
    texts: dict[int, str] = {}
    count, room, left = 0, STEP_CHARS, []
    for user_id in user_ids:
        if count == STEP or room < 0:
            left.append(user_id)
            continue
        seq, ident = queries.indexed(connection, user_id=user_id) or (-1, 0)
        rows = queries.not_indexed(
            connection, user_id=user_id, seq=seq, id=ident, length=TEXT_MOST, limit=STEP - count
        )
        own, known = mark(user_id), count
        for row in rows:
            seq, ident, text = row
            count, room = count + 1, room - len(text)
            if text:
                texts[ident] = own + text
            if room < 0:
                break
        if count > known:
            queries.keep_indexed(connection, user_id=user_id, seq=seq, id=ident)
        if count == STEP or room < 0:
            left.append(user_id)  # perhaps
    # In order, else FTS5 writes each by itself.
    queries.index_text(connection, [{"id": ident, "text": texts[ident]} for ident in sorted(texts)])
    return left


def forget(queries: Any, connection: sqlite3.Connection, conversation_id: int, most: int) -> None:
    """Take messages that are about to be deleted out of the index, the first `most` of a conversation (-1: all)."""
    found = queries.indexed_texts(connection, conversation_id=conversation_id, length=TEXT_MOST, limit=most)
    _forget(queries, connection, found)


def forget_below(queries: Any, connection: sqlite3.Connection, conversation_id: int, message_id: int) -> None:
    """Take a message that is about to be deleted out of the index, with all below it."""
    found = queries.indexed_texts_below(connection, conversation_id=conversation_id, id=message_id, length=TEXT_MOST)
    _forget(queries, connection, found)


def _forget(queries: Any, connection: sqlite3.Connection, found: Iterable[tuple[int, int, str]]) -> None:
    queries.forget_text(connection, [{"id": ident, "text": mark(abs(owner)) + text} for ident, owner, text in found])


def mark(user_id: int) -> str:
    """Three letters that nobody writes: before each text they say whose it is, so that nobody waits for others'."""
    return "".join(chr(0xF0000 + (user_id >> shift & 0x7FFF)) for shift in (30, 15, 0))


def quoted(gram: str) -> str:
    """Three letters as FTS5's query language has them."""
    assert len(gram) == LETTERS
    return '"' + gram.replace('"', '""') + '"'
