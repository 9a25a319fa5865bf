"""Going on with an unfinished answer: how each upstream is asked for it, and what a repeat of the text is cut to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta, OnDelta


class Way(NamedTuple):
    """How an upstream that can go on with the last message is told to: fields of the body, of that message, a path
    in place of the base URL's `/v1`."""

    body: Mapping[str, object] = {}
    message: Mapping[str, object] = {}
    path: str = ""

    def url(self, base_url: str) -> str:
        """The base URL to ask at."""
        return base_url.removesuffix("/v1") + self.path if self.path else base_url


WAYS = {
    "deepseek": Way(message={"prefix": True}, path="/beta"),
    "vllm": Way(body={"continue_final_message": True, "add_generation_prompt": False}),
    "llamacpp": Way(),
    "embedded": Way(),
}
"""By provider. The engine of the last two takes a last message of the assistant for one to go on with."""

GO_ON = (
    "Your last message broke off. Go on with it exactly where it ends, in its language and manner. "
    "Write only what follows: repeat nothing of it, and say nothing about this request."
)

LOOK_BACK = 1_000
"""Code points of the text before that a continuation may repeat."""

REPEAT_LEAST = 4
"""Letters and digits that make a repeat, unless it is of the whole text: fewer are chance, as a table's dashes."""


def asked_in_words(request: ChatRequest) -> ChatRequest:
    """The request for an upstream that cannot go on with its own message: a question asks it to."""
    messages = [*request.messages, ChatMessage("user", GO_ON)]
    return ChatRequest(
        messages=messages, model=request.model, temperature=request.temperature, max_tokens=request.max_tokens
    )


class Overlap:
    """Passes a continuation on, without what it repeats of the end of the text before it.

    The first characters are held back as long as they may still be such a repeat.
    """

    def __init__(self, before: str, on_delta: OnDelta) -> None:
        self._before = before
        self._tail = before[-LOOK_BACK:]
        self._on_delta = on_delta
        self._held = ""
        self._decided = False

    def feed(self, delta: Delta) -> None:
        """One delta from the upstream."""
        content = delta.content
        if not self._decided:
            self._held += content
            content = self._released(self._held.lstrip())
        if content or delta.reasoning:
            self._on_delta(Delta(content=content, reasoning=delta.reasoning))

    def end(self) -> None:
        """Nothing more comes: what is held goes out, unless it is a repeat."""
        if not self._decided:
            self._decided = True
            content = self._without_repeat(self._held.lstrip())
            if content:
                self._on_delta(Delta(content=content))

    def _released(self, text: str) -> str:
        """What of the held text can go out now; nothing while it could be the beginning of a longer repeat."""
        if not text or text in self._tail[:-1]:
            return ""
        self._decided = True
        return self._without_repeat(text)

    def _without_repeat(self, text: str) -> str:
        for length in range(min(len(text), len(self._tail)), 0, -1):
            if self._tail.endswith(text[:length]):
                if text.startswith(self._before) or sum(map(str.isalnum, text[:length])) >= REPEAT_LEAST:
                    return text[length:]
                break
        return self._held
