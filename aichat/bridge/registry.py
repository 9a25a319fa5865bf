"""All providers of a bridge by name: which one is asked, who stands in for it, and how each of them is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec
from twisted.internet.defer import Deferred, DeferredList

from aichat.bridge.breaker import Breaker, State
from aichat.bridge.providers.base import ChatRequest, Delta, Finish, OnDelta, Provider
from aichat.log import make_logger
from aichat.protocol.errors import AichatError

DEFAULT, NONE = "default", "none"
"""The name of the provider that the plain settings describe; and, as a fallback, the word for nobody."""

ANOTHER_HELPS = (
    "upstream_unreachable", "upstream_unavailable", "upstream_timeout", "upstream_rate_limited",
    "upstream_no_balance", "upstream_unauthorized", "model_unavailable",
)  # fmt: skip
"""Codes of errors that another provider may not have."""


class ProviderState(NamedTuple):
    """How one provider is: `state` closed (it works), open (it is not asked) or half_open (it is tried)."""

    name: str
    kind: str
    model: str
    state: State
    since: float
    """Unix seconds: when it came into this state."""
    failures: int
    """In a row."""
    retry_in: float
    """Seconds until it is asked again; 0 while it is not open."""


class _Entry(NamedTuple):
    name: str
    provider: Provider
    breaker: Breaker


class Providers:
    """Asks the provider that a request names, and its fallback where that helps. Itself a `Provider`."""

    _log = make_logger("aichat.bridge")

    def __init__(
        self, providers: Mapping[str, Provider], *, fallback: str = "", now: Callable[[], float] = time.monotonic
    ) -> None:
        """`providers` has one named DEFAULT; `fallback` is for requests that name none."""
        self._entries = {name: _Entry(name, p, Breaker(name, now)) for name, p in providers.items()}
        for entry in self._entries.values():
            entry.breaker.on_change = partial(self._tell, entry.breaker)
        self._fallback = fallback
        self.name = providers[DEFAULT].name
        self.model = providers[DEFAULT].model

    def states(self) -> list[ProviderState]:
        """How all of them are, for metrics and health."""
        wall = time.time()
        return [
            ProviderState(name, p.name, p.model, b.state, wall - b.age, b.failures, b.retry_in)
            for name, p, b in self._entries.values()
        ]

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        """See `Provider.generate`. Errors besides: not_found for a name that is not in the settings."""
        return Deferred.fromCoroutine(self._generate(request, on_delta))

    def stop(self) -> Deferred[None]:
        """Release what all of them hold."""
        stopping = DeferredList([entry.provider.stop() for entry in self._entries.values()], consumeErrors=True)
        return stopping.addCallback(lambda _: None)

    def _tell(self, breaker: Breaker) -> None:
        if breaker.state == "open":
            words = "the provider {name} is down and is not asked for {seconds:.0f} s: {why}"
            self._log.warn(words, name=breaker.name, seconds=breaker.retry_in, why=breaker.why)
        elif breaker.state == "closed":
            self._log.info("the provider {name} answers again", name=breaker.name)

    async def _generate(self, request: ChatRequest, on_delta: OnDelta) -> Finish:
        name = request.provider or DEFAULT
        entry = self._entries.get(name)
        if entry is None:
            raise AichatError("not_found", f"{_unknown(name)}, or choose another provider in the persona.")
        try:
            return await _ask(entry, request, on_delta)
        except _Unanswered as unanswered:
            error = unanswered.error
        spare = request.fallback or self._fallback
        if error.code not in ANOTHER_HELPS or spare in ("", NONE, name):
            raise error
        stand_in = self._entries.get(spare)
        if stand_in is None:
            raise _also(error, f"No other one is asked: {_unknown(spare)}.")
        self._log.info("{name} did not answer ({code}): {spare} is asked", name=name, code=error.code, spare=spare)
        try:
            return await _ask_shorter(stand_in, msgspec.structs.replace(request, model=None), on_delta)
        except _Unanswered as unanswered:
            raise _also(error, f"Its fallback {spare!r} failed too: {unanswered.error.message}") from unanswered


class _Unanswered(Exception):
    """An error before the first delta."""

    def __init__(self, error: AichatError) -> None:
        self.error = error
        super().__init__(str(error))


async def _ask(entry: _Entry, request: ChatRequest, on_delta: OnDelta) -> Finish:
    """Errors: _Unanswered before the first delta; after it AichatError; CancelledError."""
    started = False
    try:
        call = entry.breaker.enter()
    except AichatError as error:
        raise _Unanswered(error) from None

    def heard(delta: Delta) -> None:
        nonlocal started
        if not started:
            started = True
            call.worked()
        on_delta(delta)

    try:
        finish = await entry.provider.generate(request, heard)
    except AichatError as error:
        call.ended(error)
        if started:
            raise
        raise _Unanswered(error) from error
    except BaseException as error:
        call.ended(error)
        raise
    call.ended(None)
    return msgspec.structs.replace(finish, provider=entry.name)


async def _ask_shorter(entry: _Entry, request: ChatRequest, on_delta: OnDelta) -> Finish:
    """Ask; while a model that reads less says that the prompt is too long, leave out the older half of the talk."""
    while True:
        try:
            return await _ask(entry, request, on_delta)
        except _Unanswered as unanswered:
            said = [message for message in request.messages if message.role != "system"]
            if unanswered.error.code != "context_exceeded" or len(said) < 2:
                raise
            system = [message for message in request.messages if message.role == "system"]
            kept = said[(len(said) + 1) // 2 :]
            if kept[0].role != "user" and len(kept) > 1:
                kept = kept[1:]
            request = msgspec.structs.replace(request, messages=[*system, *kept])


def _also(error: AichatError, words: str) -> AichatError:
    return AichatError(error.code, f"{error.message} {words}", retry_after=error.retry_after)


def _unknown(name: str) -> str:
    return f"There is no provider {name!r} here: the settings need a table [providers.{name}]"
