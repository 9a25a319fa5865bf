"""Messages: a turn begins, grows and ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Ack, Chat, ChatContinue, ChatRegenerate, Command
from aichat.protocol.values import AI, USER, Conversation, Failure, Message, Persona, Status, can_continue
from aichat.store.conversations import FIRST_TITLE, get_conversation, insert_conversation, title_from
from aichat.store.database import Database
from aichat.store.log import once
from aichat.store.personas import get_persona
from aichat.store.rows import to_conversation, to_message

HISTORY_MOST = 200
"""Messages that a model is given at most, however much it reads."""


class Turn(NamedTuple):
    """A turn that has begun: its ack, and, unless it is a repeat, what was written and what was said before.

    `history` are the messages before the answer, the last HISTORY_MOST, oldest first: read with the write, which
    saves a turn of a thread.
    """

    ack: Ack
    repeated: bool
    persona: Persona | None = None
    conversation: Conversation | None = None
    question: Message | None = None
    answer: Message | None = None
    replaced: Message | None = None
    history: list[Message] = []  # noqa: RUF012 - never changed


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

    def append_turn(self, user_id: int, command: Chat, most: int = 1_000) -> Deferred[Turn]:
        """Write a user's message and the empty answer to it, once per request id.

        Errors: AichatError not_found, busy (an answer is being written there), request_id_reused, rate_limited (as
        many as `most` answers of this user are unfinished).
        """

        return self._begin(user_id, command, most, lambda connection: self._append(connection, user_id, command))

    def replace_answer(self, user_id: int, command: ChatRegenerate, most: int = 1_000) -> Deferred[Turn]:
        """Take the last answer out of its conversation and write an empty one in its place.

        Errors: as `append_turn`, and conflict (nothing was asked there yet).
        """

        return self._begin(user_id, command, most, lambda connection: self._replace(connection, user_id, command))

    def reopen_answer(self, user_id: int, command: ChatContinue, most: int = 1_000) -> Deferred[Turn]:
        """Let the last answer of a conversation run again, from the text it has; the seam is kept.

        Errors: as `append_turn`, and conflict (there is nothing to go on with).
        """

        return self._begin(user_id, command, most, lambda connection: self._reopen(connection, user_id, command))

    def _begin(
        self, user_id: int, command: Command, most: int, write_turn: Callable[[sqlite3.Connection], Turn]
    ) -> Deferred[Turn]:
        """Write a turn, once per request id; a repeat has the first ack and nothing else.

        Errors: those of `write_turn`, rate_limited if `most` answers of this user are unfinished.
        """

        def write(connection: sqlite3.Connection) -> Turn:
            written: list[Turn] = []

            def work() -> Ack:
                if self._queries.unfinished_of(connection, user_id=user_id) >= most:
                    words = f"{most} of your questions are not answered yet: wait for some of them."
                    raise AichatError("rate_limited", words)
                turn = write_turn(connection)
                if turn.answer is not None:
                    turn = turn._replace(history=self._before(connection, turn.answer))
                written.append(turn)
                return turn.ack

            ack, _ = once(self._queries, connection, user_id, command, work)
            return written[0] if written else Turn(ack, True)

        return self._database.write(write)

    def get(self, message_id: int) -> Deferred[Message | None]:
        """One message by id; its owner is for the caller to check."""

        def read(connection: sqlite3.Connection) -> Message | None:
            row = self._queries.message(connection, id=message_id)
            return None if row is None else to_message(row)

        return self._database.read(read)

    def checkpoint(self, message_id: int, content: str, reasoning: str) -> Deferred[int]:
        """Keep the text so far of a running answer -> 1, or 0 if it is no longer running."""
        return self._database.write(
            lambda connection: int(
                self._queries.checkpoint(connection, id=message_id, content=content, reasoning=reasoning)
            )
        )

    def checkpoint_all(self, texts: list[tuple[int, str, str]]) -> Deferred[int]:
        """Keep the texts so far of running answers, each (message id, content, reasoning), in one write.

        -> how many of them were still running; the others keep what they have.
        """
        rows = [{"id": ident, "content": content, "reasoning": reasoning} for ident, content, reasoning in texts]
        return self._database.write(lambda connection: int(self._queries.checkpoint_all(connection, rows)))

    def finish(self, message_id: int, ending: Ending) -> Deferred[Message | None]:
        """Write the end of a running answer -> the message, or None if it was deleted meanwhile."""

        def write(connection: sqlite3.Connection) -> Message | None:
            failure = msgspec.json.encode(ending.failure).decode() if ending.failure else ""
            fields = ending._asdict() | {"failure": failure}
            seq = self._queries.next_seq(connection)
            if not self._queries.finish(connection, id=message_id, seq=seq, **fields):
                return None
            return to_message(self._queries.message(connection, id=message_id))

        return self._database.write(write)

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
                    seq=self._queries.next_seq(connection),
                )
            return len(rows)

        return self._database.write(write)

    def _append(self, connection: sqlite3.Connection, user_id: int, command: Chat) -> Turn:
        queries = self._queries
        before = queries.said_before(connection, user_id=user_id, request_id=command.request_id)
        if before is not None:
            persona_id, conversation_id, message_id, content, answer_id = before
            if content != command.content:
                raise AichatError("request_id_reused")
            ack = Ack(
                request_id=command.request_id,
                persona_id=persona_id,
                conversation_id=conversation_id,
                message_id=message_id,
                answer_id=answer_id or 0,
            )
            return Turn(ack, True)
        conversation = None
        if command.conversation_id is not None:
            conversation = get_conversation(queries, connection, user_id, command.conversation_id)
            if command.persona_id not in ("", conversation.persona_id):
                raise AichatError("not_found", "That conversation is with another persona.")
        elif command.persona_id and not command.new_conversation:
            row = queries.newest_conversation_with(connection, user_id=user_id, persona_id=command.persona_id)
            conversation = None if row is None else to_conversation(row)
        persona_id = conversation.persona_id if conversation else command.persona_id
        if not persona_id:
            raise AichatError("bad_frame", "Name a `persona_id`, or choose one with persona_select first.")
        persona = get_persona(queries, connection, user_id, persona_id, to_chat=True)
        if conversation is None:
            ident = insert_conversation(queries, connection, user_id, persona_id, title_from(command.content))
        else:
            ident = conversation.id
            self._check_idle(connection, ident)
            queries.touch_conversation(connection, id=ident, seq=queries.next_seq(connection))
            if conversation.title == FIRST_TITLE:
                title = title_from(command.content)
                queries.rename_conversation(connection, id=ident, title=title, seq=queries.next_seq(connection))
        question = self._insert(connection, user_id, ident, USER, command.content, "done", command.request_id)
        answer = self._insert(connection, user_id, ident, AI, "", "running", "")
        ack = Ack(
            request_id=command.request_id,
            persona_id=persona_id,
            conversation_id=ident,
            message_id=question.id,
            answer_id=answer.id,
        )
        saved = get_conversation(queries, connection, user_id, ident)
        return Turn(ack, False, persona, saved, question, answer)

    def _replace(self, connection: sqlite3.Connection, user_id: int, command: ChatRegenerate) -> Turn:
        queries, ident = self._queries, command.conversation_id
        conversation = get_conversation(queries, connection, user_id, ident)
        persona = get_persona(queries, connection, user_id, conversation.persona_id, to_chat=True)
        self._check_idle(connection, ident)
        message, replaced = self._last(connection, ident), None
        if message.sender_type == AI:
            seq = queries.next_seq(connection)
            queries.replace(connection, id=message.id, seq=seq)
            queries.bury(
                connection,
                seq=seq,
                user_id=user_id,
                kind="message",
                ref=str(message.id),
                conversation_id=ident,
            )
            replaced = msgspec.structs.replace(message, seq=seq)
        answer = self._insert(connection, user_id, ident, AI, "", "running", "")
        ack = Ack(request_id=command.request_id, conversation_id=ident, answer_id=answer.id)
        return Turn(ack, False, persona, conversation, None, answer, replaced)

    def _reopen(self, connection: sqlite3.Connection, user_id: int, command: ChatContinue) -> Turn:
        queries, ident = self._queries, command.conversation_id
        conversation = get_conversation(queries, connection, user_id, ident)
        persona = get_persona(queries, connection, user_id, conversation.persona_id, to_chat=True)
        self._check_idle(connection, ident)
        message = self._last(connection, ident)
        if command.answer_id not in (None, message.id):
            raise AichatError("conflict", "Another message is the last one in this conversation by now.")
        if not can_continue(message):
            whole = message.sender_type == AI and message.status == "done"
            words = "That answer is whole." if whole else "There is no text to go on with: have it answered anew."
            raise AichatError("conflict", words)
        end = len(message.content)
        seams = [seam for seam in message.seams if seam < end] + [end]
        seq = queries.next_seq(connection)
        queries.reopen(connection, id=message.id, seams=msgspec.json.encode(seams).decode(), seq=seq)
        answer = to_message(queries.message(connection, id=message.id))
        ack = Ack(request_id=command.request_id, conversation_id=ident, answer_id=answer.id)
        return Turn(ack, False, persona, conversation, None, answer)

    def _last(self, connection: sqlite3.Connection, conversation_id: int) -> Message:
        rows = self._queries.page(connection, conversation_id=conversation_id, before=2**62, limit=1)
        for row in rows:
            return to_message(row)
        raise AichatError("conflict", "Nothing was asked in this conversation yet.")

    def _before(self, connection: sqlite3.Connection, answer: Message) -> list[Message]:
        rows = self._queries.page(
            connection, conversation_id=answer.conversation_id, before=answer.id, limit=HISTORY_MOST
        )
        return [to_message(row) for row in rows][::-1]

    def _check_idle(self, connection: sqlite3.Connection, conversation_id: int) -> None:
        if self._queries.running_in(connection, conversation_id=conversation_id):
            raise AichatError("busy")

    def _insert(
        self,
        connection: sqlite3.Connection,
        user_id: int,
        conversation_id: int,
        sender_type: int,
        content: str,
        status: Status,
        request_id: str,
    ) -> Message:
        ident = self._queries.insert_message(
            connection,
            conversation_id=conversation_id,
            user_id=user_id,
            sender_type=sender_type,
            content=content,
            status=status,
            request_id=request_id,
            seq=self._queries.next_seq(connection),
        )
        return to_message(self._queries.message(connection, id=ident))
