"""Folds the chunks of an OpenAI-compatible stream into deltas, within limits, and knows when it is over."""

from __future__ import annotations

import json
import re

import msgspec

from aichat.bridge.providers.base import Delta, Finish, OnDelta, Usage
from aichat.bridge.providers.openai_errors import upstream_error
from aichat.bridge.reasoning import ThinkSplitter
from aichat.bridge.sse import END, Parser
from aichat.protocol.errors import AichatError

MAX_ANSWER_CHARS = 1_000_000
"""Of answer and reasoning together; no model writes as much. What came up to here is kept."""


_HALF = re.compile("[\ud800-\udfff]")


class _Part(msgspec.Struct, gc=False):
    text: str = ""


class _ChunkDelta(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None

    def text(self) -> str:
        """What is to be read as the answer: a refusal is one too."""
        content = self.content
        return (
            ("".join(part.text for part in content) if isinstance(content, list) else content) or self.refusal or ""
        )


class _Choice(msgspec.Struct, gc=False):
    delta: _ChunkDelta | None = None
    message: _ChunkDelta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: Usage | None = None
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Chunk, strict=False)
_fast_decode, _decode_lines = _decoder.decode, _decoder.decode_lines
_NO_ERROR = (b"", b"null", b'""', b"{}", b"false")


def _decode_chunk(data: bytes) -> _Chunk:
    """One event. Some upstreams cut an emoji into two surrogates: msgspec refuses them, the json module does not."""
    try:
        return _fast_decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(data), _Chunk, strict=False)


def _decode_all(events: list[bytes]) -> list[_Chunk] | None:
    """All of them at once; None if one is odd, or no JSON."""
    try:
        chunks = _decode_lines(b"\n".join(events))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return chunks if len(chunks) == len(events) else None


class Answer:
    """One try at an answer. `secret` stays out of the errors."""

    def __init__(self, on_delta: OnDelta, secret: str = "") -> None:
        self._on_delta = on_delta
        self._secret = secret
        self._parser = Parser()
        self._splitter = ThinkSplitter()
        self._reason = ""
        self._model = ""
        self._usage: Usage | None = None
        self._chars = 0
        self._over = False
        self._may_have_halves = False
        self._half = ""
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._split = False
        self.started = False

    @property
    def is_finished(self) -> bool:
        """Whether the upstream said why it ended."""
        return bool(self._reason)

    def feed(self, data: bytes) -> bool:
        """Bytes of the event stream -> whether the end was among them. What they hold is one delta."""
        try:
            events = self._parser.feed(data)
            chunks = _decode_all(events)
            if chunks is None:
                for event in events:
                    self._event(event)
            else:
                for chunk in chunks:
                    self._fold(chunk)
        finally:
            self._emit()
        return self._over

    def whole(self, data: bytes) -> None:
        """The body of an upstream that does not stream."""
        try:
            self._event(data)
        finally:
            self._emit()

    def finish(self) -> Finish:
        """After the last byte. Errors: AichatError upstream_interrupted without an explicit finish_reason."""
        try:
            self.feed(END)
        except AichatError as error:
            if error.code != "upstream_invalid":
                raise
            raise AichatError("upstream_interrupted") from None  # the last event was cut, not wrong
        if not self._reason:
            raise AichatError("upstream_interrupted")
        return Finish(reason=self._reason, model=self._model, usage=self._usage)

    def _event(self, data: bytes) -> None:
        if not data.startswith(b"{") and data.strip() == b"[DONE]":
            self._over = True
            return
        self._may_have_halves = True
        try:
            chunk = _decode_chunk(data)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise AichatError("upstream_invalid", f"The model service sent a broken event: {error}") from None
        self._fold(chunk)

    def _fold(self, chunk: _Chunk) -> None:
        if chunk.error is not msgspec.UNSET and bytes(chunk.error) not in _NO_ERROR:
            raise upstream_error(200, bytes(chunk.error), self._secret)
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        piece = choice.delta or choice.message
        if piece is not None:
            if reasoning := piece.reasoning_content or piece.reasoning:
                self._reasoning.append(reasoning)
            if text := piece.text():
                self._texts.append(text)
        if choice.finish_reason:
            self._reason = choice.finish_reason

    def _whole_characters(self, text: str) -> str:
        """Join the two halves of a character that an upstream cut; a half that stays alone becomes U+FFFD."""
        if not self._may_have_halves:
            return text
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        if _HALF.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _gathered(self) -> tuple[str, str]:
        """What came since the last time -> answer, reasoning."""
        reasoning, content = "".join(self._reasoning), ""
        self._reasoning.clear()
        if self._texts:
            split = self._splitter.feed(self._whole_characters("".join(self._texts)))
            self._texts.clear()
            content, reasoning = split.content, reasoning + split.reasoning
        if self._reason and not self._split:
            self._split, split = True, self._splitter.end()
            content, reasoning = content + split.content, reasoning + split.reasoning
        return content, reasoning

    def _emit(self) -> None:
        """What was gathered, as one delta."""
        content, reasoning = self._gathered()
        if not content and not reasoning:
            return
        room = MAX_ANSWER_CHARS - self._chars
        self._chars += len(content) + len(reasoning)
        self.started = True
        if self._chars <= MAX_ANSWER_CHARS:
            self._on_delta(Delta(content=content, reasoning=reasoning))
            return
        if room:
            reasoning = reasoning[:room]
            self._on_delta(Delta(content=content[: room - len(reasoning)], reasoning=reasoning))
        words = f"The answer went on for more than {MAX_ANSWER_CHARS:,} characters and was cut there."
        raise AichatError("upstream_invalid", words)
