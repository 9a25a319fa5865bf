"""The personas, one below the other: initials, name, what was last spoken about, and a mark for what is unseen."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widgets.option_list import Option

from aichat_tui.avatar import fit, initials
from aichat_tui.i18n import N_
from aichat_tui.theme import Palette
from aichat_tui.widgets.lists import KeyList

SHARED = "⇄"

NARROW = 22
"""Cells: below this a persona has one line."""


class Entry(NamedTuple):
    """One persona as it stands in the list."""

    persona_id: str
    name: str
    about: str
    time: str
    unread: bool
    mark: str = ""
    """Whose it is, if another user's; `SHARED` if it is one's own and shared."""


class PersonaList(KeyList):
    """Chooses a persona."""

    PLACE = N_("Personas")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "select", N_("Open"), show=False),
        Binding("n", "screen.persona_new", N_("New persona")),
        Binding("e", "screen.persona_edit", N_("Edit")),
        Binding("d,delete", "screen.persona_delete", N_("Delete"), key_display="d"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._entries: list[Entry] = []
        self._current = ""
        self._follow = False
        self._palette: Palette | None = None
        self._drawn: object = None

    @property
    def highlighted_id(self) -> str:
        """The persona under the cursor."""
        return "" if self.highlighted is None else self.get_option_at_index(self.highlighted).id or ""

    def show(self, entries: list[Entry], current: str, palette: Palette) -> None:
        """Show these personas; `current` is the one spoken with."""
        self._follow = self._follow or current != self._current
        self._entries, self._current, self._palette = entries, current, palette
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Names are cut elsewhere now."""
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        state = (self._entries, self._current, self._palette, self.size)
        if self._palette is None or not width or state == self._drawn:
            return
        self._drawn = state
        at = self._current if self._follow or not self.highlighted_id else self.highlighted_id
        self.clear_options()
        airy = width >= NARROW and len(self._entries) * 3 <= self.size.height
        for number, entry in enumerate(self._entries):
            if airy and number:
                self.add_option(None)
            self.add_option(Option(self._entry(entry, width), id=entry.persona_id))
        ids = [entry.persona_id for entry in self._entries]
        if ids:
            self.highlighted = ids.index(at) if at in ids else 0
        if self._current in ids:
            self._follow = False  # until it is here: one just made may be chosen before its event comes

    def _entry(self, entry: Entry, width: int) -> Text:
        palette = self._palette
        assert palette is not None
        here = entry.persona_id == self._current
        accent, muted = Style(color=palette.accent), Style(color=palette.muted)
        bar = Text("▌" if here else " ", accent)
        chip = Style(color=palette.accent, bgcolor=palette.own if here or width >= NARROW else None, bold=True)
        mark = "●" if entry.unread else ""
        room = width - 7 - (2 if mark else 0)
        whose = fit(entry.mark, min(8, room // 3))
        name = fit(entry.name, room - (cell_len(whose) + 1 if whose else 0))
        first = Text.assemble(bar, (f" {initials(entry.name)} ", chip), " ")
        first.append(name, Style(bold=here or entry.unread))
        if whose:
            first.append(f" {whose}", muted)
        if mark:
            first.append(" " * (width - 1 - first.cell_len - 1))
            first.append(mark, accent)
        if width < NARROW:
            return first
        time = f" {entry.time}" if entry.time else ""
        about = fit(entry.about, width - 7 - cell_len(time))
        gap = " " * (width - 7 - cell_len(about) - cell_len(time))
        second = Text.assemble(bar, "     ", (about + gap + time, muted))
        return Text("\n").join([first, second])
