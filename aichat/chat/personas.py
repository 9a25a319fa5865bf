"""Personas: stored, then told to everybody of the same user, and to whoever listens inside the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aichat.chat.hub import Hub
from aichat.chat.turns import Turns
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import (
    Ack,
    PersonaCreate,
    PersonaDelete,
    PersonaDeleted,
    PersonaSaved,
    PersonaUpdate,
    Push,
)
from aichat.protocol.values import Offer, Persona, PersonaChanges, PersonaConfig
from aichat.store import Store
from aichat.store.personas import Saved
from aichat.store.users import User

OnAck = Callable[[Ack], None]


class Personas:
    """A user's personas, and those that are shared with them.

    `on_saved` and `on_deleted` keep the bridge's book up to date: it has the owner's and the shared ones, since
    whoever reaches the bridge can ask as any of them. Unless `members_choose`, only an owner, who pays for them, says
    which model and provider answers.
    """

    def __init__(self, store: Store, hub: Hub, turns: Turns, *, members_choose: bool = False) -> None:
        self._store = store
        self._hub = hub
        self._turns = turns
        self._members_choose = members_choose
        self._owner_id = 0
        self.on_saved: Callable[[Persona], None] = lambda persona: None
        self.on_deleted: Callable[[str], None] = lambda persona_id: None
        self.offers: Callable[[], list[Offer]] = list
        """Which models there are, that of the settings first."""

    async def open(self, owner_id: int, starters: Iterable[bytes], files: Iterable[bytes] = ()) -> list[str]:
        """At start-up: take in new persona files, then load the book -> the ids taken in.

        The starters are for everybody; files of the owner's own are theirs until they share them.
        Errors: msgspec.DecodeError if a file is not a persona.
        """
        self._owner_id = owner_id
        taken = await self._store.personas.take_files(owner_id, starters, shared=True)
        taken += await self._store.personas.take_files(owner_id, files)
        for persona in await self._store.personas.all_of(owner_id):
            if persona.shared or not persona.owner:
                self.on_saved(persona)
        return taken

    async def all_of(self, user_id: int) -> list[Persona]:
        """All personas of a user."""
        return await self._store.personas.all_of(user_id)

    async def get(self, user_id: int, persona_id: str) -> Persona:
        """One persona. Errors: AichatError not_found."""
        return await self._store.personas.get(user_id, persona_id)

    async def card(self, user_id: int, persona_id: str) -> str:
        """What one's own persona keeps of its character card. Errors: AichatError not_found, forbidden."""
        return await self._store.personas.card(user_id, persona_id)

    async def create(self, user: User, command: PersonaCreate, on_ack: OnAck) -> None:
        """Make a persona. Errors: AichatError forbidden."""
        self.check_choice(user, command.persona_config)
        self._tell(user.id, await self._store.personas.create(user.id, command), on_ack)

    async def update(self, user: User, command: PersonaUpdate, on_ack: OnAck) -> None:
        """Change a persona, or share it, or take it back. Errors: AichatError not_found, forbidden."""
        self.check_choice(user, command.persona_config)
        self._tell(user.id, await self._store.personas.update(user.id, command), on_ack)

    async def delete(self, user_id: int, command: PersonaDelete, on_ack: OnAck) -> None:
        """Delete a persona with its conversations; running answers end. Errors: AichatError not_found, forbidden."""
        saved = await self._store.personas.delete(user_id, command)
        if not saved.repeated:
            self._turns.stop_persona(user_id, command.persona_id)
        self._tell(user_id, saved, on_ack)

    def publish(self, user_id: int, event: Push) -> None:
        """An event of an import: to the user's clients, and a persona of the owner's to the book."""
        if isinstance(event, PersonaSaved) and user_id == self._owner_id:
            self.on_saved(event.persona)
        self._hub.publish(user_id, event)

    def may_choose(self, user: User) -> bool:
        """Whether a user says which model a persona has."""
        return user.role == "owner" or self._members_choose

    def check_choice(self, user: User, config: PersonaConfig | PersonaChanges) -> None:
        """Errors: AichatError forbidden for a model that this user may not choose."""
        if not self.may_choose(user) and (config.model or config.provider or config.fallback):
            raise AichatError(
                "forbidden", "Only an owner chooses `model`, `provider` and `fallback` here: leave them out."
            )

    def _tell(self, user_id: int, saved: Saved, on_ack: OnAck) -> None:
        """The ack, then the event as each user sees it."""
        on_ack(saved.ack)
        if saved.repeated:
            return
        persona = saved.persona
        if persona is not None and (persona.shared or user_id == self._owner_id):
            self.on_saved(persona)
        else:
            self.on_deleted(saved.ack.persona_id)
        if persona is not None:
            self._hub.publish(user_id, PersonaSaved(persona=persona))
        else:
            self._hub.publish(user_id, PersonaDeleted(seq=saved.seq, persona_id=saved.ack.persona_id))
        for other, event in saved.others.items():
            self._hub.publish(other, event)
