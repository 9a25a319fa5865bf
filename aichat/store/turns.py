"""How a turn is written: a question and the empty answer to it, another text, another answer, an answer that goes on.

All of it runs within one write of the database, in its thread.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, NamedTuple, cast

import msgspec
from msgspec.structs import replace

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Ack, Chat, ChatContinue, ChatRegenerate, MessageEdit
from aichat.protocol.values import AI, USER, Conversation, Message, Persona, Status, can_continue
from aichat.store.conversations import FIRST_TITLE, insert_conversation, no_conversation, now
from aichat.store.database import next_seq
from aichat.store.personas import get_persona, persona_of
from aichat.store.rows import to_conversation, to_message
from aichat.store.titles import title_from

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
    history: list[Message] = []  # noqa: RUF012 - never changed


class Before(NamedTuple):
    """What was there before a turn: the question said under its request id, and the last id of a message."""

    said: int | None
    last_id: int


class TurnWriter:
    """Each method writes one turn. Errors of all: AichatError not_found, forbidden, busy."""

    def __init__(self, queries: Any) -> None:
        self._queries = queries

    def append(
        self, connection: sqlite3.Connection, before: Before, user_id: int, command: Chat, tokens: int
    ) -> Turn:
        """A question below the last message, or below the one that is named."""
        queries = self._queries
        if before.said is not None:
            return self._said_before(connection, command, before.said)
        ident = command.conversation_id
        if ident is None and command.parent_id is not None:
            raise AichatError("bad_frame", "Name the `conversation_id` that `parent_id` is in.")
        if ident is None and command.persona_id and not command.new_conversation:
            row = queries.newest_conversation_with(connection, user_id=user_id, persona_id=command.persona_id)
            ident = None if row is None else row[0]
        if ident is not None:
            conversation, persona = self._place(connection, user_id, ident, command.persona_id)
            parent_id = conversation.leaf_id
            if command.parent_id is not None:
                parent_id = command.parent_id and get_message(queries, connection, ident, command.parent_id).id
            conversation = self._touch(connection, conversation, before.last_id + 2, command.content)
        elif command.persona_id:
            persona = get_persona(queries, connection, user_id, command.persona_id, to_chat=True)
            title, parent_id = title_from(command.content), 0
            conversation = insert_conversation(
                queries, connection, user_id, persona.id, title, leaf_id=before.last_id + 2, unread=True
            )
        else:
            raise AichatError("bad_frame", "Name a `persona_id`, or choose one with persona_select first.")
        return self._ask(connection, user_id, persona, conversation, parent_id, command, tokens)

    def edit(
        self, connection: sqlite3.Connection, before: Before, user_id: int, command: MessageEdit, tokens: int
    ) -> Turn:
        """Another text beside a message: a question with an empty answer to it, or an answer."""
        if before.said is not None:
            return self._said_before(connection, command, before.said)
        conversation, persona = self._place(connection, user_id, command.conversation_id)
        message = get_message(self._queries, connection, conversation.id, command.message_id)
        if message.sender_type == USER:
            conversation = self._touch(connection, conversation, before.last_id + 2)
            return self._ask(connection, user_id, persona, conversation, message.parent_id, command, tokens)
        conversation = self._touch(connection, conversation, before.last_id + 1)
        answer = self._answer(connection, user_id, conversation, message.parent_id, command.content, DONE)
        ack = Ack(request_id=command.request_id, conversation_id=conversation.id, message_id=answer.id)
        return Turn(ack, False, persona, conversation, None, answer)

    def replace(
        self, connection: sqlite3.Connection, before: Before, user_id: int, command: ChatRegenerate, tokens: int
    ) -> Turn:
        """An empty answer beside the last one, or beside the one that is named; of a question, below it."""
        conversation, persona = self._place(connection, user_id, command.conversation_id)
        message = self._last_or(connection, conversation, command.message_id)
        parent_id = message.id if message.sender_type == USER else message.parent_id
        if not parent_id:
            raise AichatError("conflict", "Nothing was asked before that answer.")
        conversation = self._touch(connection, conversation, before.last_id + 1)
        answer = self._answer(connection, user_id, conversation, parent_id)
        ack = Ack(request_id=command.request_id, conversation_id=conversation.id, answer_id=answer.id)
        history = self._until(connection, parent_id, HISTORY_MOST, tokens)
        return Turn(ack, False, persona, conversation, None, answer, history)

    def _ask(
        self,
        connection: sqlite3.Connection,
        user_id: int,
        persona: Persona,
        conversation: Conversation,
        parent_id: int,
        command: Chat | MessageEdit,
        tokens: int,
    ) -> Turn:
        """Write a question below a message, and the empty answer to it, which is the conversation's leaf."""
        time, question_seq, answer_seq = conversation.update_time, next_seq(connection), next_seq(connection)
        question = Message(
            id=conversation.leaf_id - 1,
            parent_id=parent_id,
            conversation_id=conversation.id,
            sender_type=USER,
            content=command.content,
            send_time=time,
            status=DONE,
            request_id=command.request_id,
            seq=question_seq,
        )
        self._queries.insert_question_and_answer(
            connection,
            id=question.id,
            parent_id=parent_id,
            conversation_id=conversation.id,
            user_id=user_id,
            content=command.content,
            time=time,
            request_id=command.request_id,
            question_seq=question_seq,
            answer_seq=answer_seq,
        )
        answer = Message(
            id=conversation.leaf_id,
            parent_id=question.id,
            conversation_id=conversation.id,
            sender_type=AI,
            content="",
            send_time=time,
            status="running",
            seq=answer_seq,
        )
        ack = Ack(
            request_id=command.request_id,
            persona_id=persona.id,
            conversation_id=conversation.id,
            message_id=question.id,
            answer_id=answer.id,
        )
        history = self._until(connection, parent_id, HISTORY_MOST - 1, tokens)
        return Turn(ack, False, persona, conversation, question, answer, [*history, question])

    def _answer(
        self,
        connection: sqlite3.Connection,
        user_id: int,
        conversation: Conversation,
        parent_id: int,
        content: str = "",
        status: Status = "running",
    ) -> Message:
        """Write the conversation's leaf below a question."""
        answer = Message(
            id=conversation.leaf_id,
            parent_id=parent_id,
            conversation_id=conversation.id,
            sender_type=AI,
            content=content,
            send_time=conversation.update_time,
            status=status,
            seq=next_seq(connection),
        )
        self._queries.insert_answer(
            connection,
            id=answer.id,
            parent_id=parent_id,
            conversation_id=conversation.id,
            user_id=user_id,
            content=content,
            time=answer.send_time,
            status=status,
            seq=answer.seq,
        )
        return answer

    def _touch(
        self, connection: sqlite3.Connection, conversation: Conversation, leaf_id: int, content: str = ""
    ) -> Conversation:
        """Something is about to be said in a conversation, and then its leaf: it moves up, and may get a title."""
        title = conversation.title
        if content and title == FIRST_TITLE:
            title = title_from(content)
        seq, time = next_seq(connection), now()
        self._queries.touch_conversation(
            connection, id=conversation.id, title=title, time=time, leaf_id=leaf_id, seq=seq
        )
        return replace(
            conversation,
            title=title,
            update_time=time,
            touched=seq,
            leaf_id=leaf_id,
            seq=seq,
            unread=True,
            archived=False,
        )

    def reopen(
        self, connection: sqlite3.Connection, before: Before, user_id: int, command: ChatContinue, tokens: int
    ) -> Turn:
        """The last answer runs again, from the text it has."""
        queries, ident = self._queries, command.conversation_id
        conversation, persona = self._place(connection, user_id, ident)
        message = self._last_or(connection, conversation)
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
            history=self._until(connection, answer.parent_id, HISTORY_MOST, tokens),
        )

    def _said_before(self, connection: sqlite3.Connection, command: Chat | MessageEdit, said: int) -> Turn:
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
        conversation, busy, at_persona = to_conversation(row[:11]), row[11], row[12:]
        if persona_id not in ("", conversation.persona_id):
            raise AichatError("not_found", "That conversation is with another persona.")
        found = None if at_persona[0] is None else at_persona
        persona = persona_of(found, user_id, conversation.persona_id, to_chat=True)
        if busy:
            raise AichatError("busy")
        return conversation, persona

    def _last_or(
        self, connection: sqlite3.Connection, conversation: Conversation, message_id: int | None = None
    ) -> Message:
        """A message of a conversation, the last one that is shown if none is named. Errors: not_found, conflict."""
        if message_id is None and not conversation.leaf_id:
            raise AichatError("conflict", "Nothing was asked in this conversation yet.")
        return get_message(self._queries, connection, conversation.id, message_id or conversation.leaf_id)

    def _until(self, connection: sqlite3.Connection, leaf_id: int, most: int, tokens: int) -> list[Message]:
        """The last `most` messages down to one, oldest first, as far back as `tokens` reach and one more.

        In a long conversation this is most of what a turn costs: each message stands on a page of its own.
        """
        if not leaf_id:
            return []
        said: list[Message] = []
        with closing(self._queries.said_until(connection, leaf_id=leaf_id, limit=most)) as rows:
            for sender, content in rows:
                said.append(Message(sender_type=sender, content=content, send_time=""))
                if tokens < 0 and content:  # an answer without text is not given to a model
                    break
                tokens -= len(content) // TOKEN_CHARS
        return said[::-1]


def get_message(queries: Any, connection: sqlite3.Connection, conversation_id: int, message_id: int) -> Message:
    """A message of a conversation. Errors: AichatError not_found."""
    row = queries.message(connection, id=message_id)
    if row is None or row[1] != conversation_id:
        raise AichatError("not_found", f"There is no message {message_id} in this conversation.")
    return to_message(row)
