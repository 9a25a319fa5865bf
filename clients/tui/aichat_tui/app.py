"""The terminal app: wires session, link, desk and screens, and gathers changes into few drawings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from textual.screen import Screen

from aichat.protocol.address import Address
from aichat.protocol.frames import AnyPush
from aichat.protocol.session import Session, State
from aichat.protocol.timeline import Change
from aichat_tui.confined import is_confined
from aichat_tui.desk import Desk
from aichat_tui.i18n import _, plural
from aichat_tui.link import Link
from aichat_tui.looks import Deed, Looks
from aichat_tui.prefs import Prefs
from aichat_tui.screens.base import DeskDialog, DeskScreen
from aichat_tui.screens.main import MainScreen
from aichat_tui.shelf import mark_read

LIVE_EVERY = 0.125
"""Seconds between two drawings of a growing answer, at least."""

LIVE_SHARE = 12
"""... and at least this many times what the last drawing took, so that it never eats the core."""


class ChatApp(Looks):
    """One user at one server."""

    CSS_PATH = "app.tcss"
    TITLE = "aichat"

    def __init__(
        self, session: Session, link: Link, *, server: str = "", theme: str = "", prefs: Prefs | None = None
    ) -> None:
        super().__init__(prefs, theme=theme)
        self.session = session
        self.link = link
        self.desk = Desk(session, link.flush, at_home=Address(server, "").is_local)
        self._server = server
        self._changes: set[Change] = set()
        self._frames = 0
        self._posted = False
        self._drawn_at = self._draw_cost = 0.0
        self._timer: Any = None

    def get_default_screen(self) -> Screen[Any]:
        """The main screen is all there is."""
        return MainScreen(self.desk, self.link, self._server)

    def on_mount(self) -> None:
        """First the screen, then the connection: the libraries of the socket take a while to load."""
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        self.link.start(self)

    async def on_unmount(self) -> None:
        """Leave the server in good order."""
        self.link.stop()
        await self.link.settle()

    # the link's listener

    def on_frame(self, frame: AnyPush | None, changes: list[Change]) -> None:
        """Follow at once, draw soon."""
        self.desk.heard(frame, changes)
        self._frames += 1
        self._changes.update(changes)
        self._draw_soon()

    def on_state(self) -> None:
        """The connection came or went."""
        if self.session.state is not State.LIVE:
            self.desk.questions.lost()
        self._changes.add(Change("personas"))
        self._draw_soon()
        if self.session.state is State.REFUSED and self.link.is_idle:
            self.call_later(self.action_log_in)

    def on_kept(self, done: bool) -> None:
        """A login that no keyring has is to be made again at the next start: say so, and the way out."""
        if not done:
            words = _("There is no keyring here, so this login ends when you quit. To stay logged in, start with")
            self.notify(f"{words} --token-file FILE, AICHAT_TOKEN=…", timeout=15, markup=False)

    def _draw_soon(self) -> None:
        if not self._posted and not (self._timer is not None and self._only_grew):
            self._posted = True
            self.call_later(self._draw)

    @property
    def _only_grew(self) -> bool:
        return bool(self._changes) and all(change.kind in ("live", "gap") for change in self._changes)

    def _draw(self) -> None:
        """Draw all that changed; what only grew waits its turn."""
        self._posted = False
        if self._only_grew:
            wait = self._drawn_at + max(LIVE_EVERY, LIVE_SHARE * self._draw_cost) - time.monotonic()
            if wait > 0:
                if self._timer is None:
                    self._timer = self.set_timer(wait, self._draw_live)
                return
        self._draw_now()

    def _draw_live(self) -> None:
        self._timer = None
        self._draw_now()

    def _draw_now(self) -> None:
        changes, self._changes = self._changes, set()
        began = time.process_time()
        for screen in self._desk_screens():
            screen.desk_changed(changes)
        main = self.screen_stack[0]
        if isinstance(main, MainScreen) and main.is_mounted and main.transcript.attached:
            mark_read(self.desk)
        self._drawn_at, self._draw_cost = time.monotonic(), time.process_time() - began

    def _desk_screens(self) -> Iterable[DeskScreen | DeskDialog[Any]]:
        return [s for s in self.screen_stack if isinstance(s, DeskScreen | DeskDialog) and s.is_mounted]

    # keys

    def action_log_in(self) -> None:
        """Ask who this is, if the server wants to know."""
        from aichat_tui.screens.login import LoginForm  # noqa: PLC0415 - the first screen comes sooner

        if self.session.state is State.REFUSED and not any(isinstance(s, LoginForm) for s in self.screen_stack):
            self.push_screen(LoginForm(self.desk, self.link, self._server))

    def action_log_out(self) -> None:
        """Forget who this is; words that were not sent are not lost without a question."""
        from aichat_tui.screens.question import Question  # noqa: PLC0415

        unsent = len(self.session.outbox)
        if not unsent:
            self._log_out(True)
            return
        detail = plural(
            "{n} thing was not sent yet, and is lost.", "{n} things were not sent yet, and are lost.", unsent
        )
        self.push_screen(Question(_("Log out?"), detail, _("Log out")), self._log_out)

    def _log_out(self, yes: bool | None) -> None:
        if yes:
            self.link.log_out()
            self.desk.leave("")
            self._draw_soon()

    def action_settings(self) -> None:
        """What can be chosen."""
        from aichat_tui.screens.settings import Settings  # noqa: PLC0415

        if not any(isinstance(screen, Settings) for screen in self.screen_stack):
            self.push_screen(Settings(self.desk, self._server))

    def go(self, persona_id: str, conversation_id: int | None = None) -> None:
        """To a persona, or to a conversation."""
        if conversation_id is None:
            self.desk.choose_persona(persona_id)
        else:
            self.desk.choose_conversation(conversation_id)
        main = self.screen_stack[0]
        if isinstance(main, MainScreen):
            main.back_from_dialog()

    def deeds(self, screen: Screen[Any]) -> Iterable[Deed]:
        """What has no key here."""
        if isinstance(screen, MainScreen):
            yield from screen.persona_deeds()
        if self.session.state is State.REFUSED:
            yield Deed(_("Log in"), _("With a name and a password, or a token"), self.action_log_in)
        elif self.session.user and not is_confined():
            title = _("Log out") if self.desk.shown_user else _("Log in as another user")
            yield Deed(title, _("The keyring forgets you; answers go on"), self.action_log_out)
        yield from super().deeds(screen)
