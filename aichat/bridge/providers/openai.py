"""Any upstream that speaks OpenAI's chat completions: DeepSeek, OpenAI, Ollama, vLLM, llama.cpp and many more."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from aichat.bridge.body import post, read_body, stream_body
from aichat.bridge.providers.base import ChatRequest, Delta, Finish, OnDelta, Usage
from aichat.bridge.reasoning import ThinkSplitter
from aichat.bridge.sse import Parser
from aichat.protocol.errors import AichatError


class Preset(NamedTuple):
    """Where a well-known upstream is, and what it answers with if nothing else is said."""

    base_url: str
    model: str
    key_variable: str


PRESETS: dict[str, Preset] = {
    "openai": Preset("https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"),
    "deepseek": Preset("https://api.deepseek.com/v1", "deepseek-chat", "DEEPSEEK_API_KEY"),
    "ollama": Preset("http://127.0.0.1:11434/v1", "qwen2.5", ""),
    "vllm": Preset("http://127.0.0.1:8000/v1", "default", ""),
    "llamacpp": Preset("http://127.0.0.1:8080/v1", "default", ""),
}


class Patience(NamedTuple):
    """Seconds to wait: for a connection, for the first byte of an answer, between two pieces of it; and tries."""

    connect: float = 10.0
    first_byte: float = 120.0
    between: float = 60.0
    tries: int = 3


MAX_ERROR_BYTES = 65_536
MAX_ANSWER_CHARS = 2_000_000
LONGEST_PAUSE = 20.0
"""Seconds: an upstream that asks for a longer pause gets its error passed on instead."""


class _Part(msgspec.Struct):
    text: str = ""


class _ChunkDelta(msgspec.Struct):
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


class _Choice(msgspec.Struct):
    delta: _ChunkDelta | None = None
    message: _ChunkDelta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: Usage | None = None
    error: msgspec.Raw = msgspec.Raw()


_fast_decode = msgspec.json.Decoder(_Chunk, strict=False).decode
_NO_ERROR = (b"", b"null", b'""', b"{}", b"false")


def _decode_chunk(data: bytes) -> _Chunk:
    """One event. Some upstreams cut an emoji into two surrogates: msgspec refuses them, the json module does not."""
    try:
        return _fast_decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(data), _Chunk, strict=False)


class OpenAIProvider:
    """Streams from `{base_url}/chat/completions`. The key goes to that origin only: redirects are refused."""

    def __init__(
        self,
        reactor: Any,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        name: str = "openai",
        extra: Mapping[str, object] | None = None,
        patience: Patience = Patience(),  # noqa: B008 - an immutable value
    ) -> None:
        self.name = name
        self.model = model
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._key = api_key
        self._extra = dict(extra or {})
        self._patience = patience
        self._reactor: IReactorTime = reactor
        self._pool = HTTPConnectionPool(reactor, persistent=False)  # closing the socket is how a generation ends
        agent = Agent(reactor, BrowserLikePolicyForHTTPS(), connectTimeout=patience.connect, pool=self._pool)
        self._client = HTTPClient(agent)

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        """See `Provider.generate`."""
        return ensureDeferred(self._generate(request, on_delta))

    def stop(self) -> Deferred[None]:
        """Nothing is held between generations."""
        return succeed(None)

    async def _generate(self, request: ChatRequest, on_delta: OnDelta) -> Finish:
        answers: list[_Answer] = []

        async def attempt() -> Finish:
            answers.append(_Answer(on_delta))
            return await self._attempt(request, answers[-1])

        retrying = AsyncRetrying(
            sleep=self._sleep,
            wait=_pause,
            stop=stop_after_attempt(self._patience.tries),
            retry=retry_if_exception(lambda error: _worth_a_retry(error, answers[-1])),
            reraise=True,
        )
        return await retrying(attempt)

    async def _sleep(self, seconds: float) -> None:
        await deferLater(self._reactor, seconds)

    async def _attempt(self, request: ChatRequest, answer: _Answer) -> Finish:
        body = {
            "model": request.model or self.model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._extra,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        headers = Headers({"content-type": ["application/json"], "accept": ["text/event-stream"]})
        if self._key:
            headers.setRawHeaders("authorization", [f"Bearer {self._key}"])
        try:
            response = await post(
                self._client, self._reactor, self._patience.first_byte, self._url, msgspec.json.encode(body), headers
            )
            if response.code != 200:
                raise _refusal(
                    response, await read_body(response, self._reactor, self._patience.between, MAX_ERROR_BYTES)
                )
            kind = (response.headers.getRawHeaders("content-type") or [""])[0].partition(";")[0].strip().lower()
            if kind == "text/event-stream":
                await stream_body(response, self._reactor, self._patience.between, answer.feed)
            elif kind == "application/json":
                answer.whole(await read_body(response, self._reactor, self._patience.between, MAX_ANSWER_CHARS * 4))
            else:
                raise AichatError(
                    "upstream_invalid", f"The model service answered with {kind or 'no type'}, not a chat."
                )
        except (AichatError, CancelledError):
            raise
        except Exception as error:
            if not answer.is_finished:  # a whole answer is whole, however its socket ended
                raise _lost(error, answer, self._url) from error
        return answer.finish()


class _Answer:
    """Folds an upstream's chunks into deltas; knows when it is really finished."""

    def __init__(self, on_delta: OnDelta) -> None:
        self._on_delta = on_delta
        self._parser = Parser()
        self._splitter = ThinkSplitter()
        self._reason = ""
        self._model = ""
        self._usage: Usage | None = None
        self._chars = 0
        self._over = False
        self._half = ""
        self.started = False

    @property
    def is_finished(self) -> bool:
        """Whether the upstream said why it ended."""
        return bool(self._reason)

    def feed(self, data: bytes) -> bool:
        """Bytes of the event stream -> whether the end was among them."""
        for event in self._parser.feed(data):
            self._event(event)
        return self._over

    def whole(self, data: bytes) -> None:
        """The body of an upstream that does not stream."""
        self._event(data)

    def finish(self) -> Finish:
        """After the last byte. Errors: AichatError upstream_interrupted without an explicit finish_reason."""
        for event in self._parser.end():
            self._event(event)
        if not self._reason:
            raise AichatError("upstream_interrupted")
        return Finish(reason=self._reason, model=self._model, usage=self._usage)

    def _event(self, data: bytes) -> None:
        if data.strip() == b"[DONE]":
            self._over = True
            return
        try:
            chunk = _decode_chunk(data)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise AichatError("upstream_invalid", f"The model service sent a broken event: {error}") from None
        if bytes(chunk.error) not in _NO_ERROR:
            raise _upstream_error(200, bytes(chunk.error))
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        piece = choice.delta or choice.message
        if piece is not None:
            text = self._whole_characters(piece.text())
            split = self._splitter.feed(text) if text else Delta()
            self._emit(split.content, (piece.reasoning_content or piece.reasoning or "") + split.reasoning)
        if choice.finish_reason:
            rest = self._splitter.end()
            self._emit(rest.content, rest.reasoning)
            self._reason = choice.finish_reason

    def _whole_characters(self, text: str) -> str:
        """Join the two halves of a character that an upstream cut; a half that stays alone becomes U+FFFD."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        if any("\ud800" <= c <= "\udfff" for c in text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _emit(self, content: str, reasoning: str) -> None:
        if not content and not reasoning:
            return
        self._chars += len(content) + len(reasoning)
        if self._chars > MAX_ANSWER_CHARS:
            raise AichatError("upstream_invalid", f"The answer is over {MAX_ANSWER_CHARS} characters.")
        self.started = True
        self._on_delta(Delta(content=content, reasoning=reasoning))


def _worth_a_retry(error: BaseException, answer: _Answer) -> bool:
    """Only before the first delta, only where the same request may succeed, only if the pause asked for is short."""
    if answer.started or not isinstance(error, AichatError) or not error.retryable:
        return False
    return (error.retry_after or 0) <= LONGEST_PAUSE and error.code != "upstream_invalid"


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None else min(8.0, 0.5 * 2.0**state.attempt_number)


class _ErrorDetail(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


def _refusal(response: IResponse, body: bytes) -> AichatError:
    """What a status other than 200 means."""
    if 300 <= response.code < 400:
        return AichatError(
            "upstream_rejected", "The model service redirects elsewhere; set its final address instead."
        )
    try:
        raw = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("error", msgspec.Raw()))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = b""
    error = _upstream_error(response.code, raw)
    asked = (response.headers.getRawHeaders("retry-after") or [""])[0]
    error.retry_after = _seconds(asked.strip())
    return error


def _seconds(retry_after: str) -> float | None:
    """Retry-After as seconds from now: a number, or a date."""
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _upstream_error(status: int, raw: bytes) -> AichatError:
    try:
        detail = msgspec.json.decode(raw, type=_ErrorDetail)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            detail = _ErrorDetail(message=msgspec.json.decode(raw, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            detail = _ErrorDetail()
    words = " ".join(detail.message.split())[:300]
    if {"exceed_context_size_error", "context_length_exceeded"} & {str(detail.type), str(detail.code)}:
        return AichatError("context_exceeded")
    code = {401: "upstream_unauthorized", 402: "upstream_no_balance", 403: "upstream_unauthorized",
            408: "upstream_timeout", 429: "upstream_rate_limited"}.get(status)  # fmt: skip
    if code is None:
        code = "upstream_rejected" if 400 <= status < 500 else "upstream_unavailable"
    meaning = AichatError(code).message
    return AichatError(code, f"{meaning} It says: {words}" if words else f"{meaning} (HTTP {status})")


def _lost(error: Exception, answer: _Answer, url: str) -> AichatError:
    """What a broken connection means: before the first delta one may try again, after it the text is kept."""
    reasons = error.reasons if isinstance(error, ResponseFailed) else [Failure(error)]
    if answer.started:
        return AichatError("upstream_interrupted")
    if any(r.check(TimeoutError, CancelledError) for r in reasons):
        return AichatError("upstream_timeout")
    if any(r.check(ConnectError, DNSLookupError, ConnectionLost) for r in reasons):
        return AichatError("upstream_unreachable", f"The model service at {url} could not be reached.")
    return AichatError(
        "upstream_unreachable", f"The model service at {url} broke off: {reasons[0].getErrorMessage()}"
    )
