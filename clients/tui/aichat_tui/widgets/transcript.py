"""The conversation: one widget that draws lines.

It holds all loaded rows but draws only those near the reader, from the newest up, so a conversation of any length
opens at once. Attached, it follows the end; scrolled up, it stays where it is and says when something new came.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from aichat_tui.i18n import N_, _
from aichat_tui.rows import Row
from aichat_tui.theme import Palette
from aichat_tui.widgets.drawing import Drawer
from aichat_tui.widgets.picking import Picking

COLUMN = 92
"""Cells: wider lines are hard to read."""

TOPMOST = ("older", "day")
"""Rows that go up when older messages come above the others, so that they mark no place."""

CHUNK = 40
"""Rows drawn at once, at the start and each time the reader comes near the top."""


class Transcript(Picking, can_focus=True):
    """Shows rows; scrolls; folds reasoning."""

    PLACE = N_("Conversation")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", N_("Up"), show=False),
        Binding("down,j", "scroll_down", N_("Down"), show=False),
        Binding("pageup,ctrl+u,b", "page_up", N_("Page up"), show=False),
        Binding("pagedown,ctrl+d,space", "page_down", N_("Page down"), show=False),
        Binding("home,g", "scroll_home", N_("Top"), show=False),
        Binding("end,G", "scroll_end", N_("End"), key_display="G"),
        Binding("r", "fold", N_("Thoughts"), key_display="r"),
    ]

    class ReachedTop(Message):
        """The reader is near the oldest row: more would be welcome."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.attached = True
        self.news = False
        self._drawer = Drawer()
        self._rows: list[Row] = []
        self._strips: list[list[Strip]] = []
        """Of `_rows[_first:]`."""
        self._first = 0
        self._tops: list[int] = [0]
        self._base = Style()
        self._live: dict[int, tuple[Text, Strip]] = {}
        """The lines of the answer that grows, by identity: those that a drawing leaves as they are stay drawn."""

    # what is shown

    @property
    def rows(self) -> list[Row]:
        """All rows, drawn or not."""
        return self._rows

    def show(self, rows: list[Row], name: str, *, anew: bool = False) -> None:
        """Show these rows; `anew`: of another conversation, so start at its end."""
        if anew:
            self._drawer.forget()
            self.picked = 0
            self.attached, self.news = True, False
        if anew or name != self._drawer.name or not self._strips:
            self._drawer.name = name
            self._rows, self._strips, self._first = rows, [], max(0, len(rows) - CHUNK)
            self._draw_all()
            return
        known = {row.key: (row, index) for index, row in enumerate(self._rows)}
        first_key = next((row.key for row in self._rows[self._first :] if row.kind not in TOPMOST), "")
        newest = max(0, len(rows) - CHUNK)
        if self._first:
            first = next((i for i, row in enumerate(rows) if row.key == first_key), newest)
        else:
            first = min(newest, self._rows_before(rows, first_key))
        anchor = self._anchor()
        grew = bool(rows) and bool(self._rows) and rows[-1].key != self._rows[-1].key
        strips = []
        for row in rows[first:]:
            old, index = known.get(row.key, (None, 0))
            if old == row and index >= self._first:
                strips.append(self._strips[index - self._first])
            else:
                strips.append(self._draw(row))
        self._rows, self._strips, self._first = rows, strips, first
        self.news = self.news or (grew and not self.attached)
        self._measure(anchor)

    def _rows_before(self, rows: list[Row], key: str) -> int:
        """Of rows new at the top, a page just loaded say, only the nearest are drawn at once."""
        at = next((i for i, row in enumerate(rows) if row.key == key), 0)
        return max(0, at - CHUNK)

    def update_row(self, row: Row) -> None:
        """Draw one row anew, because its text grew."""
        for index in range(self._first + len(self._strips) - 1, self._first - 1, -1):
            if self._rows[index].key == row.key:
                anchor = self._anchor()
                self._rows[index] = row
                at = index - self._first
                old, new = self._strips[at], self._draw(row)
                self._strips[at] = new
                had_news, self.news = self.news, self.news or not self.attached
                if len(old) != len(new) or had_news != self.news:
                    self._measure(anchor)
                else:  # most of a growing answer stays as it is: only what differs is painted
                    same = next((i for i, two in enumerate(zip(old, new, strict=True)) if two[0] != two[1]), len(new))
                    self.refresh_lines(self._tops[at] + same, len(new) - same)
                return

    def use(self, palette: Palette) -> None:
        """Draw in these colours."""
        if palette != self._drawer.palette:
            self._drawer.palette = palette
            self._base = Style(color=palette.text, bgcolor=palette.window)
            self._draw_all()

    def redraw(self) -> None:
        """The language is another one."""
        self._draw_all()

    def reveal(self, message_id: int) -> None:
        """Show this message at the top of the view, if it is among the rows."""
        ids = [row.message.id if row.message is not None else 0 for row in self._rows]
        if message_id not in ids or self._drawer.palette is None:
            return
        at = ids.index(message_id)
        if at < self._first:
            first = max(0, at - 5)
            self._strips = [self._draw(row) for row in self._rows[first : self._first]] + self._strips
            self._first = first
        self.attached = False
        self._measure((self._rows[at].key, 0))

    def to_end(self) -> None:
        """Follow the end again."""
        self.attached, self.news = True, False
        self._measure(None)

    # drawing

    def _draw(self, row: Row) -> list[Strip]:
        lines = self._drawer.draw(row)
        if row.message is None or row.message.status != "running":
            return [self._strip(line) for line in lines]
        known, self._live = self._live, {}
        for line in lines:
            self._live[id(line)] = known.get(id(line)) or (line, self._strip(line))
        return [self._live[id(line)][1] for line in lines]

    def _strip(self, line: Text) -> Strip:
        """One line as wide as the view; one object, since each brings caches of its own."""
        width, base = self.size.width, self._base
        left = max(0, (width - self._drawer.width) // 2)
        whole = base + line.style if isinstance(line.style, Style) else base  # Text.render leaves it out
        segments = [Segment(" " * left, base)] if left else []
        for text, style, _control in line.render(self.app.console):
            segments.append(Segment(text, whole + style if style else whole))
        length = left + line.cell_len
        if length < width:
            segments.append(Segment(" " * (width - length), base))
        strip = Strip(segments, max(length, width))
        return strip.crop(0, width) if length > width else strip

    def _draw_all(self) -> None:
        if self.size.width and self._drawer.palette is not None:
            anchor = self._anchor()
            self._live.clear()
            self._drawer.width = max(10, min(COLUMN, self.size.width - 4))
            self._strips = [self._draw(row) for row in self._rows[self._first :]]
            self._measure(anchor)

    def _anchor(self) -> tuple[str, int] | None:
        """The row at the top of the view and how far into it; None while attached."""
        if self.attached or not self._strips:
            return None
        y = round(self.scroll_y)
        index = min(bisect_right(self._tops, y) - 1, len(self._strips) - 1)
        while self._rows[self._first + index].kind in TOPMOST and index + 1 < len(self._strips):
            index += 1
        return self._rows[self._first + index].key, y - self._tops[index]

    def _measure(self, anchor: tuple[str, int] | None) -> None:
        self._tops = list(accumulate(map(len, self._strips), initial=0))
        self._set_extent(Size(self.size.width, self._tops[-1]))
        if anchor is not None:
            keys = [row.key for row in self._rows[self._first :]]
            if anchor[0] in keys:
                self.scroll_to(y=self._tops[keys.index(anchor[0])] + anchor[1], animate=False, force=True)
        elif self.attached:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.refresh()

    def _set_extent(self, size: Size) -> None:
        """How much there is to scroll; where the bar is there already, the places need no new order for it."""
        if self.show_vertical_scrollbar and size.height > self.size.height and size.width == self.virtual_size.width:
            self.set_reactive(Widget.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines as they are drawn: the general way would look for border, padding and tint each time.

        Colours stay what they are too: the filter that turns a terminal's own ones into others is not for these.
        """
        strips = [self.render_line(y).crop_extend(crop.x, crop.right, self._base) for y in crop.line_range]
        for each in self.get_line_filters():
            if not isinstance(each, ANSIToTruecolor):
                strips = [strip.apply_filter(each, self.background_colors[1]) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One line of the view; the last one carries the sign that something new is below."""
        line = round(self.scroll_y) + y
        width = self.size.width
        if line >= self._tops[-1]:
            return Strip.blank(width, self._base)
        index = bisect_right(self._tops, line) - 1
        strip = self._strips[index][line - self._tops[index]]
        row = self._rows[self._first + index]
        if row.message is not None and row.message.id == self.picked and line < self._tops[index + 1] - 1:
            strip = self._marked(strip)
        if (selection := self.text_selection) is not None:
            strip = self._selected(strip, selection, line)
        if self.news and not self.attached and y == self.size.height - 1:
            return self._with_news(strip, width)
        return strip.apply_offsets(0, line)

    def _with_news(self, strip: Strip, width: int) -> Strip:
        palette = self._drawer.palette
        assert palette is not None
        pill = f" ↓ {_('new')} "
        start = max(0, (width - cell_len(pill)) // 2)
        style = Style(color=palette.on_accent, bgcolor=palette.accent, bold=True)
        after = start + cell_len(pill)
        return Strip.join([strip.crop(0, start), Strip([Segment(pill, style)]), strip.crop(after, width)])

    def _selected(self, strip: Strip, selection: Selection, line: int) -> Strip:
        span = selection.get_span(line)
        if span is None:
            return strip
        start, end = span
        text = strip.text
        first = cell_len(text[:start])
        last = strip.cell_length if end == -1 else cell_len(text[:end])
        style = self.screen.get_component_rich_style("screen--selection")
        middle = Strip(list(Segment.apply_style(strip.crop(first, last), post_style=style)))
        return Strip.join([strip.crop(0, first), middle, strip.crop(last, strip.cell_length)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under the mouse's selection."""
        lines = "\n".join(strip.text.rstrip() for strips in self._strips for strip in strips)
        return selection.extract(lines), "\n"

    # moving

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Attach at the end, detach above it; draw more near the top."""
        super().watch_scroll_y(old_value, new_value)
        self.attached = new_value >= self.max_scroll_y
        if self.attached:
            self.news = False
        if new_value < self.size.height and new_value < old_value:
            self.call_later(self._more)

    def _more(self) -> None:
        """Draw the rows above; when all are drawn, ask for older ones."""
        if self._first == 0 or not self._strips:
            self.post_message(self.ReachedTop())
            return
        anchor = self._anchor()
        first = max(0, self._first - CHUNK)
        self._strips = [self._draw(row) for row in self._rows[first : self._first]] + self._strips
        self._first = first
        self._measure(anchor)

    def on_resize(self, event: events.Resize) -> None:
        """Lines break elsewhere now."""
        self._draw_all()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A click on the sign goes to the end."""
        if self.news and not self.attached and event.y == self.size.height - 1:
            self.to_end()
            return
        line = round(self.scroll_y) + event.y
        if line < self._tops[-1] and self.text_selection is None:
            row = self._rows[self._first + bisect_right(self._tops, line) - 1]
            self.pick(row.message.id if row.message is not None else 0)

    def action_scroll_end(self) -> None:
        """Go to the end and follow it."""
        self.to_end()

    def action_scroll_home(self) -> None:
        """Go to the oldest row drawn; more is drawn on arrival."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_up(self) -> None:
        """One line."""
        self._up(1)

    def action_scroll_down(self) -> None:
        """One line."""
        self.scroll_relative(y=1, animate=False)

    def action_page_up(self) -> None:
        """A view, less two lines to find one's place."""
        self._up(self.size.height - 2)

    def _up(self, lines: int) -> None:
        if self.scroll_y <= 0:
            self._more()
        self.scroll_relative(y=-lines, animate=False)

    def action_page_down(self) -> None:
        """A view, less two lines to find one's place."""
        self.scroll_relative(y=self.size.height - 2, animate=False)

    def action_fold(self) -> None:
        """Open or close the reasoning of the answer in view."""
        row = self._in_view()
        if row is not None and row.message is not None and row.message.reasoning:
            self._drawer.unfolded ^= {row.key}
            self.update_row(row)
