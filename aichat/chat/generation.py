"""One running answer: its text so far, and what its end means."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from aichat.bridge.client import Delta
from aichat.chat.line import Place
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import MessageQueued, MessageSnapshot
from aichat.protocol.values import Failure, Message, Status
from aichat.store.messages import Ending

WHOLE = ("stop", "end_turn", "stop_sequence", "eos", "tool_calls", "function_call")
"""Finish reasons of an answer that is complete; any other one is told as a break."""

CUT = {
    "length": "answer_cut_short",
    "max_tokens": "answer_cut_short",
    "content_filter": "answer_filtered",
}

RESTARTED = Failure(
    code="upstream_interrupted", message="The server stopped while this was being written.", retryable=True
)


class Generation:
    """One running answer. One that is continued begins with the text it has; seams and offsets count from there."""

    def __init__(self, user_id: int, persona_id: str, answer: Message) -> None:
        self.user_id = user_id
        self.persona_id = persona_id
        self.answer = answer
        self.conversation_id = answer.conversation_id
        self.length = len(answer.content)
        self.reasoning_length = len(answer.reasoning)
        self.reasoning_ms = answer.reasoning_ms
        self.ended_by: str = ""
        self.place: Place | None = None
        self.asking: Deferred[Any] | None = None
        self.done: Deferred[None]
        self.waiting: list[Deferred[Message]] = []
        self.checkpointed = self.length + self.reasoning_length
        self.thinking_since: float | None = None
        self._content = [answer.content]
        self._reasoning = [answer.reasoning]

    @property
    def content(self) -> str:
        """The text so far."""
        return _joined(self._content)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return _joined(self._reasoning)

    @property
    def thinks_again(self) -> bool:
        """Whether all of the reasoning is from before the continuation."""
        return 0 < self.reasoning_length == len(self.answer.reasoning)

    def grow(self, delta: Delta) -> None:
        """Add a delta; the text is joined only when it is asked for."""
        self._content.append(delta.content)
        self._reasoning.append(delta.reasoning)
        self.length += len(delta.content)
        self.reasoning_length += len(delta.reasoning)

    def snapshot(self) -> MessageSnapshot:
        """All text so far."""
        return MessageSnapshot(
            conversation_id=self.conversation_id,
            message_id=self.answer.id,
            content=self.content,
            reasoning=self.reasoning,
        )

    def queued(self, position: int) -> MessageQueued:
        """Its place in the line."""
        return MessageQueued(conversation_id=self.conversation_id, message_id=self.answer.id, position=position)


def _joined(pieces: list[str]) -> str:
    """All pieces as one, which takes their place."""
    if len(pieces) > 1:
        pieces[:] = ["".join(pieces)]
    return pieces[0] if pieces else ""


def broken(generation: Generation, error: AichatError | None) -> Ending:
    """The end of an answer that is not whole: by the user, by the service, or by an error."""
    status: Status
    failure: Failure | None = None
    if generation.ended_by == "stopped":
        status = "stopped"
    elif error is None:
        status, failure = "interrupted" if generation.length else "failed", RESTARTED
    else:
        status = "interrupted" if generation.length else "failed"
        failure = Failure(code=error.code, message=error.message, retryable=error.retryable)
    return Ending(
        status,
        generation.content,
        generation.reasoning,
        generation.reasoning_ms,
        "",
        failure,
    )
