"""Puts the app on a stage: a world, a fake link, and the screen as text."""

from __future__ import annotations

from collections.abc import Callable

from aichat_tui.app import ChatApp
from textual.pilot import Pilot

from aichat.protocol.session import Session
from tests.tui.fakelink import FakeLink
from tests.tui.world import World


class Stage:
    """One app with its world."""

    def __init__(self, world: World | None = None, *, reachable: bool = True, theme: str = "aichat-dark",
                 token: str = "") -> None:  # fmt: skip
        self.world = world or World()
        self.session = Session(client="test", jitter=lambda: 1.0, token=token)
        self.link = FakeLink(self.session, self.world, reachable=reachable)
        self.app = ChatApp(self.session, self.link, server="ws://127.0.0.1:8765/ws", theme=theme)

    @property
    def desk(self):
        return self.app.desk


def screen_text(app: ChatApp) -> str:
    """What is on the screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines[: app.size.height])


async def until(pilot: Pilot[None], what: str | Callable[[], bool], *, absent: bool = False) -> str:
    """Wait for a text on the screen (or its absence), or for a condition -> the screen."""
    app = pilot.app
    text = ""
    for _ in range(400):
        await pilot.pause()
        text = screen_text(app)
        if callable(what):
            if what():
                return text
        elif (what in text) is not absent:
            return text
        await pilot.pause(0.01)
    raise AssertionError(f"waited for {what!r}, absent={absent}; the screen is:\n{text}")
