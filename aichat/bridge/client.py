"""How the service asks the bridge: through treq, over HTTP or in the same process; one code path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge import sse
from aichat.bridge.agent import StreamingAgent
from aichat.bridge.body import in_time, read_body, stream_body
from aichat.bridge.http import NO_COOKIES, make_agent, make_client
from aichat.bridge.inprocess import InProcessEndpoint
from aichat.bridge.providers.base import ChatMessage, Delta, Finish
from aichat.metrics import counts
from aichat.protocol.errors import ERRORS, AichatError

__all__ = ["BridgeClient", "ChatMessage", "Delta", "Finish"]

FIRST_BYTE, BETWEEN = 660.0, 150.0
"""Seconds: longer than the bridge's own patience with its upstream, which has the better error."""

MAX_ERROR_BYTES = 65_536


class _Error(msgspec.Struct):
    code: str
    message: str = ""
    retry_after: float | None = None


class _Event(msgspec.Struct, gc=False):
    content: str = ""
    reasoning: str = ""
    finish: Finish | None = None
    error: _Error | None = None


class _Refusal(msgspec.Struct):
    error: _Error


class _Chat(msgspec.Struct, kw_only=True, omit_defaults=True):
    persona_id: str
    messages: list[ChatMessage]
    stream: bool
    model: str = ""
    provider: str = ""
    fallback: str = ""
    temperature: float | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


class _Encoded(EncodedURL):
    """An address that treq need not encode anew for each request, which takes 0.07 ms."""

    def to_uri(self) -> _Encoded:
        return self


@implementer(IAgentEndpointFactory)
class _InProcess:
    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._endpoint


class BridgeClient:
    """Asks one bridge."""

    def __init__(self, reactor: Any, client: HTTPClient, url: str, secret: str = "") -> None:
        self._reactor = reactor
        self._client = client
        self._url = url.rstrip("/") + "/api/v1/chat"
        self._address = _Encoded.from_text(self._url)
        self._headers = Headers({"content-type": ["application/json"]})
        if secret:
            self._headers.setRawHeaders("authorization", [f"Bearer {secret}"])

    @classmethod
    def remote(cls, reactor: Any, url: str, secret: str = "") -> BridgeClient:
        """A bridge elsewhere, by its base URL."""
        return cls(reactor, make_client(make_agent(reactor, 5.0)), url, secret)

    @classmethod
    def in_process(cls, reactor: Any, site: Any, secret: str = "") -> BridgeClient:
        """The bridge in this process, by its site."""
        agent = StreamingAgent(_InProcess(InProcessEndpoint(reactor, site)), reactor)
        return cls(reactor, make_client(agent), "http://localhost", secret)

    def generate(
        self,
        persona_id: str,
        messages: list[ChatMessage],
        model: str,
        on_delta: Callable[[Delta], None],
        *,
        provider: str = "",
        fallback: str = "",
        temperature: float | None = None,
    ) -> Deferred[Finish]:
        """Start a generation; `on_delta` is called in order, the Deferred fires at the explicit end.

        Errors: AichatError. Cancelling the Deferred ends the generation at the bridge (CancelledError).
        """
        if messages[0].role != "system":
            persona_id = ""  # the prompt is empty here; the bridge is not to look for another one
        body = _Chat(
            persona_id=persona_id,
            messages=messages,
            stream=True,
            model=model,
            provider=provider,
            fallback=fallback,
            temperature=temperature,
        )
        return ensureDeferred(self._generate(msgspec.json.encode(body), on_delta))

    async def _generate(self, body: bytes, on_delta: Callable[[Delta], None]) -> Finish:
        reading = _Reading(on_delta)
        try:
            asking = self._client.post(
                self._address,
                data=body,
                headers=self._headers,
                cookies=NO_COOKIES,
                allow_redirects=False,
                unbuffered=True,
            )
            response = await in_time(asking, self._reactor, FIRST_BYTE)
            if response.code != 200:
                raise _refusal(await read_body(response, self._reactor, BETWEEN, MAX_ERROR_BYTES), response.code)
            await stream_body(response, self._reactor, BETWEEN, reading.feed)
        except (AichatError, CancelledError):
            raise
        except Exception as error:
            if reading.finish is not None:
                return reading.finish
            if reading.started:
                raise AichatError("upstream_interrupted") from error
            raise AichatError("bridge_unreachable", f"The AI bridge at {self._url} could not be reached.") from error
        if reading.finish is None:
            raise AichatError("upstream_interrupted")
        return reading.finish


class _Reading:
    def __init__(self, on_delta: Callable[[Delta], None]) -> None:
        self._on_delta = on_delta
        self._parser = sse.Parser()
        self.finish: Finish | None = None
        self.started = False

    def feed(self, data: bytes) -> bool:
        for raw in self._parser.feed(data):
            event = _decode_event(raw)
            if event.error is not None:
                raise _as_error(event.error)
            if event.finish is not None:
                self.finish = event.finish
            if event.content or event.reasoning:
                self.started = True
                counts.deltas += 1
                self._on_delta(Delta(content=event.content, reasoning=event.reasoning))
        return self.finish is not None


def _refusal(body: bytes, status: int) -> AichatError:
    try:
        return _as_error(msgspec.json.decode(body, type=_Refusal).error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return AichatError(
            "bridge_unreachable", f"What answers at the bridge's address is no bridge (HTTP {status})."
        )


def _as_error(error: _Error) -> AichatError:
    code = error.code if error.code in ERRORS else "upstream_unavailable"
    if code == "unauthorized":
        return AichatError("bridge_unreachable", "The AI bridge refused our secret: set the same one on both sides.")
    return AichatError(code, error.message, retry_after=error.retry_after)
