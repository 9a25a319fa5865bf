"""The private door of `aichat-admin`: POST / on a Unix socket beside the database that only its owner can open."""

from __future__ import annotations

import os
from pathlib import Path

from klein import Klein
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from aichat.chat.administration import Administration, AnyVerb
from aichat.gate import QuietSite, answer_errors, json_body, write_json

ADDRESS_MOST = 100
"""Bytes of a Unix socket's address; the system's own limit is a little over it."""


class AdminDoor:
    """{"do": "user add", "name": …} -> {"success": true, "result": …}, or the one error form."""

    app = Klein()

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    def site(self) -> Site:
        """The application as a twisted.web site."""
        return QuietSite(self.app)

    @app.route("/", methods=["POST"])
    def do(self, request: IRequest) -> Deferred[bytes]:
        """Carry one verb out."""
        return ensureDeferred(self._do(request))

    async def _do(self, request: IRequest) -> bytes:
        verb = json_body(request, AnyVerb)  # type: ignore[arg-type, var-annotated]  # a union of structs
        return write_json(request, {"success": True, "result": await self._administration.do(verb)})


answer_errors(AdminDoor.app, "aichat.doors.admin", "There is nothing here but POST /.")


def admin_socket(database: Path) -> str:
    """The address of the socket of a database's service, short enough for the system."""
    path = database.with_name(database.name + ".sock").absolute()
    if len(os.fsencode(path)) <= ADDRESS_MOST or not Path("/proc/self/fd").is_dir():
        return str(path)
    folder = os.open(path.parent, os.O_RDONLY)  # kept open: the address leads through it
    return f"/proc/self/fd/{folder}/{path.name}"
