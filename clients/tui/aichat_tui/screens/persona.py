"""Makes a persona, or changes one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Checkbox, Input, Static, TextArea

from aichat.protocol.session import State
from aichat.protocol.timeline import Change
from aichat.protocol.values import Failure, Persona, PersonaConfig
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _
from aichat_tui.screens.base import DeskDialog
from aichat_tui.screens.question import Question
from aichat_tui.text import clean, label
from aichat_tui.widgets.lines import KeyBar, Notice


class Check(Checkbox):
    """A box that has its mark only when it is set: the colour alone would not do."""

    BUTTON_LEFT = BUTTON_RIGHT = ""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]
        return "[x]" if self.value else "[ ]"


class PersonaForm(DeskDialog[str]):
    """A form that stays until the server has taken it; the result is the persona's id, "" if nothing came of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", N_("Save"), priority=True),
        Binding("escape", "cancel", N_("Cancel")),
        Binding("tab", "app.focus_next", N_("Next field")),
    ]

    def __init__(self, desk: Desk, persona: Persona | None) -> None:
        super().__init__(desk)
        self._persona = persona
        self._saving = ""

    def compose(self) -> ComposeResult:
        """Four fields, each under its name."""
        old = self._persona or Persona(id="", name="", avatar="")
        with VerticalScroll(classes="panel form", can_focus=False):
            title = _("New persona") if self._persona is None else _("Edit {name}").format(name=label(old.name))
            yield Static(title, classes="dialog-title", markup=False)
            yield Static(_("Name"), classes="field", markup=False)
            yield Input(label(old.name), id="name", compact=True, max_length=100)
            yield Static(_("Prompt: who the persona is and how it answers"), classes="field", markup=False)
            yield _area(clean(old.prompt), "prompt")
            yield Static(_("Greeting: the first words in an empty conversation"), classes="field", markup=False)
            yield _area(clean(old.greeting), "greeting")
            yield Static(_("Starter questions, one a line"), classes="field", markup=False)
            yield _area("\n".join(map(label, old.starters)), "starters")
            yield Check(
                _("Share with all users: they chat with it, and cannot change it"),
                old.shared,
                id="shared",
                compact=True,
            )
        yield Notice(id="form-notice")
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin with the name."""
        self.query_one("#form-notice", Notice).display = False
        self.query_one("#name").focus()

    def _say(self, words: str, level: str = "danger") -> None:
        self.query_one("#form-notice", Notice).show(words, level)

    def _written(self) -> tuple[str, str, str, list[str]]:
        starters = [line.strip() for line in self.query_one("#starters", TextArea).text.splitlines()]
        return (
            self.query_one("#name", Input).value.strip(),
            self.query_one("#prompt", TextArea).text.strip(),
            self.query_one("#greeting", TextArea).text.strip(),
            [line for line in starters if line],
        )

    @property
    def _shared(self) -> bool:
        return self.query_one("#shared", Checkbox).value

    def _fault(self) -> tuple[str, str] | None:
        """The field that cannot stay so, and why."""
        name, prompt, greeting, starters = self._written()
        if not name:
            return "name", _("A persona needs a name.")
        if not prompt:
            return "prompt", _("Say in the prompt who the persona is.")
        if len(prompt) > 32_768:
            return "prompt", _("The prompt may have 32,768 characters.")
        if len(greeting) > 2_000:
            return "greeting", _("The greeting may have 2,000 characters.")
        if len(starters) > 6 or any(len(line) > 200 for line in starters):
            return "starters", _("Up to six starter questions of up to 200 characters each.")
        return None

    def action_save(self) -> None:
        """Check, send, and wait for the server's word."""
        if self._saving and self.desk.outcome(self._saving) is False:
            return
        fault = self._fault()
        if fault is not None:
            self._say(fault[1])
            self.query_one(f"#{fault[0]}").focus()
            return
        if self._saving:
            self.desk.discard(self._saving)
        name, prompt, greeting, starters = self._written()
        old = self._persona
        config = PersonaConfig(name=name, prompt=prompt, greeting=greeting, starters=starters, shared=self._shared)
        self._saving = self.desk.save_persona(old.id if old else "", config)
        self._say(_("saving…"), "muted")
        self.desk_changed(set())

    def desk_changed(self, changes: set[Change]) -> None:
        """Close when the server has it; say so when it refused."""
        if not self._saving:
            return
        match self.desk.outcome(self._saving):
            case True:
                ack = self.desk.acks.get(self._saving)
                self.dismiss((ack.persona_id if ack else "") or (self._persona.id if self._persona else ""))
            case Failure(message=message):
                self._say(_("not saved: {reason}").format(reason=label(message)))
            case False if self.desk.session.state is not State.LIVE:
                self._say(_("offline — saved as soon as the connection is back"), "warn")

    def action_cancel(self) -> None:
        """Leave; ask first if something was written."""
        old = self._persona or Persona(id="", name="", avatar="")
        same = (
            label(old.name),
            clean(old.prompt).strip(),
            clean(old.greeting).strip(),
            list(map(label, old.starters)),
        )
        if (self._written() == same and self._shared == old.shared) or (
            self._saving and self.desk.outcome(self._saving) is False
        ):
            self._leave(True)
            return
        question = Question(_("Leave without saving?"), _("What you wrote here is lost."), _("Leave"))
        self.app.push_screen(question, self._leave)

    def _leave(self, yes: bool | None) -> None:
        if yes:
            if self._saving and isinstance(self.desk.outcome(self._saving), Failure):
                self.desk.discard(self._saving)
            self.dismiss("")


def _area(text: str, name: str) -> TextArea:
    area = TextArea(text, id=name, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True)
    area.highlight_cursor_line = False
    return area
