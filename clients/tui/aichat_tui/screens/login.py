"""Who one is: a name and a password, or a token."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from aichat.protocol.session import State
from aichat.protocol.timeline import Change
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _
from aichat_tui.link import Link
from aichat_tui.screens.base import DeskDialog
from aichat_tui.text import label
from aichat_tui.widgets.lines import KeyBar


class Field(Input):
    """A line of the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", N_("Log in"))]


class LoginForm(DeskDialog[None]):
    """Stays until the server has let the user in; what it refuses is said here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", N_("Next field")),
        Binding("ctrl+r", "again", N_("Try again"), priority=True),
        Binding("escape", "close", N_("Back")),
    ]

    def __init__(self, desk: Desk, link: Link, server: str) -> None:
        super().__init__(desk)
        self._link, self._server = link, server
        self._waits = False

    def compose(self) -> ComposeResult:
        """Three fields, each under its name."""
        with VerticalScroll(classes="panel form login", can_focus=False):
            where = label(urlsplit(self._server).netloc or self._server)
            yield Static(_("Log in at {server}").format(server=where), classes="dialog-title", markup=False)
            yield Static(_("User name"), classes="field", markup=False)
            yield Field(id="name", compact=True, max_length=100)
            yield Static(_("Password"), classes="field", markup=False)
            yield Field(id="password", compact=True, max_length=200, password=True)
            yield Static(_("Or, in place of both, a token"), classes="field", markup=False)
            yield Field(id="token", compact=True, max_length=200, password=True)
            yield Static(id="login-words", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin with the name; what the server said stands below."""
        self.query_one("#name").focus()
        self._say(label(self.desk.session.refusal), bad=bool(self.desk.session.token))

    def _say(self, words: str, *, bad: bool) -> None:
        place = self.query_one("#login-words", Static)
        place.update(words)
        place.set_class(bad, "bad")

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: on with what is there, or to the field that is missing."""
        name, password, token = self._value("name").strip(), self._value("password"), self._value("token").strip()
        if self._waits:
            return
        if token.isascii() and token and event.input.id == "token":
            self._wait()
            self._link.use_token(token)
        elif not name:
            self.query_one("#name").focus()
        elif not password:
            self.query_one("#password").focus()
        else:
            self._wait()
            self._link.log_in(name, password)

    def action_again(self) -> None:
        """As at the start: the token may lie in its file by now, and who is on the server's machine may need none."""
        if not self._waits:
            self._wait()
            self._link.retry_now()

    def _wait(self) -> None:
        self._waits = True
        self._say(_("one moment …"), bad=False)

    def desk_changed(self, changes: set[Change]) -> None:
        """Close when the server has let the user in, or cannot be reached; say so when it refused."""
        session = self.desk.session
        if session.state is State.LIVE or (session.state is State.OFFLINE and self._link.retry_at is not None):
            self.dismiss()
        elif session.state is State.REFUSED and self._waits and self._link.is_idle:
            self._waits = False
            for field in ("password", "token"):
                self.query_one(f"#{field}", Input).value = ""
            self._say(label(session.refusal) or _("The server refused."), bad=True)
            if self.focused is not self.query_one("#token"):
                self.query_one("#password").focus()

    def action_close(self) -> None:
        """Back to the main screen, which says how to come here again."""
        self.dismiss()
