"""Every frame on the WebSocket: JSON objects whose `type` is the tag.

The seed's six frames and their JSON work exactly as the seed writes them. A connection that opens with `hello`
speaks the full protocol. Commands go client -> server; each may carry a `request_id`, which its `ack`, reply or
`error` repeats. Each docstring's example is decoded by a test and shown in docs/protocol.md.

    client                                  server
    hello {token, resume?}        ->
                                  <-        welcome {epoch, seq, recovered}
                                  <-        (what was missed since `resume`, as events)
    chat {content, request_id}    ->
                                  <-        ack {request_id, message_id, answer_id}      after COMMIT
                                  <-        message_added x2, message_delta ..., message_done
"""

from __future__ import annotations

import re
from typing import Annotated, get_args

import msgspec

from aichat.protocol.errors import AichatError
from aichat.protocol.values import (
    Content,
    Conversation,
    Message,
    Persona,
    PersonaChanges,
    PersonaConfig,
    PersonaId,
    Position,
    Title,
)

VERSION = 1
MAX_FRAME_BYTES = 1_048_576
MAX_DEPTH = 16

RequestId = Annotated[str, msgspec.Meta(max_length=64)]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


def _tag(class_name: str) -> str:
    """PersonaCreate -> persona_create; a trailing Query or Reply only tells two directions apart."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name.removesuffix("Query").removesuffix("Reply")).lower()


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_tag):
    """Client -> server."""

    request_id: RequestId = ""


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

    Without `persona_id` the one chosen by `persona_select` is meant. `new_conversation` starts a fresh one.

    Example: {"type": "chat", "persona_id": "p1", "content": "你好", "conversation_id": 7, "request_id": "a1"}
    """

    content: Content
    persona_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    conversation_id: Id | None = None
    new_conversation: bool = False


class ChatStop(Command, frozen=True):
    """Ends the running answer of a conversation; what came is kept as `stopped`.

    With `answer_id` only that answer: a stop that comes late does not hit the next one.

    Example: {"type": "chat_stop", "conversation_id": 7, "answer_id": 92, "request_id": "a2"}
    """

    conversation_id: Id
    answer_id: Id | None = None


class ChatRegenerate(Command, frozen=True):
    """Has the last question answered anew; the old answer leaves the conversation but stays in the store.

    Example: {"type": "chat_regenerate", "conversation_id": 7, "request_id": "a3"}
    """

    conversation_id: Id


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


class HistoryRequest(Command, frozen=True):
    """Asks for a page of messages (the seed's frame); without `conversation_id` of the newest conversation.

    The page is the last `limit` messages before the message `before`.

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


class ConversationDelete(Command, frozen=True):
    """Deletes a conversation with its messages; a running answer is stopped.

    Example: {"type": "conversation_delete", "conversation_id": 7, "request_id": "b1"}
    """

    conversation_id: Id


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


class Push(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_tag):
    """Server -> client: replies, events and live text."""


class Welcome(Push, frozen=True):
    """Answers `hello`. `seq` is the position after what follows; `recovered: false` means: load everything anew.

    Example: {"type": "welcome", "version": 1, "server": "aichat 0.1.0", "user": "owner",
              "epoch": "5f2c", "seq": 57, "recovered": true}
    """

    version: int
    server: str
    user: str
    epoch: str
    seq: int
    recovered: bool


class Ack(Push, frozen=True):
    """A command was carried out, and what it made is durable.

    Example: {"type": "ack", "request_id": "a1", "persona_id": "p1", "conversation_id": 7, "message_id": 91,
              "answer_id": 92}
    """

    request_id: str
    persona_id: str = ""
    conversation_id: int = 0
    message_id: int = 0
    answer_id: int = 0


class Error(Push, frozen=True):
    """A command was refused, and nothing was lost by it; `docs/errors.md` lists the codes.

    Example: {"type": "error", "code": "bad_frame", "message": "…", "retryable": false, "request_id": "a1"}
    """

    code: str
    message: str
    retryable: bool
    request_id: str = ""


class ChatResponse(Push, frozen=True):
    """The whole answer, for a plain client (the seed's frame).

    Example: {"type": "chat_response", "persona_id": "p1", "content": "你好，我是学霸助手..."}
    """

    persona_id: str
    content: str


class PersonaList(Push, frozen=True):
    """All personas (the seed's frame); to a full client with prompts and our other fields.

    Example: {"type": "persona_list", "personas": [{"id": "p1", "name": "学霸助手", "avatar": "..."}]}
    """

    personas: list[Persona]
    persona_id: str = ""
    request_id: str = ""


class HistoryResponse(Push, frozen=True):
    """The conversations with a persona and one page of messages (the seed's frame), oldest first.

    `conversation_id` says whose messages they are, `more` whether older ones exist.

    Example: {"type": "history_response", "persona_id": "p1",
              "conversations": [{"id": 123, "title": "第一次对话", "create_time": "2023-01-01"}],
              "messages": [{"sender_type": 0, "content": "你好", "send_time": "2023-01-01 10:00"},
                           {"sender_type": 1, "content": "你好，我是AI助手", "send_time": "2023-01-01 10:01"}]}
    """

    persona_id: str
    conversations: list[Conversation]
    messages: list[Message]
    conversation_id: int = 0
    more: bool = False
    request_id: str = ""


class ConversationListReply(Push, frozen=True):
    """Answers the query of the same name.

    Example: {"type": "conversation_list", "request_id": "a7", "conversations": [
              {"id": 7, "title": "Travel plans", "create_time": "2026-11-24 08:00:00", "persona_id": "p1"}]}
    """

    conversations: list[Conversation]
    request_id: str = ""


class PersonaSaved(Push, frozen=True):
    """Event: a persona is new or changed.

    Example: {"type": "persona_saved", "persona": {"id": "p1", "name": "学霸", "avatar": "", "seq": 58}}
    """

    persona: Persona


class PersonaDeleted(Push, frozen=True):
    """Event: a persona is gone, with its conversations.

    Example: {"type": "persona_deleted", "seq": 59, "persona_id": "p1"}
    """

    seq: int
    persona_id: str


class ConversationSaved(Push, frozen=True):
    """Event: a conversation is new or changed.

    Example: {"type": "conversation_saved", "conversation":
              {"id": 7, "title": "Travel", "create_time": "2026-11-24 08:00:00", "persona_id": "p1", "seq": 60}}
    """

    conversation: Conversation


class ConversationDeleted(Push, frozen=True):
    """Event: a conversation is gone, with its messages.

    Example: {"type": "conversation_deleted", "seq": 61, "conversation_id": 7}
    """

    seq: int
    conversation_id: int


class MessageAdded(Push, frozen=True):
    """Event: a message is new; an answer begins as `running`.

    Example: {"type": "message_added", "message": {"sender_type": 1, "content": "", "send_time":
              "2026-11-24 08:00:01", "id": 92, "conversation_id": 7, "status": "running", "seq": 63}}
    """

    message: Message


class MessageDone(Push, frozen=True):
    """Event: an answer reached its final state, with its whole text.

    Example: {"type": "message_done", "message": {"sender_type": 1, "content": "Hi.", "send_time":
              "2026-11-24 08:00:01", "id": 92, "conversation_id": 7, "model": "m", "seq": 64}}
    """

    message: Message


class MessageDeleted(Push, frozen=True):
    """Event: a message left its conversation (its answer was made anew).

    Example: {"type": "message_deleted", "seq": 65, "conversation_id": 7, "message_id": 92}
    """

    seq: int
    conversation_id: int
    message_id: int


class MessageDelta(Push, frozen=True):
    """Live text of a running answer. Offsets count code points from the start of each text.

    Example: {"type": "message_delta", "conversation_id": 7, "message_id": 92, "offset": 3, "content": "你好"}
    """

    conversation_id: int
    message_id: int
    offset: int = 0
    content: str = ""
    reasoning_offset: int = 0
    reasoning: str = ""


class MessageSnapshot(Push, frozen=True):
    """All live text of a running answer so far; it takes the place of what the client had.

    Example: {"type": "message_snapshot", "conversation_id": 7, "message_id": 92, "content": "你好，"}
    """

    conversation_id: int
    message_id: int
    content: str = ""
    reasoning: str = ""


AnyCommand = (
    Hello | Chat | ChatStop | ChatRegenerate
    | PersonaListQuery | PersonaSelect | PersonaCreate | PersonaUpdate | PersonaDelete
    | HistoryRequest
    | ConversationListQuery | ConversationCreate | ConversationRename | ConversationDelete
    | ConversationSubscribe | ConversationUnsubscribe
)  # fmt: skip
AnyPush = (
    Welcome | Ack | Error | ChatResponse | PersonaList | HistoryResponse | ConversationListReply
    | PersonaSaved | PersonaDeleted | ConversationSaved | ConversationDeleted
    | MessageAdded | MessageDone | MessageDeleted | MessageDelta | MessageSnapshot
)  # fmt: skip

COMMANDS: tuple[type[Command], ...] = get_args(AnyCommand)
PUSHES: tuple[type[Push], ...] = get_args(AnyPush)

PLAIN_COMMANDS = (Chat, PersonaListQuery, PersonaSelect, PersonaCreate, HistoryRequest)
"""What a client may send without `hello`: the seed's frames and the persona list query."""

_encoder = msgspec.json.Encoder()
_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_push_decoder: msgspec.json.Decoder[AnyPush] = msgspec.json.Decoder(AnyPush)


def encode(frame: Command | Push) -> bytes:
    """One frame as the UTF-8 JSON text that goes into one WebSocket text message."""
    return _encoder.encode(frame)


def decode_command(data: bytes) -> AnyCommand:
    """What a client sent. Errors: AichatError too_large, too_deep, unknown_type, bad_frame."""
    if len(data) > MAX_FRAME_BYTES:
        raise AichatError("too_large", f"A frame may have {MAX_FRAME_BYTES} bytes; this one has {len(data)}.")
    if depth(data) > MAX_DEPTH:
        raise AichatError("too_deep", f"JSON may be nested {MAX_DEPTH} levels deep here.")
    try:
        return _command_decoder.decode(data)
    except UnicodeDecodeError:
        raise AichatError("bad_frame", "The frame is not valid UTF-8.") from None
    except msgspec.ValidationError as error:
        text = str(error)
        code = "unknown_type" if text.startswith("Invalid value ") and text.endswith("`$.type`") else "bad_frame"
        raise AichatError(code, f"The frame does not fit: {text}") from None
    except msgspec.DecodeError as error:
        raise AichatError("bad_frame", f"The frame is not JSON: {error}") from None


def decode_push(data: bytes | str) -> AnyPush | None:
    """What a server sent; None for a type newer than this client. Errors: AichatError bad_frame."""
    try:
        return _push_decoder.decode(data)
    except msgspec.ValidationError as error:
        if str(error).endswith("`$.type`"):
            return None
        raise AichatError("bad_frame", f"The server sent a frame that does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AichatError("bad_frame", f"The server sent something that is not JSON: {error}") from None


_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
"""Strings, ended or not, and brackets. Possessive: a hostile frame must not make it look back."""


def depth(data: bytes) -> int:
    """How deeply brackets nest outside strings: a bound checked before the decoder recurses."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    deepest = level = 0
    for token in _TOKENS.finditer(data):
        first = token[0][:1]
        if first in (b"[", b"{"):
            level += 1
            deepest = max(deepest, level)
        elif first in (b"]", b"}"):
            level -= 1
    return deepest


def peek_request_id(data: bytes) -> str:
    """The `request_id` of a frame that did not decode, so that its error can name it; "" if none is found."""
    try:
        return msgspec.json.decode(data, type=_RequestIdOnly).request_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


class _RequestIdOnly(msgspec.Struct):
    request_id: RequestId = ""
