"""A persona that answers without a conversation, for other programs and while it is being written.

Who asks brings the messages, the persona its prompt; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable

from aichat.bridge.client import BridgeClient, ChatMessage, Delta, Finish
from aichat.chat.line import Lines
from aichat.chat.prompt import fill_in
from aichat.protocol.errors import AichatError
from aichat.protocol.values import Persona
from aichat.store import Store
from aichat.store.users import User


class Completions:
    """Answers as a persona, without a conversation."""

    def __init__(self, store: Store, bridge: BridgeClient, lines: Lines) -> None:
        self._store = store
        self._bridge = bridge
        self._lines = lines

    async def personas(self, user: User) -> list[Persona]:
        """What there is to answer as: one's own, and what is shared."""
        return [p for p in await self._store.personas.all_of(user.id) if p.shared or not p.owner]

    async def find(self, user: User, model: str) -> Persona:
        """A persona by its id, or by its name where that is one persona's only. Errors: AichatError not_found."""
        personas = await self.personas(user)
        found = [p for p in personas if p.id == model] or [p for p in personas if p.name == model]
        if len(found) != 1:
            known = ", ".join(p.id for p in personas)
            raise AichatError("not_found", f"The model {model!r} is not one persona here; there are: {known}.")
        return found[0]

    async def answer(
        self, user: User, persona: Persona, messages: list[ChatMessage], on_delta: Callable[[Delta], None]
    ) -> Finish:
        """One generation, in its turn; the persona's prompt goes before whatever system messages the caller has.

        Errors: AichatError as `BridgeClient.generate`, rate_limited. Cancelling ends it (CancelledError).
        """
        prompt = fill_in(persona.prompt, persona, user.name)
        whole = [ChatMessage("system", prompt), *messages] if prompt else messages
        self._lines.check(user.id, persona.provider)
        place = self._lines.enter(user.id, persona.provider)
        try:
            await place.begun
            return await self._bridge.generate(
                persona.id,
                whole,
                persona.model,
                on_delta,
                provider=persona.provider,
                fallback=persona.fallback,
                temperature=persona.temperature,
            )
        finally:
            place.leave()
