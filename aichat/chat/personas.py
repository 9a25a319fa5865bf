"""Personas: stored, then told to everybody of the same user, and to whoever listens inside the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aichat.chat.hub import Hub
from aichat.chat.turns import Turns
from aichat.protocol.frames import Ack, PersonaCreate, PersonaDelete, PersonaDeleted, PersonaSaved, PersonaUpdate
from aichat.protocol.values import Persona
from aichat.store import Store

OnAck = Callable[[Ack], None]


class Personas:
    """A user's personas. `on_saved` and `on_deleted` keep the bridge's book up to date."""

    def __init__(self, store: Store, hub: Hub, turns: Turns) -> None:
        self._store = store
        self._hub = hub
        self._turns = turns
        self.on_saved: Callable[[Persona], None] = lambda persona: None
        self.on_deleted: Callable[[str], None] = lambda persona_id: None

    async def open(self, user_id: int, files: Iterable[bytes]) -> list[str]:
        """At start-up: take in new persona files, then load all personas -> the ids taken in.

        Errors: msgspec.DecodeError if a file is not a persona.
        """
        taken = await self._store.personas.take_files(user_id, files)
        for persona in await self._store.personas.all_of(user_id):
            self.on_saved(persona)
        return taken

    async def all_of(self, user_id: int) -> list[Persona]:
        """All personas of a user."""
        return await self._store.personas.all_of(user_id)

    async def get(self, user_id: int, persona_id: str) -> Persona:
        """One persona. Errors: AichatError not_found."""
        return await self._store.personas.get(user_id, persona_id)

    async def create(self, user_id: int, command: PersonaCreate, on_ack: OnAck) -> None:
        """Make a persona."""
        saved = await self._store.personas.create(user_id, command)
        on_ack(saved.ack)
        if saved.persona is not None and not saved.repeated:
            self._tell(user_id, saved.persona)

    async def update(self, user_id: int, command: PersonaUpdate, on_ack: OnAck) -> None:
        """Change a persona. Errors: AichatError not_found."""
        saved = await self._store.personas.update(user_id, command)
        on_ack(saved.ack)
        if saved.persona is not None and not saved.repeated:
            self._tell(user_id, saved.persona)

    async def delete(self, user_id: int, command: PersonaDelete, on_ack: OnAck) -> None:
        """Delete a persona with its conversations; running answers end. Errors: AichatError not_found."""
        saved = await self._store.personas.delete(user_id, command)
        on_ack(saved.ack)
        if not saved.repeated:
            self._turns.stop_persona(user_id, command.persona_id)
            self.on_deleted(command.persona_id)
            self._hub.publish(user_id, PersonaDeleted(seq=saved.seq, persona_id=command.persona_id))

    def _tell(self, user_id: int, persona: Persona) -> None:
        self.on_saved(persona)
        self._hub.publish(user_id, PersonaSaved(persona=persona))
