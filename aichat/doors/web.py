"""The service's HTTP door: the web page, the WebSocket's address, and whether the service is well."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.resource import WebSocketResource
from klein import Klein
from msgspec import to_builtins
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request

from aichat.chat.accounts import Accounts
from aichat.doors import openai_forms
from aichat.doors.openai import OpenAIDoor, error_form
from aichat.doors.websocket import WebSocketDoor
from aichat.gate import Form, Gate, QuietSite, answer_errors, bearer, error_body, is_local_request, write_json
from aichat.health import Health, Report
from aichat.metrics import CONTENT_TYPE, Metrics
from aichat.openapi import HTML, PLAIN, Route, document
from aichat.page import FILE_TYPES, serve_page
from aichat.protocol.errors import AichatError

TITLE = "aichat"
ABOUT = (
    "The service's HTTP addresses. What is live is spoken over the WebSocket at /ws: see docs/protocol.md."
    " A token is the owner's, from owner.token, or a user's own."
)
ROUTES = (
    *openai_forms.ROUTES,
    Route("/healthz", "Whether the service is ready, and why not", Report, unready=Report, is_public=True),
    Route("/metrics", "Numbers for Prometheus, for the owner", media=(PLAIN,), errors=(503,)),
    Route("/test", "The web page", media=(HTML,), is_public=True),
    Route(
        "/test/{file}",
        "One of its files",
        media=FILE_TYPES,
        errors=(404,),
        is_public=True,
        examples={"file": "page.css"},
    ),
    Route("/openapi.json", "This document", dict[str, Any], is_public=True),
    Route("/", "Leads to the web page", is_public=True, redirects=True),
)


class WebDoor:
    """`/` and `/test` the page, `/ws` the WebSocket, `/v1` OpenAI's API, `/healthz`, `/metrics`."""

    app = Klein()

    def __init__(
        self,
        gate: Gate,
        websocket: WebSocketDoor,
        openai: OpenAIDoor,
        accounts: Accounts,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self._gate = gate
        self._openai: IResource = openai.app.resource()
        self._websocket: IResource = WebSocketResource(websocket)
        self._accounts = accounts
        self._health = health
        self._metrics = metrics
        self._document = document(TITLE, ABOUT, ROUTES, wants_token=not accounts.knows_unasked(local=True))

    def site(self) -> QuietSite:
        """The application as a twisted.web site."""
        return QuietSite(self.app)

    @app.route("/ws")
    def websocket(self, request: IRequest) -> IResource:
        """Everything live."""
        return self._websocket

    @app.route("/v1", branch=True)
    def openai(self, request: IRequest) -> IResource:
        """Personas as models."""
        return self._openai

    @app.route("/", methods=["GET"])
    def root(self, request: IRequest) -> bytes:
        """Send a person to the page."""
        self._gate.check_request(request)
        request.setResponseCode(302)
        request.setHeader(b"location", b"/test")
        return b""

    @app.route("/test", methods=["GET"])
    @app.route("/test/", methods=["GET"])
    @app.route("/test/<file>", methods=["GET"])
    def page(self, request: Request, file: str = "") -> bytes:
        """The web page."""
        self._gate.check_request(request)
        return serve_page(request, b"/test", link="server")

    @app.route("/healthz", methods=["GET"])
    def health(self, request: IRequest) -> bytes:
        """{"ready": true, "why": [], "remarks": []}; 503 with the reasons in `why` if it is not ready."""
        self._gate.check_request(request)
        report = self._health.report()
        return write_json(request, to_builtins(report), 200 if report.ready else 503)

    @app.route("/openapi.json", methods=["GET"])
    def openapi(self, request: IRequest) -> bytes:
        """Every address of this port, as an OpenAPI document."""
        self._gate.check_request(request)
        return write_json(request, self._document)

    @app.route("/metrics", methods=["GET"])
    def metrics(self, request: IRequest) -> Deferred[bytes]:
        """Numbers for Prometheus, for the owner: on this machine where that is trusted, else by the token."""
        return ensureDeferred(self._write_metrics(request))

    async def _write_metrics(self, request: IRequest) -> bytes:
        self._gate.check_request(request)
        user = await self._accounts.recognise(bearer(request), local=is_local_request(request))
        if user.role != "owner":
            raise AichatError("forbidden", "The numbers of this server are for its owner.")
        request.setHeader("content-type", CONTENT_TYPE)
        return self._metrics.text()


def _form_for(request: IRequest) -> Form:
    """Under /v1 there are paths that do not get as far as its own application."""
    return error_form if request.path.startswith(b"/v1/") else error_body


answer_errors(WebDoor.app, "aichat.doors.web", "There is no such page; see /test.", _form_for)
