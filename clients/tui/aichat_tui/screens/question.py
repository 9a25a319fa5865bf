"""One question, with the verbs on the buttons."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from aichat_tui.i18n import N_, _
from aichat_tui.widgets.lines import KeyBar


class Question(ModalScreen[bool]):
    """Asks before something is lost. Enter takes the button in focus, which is at first the harmless one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", N_("Keep"), key_display="Esc"),
        Binding("y", "answer(True)", N_("Yes")),
        Binding("left,right,h,l,tab", "other", N_("Other button"), show=False),
    ]

    def __init__(self, question: str, detail: str, verb: str) -> None:
        super().__init__()
        self._question, self._detail, self._verb = question, detail, verb

    def compose(self) -> ComposeResult:
        """Question, what follows from yes, two verbs."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Static(self._detail, classes="dialog-detail", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Keep"), id="keep", compact=True)
                yield Button(self._verb, id="do", compact=True, classes="danger")
        yield KeyBar()

    def on_mount(self) -> None:
        """The harmless button first."""
        self.query_one("#keep").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button is an answer."""
        self.dismiss(event.button.id == "do")

    def action_answer(self, yes: bool) -> None:
        """A key is an answer."""
        self.dismiss(yes)

    def action_other(self) -> None:
        """Between two buttons every direction is the other one."""
        self.focus_next()


class OneLine(ModalScreen[str]):
    """Asks for one line of text; "" means: nothing is to change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", N_("Cancel"))]

    def __init__(self, question: str, text: str, limit: int) -> None:
        super().__init__()
        self._question, self._text, self._limit = question, text, limit

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Input(self._text, max_length=self._limit, compact=True, id="line")
        yield KeyBar()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the line."""
        text = event.value.strip()
        self.dismiss("" if text == self._text else text)

    def action_cancel(self) -> None:
        """Nothing changes."""
        self.dismiss("")
