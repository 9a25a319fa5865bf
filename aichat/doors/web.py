"""The service's HTTP door: the web page, the WebSocket's address, and whether the service is well."""

from __future__ import annotations

from collections.abc import Callable

from autobahn.twisted.resource import WebSocketResource
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from aichat.doors.openai import OpenAIDoor
from aichat.doors.websocket import WebSocketDoor
from aichat.gate import Gate, QuietSite, answer_errors, write_json
from aichat.page import serve_page


class WebDoor:
    """`/` and `/test` the page, `/ws` the WebSocket, `/v1` OpenAI's API, `/healthz` ready or not."""

    app = Klein()

    def __init__(
        self, gate: Gate, websocket: WebSocketDoor, openai: OpenAIDoor, is_ready: Callable[[], bool]
    ) -> None:
        self._gate = gate
        self._openai: IResource = openai.app.resource()
        self._websocket: IResource = WebSocketResource(websocket)
        self._is_ready = is_ready

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
        """{"ready": true}, or 503 while starting or stopping."""
        self._gate.check_request(request)
        ready = self._is_ready()
        return write_json(request, {"ready": ready}, 200 if ready else 503)


answer_errors(WebDoor.app, "aichat.doors.web", "There is no such page; see /test.")
