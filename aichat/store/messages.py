"""Messages: a turn begins, grows and ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple, cast

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Ack, Chat, ChatContinue, ChatRegenerate, Command
from aichat.protocol.values import AI, USER, Conversation, Failure, Message, Persona, Status, can_continue
from aichat.store.conversations import FIRST_TITLE, insert_conversation, no_conversation, now, title_from
from aichat.store.database import Database, next_seq
from aichat.store.log import once
from aichat.store.personas import get_persona, persona_of
from aichat.store.rows import to_conversation, to_message

HISTORY_MOST = 200
"""Messages that a model is given at most, however much it reads."""

ALL_TOKENS = 1 << 40

TOKEN_CHARS = 3
"""No token is guessed to be longer: chat.prompt counts three bytes each, and four tokens more for a message."""

DONE = cast(Status, b"done".decode())
"""The default status as a row has it, to be on the wire: msgspec leaves out what *is* the default's object."""


class Turn(NamedTuple):
    """A turn that has begun: its ack, and, unless it is a repeat, what was written and what was said before.

    `history` are the messages before the answer, the last HISTORY_MOST that a model has room for, oldest first, of
    which only who said them and their text is known: each column costs, and there are many rows. Read with the write,
    it saves a turn of a thread.
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

    def append_turn(self, user_id: int, command: Chat, most: int = 1_000, tokens: int = ALL_TOKENS) -> Deferred[Turn]:
        """Write a user's message and the empty answer to it, once per request id.

        Errors: AichatError not_found, busy (an answer is being written there), request_id_reused, rate_limited (as
        many as `most` answers of this user are unfinished).
        `tokens` is how much a model reads: history that it has no room for is left out.
        """

        return self._begin(
            user_id, command, most, lambda connection, said: self._append(connection, said, user_id, command, tokens)
        )

    def replace_answer(
        self, user_id: int, command: ChatRegenerate, most: int = 1_000, tokens: int = ALL_TOKENS
    ) -> Deferred[Turn]:
        """Take the last answer out of its conversation and write an empty one in its place.

        Errors: as `append_turn`, and conflict (nothing was asked there yet).
        """

        return self._begin(
            user_id, command, most, lambda connection, _: self._replace(connection, user_id, command, tokens)
        )

    def reopen_answer(
        self, user_id: int, command: ChatContinue, most: int = 1_000, tokens: int = ALL_TOKENS
    ) -> Deferred[Turn]:
        """Let the last answer of a conversation run again, from the text it has; the seam is kept.

        Errors: as `append_turn`, and conflict (there is nothing to go on with).
        """

        return self._begin(
            user_id, command, most, lambda connection, _: self._reopen(connection, user_id, command, tokens)
        )

    def _begin(
        self, user_id: int, command: Command, most: int, write_turn: Callable[[sqlite3.Connection, int | None], Turn]
    ) -> Deferred[Turn]:
        """Write a turn, once per request id; a repeat has the first ack and nothing else.

        `write_turn` is also given the id of the question said under this request id, if there is one.
        Errors: those of `write_turn`, rate_limited if `most` answers of this user are unfinished.
        """

        def write(connection: sqlite3.Connection) -> Turn:
            written: list[Turn] = []
            unfinished, said, *first = self._queries.before_turn(
                connection, user_id=user_id, request_id=command.request_id
            )

            def work() -> Ack:
                if unfinished >= most:
                    words = f"{most} of your questions are not answered yet: wait for some of them."
                    raise AichatError("rate_limited", words)
                written.append(write_turn(connection, said))
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
        return self._database.write(lambda connection: int(self._queries.checkpoint_all(connection, rows)))

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
            conversation_id, send_time, seams, _ = row
            return Message(
                id=message_id,
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
                    seq=next_seq(connection),
                )
            return len(rows)

        return self._database.write(write)

    def _append(
        self, connection: sqlite3.Connection, said: int | None, user_id: int, command: Chat, tokens: int
    ) -> Turn:
        queries = self._queries
        if said is not None:
            return self._said_before(connection, command, said)
        ident = command.conversation_id
        if ident is None and command.persona_id and not command.new_conversation:
            row = queries.newest_conversation_with(connection, user_id=user_id, persona_id=command.persona_id)
            ident = None if row is None else row[0]
        if ident is not None:
            conversation, persona = self._place(connection, user_id, ident, command.persona_id)
            title = conversation.title if conversation.title != FIRST_TITLE else title_from(command.content)
            seq, time = next_seq(connection), now()
            queries.touch_conversation(connection, id=ident, title=title, time=time, seq=seq)
            conversation = replace(
                conversation, title=title, update_time=time, touched=seq, seq=seq, unread=True, archived=False
            )
        elif command.persona_id:
            persona = get_persona(queries, connection, user_id, command.persona_id, to_chat=True)
            title = title_from(command.content)
            conversation = insert_conversation(queries, connection, user_id, persona.id, title, unread=True)
        else:
            raise AichatError("bad_frame", "Name a `persona_id`, or choose one with persona_select first.")
        time, question_seq, answer_seq = conversation.update_time, next_seq(connection), next_seq(connection)
        answer_id = queries.insert_question_and_answer(
            connection,
            conversation_id=conversation.id,
            user_id=user_id,
            content=command.content,
            time=time,
            request_id=command.request_id,
            question_seq=question_seq,
            answer_seq=answer_seq,
        )
        question = Message(
            id=answer_id - 1,
            conversation_id=conversation.id,
            sender_type=USER,
            content=command.content,
            send_time=time,
            status=DONE,
            request_id=command.request_id,
            seq=question_seq,
        )
        answer = _empty_answer(answer_id, conversation.id, time, answer_seq)
        ack = Ack(
            request_id=command.request_id,
            persona_id=persona.id,
            conversation_id=conversation.id,
            message_id=question.id,
            answer_id=answer.id,
        )
        history = [] if ident is None else self._before(connection, question, HISTORY_MOST - 1, tokens)
        return Turn(ack, False, persona, conversation, question, answer, history=[*history, question])

    def _replace(self, connection: sqlite3.Connection, user_id: int, command: ChatRegenerate, tokens: int) -> Turn:
        queries, ident = self._queries, command.conversation_id
        conversation, persona = self._place(connection, user_id, ident)
        message, replaced = self._last(connection, ident), None
        if message.sender_type == AI:
            seq = next_seq(connection)
            queries.replace(connection, id=message.id, seq=seq)
            queries.bury(
                connection,
                seq=seq,
                user_id=user_id,
                kind="message",
                ref=str(message.id),
                conversation_id=ident,
            )
            replaced = replace(message, seq=seq)
        time, seq = now(), next_seq(connection)
        answer_id = queries.insert_answer(connection, conversation_id=ident, user_id=user_id, time=time, seq=seq)
        answer = _empty_answer(answer_id, ident, time, seq)
        ack = Ack(request_id=command.request_id, conversation_id=ident, answer_id=answer.id)
        history = self._before(connection, answer, HISTORY_MOST, tokens)
        return Turn(ack, False, persona, conversation, None, answer, replaced, history)

    def _reopen(self, connection: sqlite3.Connection, user_id: int, command: ChatContinue, tokens: int) -> Turn:
        queries, ident = self._queries, command.conversation_id
        conversation, persona = self._place(connection, user_id, ident)
        message = self._last(connection, ident)
        if command.answer_id not in (None, message.id):
            raise AichatError("conflict", "Another message is the last one in this conversation by now.")
        if not can_continue(message):
            whole = message.sender_type == AI and message.status == "done"
            words = "That answer is whole." if whole else "There is no text to go on with: have it answered anew."
            raise AichatError("conflict", words)
        end = len(message.content)
        seams = [seam for seam in message.seams if seam < end] + [end]
        answer = replace(message, status="running", failure=None, seams=seams, seq=next_seq(connection))
        queries.reopen(connection, id=answer.id, seams=msgspec.json.encode(seams).decode(), seq=answer.seq)
        ack = Ack(request_id=command.request_id, conversation_id=ident, answer_id=answer.id)
        return Turn(
            ack,
            False,
            persona,
            conversation,
            None,
            answer,
            history=self._before(connection, answer, HISTORY_MOST, tokens),
        )

    def _said_before(self, connection: sqlite3.Connection, command: Chat, said: int) -> Turn:
        """A repeat whose first reply was pruned. Errors: request_id_reused."""
        persona_id, conversation_id, message_id, content, answer_id = self._queries.said_before(connection, id=said)
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

    def _place(
        self, connection: sqlite3.Connection, user_id: int, conversation_id: int, persona_id: str = ""
    ) -> tuple[Conversation, Persona]:
        """Where a turn begins. Errors: not_found, also if it is with another persona; forbidden; busy."""
        row = self._queries.place(connection, id=conversation_id, user_id=user_id)
        if row is None:
            raise no_conversation(conversation_id)
        conversation, busy, at_persona = to_conversation(row[:12]), row[12], row[13:]
        if persona_id not in ("", conversation.persona_id):
            raise AichatError("not_found", "That conversation is with another persona.")
        found = None if at_persona[0] is None else at_persona
        persona = persona_of(found, user_id, conversation.persona_id, to_chat=True)
        if busy:
            raise AichatError("busy")
        return conversation, persona

    def _last(self, connection: sqlite3.Connection, conversation_id: int) -> Message:
        rows = self._queries.page(connection, conversation_id=conversation_id, before=2**62, limit=1)
        for row in rows:
            return to_message(row)
        raise AichatError("conflict", "Nothing was asked in this conversation yet.")

    def _before(self, connection: sqlite3.Connection, message: Message, most: int, tokens: int) -> list[Message]:
        """The last `most` messages before one, oldest first, as far back as `tokens` reach and one more.

        In a long conversation this is most of what a turn costs: each message stands on a page of its own.
        """
        said: list[Message] = []
        rows = self._queries.said_until(
            connection, conversation_id=message.conversation_id, before=message.id, limit=most
        )
        with closing(rows):
            for sender, content in rows:
                said.append(Message(sender_type=sender, content=content, send_time=""))
                if tokens < 0 and content:  # an answer without text is not given to a model
                    break
                tokens -= len(content) // TOKEN_CHARS
        return said[::-1]


def _empty_answer(ident: int, conversation_id: int, time: str, seq: int) -> Message:
    return Message(
        id=ident,
        conversation_id=conversation_id,
        sender_type=AI,
        content="",
        send_time=time,
        status="running",
        seq=seq,
    )
