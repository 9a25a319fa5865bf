"""The keys, place by place."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from aichat_tui.i18n import N_, _
from aichat_tui.theme import PALETTES
from aichat_tui.widgets.lines import KeyBar

KEYS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        N_("Everywhere"),
        [
            ("Tab", N_("next place: writing, personas, conversation")),
            ("Esc", N_("stop the running answer; else back to writing")),
            ("Ctrl+N", N_("new conversation")),
            ("Ctrl+O", N_("conversations with this persona")),
            ("Alt+↑ Alt+↓", N_("the persona above or below")),
            ("Ctrl+B", N_("personas: go there, hide, show")),
            ("Ctrl+R", N_("ask again; send again; connect now")),
            ("Ctrl+G", N_("go on with an answer that broke off or was stopped")),
            ("Ctrl+X", N_("take back what was not sent")),
            ("Ctrl+T", N_("light or dark")),
            ("Ctrl+P", N_("all commands by name")),
            ("F1", N_("this page")),
            ("Ctrl+Q", N_("quit; answers go on without you")),
        ],
    ),
    (
        N_("Writing"),
        [
            ("Enter", N_("send")),
            ("Ctrl+J", N_("new line; Alt+Enter and Shift+Enter too, where the terminal tells them from Enter")),
            ("1 2 3, ↑ ↓", N_("in an empty conversation: choose a starter question")),
            ("PgUp PgDn", N_("scroll the conversation; Ctrl+End: to its end")),
        ],
    ),
    (
        N_("Conversation"),
        [
            ("j k ↑ ↓", N_("line by line")),
            ("Space b, ^D ^U", N_("page by page")),
            ("g G", N_("oldest loaded, newest")),
            ("r", N_("open or close the thoughts of the answer in view")),
            ("y", N_("copy the answer in view")),
        ],
    ),
    (
        N_("Personas"),
        [("Enter", N_("speak with it")), ("n e d", N_("new, edit, delete")), ("j k g G", N_("move"))],
    ),
]


class Help(ModalScreen[None]):
    """All keys on one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,question_mark", "dismiss", N_("Back"), key_display="Esc"),
        Binding("j,down", "scroll(1)", N_("Down"), key_display="j"),
        Binding("k,up", "scroll(-1)", N_("Up"), key_display="k"),
    ]

    def compose(self) -> ComposeResult:
        """One text that scrolls where the terminal is small."""
        with VerticalScroll(classes="panel", id="help"):
            yield Static(self._text(), markup=False)
        yield KeyBar()

    def _text(self) -> Table:
        accent = Style(color=PALETTES[self.app.theme].accent)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column()
        for number, (title, keys) in enumerate(KEYS):
            if number:
                table.add_row()
            table.add_row(Text(_(title), Style(bold=True)))
            for key, words in keys:
                table.add_row(Text(f" {key}", accent), _(words))
        return table

    def action_scroll(self, lines: int) -> None:
        """Line by line."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)
