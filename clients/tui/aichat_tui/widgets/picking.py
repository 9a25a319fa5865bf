"""The half of the conversation's widget that marks a message, and says what is wanted with it."""

from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aichat_tui.i18n import N_
from aichat_tui.markdown import code_blocks
from aichat_tui.rows import Row
from aichat_tui.widgets.drawing import Drawer


class Picking(ScrollView):
    """Knows which message is meant: the marked one, else the answer in view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("K,shift+up", "pick(-1)", N_("Message"), key_display="J K", tooltip=N_("The message above or below")),
        Binding("J,shift+down", "pick(1)", N_("Message below"), show=False),
        Binding("y", "copy", N_("Copy answer"), key_display="y"),
        Binding("e", "ask('edit')", N_("Edit"), key_display="e", tooltip=N_("Say it in other words")),
        Binding("a", "ask('anew')", N_("Answer anew"), key_display="a"),
        Binding("t", "ask('branch')", N_("Branch"), show=False, tooltip=N_("Say something else after this answer")),
        Binding("q", "ask('quote')", N_("Quote"), show=False),
        Binding("left,h", "ask('before')", N_("Version before"), show=False),
        Binding("right,l", "ask('after')", N_("Version after"), show=False),
        Binding("d,delete", "ask('delete')", N_("Delete"), key_display="d"),
    ]

    picked = 0
    """The id of the message that is marked."""
    _drawer: Drawer
    _rows: list[Row]
    _first: int
    _tops: list[int]
    _strips: list[list[Strip]]

    class CopyAsked(Message):
        """The reader wants a message, or one of its code blocks (`number`), on the clipboard."""

        def __init__(self, text: str, number: int = 0) -> None:
            super().__init__()
            self.text = text
            self.number = number

    class Asked(Message):
        """The reader wants something done with a message: edit, anew, branch, quote, before, after, delete."""

        def __init__(self, deed: str, row: Row) -> None:
            super().__init__()
            self.deed = deed
            self.row = row

    def _more(self) -> None:
        """Draw the rows above."""

    def _marked(self, strip: Strip) -> Strip:
        """With the bar that says which message is meant."""
        palette = self._drawer.palette
        assert palette is not None
        left = max(1, (self.size.width - self._drawer.width) // 2)
        bar = Segment("▌", Style(color=palette.accent, bgcolor=palette.window))
        return Strip.join([strip.crop(0, left - 1), Strip([bar], 1), strip.crop(left, strip.cell_length)])

    def _in_view(self) -> Row | None:
        """The lowest answer of which something is in view."""
        bottom = round(self.scroll_y) + self.size.height - 1
        index = min(bisect_right(self._tops, bottom) - 1, len(self._strips) - 1)
        answers = (self._rows[i] for i in range(self._first + index, self._first - 1, -1))
        return next((row for row in answers if row.kind == "answer"), None)

    def _meant(self) -> Row | None:
        """The marked message, else the answer in view."""
        return (
            next((row for row in self._rows if row.message and row.message.id == self.picked), None)
            or self._in_view()
        )

    def pick(self, message_id: int) -> None:
        """Mark a message; 0: none."""
        self.picked = message_id
        self.refresh()

    def action_pick(self, step: int) -> None:
        """Mark the message above or below, and show it; the first time the lowest in view."""
        ids = [row.message.id if row.message else 0 for row in self._rows[self._first :]]
        stored = [ident for ident in ids if ident]
        if not stored:
            return
        seen = self._in_view()
        if self.picked in stored:
            at = max(0, min(len(stored) - 1, stored.index(self.picked) + step))
        else:
            at = stored.index(seen.message.id) if seen and seen.message else len(stored) - 1
        self.pick(stored[at])
        index = ids.index(stored[at])
        top, bottom = self._tops[index], self._tops[index + 1]
        if top < self.scroll_y or bottom > self.scroll_y + self.size.height:
            down = bottom - self.size.height if step > 0 and bottom - top < self.size.height else top
            self.scroll_to(y=down, animate=False)
        if at == 0:
            self.call_later(self._more)

    def action_ask(self, deed: str) -> None:
        """Have something done with the message that is meant."""
        row = self._meant()
        if row is not None and row.message is not None:
            self.post_message(self.Asked(deed, row))

    def action_copy(self) -> None:
        """Copy the message that is meant, as it was written."""
        row = self._meant()
        if row is not None:
            self.post_message(self.CopyAsked(row.text if row.message is None else row.message.content))

    def on_key(self, event: events.Key) -> None:
        """A number copies that code block."""
        if event.key.isdecimal() and event.key != "0":
            event.stop()
            row = self._meant()
            found = code_blocks(row.text) if row is not None else []
            if int(event.key) <= len(found):
                self.post_message(self.CopyAsked(found[int(event.key) - 1], int(event.key)))
