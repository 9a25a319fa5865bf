"""The bridge's HTTP interface, as in the seed: POST /api/v1/chat, GET /test, POST /test/api/chat.

    {"persona_id": "p1", "messages": [{"role": "user", "content": "你好"}]}   ->   {"success": true, "response": "…"}

With `"stream": true` the answer comes as server-sent events: {"content": …, "reasoning": …} as they come, then
{"finish": {"reason", "model", "provider", "usage"}} or {"error": {"code", "message", "retryable"}}. An error before
the first of them is a JSON answer with its status, as without `stream`.
Every error: {"success": false, "error": {...}}.
"""

from __future__ import annotations

from typing import Any

import msgspec
from klein import Klein
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request, Site

from aichat import gate
from aichat.bridge import sse
from aichat.bridge.book import PersonaBook
from aichat.bridge.forms import ABOUT, ROUTES, TITLE, BridgeRequest
from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta, Finish, Provider
from aichat.health import Health
from aichat.metrics import CONTENT_TYPE, Metrics
from aichat.openapi import document
from aichat.page import serve_page
from aichat.protocol.errors import AichatError

KEEP_ALIVE_SECONDS = 10.0

_encode = msgspec.json.Encoder().encode

MAX_DELTA_CHARS = 16_384
"""One event has no more of the answer, and no more of its reasoning; a longer delta goes out as several, so that
nobody's frame is as large as an upstream likes."""


class BridgeApp:
    """The Klein application over one provider."""

    app = Klein()

    def __init__(
        self,
        reactor: IReactorTime,
        provider: Provider,
        book: PersonaBook,
        door: gate.Gate,
        secret: str = "",
        metrics: Metrics | None = None,
        health: Health | None = None,
    ) -> None:
        self._reactor = reactor
        self._provider = provider
        self._book = book
        self._gate = door
        self._secret = secret
        self._metrics = metrics
        self._health = health or Health()

    def site(self) -> Site:
        """The application as a twisted.web site."""
        return gate.QuietSite(self.app)

    @app.route("/api/v1/chat", methods=["POST"])
    def chat(self, request: Request) -> Deferred[bytes]:
        """The main chat interface, called by the chat server."""
        return ensureDeferred(self._chat(request)).addErrback(gate.nobody_is_there)

    @app.route("/test/api/chat", methods=["POST"])
    def test_chat(self, request: Request) -> Deferred[bytes]:
        """The same for the test page."""
        return self.chat(request)

    @app.route("/test/api/personas", methods=["GET"])
    def test_personas(self, request: Request) -> bytes:
        """The personas for the test page: {"personas": [{"id", "name", "avatar"}]}."""
        self._admit(request)
        known = self._book.personas.items()
        rows = [{"id": ident, "name": entry.name, "avatar": entry.avatar or ""} for ident, entry in known]
        return gate.write_json(request, {"success": True, "personas": rows})

    @app.route("/test", methods=["GET"])
    @app.route("/test/", methods=["GET"])
    @app.route("/test/<file>", methods=["GET"])
    def test_page(self, request: Request, file: str = "") -> bytes:
        """A page a person can chat on."""
        self._gate.check_request(request)
        return serve_page(request, b"/test", link="bridge")

    @app.route("/healthz", methods=["GET"])
    def health(self, request: Request) -> bytes:
        """Whether the bridge is ready, and why not; as the service's, with the name of its provider."""
        self._gate.check_request(request)
        report = self._health.report()
        body = {**msgspec.to_builtins(report), "provider": self._provider.name}
        return gate.write_json(request, body, 200 if report.ready else 503)

    @app.route("/openapi.json", methods=["GET"])
    def openapi(self, request: Request) -> bytes:
        """Every address of this port, as an OpenAPI document."""
        self._gate.check_request(request)
        return gate.write_json(request, document(TITLE, ABOUT, ROUTES, wants_token=bool(self._secret)))

    @app.route("/metrics", methods=["GET"])
    def metrics(self, request: Request) -> bytes:
        """Numbers for Prometheus, of a bridge alone; else they are on the service's port."""
        self._admit(request)
        if self._metrics is None:
            raise AichatError("not_found", "The numbers are on the service's port, under /metrics.")
        request.setHeader("content-type", CONTENT_TYPE)
        return self._metrics.text()

    def _admit(self, request: Request) -> None:
        self._gate.check_request(request)
        if self._secret and not gate.same_secret(gate.bearer(request), self._secret):
            raise AichatError("unauthorized", "This bridge wants its shared secret as `Authorization: Bearer …`.")

    async def _chat(self, request: Request) -> bytes:
        self._admit(request)
        body = gate.json_body(request, BridgeRequest)
        if not any(message.role == "user" for message in body.messages):
            raise AichatError("bad_frame", "`messages` needs at least one message of the user.")
        messages = body.messages
        if messages[0].role != "system":
            prompt = self._book.prompt_of(body.persona_id) if body.persona_id else ""
            messages = [ChatMessage(role="system", content=prompt), *messages] if prompt else messages
        asked = ChatRequest(
            messages=messages,
            model=body.model,
            temperature=body.temperature,
            max_tokens=None if body.max_tokens is None else int(body.max_tokens),
            provider=body.provider,
            fallback=body.fallback,
        )
        if body.stream:
            return await _Stream(self._reactor, request, self._provider).run(asked)
        pieces: list[str] = []
        await _until_gone(request, self._provider.generate(asked, lambda delta: pieces.append(delta.content)))
        return gate.write_json(request, {"success": True, "response": "".join(pieces)})


gate.answer_errors(BridgeApp.app, "aichat.bridge", "There is no such address; see POST /api/v1/chat and GET /test.")


def _until_gone(request: Request, generating: Deferred[Finish]) -> Deferred[Finish]:
    """A generation that ends (CancelledError) when whoever asked for it leaves."""
    request.notifyFinish().addErrback(lambda _: generating.cancel())
    return generating


class _Stream:
    """Writes one generation as server-sent events."""

    def __init__(self, reactor: IReactorTime, request: Request, provider: Provider) -> None:
        self._reactor = reactor
        self._request = request
        self._provider = provider
        self._keep_alive: Any = None
        self._open = False
        self._gone = False

    async def run(self, asked: ChatRequest) -> bytes:
        self._request.notifyFinish().addErrback(lambda _: self._left())
        self._keep_alive = self._reactor.callLater(KEEP_ALIVE_SECONDS, self._still_here)
        last: dict[str, object]
        try:
            finish = await _until_gone(self._request, self._provider.generate(asked, self._on_delta))
            last = {"finish": finish}
        except AichatError as error:
            if not self._open:
                raise
            last = {"error": gate.error_body(error)["error"]}
        finally:
            self._keep_alive.cancel()
        if not self._gone:
            self._write(sse.event(_encode(last)))
        return b""

    def _on_delta(self, delta: Delta) -> None:
        if self._gone:
            return
        content, reasoning = delta.content, delta.reasoning
        if len(content) <= MAX_DELTA_CHARS and len(reasoning) <= MAX_DELTA_CHARS:
            self._write(sse.event(_encode(delta)))
            return
        for at in range(0, max(len(content), len(reasoning)), MAX_DELTA_CHARS):
            till = at + MAX_DELTA_CHARS
            self._write(sse.event(_encode(Delta(content=content[at:till], reasoning=reasoning[at:till]))))

    def _still_here(self) -> None:
        self._keep_alive = self._reactor.callLater(KEEP_ALIVE_SECONDS, self._still_here)
        if not self._gone:
            self._write(sse.KEEP_ALIVE)

    def _write(self, data: bytes) -> None:
        if not self._open:
            self._open = True
            self._request.setHeader("content-type", "text/event-stream; charset=utf-8")
            self._request.setHeader("cache-control", "no-store")
            self._request.setHeader("x-accel-buffering", "no")
        self._request.write(data)

    def _left(self) -> None:
        self._gone = True
