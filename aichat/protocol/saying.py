"""What a user said and the timeline does not show yet: on its way, waiting, refused.

session.received(text) -> frame      then: heard(frame)       said(persona, conversation) -> what to show
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from aichat.protocol import frames
from aichat.protocol.session import Pending, Session, State
from aichat.protocol.values import Failure


@dataclass(frozen=True, slots=True)
class Said:
    """An own message that is not stored yet, or stored and not announced yet."""

    request_id: str
    content: str
    state: Literal["waiting", "sending", "queued", "failed"]
    """waiting: for the connection; queued: for the running answer."""
    failure: Failure | None = None


class Saying:
    """Own words of one session. What is said while an answer runs (`busy`) goes out when that answer ends."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._user = session.user
        self._settling: dict[str, frames.Chat] = {}  # acked, and the message is not here yet

    def heard(self, frame: frames.AnyPush) -> bool:
        """Follow a frame that the session took in -> whether own words look different now. Flush the link then."""
        session = self._session
        match frame:
            case frames.Welcome():
                if not frame.recovered or session.user != self._user:
                    self._settling.clear()
                self._user = session.user
                return True
            case frames.Ack():
                command = session.acked.command if session.acked else None
                if not isinstance(command, frames.Chat) or not frame.conversation_id:
                    return False
                self._settling[frame.request_id] = replace(command, conversation_id=frame.conversation_id)
                return True
            case frames.MessageAdded():
                return self._settling.pop(frame.message.request_id, None) is not None
            case frames.HistoryResponse():
                for message in frame.messages:
                    self._settling.pop(message.request_id, None)
                return False
            case frames.MessageDone():
                return self._resend(frame.message.conversation_id)
            case frames.Error():
                pending = session.outbox.get(frame.request_id)
                return pending is not None and isinstance(pending.command, frames.Chat)
            case _:
                return False

    def closed(self) -> None:
        """The connection is over: what waited for an answer waits for the next one, in the order it was said."""
        for pending in self._session.outbox.values():
            if _is_queued(pending):
                pending.failure = None

    def clear(self) -> None:
        """Another user comes, or nobody."""
        self._settling.clear()

    def said(self, persona_id: str, conversation_id: int | None) -> list[Said]:
        """Own words in a conversation (None: in a new one with the persona) that its messages do not show yet."""
        session = self._session
        messages = [] if conversation_id is None else session.timeline.messages(conversation_id)
        here = {message.request_id for message in messages if message.request_id}
        result = [
            Said(request_id, chat.content, "sending")
            for request_id, chat in self._settling.items()
            if chat.conversation_id == conversation_id and request_id not in here
        ]
        pending = session.pending_chats(persona_id, conversation_id)
        newest = session.timeline.conversations_with(persona_id)[:1]
        if conversation_id is not None and [c.id for c in newest] == [conversation_id]:
            pending += session.pending_chats(persona_id, None)  # said before the conversation had a number
        return result + [self._shown(one) for one in pending if one.command.request_id not in here]

    def _shown(self, pending: Pending) -> Said:
        chat, failure = pending.command, pending.failure
        content = chat.content if isinstance(chat, frames.Chat) else ""
        if failure is None:
            live = self._session.state is State.LIVE
            return Said(chat.request_id, content, "sending" if live else "waiting")
        if _is_queued(pending):
            return Said(chat.request_id, content, "queued")
        return Said(chat.request_id, content, "failed", failure)

    def _resend(self, conversation_id: int) -> bool:
        """Words that came while an answer was being written there go out -> whether there are any."""
        found = False
        for request_id, pending in list(self._session.outbox.items()):
            chat = pending.command
            if (
                _is_queued(pending)
                and isinstance(chat, frames.Chat)
                and chat.conversation_id in {None, conversation_id}
            ):
                self._session.retry(request_id)
                found = True
        return found


def _is_queued(pending: Pending) -> bool:
    return isinstance(pending.command, frames.Chat) and pending.failure is not None and pending.failure.code == "busy"
