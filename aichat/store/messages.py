"""Messages: a turn begins, grows and ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Ack, Chat, ChatContinue, ChatRegenerate, Command, MessageEdit
from aichat.protocol.values import AI, Failure, Message, Status
from aichat.store.database import Database, next_seq
from aichat.store.log import once
from aichat.store.rows import to_message
from aichat.store.turns import ALL_TOKENS, DONE, Before, Turn, TurnWriter

C = TypeVar("C", bound=Command)
TurnWrite = Callable[[sqlite3.Connection, Before, int, C, int], Turn]


class Ending(NamedTuple):
    """How an answer ended."""

    status: Status
    content: str
    reasoning: str = ""
    reasoning_ms: int = 0
    model: str = ""
    failure: Failure | None = None


class Messages:
    """What was said."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries
        self._writer = TurnWriter(queries)

    def append_turn(self, user_id: int, command: Chat, most: int = 1_000, tokens: int = ALL_TOKENS) -> Deferred[Turn]:
        """Write a user's message and the empty answer to it, once per request id.

        Errors: AichatError not_found, busy (an answer is being written there), request_id_reused, rate_limited (as
        many as `most` answers of this user are unfinished).
        `tokens` is how much a model reads: history that it has no room for is left out.
        """
        return self._begin(user_id, command, most, tokens, self._writer.append)

    def replace_answer(
        self, user_id: int, command: ChatRegenerate, most: int = 1_000, tokens: int = ALL_TOKENS
    ) -> Deferred[Turn]:
        """Write an empty answer beside the last one, or the one that is named; of a question, below it.

        Errors: as `append_turn`, and conflict (nothing was asked there yet).
        """
        return self._begin(user_id, command, most, tokens, self._writer.replace)

    def edit(self, user_id: int, command: MessageEdit, most: int = 1_000, tokens: int = ALL_TOKENS) -> Deferred[Turn]:
        """Write another text beside a message, which is kept: a question with an empty answer to it, or an answer.

        Errors: as `append_turn`.
        """
        return self._begin(user_id, command, most, tokens, self._writer.edit)

    def reopen_answer(
        self, user_id: int, command: ChatContinue, most: int = 1_000, tokens: int = ALL_TOKENS
    ) -> Deferred[Turn]:
        """Let the last answer of a conversation run again, from the text it has; the seam is kept.

        Errors: as `append_turn`, and conflict (there is nothing to go on with).
        """
        return self._begin(user_id, command, most, tokens, self._writer.reopen)

    def _begin(self, user_id: int, command: C, most: int, tokens: int, write_turn: TurnWrite[C]) -> Deferred[Turn]:
        """Write a turn, once per request id; a repeat has the first ack and nothing else.

        Errors: those of `write_turn`, rate_limited if `most` answers of this user are unfinished.
        """

        def write(connection: sqlite3.Connection) -> Turn:
            written: list[Turn] = []
            unfinished, said, *first, last_id = self._queries.before_turn(
                connection, user_id=user_id, request_id=command.request_id
            )

            def work() -> Ack:
                if unfinished >= most:
                    words = f"{most} of your questions are not answered yet: wait for some of them."
                    raise AichatError("rate_limited", words)
                written.append(write_turn(connection, Before(said, last_id), user_id, command, tokens))
                return written[0].ack

            ack, _ = once(self._queries, connection, user_id, command, work, first)
            return written[0] if written else Turn(ack, True)

        return self._database.write(write)

    def get(self, message_id: int) -> Deferred[Message | None]:
        """One message by id; its owner is for the caller to check."""

        def read(connection: sqlite3.Connection) -> Message | None:
            row = self._queries.message(connection, id=message_id)
            return None if row is None else to_message(row)

        return self._database.read(read)

    def checkpoint_all(self, texts: list[tuple[int, str, str]]) -> Deferred[int]:
        """Keep the texts so far of running answers, each (message id, content, reasoning), in one write.

        -> how many of them were still running; the others keep what they have.
        """
        rows = [{"id": ident, "content": content, "reasoning": reasoning} for ident, content, reasoning in texts]
        return self._database.write(
            lambda connection: int(self._queries.checkpoint_all(connection, rows)), patient=True
        )

    def finish(self, message_id: int, ending: Ending) -> Deferred[Message | None]:
        """Write the end of a running answer -> the message, or None if it was deleted meanwhile."""
        status = DONE if ending.status == "done" else ending.status
        failure = msgspec.json.encode(ending.failure).decode() if ending.failure else ""

        def write(connection: sqlite3.Connection) -> Message | None:
            seq = next_seq(connection)
            row = self._queries.finish(
                connection,
                id=message_id,
                content=ending.content,
                reasoning=ending.reasoning,
                reasoning_ms=ending.reasoning_ms,
                status=status,
                model=ending.model,
                failure=failure,
                seq=seq,
            )
            if row is None or row[3] < 0:
                return None
            conversation_id, send_time, seams, _, parent_id = row
            return Message(
                id=message_id,
                parent_id=parent_id,
                conversation_id=conversation_id,
                sender_type=AI,
                content=ending.content,
                send_time=send_time,
                status=status,
                reasoning=ending.reasoning,
                reasoning_ms=ending.reasoning_ms,
                model=ending.model,
                failure=ending.failure,
                seams=msgspec.json.decode(seams),
                seq=seq,
            )

        return self._database.write(write, patient=True)

    def interrupt_running(self, failure: Failure) -> Deferred[int]:
        """Mark every answer that was running when the server went down -> how many."""

        def write(connection: sqlite3.Connection) -> int:
            rows = list(self._queries.all_running(connection))
            for ident, _, content in rows:
                self._queries.interrupt(
                    connection,
                    id=ident,
                    status="interrupted" if content else "failed",
                    failure=msgspec.json.encode(failure).decode(),
                    seq=next_seq(connection),
                )
            return len(rows)

        return self._database.write(write)
