"""What OpenAI's API takes and gives here, for decoding and for the document at /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from aichat.openapi import Route

_ROLES = ["system", "developer", "user", "assistant"]


class TextPart(msgspec.Struct):
    """A part of a message; images and sound are not understood here."""

    type: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["text"]})]
    text: str = ""


class ChatTurn(msgspec.Struct):
    """One message of a conversation that the caller keeps."""

    role: Annotated[str, msgspec.Meta(extra_json_schema={"enum": _ROLES})]
    content: str | list[TextPart] | None = None


class StreamOptions(msgspec.Struct):
    """`include_usage`: the tokens counted come in a last chunk."""

    include_usage: bool = False


Turns = Annotated[
    list[ChatTurn],
    msgspec.Meta(
        extra_json_schema={
            "minItems": 1,
            "contains": {"type": "object", "properties": {"role": {"const": "user"}}, "required": ["role"]},
        }
    ),
]


class CompletionRequest(msgspec.Struct):
    """The fields that mean something here; others are ignored. `model` is a persona's id, or its name."""

    model: str
    messages: Turns
    stream: bool = False
    stream_options: StreamOptions | None = None


class Model(msgspec.Struct):
    """A persona as a model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str


class Models(msgspec.Struct):
    """All of them."""

    object: Literal["list"]
    data: list[Model]


class AnswerMessage(msgspec.Struct):
    """What the persona said."""

    role: Literal["assistant"]
    content: str
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET


class Choice(msgspec.Struct):
    """There is one."""

    index: int
    message: AnswerMessage
    finish_reason: str


class TokenUsage(msgspec.Struct):
    """Tokens counted by the upstream."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(msgspec.Struct):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


class ChunkDelta(msgspec.Struct):
    """What came of the answer; `role` comes once, first."""

    role: Literal["assistant"] | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET


class ChunkChoice(msgspec.Struct):
    """There is one, or none in the chunk that has the usage."""

    index: int
    delta: ChunkDelta
    finish_reason: str | None


class Chunk(msgspec.Struct):
    """One event of a streamed answer; the last event is `[DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: TokenUsage | msgspec.UnsetType = msgspec.UNSET


class OpenAIErrorDetail(msgspec.Struct):
    """`code` is one of docs/errors.md."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(msgspec.Struct):
    """Every error under /v1."""

    error: OpenAIErrorDetail


_ASK: dict[str, Any] = {"model": "mara", "messages": [{"role": "user", "content": "Hello!"}]}

ROUTES = (
    Route("/v1/models", "Every persona as a model", Models, error=OpenAIError, errors=(503,)),
    Route(
        "/v1/models/{ident}",
        "One of them, by its id or name",
        Model,
        error=OpenAIError,
        errors=(404, 503),
        examples={"ident": "mara"},
    ),
    Route(
        "/v1/chat/completions",
        "An answer of a persona; with `stream` its chunks as server-sent events and `[DONE]`",
        Completion,
        stream=Chunk,
        last="[DONE]",
        body=CompletionRequest,
        examples=_ASK,
        error=OpenAIError,
        errors=(404, 409, 429, 500, 502, 503, 504),
    ),
)
