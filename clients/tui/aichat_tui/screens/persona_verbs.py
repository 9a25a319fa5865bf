"""What the main screen can do with personas: step, make, change, delete."""

from __future__ import annotations

from collections.abc import Iterator

from aichat.protocol import frames
from aichat.protocol.values import Persona
from aichat_tui.i18n import _, plural
from aichat_tui.looks import Deed
from aichat_tui.screens.base import DeskScreen
from aichat_tui.text import label
from aichat_tui.widgets.personas import PersonaList


class PersonaVerbs(DeskScreen):
    """The part of the main screen that deals with personas."""

    personas: PersonaList

    def persona_deeds(self) -> Iterator[Deed]:
        """For the command palette, where the list of personas has no keys."""
        yield Deed(_("New persona"), _("Name, prompt, greeting"), self.action_persona_new)
        yield Deed(_("Edit persona"), _("Change the one under the cursor"), self.action_persona_edit)
        yield Deed(_("Delete persona"), _("With its conversations, after a question"), self.action_persona_delete)

    def back_from_dialog(self) -> None:
        """A dialog has closed."""

    def action_persona_step(self, step: int) -> None:
        """To the persona above or below."""
        ids = [persona.id for persona in self.desk.personas]
        if self.desk.persona_id in ids:
            at = ids.index(self.desk.persona_id) + step
            if 0 <= at < len(ids):
                self.desk.choose_persona(ids[at])
                self.desk_changed(set())

    def action_persona_new(self) -> None:
        """A form for a new persona; then speak with it."""
        self._persona_form(None)

    def say(self, words: str) -> None:
        """A word that goes away by itself."""

    def _own(self) -> Persona | None:
        """The persona under the cursor, if this user may change it; if it is another's, that is said."""
        persona = self.desk.timeline.personas.get(self.personas.highlighted_id)
        if persona is not None and persona.owner:
            self.say(_("This persona is {owner}'s: only they can change it.").format(owner=label(persona.owner)))
            return None
        return persona

    def action_persona_edit(self) -> None:
        """A form for the persona under the cursor."""
        persona = self._own()
        if persona is not None:
            self._persona_form(persona.id)

    def _persona_form(self, persona_id: str | None) -> None:
        from aichat_tui.screens.persona import PersonaForm  # noqa: PLC0415

        def saved(result: str | None) -> None:
            if result and persona_id is None:
                self.desk.choose_persona(result)
            self.back_from_dialog()

        persona = self.desk.timeline.personas.get(persona_id) if persona_id else None
        self.app.push_screen(PersonaForm(self.desk, persona), saved)

    def action_persona_delete(self) -> None:
        """Ask, then delete the persona under the cursor."""
        from aichat_tui.screens.question import Question  # noqa: PLC0415

        persona = self._own()
        if persona is None:
            return

        def delete(yes: bool | None) -> None:
            if yes:
                self.desk.request(frames.PersonaDelete(persona_id=persona.id))

        count = len(self.desk.timeline.conversations_with(persona.id))
        detail = plural("{n} conversation goes with it.", "{n} conversations go with it.", count)
        question = _("Delete {name}?").format(name=label(persona.name))
        self.app.push_screen(Question(question, detail + " " + _("This cannot be undone."), _("Delete")), delete)
