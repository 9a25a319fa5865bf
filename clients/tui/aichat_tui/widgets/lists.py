"""Lists one moves through with arrows or j and k."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from aichat_tui.i18n import N_


class KeyList(OptionList):
    """An OptionList that also listens to j, k, g and G."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", N_("Open"), key_display="Enter"),
        Binding("k", "cursor_up", N_("Up"), show=False),
        Binding("j", "cursor_down", N_("Down"), show=False),
        Binding("g", "first", N_("First"), show=False),
        Binding("G", "last", N_("Last"), show=False),
    ]
