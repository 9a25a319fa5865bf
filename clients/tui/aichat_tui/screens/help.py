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

from aichat_tui.theme import PALETTES
from aichat_tui.widgets.lines import KeyBar
from aichat_tui.words import _

KEYS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        _("Everywhere"),
        [
            ("Tab", _("next place: writing, personas, conversation")),
            ("Esc", _("stop the running answer; else back to writing")),
            ("Ctrl+N", _("new conversation")),
            ("Ctrl+O", _("conversations with this persona")),
            ("Alt+↑ Alt+↓", _("the persona above or below")),
            ("Ctrl+B", _("personas: go there, hide, show")),
            ("Ctrl+R", _("ask again; send again; connect now")),
            ("Ctrl+G", _("go on with an answer that broke off or was stopped")),
            ("Ctrl+X", _("take back what was not sent")),
            ("Ctrl+T", _("light or dark")),
            ("Ctrl+P", _("all commands by name")),
            ("F1", _("this page")),
            ("Ctrl+Q", _("quit; answers go on without you")),
        ],
    ),
    (
        _("Writing"),
        [
            ("Enter", _("send")),
            ("Ctrl+J", _("new line; Alt+Enter and Shift+Enter too, where the terminal tells them from Enter")),
            ("1 2 3, ↑ ↓", _("in an empty conversation: choose a starter question")),
            ("PgUp PgDn", _("scroll the conversation; Ctrl+End: to its end")),
        ],
    ),
    (
        _("Conversation"),
        [
            ("j k ↑ ↓", _("line by line")),
            ("Space b, ^D ^U", _("page by page")),
            ("g G", _("oldest loaded, newest")),
            ("r", _("open or close the thoughts of the answer in view")),
            ("y", _("copy the answer in view")),
        ],
    ),
    (
        _("Personas"),
        [("Enter", _("speak with it")), ("n e d", _("new, edit, delete")), ("j k g G", _("move"))],
    ),
]


class Help(ModalScreen[None]):
    """All keys on one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,question_mark", "dismiss", _("Back"), key_display="Esc"),
        Binding("j,down", "scroll(1)", _("Down"), key_display="j"),
        Binding("k,up", "scroll(-1)", _("Up"), key_display="k"),
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
            table.add_row(Text(title, Style(bold=True)))
            for key, words in keys:
                table.add_row(Text(f" {key}", accent), words)
        return table

    def action_scroll(self, lines: int) -> None:
        """Line by line."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)
