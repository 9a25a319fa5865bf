"""Joins the find bar and the list of messages: marks what is looked for and goes from place to place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from aichat_qt.find_bar import FindBar, Key
from aichat_qt.message_row import Row
from aichat_qt.theme import theme

if TYPE_CHECKING:
    from aichat_qt.message_display_widget import MessageDisplayWidget

FIND_PAGE = 500
"""Messages asked for at once while all of a conversation is searched."""


class MessageFinder(QObject):
    """Search inside what a MessageDisplayWidget shows."""

    def __init__(self, display: MessageDisplayWidget) -> None:
        super().__init__(display)
        self._display = display
        self._place = 0  # which of the places in the message that is shown
        self._wants_first = False  # nothing is shown yet: the newest one found is gone to
        self.bar = FindBar(display)
        self.bar.sought.connect(self._sought)
        self.bar.went.connect(self._step)
        self.bar.closed.connect(display.setFocus)
        theme().changed.connect(self._again)

    def open(self) -> None:
        """Begin a search, for what is selected if something is."""
        selected = next((row.selected_text for row in self._display.rows() if row.selected_text), "")
        self.bar.open(selected if "\n" not in selected else "")
        self.bar.place(self._display.width())

    def take(self) -> None:
        """Other messages are here now."""
        if self.bar.needle:
            more = self._display.load_older(FIND_PAGE)
            self.bar.take(self._display.items, more=more)
            if self._wants_first and self.bar.hits:
                self._go(self.bar.hits[-1], -1)

    def dress(self, row: Row) -> None:
        """A row is new: mark in it what is looked for."""
        if self.bar.needle:
            row.find_all(self.bar.needle)

    def _again(self) -> None:
        """The colours are other ones."""
        for row in self._display.rows():
            self.dress(row)

    def _sought(self, needle: str) -> None:
        for row in self._display.rows():
            row.find_all(needle)
        self._wants_first = bool(needle)
        self.take()

    def _step(self, by: int) -> None:
        bar, at = self.bar, self.bar.at
        row = self._display.row(at)
        if row is not None and 0 <= self._place + by < len(row.places()):
            self._show(row, self._place + by)
            return
        number = bar.hits.index(at) if at is not None else (len(bar.hits) if by < 0 else -1)
        self._go(bar.hits[(number + by) % len(bar.hits)], by)

    def _go(self, key: Key, by: int) -> None:
        """Show a message: from above its first place, from below its last."""
        self._wants_first = False
        before = self._display.row(self.bar.at)
        if before is not None:
            for view in before.text_views:
                view.mark_found(None)
        self.bar.go(key)
        row = self._display.bring(key)
        self._show(row, len(row.places()) - 1 if by < 0 else 0)

    def _show(self, row: Row, place: int) -> None:
        places = row.places()
        self._place = max(0, min(place, len(places) - 1))
        y = row.top
        for number, (view, cursor) in enumerate(places):
            if number == self._place:
                y = row.top_of(view, cursor)
            view.mark_found(places[self._place][1])
        self._display.scroll_to(row, y)
