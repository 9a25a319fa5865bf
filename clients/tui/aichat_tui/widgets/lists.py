"""Lists one moves through with arrows or j and k."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from aichat_tui.words import _


class KeyList(OptionList):
    """An OptionList that also listens to j, k, g and G."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", _("Open"), key_display="Enter"),
        Binding("k", "cursor_up", _("Up"), show=False),
        Binding("j", "cursor_down", _("Down"), show=False),
        Binding("g", "first", _("First"), show=False),
        Binding("G", "last", _("Last"), show=False),
    ]
