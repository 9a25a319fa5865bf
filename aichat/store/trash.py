"""Deleted conversations: for a while they can come back, then they are gone.

One that may come back belongs, with its messages, to user -n: whatever asks for what user n has does not find it, and
need not know that there is such a thing.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from aichat.store.database import next_seq
from aichat.store.text_index import forget

KEPT = "-30 days"
"""How long a deleted conversation can be brought back, as SQLite's date functions have it."""


def throw_away(queries: Any, connection: sqlite3.Connection, user_id: int, conversation_id: int, time: str) -> None:
    """From now on its user does not have it."""
    seq = next_seq(connection)
    queries.give_conversation(connection, user_id=-user_id, deleted_time=time, seq=seq, id=conversation_id)
    queries.give_messages(connection, user_id=-user_id, conversation_id=conversation_id)


def is_thrown_away(queries: Any, connection: sqlite3.Connection, user_id: int, conversation_id: int) -> bool:
    """Whether it is a user's, and can be brought back."""
    row = queries.deleted_conversation(connection, id=conversation_id, user_id=-user_id, age=KEPT)
    return row is not None


def bring_back(queries: Any, connection: sqlite3.Connection, user_id: int, conversation_id: int) -> None:
    """Its user has it again. All of it is new in the log: who was told that it is gone is told all of it."""
    seq = next_seq(connection)
    queries.give_conversation(connection, user_id=user_id, deleted_time="", seq=seq, id=conversation_id)
    ids = [ident for (ident,) in queries.message_ids(connection, conversation_id=conversation_id)]
    rows = [{"id": ident, "user_id": user_id, "seq": next_seq(connection)} for ident in ids]
    queries.bring_message_back(connection, rows)


def remove(queries: Any, connection: sqlite3.Connection, conversation_id: int) -> None:
    """Delete it for good."""
    forget(queries, connection, conversation_id, -1)
    queries.delete_messages(connection, conversation_id=conversation_id, limit=-1)
    queries.delete_conversation(connection, id=conversation_id)


def remove_expired(queries: Any, connection: sqlite3.Connection, user_id: int, most: int) -> int:
    """Delete for good some of what a user can no longer bring back, `most` rows -> how many; 0: there are none."""
    ident = queries.expired_conversation(connection, user_id=-user_id, age=KEPT)
    if ident is None:
        return 0
    forget(queries, connection, ident, most)
    gone: int = queries.delete_messages(connection, conversation_id=ident, limit=most)
    if gone < most:
        queries.delete_conversation(connection, id=ident)
        gone += 1
    return gone
