"""Branches of a conversation: another one is shown, or one is cut off."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Ack, BranchSelect, MessageDelete
from aichat.protocol.values import Conversation, Message
from aichat.store.conversations import Saved, no_conversation
from aichat.store.database import Database, next_seq
from aichat.store.log import once
from aichat.store.rows import to_conversation
from aichat.store.text_index import forget_below
from aichat.store.turns import get_message


class Branches:
    """Both verbs refuse while an answer is being written there: it is the end of what is shown."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def select(self, user_id: int, command: BranchSelect) -> Deferred[Saved]:
        """Show the branch of a message -> the conversation, if it showed another one. Errors: not_found, busy."""

        def write(connection: sqlite3.Connection) -> Saved:
            shown: list[Conversation] = []

            def choose() -> Ack:
                conversation, message = self._find(connection, user_id, command)
                if not self._is_shown(connection, conversation, message):
                    shown.append(
                        self._show(
                            connection, conversation, self._newest_below(connection, conversation.id, message.id)
                        )
                    )
                return Ack(request_id=command.request_id, conversation_id=conversation.id, message_id=message.id)

            ack, repeated = once(self._queries, connection, user_id, command, choose)
            return Saved(ack, shown[0] if shown else None, shown[0].seq if shown else 0, repeated)

        return self._database.write(write)

    def delete(self, user_id: int, command: MessageDelete) -> Deferred[Saved]:
        """Delete a message and all below it -> the conversation, if it showed it, and the deletion's `seq`.

        Errors: not_found, busy.
        """

        def write(connection: sqlite3.Connection) -> Saved:
            shown: list[Conversation] = []
            seq = 0

            def remove() -> Ack:
                nonlocal seq
                queries = self._queries
                conversation, message = self._find(connection, user_id, command)
                was_shown = self._is_shown(connection, conversation, message)
                forget_below(queries, connection, conversation.id, message.id)
                queries.delete_branch(connection, conversation_id=conversation.id, id=message.id)
                if was_shown:
                    leaf_id = self._newest_below(connection, conversation.id, message.parent_id)  # of its siblings
                    shown.append(self._show(connection, conversation, leaf_id))
                seq = next_seq(connection)
                queries.bury(
                    connection,
                    seq=seq,
                    user_id=user_id,
                    kind="message",
                    ref=str(message.id),
                    conversation_id=conversation.id,
                )
                return Ack(request_id=command.request_id, conversation_id=conversation.id, message_id=message.id)

            ack, repeated = once(self._queries, connection, user_id, command, remove)
            return Saved(ack, shown[0] if shown else None, seq, repeated)

        return self._database.write(write)

    def _find(
        self, connection: sqlite3.Connection, user_id: int, command: BranchSelect | MessageDelete
    ) -> tuple[Conversation, Message]:
        row = self._queries.place(connection, id=command.conversation_id, user_id=user_id)
        if row is None:
            raise no_conversation(command.conversation_id)
        message = get_message(self._queries, connection, command.conversation_id, command.message_id)
        if row[11]:
            raise AichatError(
                "busy", "An answer is being written in this conversation: stop it, or wait for its end."
            )
        return to_conversation(row[:11]), message

    def _is_shown(self, connection: sqlite3.Connection, conversation: Conversation, message: Message) -> bool:
        return bool(self._queries.is_shown(connection, leaf_id=conversation.leaf_id, id=message.id))

    def _newest_below(self, connection: sqlite3.Connection, conversation_id: int, message_id: int) -> int:
        return int(self._queries.newest_below(connection, conversation_id=conversation_id, id=message_id))

    def _show(self, connection: sqlite3.Connection, conversation: Conversation, leaf_id: int) -> Conversation:
        seq = next_seq(connection)
        self._queries.show_leaf(connection, leaf_id=leaf_id, seq=seq, id=conversation.id)
        return replace(conversation, leaf_id=leaf_id, seq=seq)
