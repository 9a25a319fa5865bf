"""Where one writes. Enter sends; Ctrl+J begins a line, as do Alt+Enter and Shift+Enter where the terminal tells."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from aichat_tui.confined import is_confined
from aichat_tui.i18n import N_

NEW_LINE = ("ctrl+j", "alt+enter", "shift+enter")


class Composer(TextArea):
    """A text area that grows to eight lines."""

    PLACE = N_("Writing")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", N_("Send"), key_display="Enter"),
        Binding(",".join(NEW_LINE), "newline", N_("Line"), key_display="^J"),
    ]

    class Submitted(Message):
        """The user wants this said."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class StarterPicked(Message):
        """With nothing written: the user moves among the starters (`step`) or names one (`number`)."""

        def __init__(self, *, step: int = 0, number: int = 0) -> None:
            super().__init__()
            self.step = step
            self.number = number

    class ScrollAsked(Message):
        """A page key that the composer has no use for: the conversation is meant."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True)
        self.highlight_cursor_line = False
        self.cursor_blink = not is_confined()  # it is drawn there and sent from there, twice a second, for everybody
        self.starters = 0
        """How many starters stand above, chosen by number while nothing is written."""

    def action_submit(self) -> None:
        """Send; with nothing written, the starter under the cursor."""
        self.post_message(self.Submitted(self.text))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    async def _on_key(self, event: events.Key) -> None:
        """Enter is taken here and not by a binding of priority: that would overtake letters typed just before it."""
        if event.key in ("enter", *NEW_LINE):
            event.stop()
            event.prevent_default()
            self.action_submit() if event.key == "enter" else self.action_newline()
            return
        if not self.text and self.starters and event.key.isdecimal() and 1 <= int(event.key) <= self.starters:
            event.stop()
            event.prevent_default()
            self.post_message(self.StarterPicked(number=int(event.key)))
            return
        await super()._on_key(event)

    def action_cursor_up(self, select: bool = False) -> None:
        """Up in the text; with nothing written, among the starters."""
        if not self.text and self.starters:
            self.post_message(self.StarterPicked(step=-1))
        elif not self.text:
            self.post_message(self.ScrollAsked("scroll_up"))
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Down in the text; with nothing written, among the starters."""
        if not self.text and self.starters:
            self.post_message(self.StarterPicked(step=1))
        elif not self.text:
            self.post_message(self.ScrollAsked("scroll_down"))
        else:
            super().action_cursor_down(select)

    def action_cursor_page_up(self) -> None:
        """Page keys move the conversation: what is written here is never longer than a page."""
        self.post_message(self.ScrollAsked("page_up"))

    def action_cursor_page_down(self) -> None:
        """Page keys move the conversation."""
        self.post_message(self.ScrollAsked("page_down"))
