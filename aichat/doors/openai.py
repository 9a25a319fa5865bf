"""The OpenAI door: personas as models, for any program that speaks OpenAI's chat completions.

GET  /v1/models             every persona as a model
POST /v1/chat/completions   {"model": persona id or name, "messages": […], "stream": …}
"""

from __future__ import annotations

import time
import uuid
from calendar import timegm
from typing import Any

import msgspec
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from aichat.bridge.client import ChatMessage, Delta, Finish
from aichat.chat.accounts import Accounts
from aichat.chat.completions import Completions
from aichat.doors.openai_forms import ChatTurn, CompletionRequest
from aichat.gate import Gate, answer_errors, bearer, is_local_request, json_body, nobody_is_there, write_json
from aichat.protocol.errors import AichatError
from aichat.protocol.values import Persona
from aichat.store.users import User

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "invalid_request_error",
          429: "rate_limit_error"}  # fmt: skip


class OpenAIDoor:
    """The Klein application under `/v1`."""

    app = Klein()

    def __init__(self, gate: Gate, accounts: Accounts, completions: Completions) -> None:
        self._gate = gate
        self._accounts = accounts
        self._completions = completions

    @app.route("/models", methods=["GET"])
    def models(self, request: IRequest) -> Deferred[bytes]:
        """{"object": "list", "data": [{"id", "object": "model", "created", "owned_by"}]}"""
        return ensureDeferred(self._models(request))

    @app.route("/models/<ident>", methods=["GET"])
    def model(self, request: IRequest, ident: str) -> Deferred[bytes]:
        """One of them."""
        return ensureDeferred(self._model(request, ident))

    @app.route("/chat/completions", methods=["POST"])
    def complete(self, request: Request) -> Deferred[bytes]:
        """A chat.completion, or with `stream` its chunks as server-sent events and `[DONE]`."""
        return ensureDeferred(self._complete(request)).addErrback(nobody_is_there)

    async def _recognise(self, request: IRequest) -> User:
        self._gate.check_request(request)
        return await self._accounts.recognise(bearer(request), local=is_local_request(request))

    async def _models(self, request: IRequest) -> bytes:
        user = await self._recognise(request)
        data = [_model(persona) for persona in await self._completions.personas(user)]
        return write_json(request, {"object": "list", "data": data})

    async def _model(self, request: IRequest, ident: str) -> bytes:
        user = await self._recognise(request)
        return write_json(request, _model(await self._completions.find(user, ident)))

    async def _complete(self, request: Request) -> bytes:
        asking: Deferred[Finish] | None = None
        thrown_out = ""

        def throw_out(why: str) -> None:
            nonlocal thrown_out
            thrown_out = why
            if asking is not None:
                asking.cancel()

        self._gate.check_request(request)
        user, leave = await self._accounts.admit(
            bearer(request), local=is_local_request(request), throw_out=throw_out
        )
        request.notifyFinish().addBoth(lambda _: leave())
        body = json_body(request, CompletionRequest)
        messages = [_plain(message) for message in body.messages]
        if not any(message.role == "user" for message in messages):
            raise AichatError("bad_frame", "`messages` needs at least one message of the role user.")
        self._accounts.count_message(user.id)
        persona = await self._completions.find(user, body.model)
        if thrown_out:
            raise AichatError("unauthorized", thrown_out)
        answer = _Answer(request, body)
        asking = ensureDeferred(self._completions.answer(user, persona, messages, answer.on_delta))
        request.notifyFinish().addErrback(lambda _: asking.cancel())
        try:
            try:
                finish = await asking
            except CancelledError:
                if not thrown_out:
                    raise
                raise AichatError("unauthorized", thrown_out) from None
        except AichatError as error:
            if not answer.open:
                raise
            answer.write(error_form(error))
            return b""
        return answer.end(finish)


class _Answer:
    """Writes the chunks of one completion, or gathers them."""

    def __init__(self, request: Request, body: CompletionRequest) -> None:
        self.request = request
        self.body = body
        self.open = False
        self.pieces: list[str] = []
        self.thoughts: list[str] = []
        self.head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}

    def on_delta(self, delta: Delta) -> None:
        """One delta from the bridge."""
        if not self.body.stream:
            self.pieces.append(delta.content)
            self.thoughts.append(delta.reasoning)
            return
        piece: dict[str, str] = {} if self.open else {"role": "assistant"}
        if delta.content or not delta.reasoning:
            piece["content"] = delta.content
        if delta.reasoning:
            piece["reasoning_content"] = delta.reasoning
        self.chunk([{"index": 0, "delta": piece, "finish_reason": None}])

    def end(self, finish: Finish) -> bytes:
        """The explicit end -> the body, if it was not streamed."""
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        if finish.usage is not None:
            sent, came = finish.usage.prompt_tokens or 0, finish.usage.completion_tokens or 0
            usage = {"prompt_tokens": sent, "completion_tokens": came, "total_tokens": sent + came}
        if not self.body.stream:
            message = {"role": "assistant", "content": "".join(self.pieces)}
            if any(self.thoughts):
                message["reasoning_content"] = "".join(self.thoughts)
            choice = {"index": 0, "message": message, "finish_reason": finish.reason}
            whole = {**self.head, "object": "chat.completion", "choices": [choice], "usage": usage}
            return write_json(self.request, whole)
        self.chunk([{"index": 0, "delta": {}, "finish_reason": finish.reason}])
        if self.body.stream_options and self.body.stream_options.include_usage:
            self.chunk([], usage=usage)
        self.request.write(b"data: [DONE]\n\n")
        return b""

    def chunk(self, choices: list[dict[str, Any]], **more: Any) -> None:
        """One chat.completion.chunk."""
        self.write({**self.head, "object": "chat.completion.chunk", "choices": choices, **more})

    def write(self, value: object) -> None:
        """One server-sent event."""
        if not self.open:
            self.open = True
            self.request.setHeader("content-type", "text/event-stream; charset=utf-8")
            self.request.setHeader("cache-control", "no-store")
        self.request.write(b"data: " + msgspec.json.encode(value) + b"\n\n")


def _model(persona: Persona) -> dict[str, object]:
    try:
        created = timegm(time.strptime(persona.create_time[:10], "%Y-%m-%d"))
    except ValueError:
        created = 0
    return {"id": persona.id, "object": "model", "created": created, "owned_by": "aichat", "name": persona.name}


def _plain(message: ChatTurn) -> ChatMessage:
    """A message as the bridge takes it. Errors: AichatError bad_frame."""
    if isinstance(message.content, list):
        if any(part.type != "text" for part in message.content):
            raise AichatError("bad_frame", "Only text parts are understood here, no images or sound.")
        content = "".join(part.text for part in message.content)
    else:
        content = message.content or ""
    match message.role:
        case "system" | "developer":
            return ChatMessage("system", content)
        case "user":
            return ChatMessage("user", content)
        case "assistant":
            return ChatMessage("assistant", content)
    raise AichatError("bad_frame", f"The role {message.role!r} is not understood here: system, user or assistant.")


def error_form(error: AichatError) -> dict[str, object]:
    """OpenAI's form of an error."""
    kind = _TYPES.get(error.kind.http_status)
    if kind is None:
        kind = "invalid_request_error" if error.kind.http_status < 500 else "api_error"
    return {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}


answer_errors(
    OpenAIDoor.app, "aichat.doors.openai", "There is no such address; see /v1/models.", lambda _: error_form
)
