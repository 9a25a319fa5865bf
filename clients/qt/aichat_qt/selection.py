"""Which persona and conversation of a server is shown, and what comes up when that one goes."""

from __future__ import annotations

from collections.abc import Callable

from aichat.protocol.saying import Saying
from aichat.protocol.session import Session
from aichat.protocol.values import Conversation, Persona


class Selection:
    """One server's. The verbs tell whether another place is shown now; flush the link then."""

    def __init__(self, session: Session, saying: Saying, bring: Callable[[int], None]) -> None:
        self._session, self._saying = session, saying
        self._timeline = session.timeline
        self._bring = bring
        """Called before a conversation is opened: whoever has kept its messages puts them into the timeline."""
        self.persona_id = ""
        self.conversation_id: int | None = None
        """None: a conversation that begins with the next message."""
        self.preferred_persona = ""
        """Shown first, if it is there."""
        self.preferred_conversation = 0
        """Shown first, if it is there and with that persona; once."""
        self._fresh = False  # the user asked for a new conversation, so the newest must not come up by itself
        self._seen = False  # the shown conversation was in the list once; when it leaves it was deleted

    @property
    def persona(self) -> Persona | None:
        return self._timeline.personas.get(self.persona_id)

    @property
    def conversation(self) -> Conversation | None:
        return self._timeline.conversations.get(self.conversation_id or 0)

    def prefer(self, persona_id: str, conversation_id: int) -> None:
        """Show these first, if they are there."""
        self.preferred_persona, self.preferred_conversation = persona_id, conversation_id

    def clear(self) -> None:
        """Another user comes, or nobody."""
        self._fresh = False
        self.show("", None)

    def choose_persona(self, persona_id: str) -> bool:
        """A persona with the newest conversation."""
        if persona_id == self.persona_id:
            return False
        self._fresh = False
        return self.show(persona_id, self._newest(persona_id))

    def choose_conversation(self, conversation_id: int | None) -> bool:
        """A conversation of the shown persona; None: a new one, which the first message makes."""
        self._fresh = conversation_id is None
        return conversation_id != self.conversation_id and self.show(self.persona_id, conversation_id)

    def choose_both(self, conversation_id: int) -> bool:
        """A conversation and the persona it is with; one that is gone changes nothing."""
        conversation = self._timeline.conversations.get(conversation_id)
        if conversation is None or conversation_id == self.conversation_id:
            return False
        self._fresh = False
        return self.show(conversation.persona_id, conversation_id)

    def began(self, persona_id: str, conversation_id: int) -> bool:
        """A new conversation with a persona has its number."""
        is_here = self.conversation_id is None and persona_id == self.persona_id
        return is_here and self.show(persona_id, conversation_id)

    def keep_valid(self) -> bool:
        """Leave what was deleted, and go somewhere once there is something."""
        moved = False
        timeline = self._timeline
        if timeline.personas_known and self.persona is None:
            first = self._first_persona()
            self._fresh = False
            moved = self.show(first, self._first_with(first))
        if not timeline.conversations_known:
            return moved
        if self.conversation is not None:
            self._seen = True
            return moved
        gone = self.conversation_id is not None and self._seen
        unsaid = not self._saying.said(self.persona_id, self.conversation_id)
        waiting = self.conversation_id is None and not self._fresh and unsaid
        first_one = self._first_with(self.persona_id)
        if gone or (waiting and first_one is not None):
            return self.show(self.persona_id, first_one)
        return moved

    def show(self, persona_id: str, conversation_id: int | None) -> bool:
        """Go there, follow it live, and follow what was shown before no longer. Always true."""
        if self.conversation_id is not None and self.conversation_id != conversation_id:
            self._session.leave_conversation(self.conversation_id)
        self.persona_id, self.conversation_id = persona_id, conversation_id
        self._seen = False
        if conversation_id is not None:
            self.preferred_conversation = 0
            self._bring(conversation_id)
            self._session.open_conversation(conversation_id)
        return True

    def personas(self) -> list[Persona]:
        """All personas, the one spoken with last first, then by age."""
        latest: dict[str, int] = {}
        for conversation in self._timeline.conversations.values():
            latest[conversation.persona_id] = max(latest.get(conversation.persona_id, 0), conversation.touched)
        known = list(self._timeline.personas.values())
        return sorted(known, key=lambda p: latest.get(p.id, 0), reverse=True)

    def _first_persona(self) -> str:
        if self.preferred_persona in self._timeline.personas:
            return self.preferred_persona
        personas = self.personas()
        return personas[0].id if personas else ""

    def _first_with(self, persona_id: str) -> int | None:
        kept = self._timeline.conversations.get(self.preferred_conversation)
        return kept.id if kept is not None and kept.persona_id == persona_id else self._newest(persona_id)

    def _newest(self, persona_id: str) -> int | None:
        """The one spoken in last; what was archived is put away and does not come up by itself."""
        mine = self._timeline.conversations_with(persona_id)
        return next((conversation.id for conversation in mine if not conversation.archived), None)


class Anew(Selection):
    """Another place on the same server, which begins a new conversation whoever is chosen."""

    def __init__(self, other: Selection) -> None:
        super().__init__(other._session, other._saying, other._bring)

    def _newest(self, persona_id: str) -> int | None:
        return None
