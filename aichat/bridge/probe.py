"""Asks a bridge elsewhere, now and then, whether it is there: so that /healthz knows without asking anybody."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall

from aichat.bridge.body import read_body
from aichat.bridge.http import NO_COOKIES, make_agent, make_client
from aichat.log import make_logger

EVERY_SECONDS, PATIENCE_SECONDS = 5.0, 5.0
MAX_BYTES = 65_536


class BridgeProbe:
    """`trouble` is "" while the bridge answers."""

    _log = make_logger("aichat.bridge.probe")

    def __init__(self, reactor: Any, url: str) -> None:
        self._reactor = reactor
        self._url = url.rstrip("/") + "/healthz"
        self._client = make_client(make_agent(reactor, PATIENCE_SECONDS))
        self._loop = LoopingCall(lambda: ensureDeferred(self._ask()))
        self._loop.clock = reactor
        self._asking: Deferred[str] | None = None
        self.trouble = ""

    def start(self) -> None:
        """Ask at once, then every EVERY_SECONDS."""
        self._loop.start(EVERY_SECONDS)

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        self._asking = ensureDeferred(self._answer()).addTimeout(PATIENCE_SECONDS, self._reactor)
        try:
            trouble = await self._asking
        except Exception as error:  # whatever it is: it does not answer as a bridge does
            self._log.debug("asking the bridge: {error}", error=error)
            trouble = "the AI bridge cannot be reached"
        finally:
            self._asking = None
        if self._loop.running and trouble != self.trouble:
            self.trouble = trouble
            if trouble:
                self._log.warn("{trouble}: nobody gets an answer until it is back", trouble=trouble)
            else:
                self._log.info("the AI bridge answers again")

    async def _answer(self) -> str:
        response = await self._client.get(self._url, cookies=NO_COOKIES, allow_redirects=False, unbuffered=True)
        await read_body(response, self._reactor, PATIENCE_SECONDS, MAX_BYTES)
        return "" if response.code == 200 else f"the AI bridge is not ready (HTTP {response.code})"
