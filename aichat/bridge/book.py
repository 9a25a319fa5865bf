"""The personas that the bridge knows by id, as in the seed: `personas[persona_id] = {...}` and `add_persona`.

The service fills it from its store and keeps it up to date; a bridge on its own fills it from `personas/*.json`.
"""

from __future__ import annotations

from typing import NamedTuple

from aichat.protocol.errors import AichatError


class BookEntry(NamedTuple):
    """What the bridge needs of a persona."""

    name: str
    prompt: str
    avatar: str | None = None


class PersonaBook:
    """persona_id -> BookEntry."""

    def __init__(self) -> None:
        self.personas: dict[str, BookEntry] = {}

    def add_persona(self, persona_id: str, name: str, prompt: str, avatar: str | None = None) -> None:
        """Add a persona, or put a newer one in its place."""
        self.personas[persona_id] = BookEntry(name, prompt, avatar)

    def remove_persona(self, persona_id: str) -> None:
        """Forget a persona; one that is not there is no error."""
        self.personas.pop(persona_id, None)

    def prompt_of(self, persona_id: str) -> str:
        """The prompt of a persona. Errors: AichatError not_found."""
        entry = self.personas.get(persona_id)
        if entry is None:
            raise AichatError("not_found", f"There is no persona {persona_id!r} on this bridge.")
        return entry.prompt
