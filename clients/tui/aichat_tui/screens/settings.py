"""What can be chosen, and what is so: language, colours, account, server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aichat.protocol.session import State
from aichat.protocol.timeline import Change
from aichat_tui import __version__, i18n
from aichat_tui.avatar import fit
from aichat_tui.confined import is_confined
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _
from aichat_tui.screens.base import DeskDialog
from aichat_tui.text import label
from aichat_tui.theme import palette_of, titles
from aichat_tui.widgets.lines import KeyBar, Words
from aichat_tui.widgets.lists import KeyList

if TYPE_CHECKING:
    from aichat_tui.app import ChatApp

NAMES_WIDTH = 18
"""Cells of the column of names."""


class Line(NamedTuple):
    """One line: a title, or a setting and its value. `step` changes it by 1 or -1; None: it is only said."""

    name: str
    value: str = ""
    step: Callable[[int], None] | None = None
    is_title: bool = False
    many: bool = False
    """Whether there are values to go through, rather than one thing to do."""


class SettingsList(KeyList):
    """The settings, one a line."""

    PLACE = N_("Settings")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "select", N_("Change"), key_display="Enter"),
        Binding("right,l", "screen.step(1)", N_("Next value"), key_display="→"),
        Binding("left,h", "screen.step(-1)", N_("Value before"), key_display="←"),
    ]


class Settings(DeskDialog[None]):
    """Whatever is changed holds at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f2", "dismiss", N_("Back"), key_display="Esc")]

    def __init__(self, desk: Desk, server: str) -> None:
        super().__init__(desk)
        self._server = server
        self._lines: list[Line] = []

    def compose(self) -> ComposeResult:
        """A title and the list."""
        with Vertical(classes="panel"):
            yield Words(N_("Settings"), classes="dialog-title")
            yield SettingsList(id="settings")
        yield KeyBar()

    def on_mount(self) -> None:
        """The list first."""
        self.query_one("#settings").focus()
        self._show()
        self.call_after_refresh(self._show)  # at the width that it has then

    def on_resize(self, event: events.Resize) -> None:
        """Values are cut elsewhere now."""
        self.call_after_refresh(self._show)

    def desk_changed(self, changes: set[Change]) -> None:
        """The connection, or who this is."""
        self._show()

    @property
    def _chat(self) -> ChatApp:
        return cast("ChatApp", self.app)

    def _all(self) -> list[Line]:
        app, session = self._chat, self.desk.session
        live = session.state is State.LIVE
        state = _("connected") if live else _("not logged in") if session.state is State.REFUSED else _("offline")
        if live and session.server:
            state += f" · {label(session.server)}"
        user = label(session.user) if live else ""
        role = {"owner": _("owner"), "member": _("member")}.get(session.role, "")
        account = [Line(_("User"), f"{user} · {role}" if role else user)] if user else []
        if session.state is State.REFUSED:
            account.append(Line(_("Log in"), step=lambda _by: app.action_log_in()))
        elif session.user and not is_confined():
            title = _("Log out") if self.desk.shown_user else _("Log in as another user")
            account.append(Line(title, step=lambda _by: app.action_log_out()))
        choice = app.prefs["language"]
        language = i18n.NAMES.get(choice) or _("as the system: {name}").format(name=i18n.NAMES[i18n.current()])
        return [
            Line(_("Appearance"), is_title=True),
            Line(_("Language"), language, self._language, many=True),
            Line(_("Colours"), _(titles(app).get(app.theme, app.theme)), self._theme, many=True),
            Line(_("Account"), is_title=True),
            *account,
            Line(_("Server"), is_title=True),
            Line(_("Address"), label(self._server)),
            Line(_("Connection"), state),
            Line(_("This app"), f"aichat-tui {__version__}"),
            Line(_("Keys"), is_title=True),
            Line(_("What each key does"), "F1", step=lambda _by: app.action_help()),
        ]

    def _show(self) -> None:
        listing = self.query_one("#settings", OptionList)
        at = listing.highlighted
        self._lines = self._all()
        width = max(30, listing.size.width - 1)
        listing.clear_options()
        for number, line in enumerate(self._lines):
            if line.is_title and number:
                listing.add_option(Option("", disabled=True))
            listing.add_option(Option(self._drawn(line, width), id=str(number), disabled=line.step is None))
        known = {option.id for option in listing.options if not option.disabled}
        first = next((i for i, option in enumerate(listing.options) if option.id in known), None)
        listing.highlighted = at if at is not None and at < listing.option_count else first
        self.refresh_bindings()

    def _drawn(self, line: Line, width: int) -> Text:
        palette = palette_of(self.app)
        if line.is_title:
            return Text(line.name, Style(color=palette.accent, bold=True))
        name = fit(line.name, width - 4 if not line.value else NAMES_WIDTH)
        text = Text.assemble("  ", (name, Style(color=palette.text if line.step else palette.muted)))
        text.append(" " * max(2, NAMES_WIDTH + 2 - cell_len(name)))
        value = fit(line.value, width - text.cell_len - 4)
        marks = ("‹ ", " ›") if line.many else ("", "")
        text.append(marks[0], Style(color=palette.accent))
        text.append(value, Style(color=palette.text))
        text.append(marks[1], Style(color=palette.accent))
        return text

    def _highlighted(self) -> Line | None:
        option = self.query_one("#settings", OptionList).highlighted_option
        return self._lines[int(option.id or 0)] if option is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The arrows only where there are values."""
        if action == "step":
            line = self._highlighted()
            return line is not None and line.many
        return True

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Other keys may work here."""
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click: the next value, or what the line says."""
        self.action_step(1)

    def action_step(self, by: int) -> None:
        """Change the setting under the cursor."""
        line = self._highlighted()
        if line is not None and line.step is not None:
            line.step(by)
            self._show()

    def _language(self, by: int) -> None:
        known = [i18n.SYSTEM, *i18n.NAMES]
        at = known.index(self._chat.prefs["language"]) if self._chat.prefs["language"] in known else 0
        self._chat.speak(known[(at + by) % len(known)])

    def _theme(self, by: int) -> None:
        known = list(titles(self.app))
        self._chat.use_theme(known[(known.index(self.app.theme) + by) % len(known)])
