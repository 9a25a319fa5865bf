"""The keys of the screen one comes from, place by place."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from aichat_tui.i18n import N_, _
from aichat_tui.keys import Place, places
from aichat_tui.screens.base import say_again
from aichat_tui.theme import palette_of
from aichat_tui.widgets.lines import KeyBar

TWO_COLUMNS = 110
"""Cells of the terminal's width from which on the places stand side by side."""


class Help(ModalScreen[None]):
    """All keys on one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,question_mark", "dismiss", N_("Back"), key_display="Esc"),
        Binding("j,down", "scroll(1)", N_("Down"), key_display="j"),
        Binding("k,up", "scroll(-1)", N_("Up"), key_display="k"),
        Binding("ctrl+d,pagedown,space", "scroll(10)", N_("Page down"), show=False),
        Binding("ctrl+u,pageup", "scroll(-10)", N_("Page up"), show=False),
        Binding("g,home", "scroll(-999)", N_("Top"), show=False),
        Binding("G,end", "scroll(999)", N_("End"), show=False),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._of = screen

    def compose(self) -> ComposeResult:
        """One text that scrolls where the terminal is small."""
        with VerticalScroll(classes="panel", id="help"):
            yield Static(id="help-text", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """The keys."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """One column or two."""
        self._show()

    def language_changed(self) -> None:
        """The words."""
        say_again(self)
        self._show()

    def recolour(self) -> None:
        """The colours."""
        self._show()

    def _show(self) -> None:
        wide = self.app.size.width >= TWO_COLUMNS
        self.query_one("#help").set_class(wide, "two")
        found = places(self._of, self.app)
        if not wide:
            page = self._column(found)
        else:
            half, left = sum(len(place.keys) + 2 for place in found) / 2, 0
            while left < len(found) - 1 and sum(len(p.keys) + 2 for p in found[: left + 1]) <= half + 2:
                left += 1
            page = Table.grid(padding=(0, 3, 0, 0), expand=True)
            page.add_column(ratio=1)
            page.add_column(ratio=1)
            page.add_row(self._column(found[:left]), self._column(found[left:]))
        self.query_one("#help-text", Static).update(page)

    def _column(self, found: list[Place]) -> Table:
        accent = Style(color=palette_of(self.app).accent)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column()
        for number, place in enumerate(found):
            if number:
                table.add_row()
            table.add_row(Text(_(place.title), Style(bold=True)))
            for key, words in place.keys:
                table.add_row(Text(f" {key}", accent), Text(_(words)))
        return table

    def action_scroll(self, lines: int) -> None:
        """So many lines."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)
