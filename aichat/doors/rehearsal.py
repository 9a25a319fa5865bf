"""A persona on trial: it answers one connection as it is being written, and nothing of that is kept."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import CancelledError, ensureDeferred

from aichat.bridge.client import ChatMessage, Delta
from aichat.chat.completions import Completions
from aichat.chat.generation import CUT, WHOLE
from aichat.log import make_logger
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import PersonaTried, PersonaTry
from aichat.protocol.values import AI, Persona
from aichat.store.users import User


class Rehearsal:
    """One answer. `reply` takes its pieces, `refuse` what went wrong; `end` breaks it off, and neither is called."""

    log = make_logger("aichat.doors.rehearsal")

    def __init__(
        self,
        completions: Completions,
        user: User,
        command: PersonaTry,
        reply: Callable[[PersonaTried], None],
        refuse: Callable[[AichatError, str], None],
    ) -> None:
        self._completions = completions
        self._request_id = command.request_id
        self._reply = reply
        self._refuse = refuse
        self._ended = False
        self._asking = ensureDeferred(self._ask(user, command))

    def end(self) -> None:
        """Break it off; nothing happens to one that is over."""
        self._ended = True
        self._asking.cancel()

    async def _ask(self, user: User, command: PersonaTry) -> None:
        fields = msgspec.structs.asdict(command.persona_config)
        del fields["card"]  # is no part of what it says
        persona = Persona(id="", **fields)
        said = [ChatMessage("assistant" if m.sender_type == AI else "user", m.content) for m in command.messages]
        try:
            if not any(message.role == "user" for message in said):
                raise AichatError("bad_frame", "`messages` needs at least one message of the user.")
            finish = await self._completions.answer(user, persona, said, self._heard)
            reason = finish.reason.lower()
            if reason not in WHOLE:
                raise AichatError(CUT.get(reason, "upstream_interrupted"))
            self._reply(PersonaTried(request_id=self._request_id, done=True))
        except CancelledError:
            pass
        except AichatError as error:
            if not self._ended:
                self._refuse(error, self._request_id)
        except Exception:
            self.log.failure("a persona on trial failed")
            if not self._ended:
                self._refuse(AichatError("internal"), self._request_id)

    def _heard(self, delta: Delta) -> None:
        if not self._ended:
            piece = PersonaTried(request_id=self._request_id, content=delta.content, reasoning=delta.reasoning)
            self._reply(piece)
