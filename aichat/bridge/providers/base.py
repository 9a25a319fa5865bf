"""What a provider is: an adapter from one chat request to one upstream's stream of deltas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
from twisted.internet.defer import Deferred


class ChatMessage(msgspec.Struct, frozen=True):
    """One message of a prompt. Example: {"role": "user", "content": "你好"}"""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A whole prompt. `model` overrides the provider's own; `temperature` is 0–2.

    A last message of the assistant is an unfinished answer: what comes goes on with it and does not repeat it.
    `provider` and `fallback` are names from the settings, for who chooses among providers; "" is the settings' own.
    """

    messages: list[ChatMessage]
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    provider: str = ""
    fallback: str = ""


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A fragment of the answer, of its reasoning, or of both."""

    content: str = ""
    reasoning: str = ""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens counted by the upstream."""

    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


class Finish(msgspec.Struct, frozen=True, omit_defaults=True):
    """The explicit end of an answer: the upstream's finish_reason ("stop", "length", …) and who answered."""

    reason: str
    model: str = ""
    provider: str = ""
    usage: Usage | None = None


OnDelta = Callable[[Delta], None]


class Provider(Protocol):
    """One upstream. Long-lived; holds as many generations at once as the upstream allows."""

    name: str
    """What kind it is: `embedded`, or a preset of the upstreams."""
    model: str

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        """Start a generation: `on_delta` is called in order; the Deferred fires at the end.

        Errors: always `aichat.protocol.errors.AichatError` (`upstream_*`, `context_exceeded`,
        `model_unavailable`, `shutting_down`). Without an explicit finish_reason: `upstream_interrupted`.
        Cancelling the Deferred closes the upstream's socket at once (CancelledError).
        """

    def stop(self) -> Deferred[None]:
        """Release sockets and child processes; fires when they are gone."""
