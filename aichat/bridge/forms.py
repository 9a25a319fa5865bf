"""What the bridge takes and gives over HTTP, for decoding and for the document at /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from aichat.bridge.providers.base import ChatMessage, Finish
from aichat.openapi import HTML, PLAIN, ErrorDetail, Route
from aichat.page import FILE_TYPES
from aichat.protocol.values import ProviderName

Prompt = Annotated[
    list[ChatMessage],
    msgspec.Meta(
        extra_json_schema={
            "minItems": 1,
            "contains": {"type": "object", "properties": {"role": {"const": "user"}}, "required": ["role"]},
        }
    ),
]


class BridgeRequest(msgspec.Struct, kw_only=True):
    """The body of /api/v1/chat. Without a system message the persona's prompt, if one is named, is put in front.

    A last message of the assistant is an unfinished answer, which the response goes on with.
    `max_tokens` is a whole number, which in JSON 1.0 is too. `provider` and `fallback` are names from the settings,
    never addresses.
    """

    messages: Prompt
    persona_id: str = ""
    stream: bool = False
    model: str | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[float, msgspec.Meta(ge=1, le=10_000_000, multiple_of=1)] | None = None
    provider: ProviderName = ""
    fallback: ProviderName = ""


class BridgeAnswer(msgspec.Struct):
    """The whole answer."""

    success: Literal[True]
    response: str


class BridgeEvent(msgspec.Struct):
    """One event of a streamed answer; the last one has `finish`, or `error`."""

    content: str = ""
    reasoning: str = ""
    finish: Finish | None = None
    error: ErrorDetail | None = None


class PersonaCard(msgspec.Struct):
    """What the test page shows of a persona."""

    id: str
    name: str
    avatar: str


class PersonaCards(msgspec.Struct):
    """All of them."""

    success: Literal[True]
    personas: list[PersonaCard]


class BridgeReport(msgspec.Struct):
    """The body of the bridge's /healthz."""

    ready: bool
    why: list[str]
    remarks: list[str]
    provider: str


TITLE = "aichat bridge"
ABOUT = "The AI bridge: one question, one answer, nothing kept. The token is `bridge_secret`, where one is set."
_ASK = {"persona_id": "", "messages": [{"role": "user", "content": "你好"}]}
_CHAT_ERRORS = (404, 500, 502, 503, 504)
ROUTES = (
    Route(
        "/api/v1/chat",
        "An answer; with `stream` its pieces as server-sent events",
        BridgeAnswer,
        stream=BridgeEvent,
        body=BridgeRequest,
        examples=_ASK,
        errors=_CHAT_ERRORS,
    ),
    Route(
        "/test/api/chat",
        "The same for the test page",
        BridgeAnswer,
        stream=BridgeEvent,
        body=BridgeRequest,
        examples=_ASK,
        errors=_CHAT_ERRORS,
    ),
    Route("/test/api/personas", "The personas for the test page", PersonaCards),
    Route("/test", "A page a person can chat on", media=(HTML,), is_public=True),
    Route(
        "/test/{file}",
        "One of its files",
        media=FILE_TYPES,
        errors=(404,),
        is_public=True,
        examples={"file": "page.css"},
    ),
    Route("/healthz", "Whether the bridge is ready, and why not", BridgeReport, unready=BridgeReport, is_public=True),
    Route("/metrics", "Numbers for Prometheus, of a bridge alone", media=(PLAIN,), errors=(404,)),
    Route("/openapi.json", "This document", dict[str, Any], is_public=True),
)
