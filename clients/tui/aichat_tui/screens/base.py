"""What all screens share: the desk, and being told when it changed."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen, Screen

from aichat.protocol.timeline import Change
from aichat_tui.desk import Desk

T = TypeVar("T")


class DeskScreen(Screen[None]):
    """A full screen that shows the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

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

    def desk_changed(self, changes: set[Change]) -> None:
        """Draw again what these changes touch; an empty set: the connection changed."""
