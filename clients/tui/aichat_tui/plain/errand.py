"""What all plain commands have in common: a connection, and waiting for what it brings.

A command is one coroutine, `do`. It waits with `until` for the session or its timeline to be so, and reads from
there; so a connection that breaks and comes back costs it neither a gap nor a repetition.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat_tui.i18n import _
from aichat_tui.link import CLIENT, SocketLink
from aichat_tui.plain.output import (
    DONE,
    INTERRUPTED,
    NO_READER,
    UNREACHABLE,
    USAGE,
    End,
    Printer,
    complain,
)
from aichat_tui.text import label

FOR_EVER = 1e8
"""Seconds."""


class Errand:
    """Connects, does one thing, leaves."""

    patience = 60.0
    """Seconds to try again when a connection that stood has broken."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address]) -> None:
        self.arguments = arguments
        self.session = Session(client=CLIENT)
        self.timeline = self.session.timeline
        self.link = SocketLink(self.session, find)
        self.out = Printer(sys.stdout)
        self.interrupts = 0
        """How often Ctrl-C was pressed."""
        self._wait: float | None = getattr(arguments, "wait", None)
        self._url = arguments.url
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._end: End | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stood = False
        self._breaks = 0
        self._replies: dict[str, frames.AnyPush | None] = {}

    def run(self) -> int:
        """Do it -> exit status."""
        return asyncio.run(self._run())

    async def do(self) -> int:
        """The errand itself -> exit status. Errors: End."""
        raise NotImplementedError

    async def _run(self) -> int:
        self._catch_signals()
        self.link.start(self)
        doing = asyncio.create_task(self._do())
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait([doing, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (doing, ended):
            task.cancel()
        self.link.stop()
        if self._end is None:
            doing.result()  # it went wrong
        else:
            self._say_end(self._end)
        await self.link.settle()
        if self.out.broken:
            return NO_READER
        return DONE if self._end is None else self._end.status

    async def _do(self) -> None:
        try:
            self.finish(await self.do())
        except End as end:
            self.finish(end.status, end.words)

    def finish(self, status: int, words: str = "") -> None:
        """End it from the outside, whatever it waits for."""
        if self._end is None:
            self._end = End(status, words)
        self._ended.set()

    def _say_end(self, end: End) -> None:
        if self.out.is_terminal:
            self.out.end_line()
        if end.words and not self.out.broken:
            complain(end.words)

    # Ctrl-C

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def caught(_number: int, _frame: object) -> None:
            self.interrupts += 1
            if self.interrupts > 1:
                os._exit(INTERRUPTED)  # at once: not even for a name that is being looked up
            loop.call_soon_threadsafe(self.interrupted)

        for number in (signal.SIGINT, signal.SIGTERM):  # `add_signal_handler` is not there on Windows
            signal.signal(number, caught)

    def interrupted(self) -> None:
        """Ctrl-C, for the first time."""
        self.finish(INTERRUPTED)

    # waiting

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until it is so; looked at after each frame and each change of the connection."""
        while not is_so():
            await self.until_news()

    def wake(self) -> None:
        """Have `until` look again."""
        self._news.set()

    async def until_news(self) -> None:
        """Wait until something has come since this was called."""
        self._news.clear()
        await self._news.wait()

    async def ready(self) -> None:
        """Wait for the connection, the personas and the conversations."""
        await self.until(lambda: self.is_live and self.timeline.personas_known and self.timeline.conversations_known)

    @property
    def is_live(self) -> bool:
        """Whether the connection stands, and the server knows us."""
        return self.session.state is State.LIVE

    async def fetch(self, query: frames.Command) -> frames.AnyPush:
        """Ask what changes nothing, again after a break -> the reply. Errors: End if the server refuses."""
        while True:
            await self.until(lambda: self.is_live)
            breaks = self._breaks
            request_id = self.session.ask(query)
            self._replies[request_id] = None
            self.link.flush()
            await self.until(lambda: self._replies[request_id] is not None or self._breaks > breaks)  # noqa: B023
            reply = self._replies.pop(request_id)
            if isinstance(reply, frames.Error):
                raise End(USAGE if reply.code == "not_found" else UNREACHABLE, label(reply.message))
            if reply is not None:
                return reply

    # the link's listener

    def on_frame(self, frame: frames.AnyPush | None, changes: list[Change]) -> None:
        """Keep what somebody waits for."""
        request_id = getattr(frame, "request_id", "")
        if request_id in self._replies:
            self._replies[request_id] = frame
        if frame is not None:
            self.heard(frame)
        self.wake()

    def heard(self, frame: frames.AnyPush) -> None:
        """A frame that the session has taken in."""

    def on_state(self) -> None:
        """Give up when the server refuses, or does not answer for too long."""
        if self.is_live:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            self._stood = True
        elif self.session.state is State.REFUSED:
            if self.link.is_idle:
                self.refused()
        elif self.link.retry_at is not None:
            self._broke()
        self.wake()

    def _broke(self) -> None:
        self._breaks += 1
        self.broke()
        if self._deadline is None:
            wait = (self.patience if self._stood else 0.0) if self._wait is None else self._wait
            if self._stood:
                complain(_("offline — reconnecting"))
            words = _("no connection to {url}").format(url=label(self._url))
            self._deadline = asyncio.get_running_loop().call_later(
                min(wait, FOR_EVER), self.finish, UNREACHABLE, words
            )

    def broke(self) -> None:
        """The connection, or a try of one, is over."""

    def on_kept(self, done: bool) -> None:
        """Only who logs in needs to know."""

    def refused(self) -> None:
        """The server wants to know who this is, or does not know the token."""
        reason = label(self.session.refusal)
        self.finish(UNREACHABLE, _("refused: {reason} (to log in: aichat-tui login)").format(reason=reason))
