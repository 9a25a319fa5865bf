"""Every frame that a client sends. Each may carry a `request_id`, which its `ack`, reply or `error` repeats."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from aichat.protocol.values import (
    Content,
    ConversationChanges,
    PersonaChanges,
    PersonaConfig,
    PersonaId,
    Position,
    Spoken,
    Title,
)

RequestId = Annotated[str, msgspec.Meta(max_length=64)]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
ParentId = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


def tag_of(class_name: str) -> str:
    """PersonaCreate -> persona_create; a trailing Query or Reply only tells two directions apart."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name.removesuffix("Query").removesuffix("Reply")).lower()


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=tag_of):
    """Client -> server."""

    request_id: RequestId = ""


class Login(Command, frozen=True):
    """Shows a name and a password, before `hello`. Answer: `logged_in`, or an `error` and the end of the connection.

    Example: {"type": "login", "name": "wei", "password": "correct horse", "client": "aichat-tui 0.1.0",
              "request_id": "a0"}
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    password: Annotated[str, msgspec.Meta(max_length=200)]
    client: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Hello(Command, frozen=True):
    """Opens the full protocol; `resume` is the position reached before.

    Example: {"type": "hello", "version": 1, "token": "t0", "client": "aichat-tui 0.1.0",
              "resume": {"epoch": "5f2c", "seq": 41}}
    """

    version: int
    token: Annotated[str, msgspec.Meta(max_length=200)] = ""
    client: Annotated[str, msgspec.Meta(max_length=100)] = ""
    resume: Position | None = None


class Chat(Command, frozen=True):
    """Says something to a persona (the seed's frame). Without `conversation_id` the newest conversation goes on.

    Without `persona_id` the one chosen by `persona_select` is meant. `new_conversation` starts a fresh one. With
    `parent_id` it is said below that message of `conversation_id` (0: as a first one), and that branch is shown.

    Example: {"type": "chat", "persona_id": "p1", "content": "你好", "conversation_id": 7, "request_id": "a1"}
    """

    content: Content
    persona_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    conversation_id: Id | None = None
    new_conversation: bool = False
    parent_id: ParentId | None = None


class ChatStop(Command, frozen=True):
    """Ends the running answer of a conversation; what came is kept as `stopped`.

    With `answer_id` only that answer: a stop that comes late does not hit the next one.

    Example: {"type": "chat_stop", "conversation_id": 7, "answer_id": 92, "request_id": "a2"}
    """

    conversation_id: Id
    answer_id: Id | None = None


class ChatRegenerate(Command, frozen=True):
    """Has the last question answered anew: the new answer is a sibling of the old one, and is shown.

    With `message_id` that answer's question, or that question, wherever it stands.

    Example: {"type": "chat_regenerate", "conversation_id": 7, "message_id": 92, "request_id": "a3"}
    """

    conversation_id: Id
    message_id: Id | None = None


class ChatContinue(Command, frozen=True):
    """Finishes the last answer of a conversation, which broke off, was stopped or cut short: its text grows on.

    With `answer_id` only that answer. The same message becomes `running` again (`message_added`), with its text.

    Example: {"type": "chat_continue", "conversation_id": 7, "answer_id": 92, "request_id": "c1"}
    """

    conversation_id: Id
    answer_id: Id | None = None


class MessageEdit(Command, frozen=True):
    """Says a message in other words: the new text is a sibling of the old one, which is kept, and is shown.

    A question is answered, as after `chat`; the text of an answer is taken as it is, `done`.

    Example: {"type": "message_edit", "conversation_id": 7, "message_id": 91, "content": "Hello!", "request_id": "c2"}
    """

    conversation_id: Id
    message_id: Id
    content: Content


class MessageDelete(Command, frozen=True):
    """Deletes a message and all below it. Where the chain that is shown is cut, a sibling's takes its place.

    Example: {"type": "message_delete", "conversation_id": 7, "message_id": 91, "request_id": "c3"}
    """

    conversation_id: Id
    message_id: Id


class BranchSelect(Command, frozen=True):
    """Shows the branch that a message is in: down to it, and from there to its newest messages.

    Example: {"type": "branch_select", "conversation_id": 7, "message_id": 91, "request_id": "c4"}
    """

    conversation_id: Id
    message_id: Id


class PersonaListQuery(Command, frozen=True):
    """Asks for all personas.

    Example: {"type": "persona_list", "request_id": "a4"}
    """


class PersonaSelect(Command, frozen=True):
    """Chooses the persona that this connection's `chat` frames mean (the seed's frame). Answer: `persona_list`.

    Example: {"type": "persona_select", "persona_id": "p1"}
    """

    persona_id: PersonaId


class PersonaCreate(Command, frozen=True):
    """Makes a persona (the seed's frame). Answer: `persona_list` to a plain client, `ack` to a full one.

    Example: {"type": "persona_create", "persona_config": {"name": "学霸助手", "prompt": "你是一个严谨的学术助手...",
              "avatar": "aGk="}}
    """

    persona_config: PersonaConfig


class PersonaUpdate(Command, frozen=True):
    """Changes the given fields of a persona.

    Example: {"type": "persona_update", "persona_id": "p1", "persona_config": {"name": "学霸"}, "request_id": "a5"}
    """

    persona_id: PersonaId
    persona_config: PersonaChanges


class PersonaDelete(Command, frozen=True):
    """Deletes a persona with its conversations.

    Example: {"type": "persona_delete", "persona_id": "p1", "request_id": "a6"}
    """

    persona_id: PersonaId


class PersonaTry(Command, frozen=True):
    """Has a persona answer as it is being written; nothing of it is stored. Answer: `persona_tried`, in pieces.

    One at a time for a connection: another one ends it, one without `messages` does no more than that.

    Example: {"type": "persona_try", "persona_config": {"name": "小雨", "prompt": "You are {{char}}."},
              "messages": [{"sender_type": 0, "content": "你好"}], "request_id": "t1"}
    """

    persona_config: PersonaConfig
    messages: Annotated[list[Spoken], msgspec.Meta(max_length=100)]


class ModelListQuery(Command, frozen=True):
    """Asks which models a persona can have.

    Example: {"type": "model_list", "request_id": "m1"}
    """


class PersonaCardQuery(Command, frozen=True):
    """Asks for what one's own persona keeps of the character card it came from: `protocol.cards` writes it out again.

    Example: {"type": "persona_card", "persona_id": "p1", "request_id": "e1"}
    """

    persona_id: PersonaId


class HistoryRequest(Command, frozen=True):
    """Asks for a page of messages (the seed's frame); without `conversation_id` of the newest conversation.

    The page is the last `limit` messages above the message `before`, of those that are shown.

    Example: {"type": "history_request", "persona_id": "p1", "conversation_id": 123, "before": 900, "limit": 50}
    """

    persona_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    conversation_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class ConversationListQuery(Command, frozen=True):
    """Asks for the conversations with a persona, or with all, newest first.

    Example: {"type": "conversation_list", "persona_id": "p1", "request_id": "a7"}
    """

    persona_id: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ConversationCreate(Command, frozen=True):
    """Starts an empty conversation.

    Example: {"type": "conversation_create", "persona_id": "p1", "title": "第一次对话", "request_id": "a8"}
    """

    persona_id: PersonaId
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""


class ConversationRename(Command, frozen=True):
    """Gives a conversation another title.

    Example: {"type": "conversation_rename", "conversation_id": 7, "title": "Travel plans", "request_id": "a9"}
    """

    conversation_id: Id
    title: Title


class ConversationUpdate(Command, frozen=True):
    """Changes the given fields of a conversation: `title`, `pinned`, `archived`, `tags`.

    Lists have archived ones too, for the client to leave out. Whoever says something in one gets it back.

    Example: {"type": "conversation_update", "conversation_id": 7, "changes": {"pinned": true, "tags": ["旅行"]},
              "request_id": "a10"}
    """

    conversation_id: Id
    changes: ConversationChanges


class ConversationRead(Command, frozen=True):
    """Says that its user has read a conversation up to a message. An earlier one than before changes nothing.

    An answer that is being written counts as read when it is named once more after its end.

    Example: {"type": "conversation_read", "conversation_id": 7, "message_id": 92, "request_id": "a11"}
    """

    conversation_id: Id
    message_id: Id


class ConversationDelete(Command, frozen=True):
    """Deletes a conversation with its messages; a running answer is stopped.

    For 30 days `conversation_restore` brings it back. With `for_good` nothing does, and one that was deleted before
    can be named too.

    Example: {"type": "conversation_delete", "conversation_id": 7, "request_id": "b1"}
    """

    conversation_id: Id
    for_good: bool = False


class ConversationRestore(Command, frozen=True):
    """Brings a deleted conversation back, with its messages (`conversation_saved`).

    Example: {"type": "conversation_restore", "conversation_id": 7, "request_id": "b4"}
    """

    conversation_id: Id


class SearchRequest(Command, frozen=True):
    """Looks for words in all that its user has said and was answered, and in titles: all of them, in any order.

    With `persona_id` in the conversations with it, with `conversation_id` in that one's messages. Answer:
    `search_results`; its `before` asks for older ones.

    Example: {"type": "search_request", "query": "海边 旅行", "persona_id": "p1", "limit": 20, "request_id": "b5"}
    """

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    persona_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    conversation_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 30


class ConversationSubscribe(Command, frozen=True):
    """Asks for the live text of a conversation: a snapshot of a running answer, then deltas without a gap.

    Example: {"type": "conversation_subscribe", "conversation_id": 7, "request_id": "b2"}
    """

    conversation_id: Id


class ConversationUnsubscribe(Command, frozen=True):
    """Ends the live text of a conversation on this connection.

    Example: {"type": "conversation_unsubscribe", "conversation_id": 7, "request_id": "b3"}
    """

    conversation_id: Id
