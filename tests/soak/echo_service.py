"""The real service, but its WebSockets say back what they hear: what conformance cases want of a server.

`python tests/soak/echo_service.py TWIST …` runs twist with these arguments. All but the meaning of messages is as in
the service: listening, site, gate, Autobahn's options and limits, pacing, back pressure.
"""

from __future__ import annotations

import runpy
import sys

from aichat.doors.websocket import AutobahnSocket


def echo(self: AutobahnSocket, payload: bytes, is_binary: bool) -> None:
    """Say it back."""
    if self.state == self.STATE_OPEN:
        self.sendPreparedMessage(self.factory.prepareMessage(payload, is_binary))


if __name__ == "__main__":
    AutobahnSocket.take = echo  # type: ignore[method-assign]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
