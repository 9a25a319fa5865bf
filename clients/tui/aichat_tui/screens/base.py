"""What all screens share: the desk, and being told when it changed."""

from __future__ import annotations

from typing import Any, TypeVar

from textual.screen import ModalScreen, Screen

from aichat.protocol.timeline import Change
from aichat_tui.desk import Desk
from aichat_tui.widgets.lines import Line, Words

T = TypeVar("T")


def say_again(screen: Screen[Any]) -> None:
    """The language is another one: all fixed texts of a screen and its key bar."""
    for words in screen.query(Words):
        words.say()
    screen.refresh()
    screen.refresh_bindings()
    for line in screen.query(Line):
        line.refresh()


class DeskScreen(Screen[None]):
    """A full screen that shows the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def language_changed(self) -> None:
        """Say all that is on the screen in the language spoken now."""
        say_again(self)
        self.desk_changed(set())

    def recolour(self) -> None:
        """The theme is another one."""
        self.desk_changed(set())

    def desk_changed(self, changes: set[Change]) -> None:
        """Draw again what these changes touch; an empty set: the connection changed."""


class DeskDialog(ModalScreen[T]):
    """A dialog that shows the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def on_screen_resume(self) -> None:
        """Room for more, or not."""
        self.set_class(self.app.size.height >= 30, "tall")

    def language_changed(self) -> None:
        """Say all that is on the screen in the language spoken now."""
        say_again(self)
        self.desk_changed(set())

    def recolour(self) -> None:
        """The theme is another one."""
        self.desk_changed(set())

    def desk_changed(self, changes: set[Change]) -> None:
        """Draw again what these changes touch; an empty set: the connection changed."""
