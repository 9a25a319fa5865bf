"""Search in everything that was said, and in titles: by the server, while one types."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aichat.protocol import frames
from aichat.protocol.values import USER, SearchResult
from aichat_tui import clock
from aichat_tui.avatar import fit
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _, plural
from aichat_tui.screens.base import DeskDialog
from aichat_tui.text import label
from aichat_tui.theme import palette_of
from aichat_tui.widgets.lines import KeyBar, Words
from aichat_tui.widgets.lists import KeyList

AFTER = 0.18
"""Seconds after the last key."""

PAGE = 30
LONGEST = 200
MORE = "more"


class Results(KeyList):
    """What was found."""

    PLACE = N_("Search")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "screen.words", N_("Other words")),
        Binding("up,k", "screen.up", N_("Up"), show=False),
    ]


class Search(DeskDialog[tuple[int, int]]):
    """The result is a conversation and a message in it (0: its title was found); None: nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", N_("Back")),
        Binding("down", "results", N_("Results"), show=False),
    ]

    def __init__(self, desk: Desk, words: str = "") -> None:
        super().__init__(desk)
        self._first = words
        self._asked = ""
        self._found: list[SearchResult] = []
        self._before: int | None = None
        self._state = ""
        self._later: Timer | None = None

    def compose(self) -> ComposeResult:
        """What to look for, what was found, how it stands."""
        with Vertical(classes="panel search"):
            yield Words(N_("Search everything"), classes="dialog-title")
            yield Input(self._first, compact=True, id="words", max_length=LONGEST)
            yield Results(id="results")
            yield Static(id="search-state", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Words first."""
        self.query_one("#words").focus()
        self.language_changed()

    def language_changed(self) -> None:
        """The words around the results."""
        super().language_changed()
        self.query_one("#words", Input).placeholder = _("words, in any order; Chinese too")
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are cut elsewhere now."""
        self.call_after_refresh(self._show)

    def recolour(self) -> None:
        """Drawn in other colours."""
        self._show()

    # asking

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ask when nothing more is typed for a moment."""
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(AFTER, self._ask)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: to what was found, or ask now."""
        if self._words == self._asked and self._found:
            self.action_results()
        else:
            self._ask()

    @property
    def _words(self) -> str:
        return self.query_one("#words", Input).value.strip()

    def _ask(self, before: int | None = None) -> None:
        words = self._words
        if before is None and words == self._asked:
            return
        self._asked, self._state = words, "asking"
        if before is None:
            self._found, self._before = [], None
        if not words:
            self._state = ""
        else:
            query = frames.SearchRequest(query=words, before=before, limit=PAGE)
            if not self.desk.questions.ask(query, lambda frame: self._came(words, frame)):
                self._state, self._asked = "offline", ""
        self._show()

    def _came(self, words: str, frame: frames.AnyPush | None) -> None:
        if words != self._asked or not self.is_mounted:
            return  # other words are looked for by now
        if isinstance(frame, frames.SearchResults):
            self._found += frame.results
            self._before = frame.before
            self._state = "indexing" if frame.indexing else "done"
        elif isinstance(frame, frames.Error):
            self._state = label(frame.message)
        else:
            self._state, self._asked = "offline", ""
        self._show()

    # drawing

    def _show(self) -> None:
        listing = self.query_one("#results", OptionList)
        at = listing.highlighted
        width = max(30, listing.size.width - 1)
        listing.clear_options()
        for number, result in enumerate(self._found):
            listing.add_option(Option(self._entry(result, width), id=str(number)))
        if self._found and self._before:
            more = Text("  " + _("Older ones …"), Style(color=palette_of(self.app).accent))
            listing.add_option(Option(more, id=MORE))
        if self._found:
            listing.highlighted = min(at or 0, listing.option_count - 1)
        self.query_one("#search-state", Static).update(self._said())
        self.refresh_bindings()

    def _said(self) -> str:
        match self._state:
            case "":
                return _("Titles and messages of all conversations.")
            case "asking":
                return _("Searching…")
            case "offline":
                return _("There is no connection: search works when it is back.")
            case "done" | "indexing":
                count = len(self._found)
                words = plural("{n} place", "{n} places", count) if count else _("Nothing was said with these words.")
                if self._state == "indexing":
                    words += " · " + _("old messages are still being made ready")
                return words
        return self._state

    def _entry(self, result: SearchResult, width: int) -> Text:
        palette = palette_of(self.app)
        accent, muted = Style(color=palette.accent, bold=True), Style(color=palette.muted)
        conversation = result.conversation
        persona = self.desk.timeline.personas.get(conversation.persona_id)
        name = label(persona.name) if persona else ""
        time = clock.when(result.send_time or conversation.update_time or conversation.create_time)
        room = width - 3 - cell_len(time)
        who = "" if not result.message_id else _("You") if result.sender_type == USER else name
        head = fit(" · ".join(filter(None, [label(conversation.title) or _("untitled"), name])), room)
        first = Text(f" {head}", Style(bold=not result.message_id))
        first.append(" " * max(1, width - first.cell_len - cell_len(time)) + time, muted)
        if not result.message_id:
            return first
        second = Text("   ", no_wrap=True)
        second.append(f"{who}: ", muted)
        second.append_text(self._marked(result, width - second.cell_len - 1, accent))
        return Text("\n").join([first, second])

    def _marked(self, result: SearchResult, room: int, accent: Style) -> Text:
        """The snippet, cut so that its first match is seen, the matches in the accent."""
        begin = result.matches[0][0] if result.matches else 0
        skip = max(0, begin - max(8, room // 4)) if cell_len(result.snippet) > room else 0
        text = Text("…" if skip else "")
        at = skip
        for start, end in result.matches:
            if end <= at or start < at:
                continue
            text.append(label_in(result.snippet[at:start]))
            text.append(label_in(result.snippet[start:end]), accent)
            at = end
        text.append(label_in(result.snippet[at:]))
        text.truncate(max(1, room), overflow="ellipsis")
        return text

    # going

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click goes there."""
        if event.option.id == MORE:
            self._ask(self._before)
            return
        result = self._found[int(event.option.id or 0)]
        self.dismiss((result.conversation.id, result.message_id))

    def action_results(self) -> None:
        """Down from the words."""
        if self._found:
            self.query_one("#results").focus()

    def action_up(self) -> None:
        """Up; above the first, the words."""
        listing = self.query_one("#results", OptionList)
        if not listing.highlighted:
            self.action_words()
        else:
            listing.action_cursor_up()

    def action_words(self) -> None:
        """Back to what is looked for."""
        self.query_one("#words").focus()

    def action_close(self) -> None:
        """Leave."""
        self.dismiss(None)


def label_in(piece: str) -> str:
    """A piece of a line, clean, its blanks at the ends kept."""
    whole = label(f"x{piece}x")
    return whole[1:-1]
