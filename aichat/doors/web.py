"""The service's HTTP door: the web page, the WebSocket's address, and whether the service is well."""

from __future__ import annotations

from autobahn.twisted.resource import WebSocketResource
from klein import Klein
from msgspec import to_builtins
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from aichat.chat.accounts import Accounts
from aichat.doors.openai import OpenAIDoor
from aichat.doors.websocket import WebSocketDoor
from aichat.gate import Gate, QuietSite, answer_errors, bearer, is_local_request, write_json
from aichat.health import Health
from aichat.metrics import CONTENT_TYPE, Metrics
from aichat.page import serve_page
from aichat.protocol.errors import AichatError


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

    def site(self) -> Site:
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

    @app.route("/test", methods=["GET"], branch=True)
    def page(self, request: Request) -> bytes:
        """The web page."""
        self._gate.check_request(request)
        return serve_page(request, b"/test", link="server")

    @app.route("/healthz", methods=["GET"])
    def health(self, request: IRequest) -> bytes:
        """{"ready": true, "why": [], "remarks": []}; 503 with the reasons in `why` if it is not ready."""
        self._gate.check_request(request)
        report = self._health.report()
        return write_json(request, to_builtins(report), 200 if report.ready else 503)

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


answer_errors(WebDoor.app, "aichat.doors.web", "There is no such page; see /test.")
