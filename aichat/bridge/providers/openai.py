"""Any upstream that speaks OpenAI's chat completions: DeepSeek, OpenAI, Ollama, vLLM, llama.cpp and many more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from aichat.bridge.agent import Whole
from aichat.bridge.body import hang_up, in_time, read_body, read_start, stream_body
from aichat.bridge.http import make_agent
from aichat.bridge.providers.base import ChatRequest, Finish, OnDelta
from aichat.bridge.providers.continuation import WAYS, Overlap, Way, asked_in_words
from aichat.bridge.providers.openai_answer import MAX_ANSWER_CHARS, Answer
from aichat.bridge.providers.openai_errors import lost, refusal
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
    """Seconds to wait: for a connection, for the headers of an answer, between two pieces of it, for the whole of it
    with all tries; how often to try, and the pause before the second try, twice as long before each further one."""

    connect: float = 10.0
    first_byte: float = 120.0
    between: float = 60.0
    total: float = 1_800.0
    tries: int = 3
    pause: float = 1.0


MAX_ERROR_BYTES = 65_536
LONGEST_PAUSE = 20.0
"""Seconds: an upstream that asks for a longer pause gets its error passed on instead."""


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
        self._base = base_url.rstrip("/")
        self._key = api_key
        self._extra = dict(extra or {})
        self._patience = patience
        self._reactor: IReactorTime = reactor
        self._agent = make_agent(reactor, patience.connect)
        self._headers = Headers({"content-type": ["application/json"], "accept": ["text/event-stream"]})
        if api_key:
            self._headers.setRawHeaders("authorization", [f"Bearer {api_key}"])

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        """See `Provider.generate`."""
        return ensureDeferred(self._generate(request, on_delta))

    def stop(self) -> Deferred[None]:
        """Nothing is held between generations."""
        return succeed(None)

    async def _generate(self, request: ChatRequest, on_delta: OnDelta) -> Finish:
        """A last message of the assistant is gone on with: in the upstream's own way, else it is asked in words."""
        last = request.messages[-1]
        if last.role != "assistant":
            return await self._ask(request, on_delta)
        if self.name in WAYS:
            try:
                return await self._ask(request, on_delta, WAYS[self.name])
            except AichatError as error:
                if error.code != "upstream_rejected":  # which it is where the model or the address cannot do it
                    raise
        overlap = Overlap(last.content, on_delta)
        finish = await self._ask(asked_in_words(request), overlap.feed)
        overlap.end()  # after a break what is held stays out: it is a part of the text before
        return finish

    async def _ask(self, request: ChatRequest, on_delta: OnDelta, way: Way | None = None) -> Finish:
        answers: list[Answer] = []

        def out_of_time(result: Finish | Failure, seconds: float) -> Finish | Failure:
            if not isinstance(result, Failure):
                return result
            if answers and answers[-1].is_finished:
                return answers[-1].finish()
            words = f"The answer was not complete after {seconds:g} s and was broken off."
            return Failure(AichatError("upstream_timeout", words))

        trying = ensureDeferred(self._try(request, on_delta, answers, way))
        trying.addTimeout(self._patience.total, self._reactor, out_of_time)
        return await trying

    async def _try(self, request: ChatRequest, on_delta: OnDelta, answers: list[Answer], way: Way | None) -> Finish:
        pause = self._patience.pause
        while True:
            answers.append(Answer(on_delta, self._key))
            try:
                return await self._attempt(request, answers[-1], way)
            except AichatError as error:
                if len(answers) == self._patience.tries or not _worth_a_retry(error, answers[-1]):
                    raise
                wait = pause if error.retry_after is None else error.retry_after
            await deferLater(self._reactor, wait)
            pause = min(8.0, 2 * pause)

    async def _attempt(self, request: ChatRequest, answer: Answer, way: Way | None) -> Finish:
        messages: list[dict[str, object]] = [{"role": m.role, "content": m.content} for m in request.messages]
        url = f"{self._base}/chat/completions"
        if way is not None:
            url = f"{way.url(self._base)}/chat/completions"
            messages[-1].update(way.message)
        body: dict[str, object] = {
            "model": request.model or self.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._extra,
            **(way.body if way else {}),
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        sent = Whole(msgspec.json.encode(body))
        try:
            asking = self._agent.request(b"POST", url.encode(), self._headers, sent)
            response = await in_time(asking, self._reactor, self._patience.first_byte)
            if response.code != 200:
                start = await read_start(response, self._reactor, self._patience.between, MAX_ERROR_BYTES)
                raise refusal(response, start, self._key)
            kind = (response.headers.getRawHeaders("content-type") or [""])[0].partition(";")[0].strip().lower()
            if kind == "text/event-stream":
                await stream_body(response, self._reactor, self._patience.between, answer.feed, paced=True)
            elif kind == "application/json":
                answer.whole(await read_body(response, self._reactor, self._patience.between, MAX_ANSWER_CHARS * 4))
            else:
                hang_up(response, self._reactor)
                raise AichatError(
                    "upstream_invalid", f"The model service answered with {kind or 'no type'}, not a chat."
                )
        except (AichatError, CancelledError):
            raise
        except Exception as error:
            if not answer.is_finished:  # a whole answer is whole, however its socket ended
                raise lost(error, answer.started, self._base) from error
        return answer.finish()


def _worth_a_retry(error: AichatError, answer: Answer) -> bool:
    """Only before the first delta, only where the same request may succeed, only if the pause asked for is short.

    Not after a time-out: the upstream may still be at work on the first request, and be paid for both.
    """
    if answer.started or not error.retryable:
        return False
    return (error.retry_after or 0) <= LONGEST_PAUSE and error.code not in ("upstream_invalid", "upstream_timeout")
