"""The model that runs on this machine: llama.cpp in a child process, spoken to as any OpenAI-compatible upstream.

The child starts at the first generation and again after it died; `stop` ends it. What a generation says and how it
is cancelled is the upstream provider's business; this file is about the process only.
"""

from __future__ import annotations

import os
import re
import secrets
import site
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

import aichat
from aichat.bridge import llama_child
from aichat.bridge.catalogue import Sampling, catalogue
from aichat.bridge.models import locate, missing
from aichat.bridge.providers.base import ChatRequest, Finish, OnDelta, Provider
from aichat.bridge.providers.llama_process import LlamaProcess
from aichat.protocol.errors import AichatError

STOP_SECONDS = 5.0  # from closing the child's stdin to SIGKILL
DEATH_SECONDS = 2.0  # from a broken connection to the exit that explains it
LAST_WORDS_SECONDS = 2.0  # from a child saying that it did not start to SIGKILL: it ends by itself
MAX_PAUSE_SECONDS = 60.0  # between two starts of a child that keeps dying

_log = Logger()

Upstream = Callable[[str, str, str], Provider]  # (base URL, API key, model) -> the provider that speaks to it


class EmbeddedProvider:
    """A `Provider` over a child process that serves `model`: a catalogued name or the path of a GGUF file.

    `context` is how many tokens one conversation may have, prompt and answer together: longer prompts fail with
    `context_exceeded`, answers that reach it end with the reason "length". `slots` generations run at once, more
    wait in line. `threads` None: one for each core this process may use, 8 at most. `load_timeout` is seconds.
    `reactor` is the running one: processes, time and its thread pool are used.
    """

    name = "embedded"

    def __init__(
        self,
        reactor: Any,
        model: str,
        *,
        upstream: Upstream,
        context: int = 8192,
        slots: int = 4,
        threads: int | None = None,
        load_timeout: float = 120,
    ) -> None:
        self.context = context
        self.model = model
        self._reactor = reactor
        self._make_upstream = upstream
        self._slots = slots
        self._threads = threads or min(_usable_cores(), 8)
        self._load_timeout = load_timeout
        self._child: LlamaProcess | None = None
        self._starting = False
        self._waiting: list[Deferred[LlamaProcess]] = []  # generations until the child has loaded
        self._deaths = 0  # in a row, with no finished generation between them
        self._not_before = 0.0  # reactor time of the next start
        self._last_words = ""
        self._stopped = False

    def generate(self, request: ChatRequest, on_delta: OnDelta) -> Deferred[Finish]:
        """See `Provider.generate`; starts the child if there is none.

        Errors besides the upstream's own: `model_unavailable` when the model is missing or does not load (with
        `retry_after` while it keeps dying), `upstream_interrupted` when the child dies, `shutting_down`.
        """
        return Deferred.fromCoroutine(self._generate(request, on_delta))

    async def _generate(self, request: ChatRequest, on_delta: OnDelta) -> Finish:
        child = await self._loaded()
        assert child.upstream is not None
        # There is one model here, whatever a persona that moved from another upstream asks for.
        answer = child.upstream.generate(msgspec.structs.replace(request, model=None), on_delta)
        child.running.add(answer)
        try:
            finish = await answer
        except (CancelledError, AichatError) as error:
            if answer in child.cut_off or await self._dies(child, error):
                raise AichatError(
                    "upstream_interrupted",
                    "The embedded model stopped in the middle of the answer; it starts anew with the next message.",
                ) from error
            raise
        finally:
            child.running.discard(answer)
        self._deaths = 0
        return finish

    async def _dies(self, child: LlamaProcess, error: Exception) -> bool:
        """Whether this error is the child's death. Its sockets close a moment before its exit is known: wait for
        that, so that whoever tries again on seeing the error is not sent to the dying child."""
        if not isinstance(error, AichatError) or error.code not in ("upstream_unreachable", "upstream_interrupted"):
            return False
        try:
            await child.when_gone().addTimeout(DEATH_SECONDS, self._reactor)
        except TimeoutError:
            return False
        return True

    def stop(self) -> Deferred[None]:
        """End the child; fires when it is gone. Generations that run break off. Nothing starts afterwards."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopped = True
        self._announce(Failure(AichatError("shutting_down")))
        if self._child is not None:
            gone = self._child.when_gone()
            self._child.leave()
            timer = self._reactor.callLater(STOP_SECONDS, self._child.kill)
            await gone
            if timer.active():
                timer.cancel()

    # From here: one child, however many ask for it.

    def _loaded(self) -> Deferred[LlamaProcess]:
        """The child once it serves. Simultaneous first uses share one start; cancelling one leaves the rest."""
        if self._stopped:
            return fail(AichatError("shutting_down"))
        if self._child is not None and self._child.upstream is not None:
            return succeed(self._child)
        if not self._starting:
            pause = self._not_before - self._reactor.seconds()
            if pause > 0:
                return fail(AichatError("model_unavailable", self._last_words, retry_after=round(pause, 1)))
        waiter: Deferred[LlamaProcess] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        if not self._starting:
            self._starting = True
            Deferred.fromCoroutine(self._start()).addBoth(self._announce)
        return waiter

    def _announce(self, result: LlamaProcess | Failure) -> None:
        self._starting = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(result) if isinstance(result, LlamaProcess) else waiter.errback(result)

    async def _start(self) -> LlamaProcess:
        try:  # off the reactor: it may have to hash half a gigabyte
            path = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), locate, self.model)
        except OSError as error:
            raise AichatError("model_unavailable", f"The model {self.model} cannot be read: {error}") from error
        if path is None:
            raise AichatError("model_unavailable", missing(self.model))
        if self._stopped:
            raise AichatError("shutting_down")
        known = catalogue.get(self.model)
        settings = llama_child.Settings(
            model=str(path),
            alias=known.name if known else path.stem,
            api_key=secrets.token_urlsafe(32),
            parent=os.getpid(),
            threads=self._threads,
            context=self.context,
            slots=self._slots,
            sampling=known.sampling if known else Sampling(),
        )
        child = self._child = LlamaProcess(settings, self._on_end)
        command = [sys.executable, "-P", "-m", llama_child.__name__]
        self._reactor.spawnProcess(child, sys.executable, command, env=_environment())
        try:
            url = await child.url.addTimeout(self._load_timeout, self._reactor)
        except (AichatError, TimeoutError) as error:
            gone = child.when_gone()
            # One that said why it did not start ends by itself, with all of its log written.
            last = self._reactor.callLater(0 if isinstance(error, TimeoutError) else LAST_WORDS_SECONDS, child.kill)
            await gone  # there is never a second child beside it
            if last.active():
                last.cancel()
            if self._stopped:
                raise AichatError("shutting_down") from error
            late = f"not ready after {self._load_timeout:g} s" if isinstance(error, TimeoutError) else child.error
            self._last_words = f"The embedded model {settings.alias} did not start: {late} {child.last_lines()}"
            raise AichatError("model_unavailable", self._last_words.strip()) from error
        child.upstream = self._make_upstream(f"{url}/v1", settings.api_key, settings.alias)
        _log.info("embedded model {model} ready at {url}", model=settings.alias, url=url)
        return child

    def _on_end(self, child: LlamaProcess, how: str) -> Deferred[object]:
        """The child is gone: break off what ran, and let the next start wait if this happens again and again."""
        self._child = None
        if not self._stopped:
            _log.warn("embedded model ended: {how}; {lines}", how=how, lines=child.last_lines())
            self._deaths += 1
            pause = 0.0 if self._deaths == 1 else min(2.0 ** (self._deaths - 2), MAX_PAUSE_SECONDS)
            self._not_before = self._reactor.seconds() + pause
            self._last_words = f"The embedded model keeps ending ({how}). {child.last_lines()}"
        if child.upstream is None:
            return succeed(None)
        released: Deferred[object] = maybeDeferred(child.upstream.stop)
        released.addErrback(lambda failure: _log.failure("releasing the embedded model's sockets", failure))
        return released


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment() -> dict[str, str]:
    """The child's environment: ours without what looks like a secret, and with the way to this package."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.search(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD", name, re.IGNORECASE)
    }
    kept.update(llama_child.OPENMP_ENVIRONMENT)
    root = str(Path(aichat.__file__).resolve().parent.parent)
    if root not in site.getsitepackages():  # a checkout: found by the folder we were started in, perhaps
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return kept
