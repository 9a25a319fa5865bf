"""The conversations with one persona, over the chat where there is no room for them beside it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from aichat.protocol.timeline import Change
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_
from aichat_tui.screens.base import DeskDialog
from aichat_tui.widgets.history import HistoryPane
from aichat_tui.widgets.lines import KeyBar


class Conversations(DeskDialog[None]):
    """Opened over the conversation; what is chosen is where the desk goes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", N_("Back"))]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.pane = HistoryPane(desk, id="history")

    def compose(self) -> ComposeResult:
        """The list in a panel."""
        with Vertical(classes="panel"):
            yield self.pane
        yield KeyBar()

    def on_mount(self) -> None:
        """The list first."""
        self.pane.focus_list()

    def desk_changed(self, changes: set[Change]) -> None:
        """Another device may do something too."""
        if self.desk.persona is None:
            self.dismiss()
        else:
            self.pane.changed(changes)

    def on_history_pane_chosen(self, event: HistoryPane.Chosen) -> None:
        """Go there."""
        if event.conversation_id is None:
            self.desk.new_conversation()
        else:
            self.desk.choose_conversation(event.conversation_id)
        self.dismiss()

    def action_close(self) -> None:
        """Out of what is open inside first."""
        if not self.pane.close_inner():
            self.dismiss()
