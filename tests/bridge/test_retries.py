"""How often an upstream is asked and after which pauses: the real provider, on a clock that a test turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import StreamingAgent
from aichat.bridge.inprocess import InProcessEndpoint
from aichat.bridge.providers import openai
from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta, Finish
from aichat.bridge.providers.openai import LONGEST_PAUSE, OpenAIProvider, Patience
from aichat.pace import pace_of
from aichat.protocol.errors import AichatError

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
WORD = b'data: {"choices": [{"delta": {"content": "word"}}]}\n\n'
STOP = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
GOOD = STREAM + WORD + STOP
REFUSED, SILENT = b"nothing listens", b"nothing is said"


def status(code: int, *headers: bytes) -> bytes:
    return b"HTTP/1.1 %d No\r\n%s\r\n{}" % (code, b"".join(header + b"\r\n" for header in headers))


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Upstream:
    """Each connection gets the next of these responses, the last one stays; then it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *responses: bytes, **patience: Any) -> None:
        self.clock = Clock()
        self.responses = list(responses)
        self.times: list[float] = []
        self.open = 0
        self.deltas: list[Delta] = []
        self.outcomes: list[Any] = []
        monkeypatch.setattr(openai, "make_agent", lambda reactor, connect: StreamingAgent(self))
        provider = OpenAIProvider(self.clock, base_url="http://up/v1", model="m", patience=Patience(**patience))
        request = ChatRequest(messages=[ChatMessage("user", "hi")])
        self.asked: Deferred[Finish] = provider.generate(request, self.deltas.append)
        self.asked.addBoth(lambda outcome: self.outcomes.append(getattr(outcome, "value", outcome)))
        self.clock.advance(0)

    def endpointForURI(self, uri: URI) -> Upstream:
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        self.times.append(self.clock.seconds())
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if response is REFUSED:
            return fail(ConnectionRefusedError())
        upstream = self

        class Peer(Protocol):
            def connectionMade(self) -> None:
                upstream.open += 1

            def dataReceived(self, data: bytes) -> None:
                if response is not SILENT:
                    self.transport.write(response)  # type: ignore[union-attr]
                    self.transport.loseConnection()  # type: ignore[union-attr]

            def connectionLost(self, reason: Any = None) -> None:
                upstream.open -= 1

        return InProcessEndpoint(self.clock, Factory.forProtocol(Peer)).connect(factory)

    def run(self, seconds: float) -> Upstream:
        """Time goes by in eighths of a second."""
        for _ in range(int(8 * seconds)):
            self.clock.advance(0.125)
        return self

    def over(self) -> Any:
        """The one outcome, of which nothing is left behind."""
        (outcome,) = self.outcomes
        assert self.open == 0
        assert pace_of(self.clock).streams == 0
        assert not self.clock.getDelayedCalls()
        return outcome


Make = Callable[..., Upstream]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda *responses, **patience: Upstream(monkeypatch, *responses, **patience)


@pytest.mark.parametrize(
    "fault", [status(503), status(500), status(429), REFUSED, STREAM, STREAM + WORD[:20], b"SSH\r\n"]
)
def test_the_pauses_double_up_to_eight_seconds(make: Make, fault: bytes) -> None:
    upstream = make(fault, tries=7).run(60)
    assert upstream.times == [0, 1, 3, 7, 15, 23, 31]
    assert upstream.over().retryable
    assert not upstream.deltas


def test_so_many_tries_and_no_more(make: Make) -> None:
    for tries in (1, 2, 3):
        upstream = make(status(503), tries=tries, pause=0.5).run(10)
        assert upstream.times == [0, 0.5, 1.5][:tries]
        assert upstream.over().code == "upstream_unavailable"


def test_the_first_that_works_is_the_answer(make: Make) -> None:
    upstream = make(REFUSED, STREAM + WORD[:20], GOOD).run(10)
    assert upstream.times == [0, 1, 3]
    assert upstream.over().reason == "stop"
    assert upstream.deltas == [Delta("word")]


def test_the_pause_that_it_asks_for_is_kept(make: Make) -> None:
    upstream = make(status(429, b"Retry-After: 5"), status(503), status(503, b"retry-after: 0"), GOOD, tries=5).run(
        20
    )
    assert upstream.times == [0, 5, 7, 7]
    assert upstream.over().reason == "stop"
    longest = make(status(503, b"retry-after: %d" % LONGEST_PAUSE), GOOD).run(30)
    assert longest.times == [0, LONGEST_PAUSE]
    longer = make(status(503, b"retry-after: %d" % (LONGEST_PAUSE + 1)), GOOD).run(30)
    assert longer.times == [0]
    assert longer.over().retry_after == LONGEST_PAUSE + 1
    assert "It asks to wait 21 s." in longer.over().message


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (STREAM + WORD, "upstream_interrupted"),
        (STREAM + WORD + b'data: {"error": {"message": "full"}}\n\n', "upstream_unavailable"),
        (STREAM + b"data: {\n\n", "upstream_invalid"),
        (status(400), "upstream_rejected"),
        (status(401), "upstream_unauthorized"),
        (status(408), "upstream_timeout"),
        (status(302), "upstream_rejected"),
        (status(200), "upstream_invalid"),
    ],
)
def test_what_another_try_would_not_mend_is_told_at_once(make: Make, response: bytes, code: str) -> None:
    upstream = make(response, GOOD)
    assert upstream.over().code == code
    assert upstream.times == [0]
    assert upstream.deltas == ([Delta("word")] if WORD in response else [])


def test_a_time_out_is_not_tried_again(make: Make) -> None:
    upstream = make(SILENT, GOOD, first_byte=4).run(3.875)
    assert upstream.open == 1
    assert not upstream.outcomes
    assert upstream.run(60).over().code == "upstream_timeout"
    assert upstream.times == [0]


def test_all_tries_together_have_a_limit(make: Make) -> None:
    upstream = make(status(503), tries=9, total=10).run(9.875)
    assert not upstream.outcomes
    error = upstream.run(20).over()
    assert upstream.times == [0, 1, 3, 7]
    assert (error.code, "not complete after 10 s" in error.message) == ("upstream_timeout", True)
    silent = make(status(503), SILENT, total=10, first_byte=60).run(30)
    assert silent.over().code == "upstream_timeout"
    assert silent.times == [0, 1]


def test_cancelling_in_a_pause_ends_it(make: Make) -> None:
    upstream = make(status(503), GOOD).run(0.5)
    upstream.asked.cancel()
    assert isinstance(upstream.over(), CancelledError)
    assert upstream.run(10).times == [0]


def test_cancelling_a_second_try_ends_it(make: Make) -> None:
    upstream = make(status(503), SILENT).run(1)
    assert (upstream.times, upstream.open) == ([0, 1], 1)
    upstream.asked.cancel()
    upstream.clock.advance(0)
    assert not isinstance(upstream.over(), AichatError)
    assert isinstance(upstream.over(), CancelledError)
    assert upstream.run(10).times == [0, 1]
