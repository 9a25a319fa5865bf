"""Every frame on the WebSocket: JSON objects whose `type` is the tag.

The seed's six frames and their JSON work exactly as the seed writes them. A connection that opens with `hello`
speaks the full protocol. Commands go client -> server; each may carry a `request_id`, which its `ack`, reply or
`error` repeats. Each docstring's example is decoded by a test and shown in docs/protocol.md.
The structs stand in `commands` and `pushes`, by direction; here they are all by name, with their text form.

    client                                  server
    (login {name, password}       ->
                                  <-        logged_in {token})
    hello {token, resume?}        ->
                                  <-        welcome {epoch, seq, recovered}
                                  <-        (what was missed since `resume`, as events)
    chat {content, request_id}    ->
                                  <-        ack {request_id, message_id, answer_id}      after COMMIT
                                  <-        message_added x2, message_delta ..., message_done
"""

from __future__ import annotations

import re
from typing import get_args

import msgspec

from aichat.protocol.commands import *
from aichat.protocol.errors import AichatError
from aichat.protocol.pushes import *

VERSION = 1
MAX_FRAME_BYTES = 1_048_576
MAX_DEPTH = 16

AnyCommand = (
    Login | Hello | Chat | ChatStop | ChatRegenerate | ChatContinue | MessageEdit | MessageDelete | BranchSelect
    | PersonaListQuery | PersonaSelect | PersonaCreate | PersonaUpdate | PersonaDelete | PersonaTry | ModelListQuery
    | PersonaCardQuery
    | HistoryRequest
    | ConversationListQuery | ConversationCreate | ConversationRename | ConversationUpdate | ConversationRead
    | ConversationDelete | ConversationRestore | SearchRequest
    | ConversationSubscribe | ConversationUnsubscribe
)  # fmt: skip
AnyPush = (
    LoggedIn | Welcome | Ack | Error | ChatResponse | PersonaList | HistoryResponse | ConversationListReply
    | SearchResults | PersonaSaved | PersonaDeleted | PersonaTried | ModelList | PersonaCardReply
    | ConversationSaved | ConversationDeleted
    | MessageAdded | MessageDone | MessageDeleted | MessageDelta | MessageSnapshot | MessageQueued
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
