"""OpenAPI documents, built from the structs that the doors decode and what they answer with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

import aichat

HTML, PLAIN = "text/html", "text/plain"


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    """`code` is one of docs/errors.md; `message` says what happened and what to do."""

    code: str
    message: str
    retryable: bool
    retry_after: float | None = None


class ErrorAnswer(msgspec.Struct):
    """Every error of the seed's addresses."""

    success: Literal[False]
    error: ErrorDetail


class Route(NamedTuple):
    """One address.

    `answer` is JSON; `stream` the JSON of each server-sent event, `last` the one that is none; `media` what else a
    good answer may be. `body` makes it a POST. `examples` are of the body's fields, or of the names in the path.
    """

    path: str
    summary: str
    answer: type | None = None
    stream: type | None = None
    last: str = ""
    media: tuple[str, ...] = ()
    body: type | None = None
    examples: Mapping[str, Any] = MappingProxyType({})
    errors: tuple[int, ...] = ()
    error: type = ErrorAnswer
    unready: type | None = None
    is_public: bool = False
    redirects: bool = False


def document(title: str, text: str, routes: Iterable[Route], *, wants_token: bool) -> dict[str, Any]:
    """An OpenAPI 3.1 document. `wants_token`: nobody may come without one, not even from this machine."""
    routes = list(routes)
    types = [
        ErrorAnswer,
        *(kind for r in routes for kind in (r.answer, r.stream, r.body, r.error, r.unready) if kind is not None),
    ]
    types = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    of = dict(zip(types, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": aichat.__version__, "description": text},
        "paths": {r.path: {"post" if r.body else "get": _operation(r, of, wants_token=wants_token)} for r in routes},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, of: Mapping[type, Any], *, wants_token: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": of[route.answer]}} if route.answer else {}
    content |= {media: {"schema": {"type": "string"}} for media in route.media}
    if route.stream:
        part = {"type": "string", "contentMediaType": "application/json", "contentSchema": of[route.stream]}
        data = {"anyOf": [{"const": route.last}, part]} if route.last else part
        event = {"type": "object", "properties": {"data": data}, "required": ["data"]}
        content["text/event-stream"] = {"schema": event}
    answers: dict[str, Any] = {}
    if route.redirects:
        answers["302"] = {"description": "See Location."}
    else:
        answers["200"] = {"description": "It is so.", "content": content}
    for status in sorted({400, 403, *route.errors} | (set() if route.is_public else {401})):
        answers[str(status)] = _json(f"HTTP {status}; the code says which error.", of[route.error])
    if route.body:
        answers["413"] = _json("The body is too large.", of[ErrorAnswer])
    if route.unready:
        answers["503"] = _json("Not ready, and why.", of[route.unready])
    found: dict[str, Any] = {"summary": route.summary, "operationId": _name(route), "responses": answers}
    names = re.findall(r"{(\w+)}", route.path)
    if names:
        schema = {"type": "string", "minLength": 1}
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema, "example": route.examples[name]}
            for name in names
        ]
    if route.body:
        body = {"schema": of[route.body], "example": dict(route.examples)}
        found["requestBody"] = {"required": True, "content": {"application/json": body}}
    if not route.is_public:
        found["security"] = [{"token": []}] if wants_token else [{"token": []}, {}]
    return found


def _json(words: str, schema: Any) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _name(route: Route) -> str:
    return re.sub(r"\W+", "_", route.path).strip("_") or "root"
