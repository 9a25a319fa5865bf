"""What the bridge's own HTTP client asks, and how it is cancelled, held back and cut off."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.web.client import URI, FileBodyProducer, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from aichat.bridge.agent import StreamingAgent
from aichat.bridge.body import TooSlow, hang_up, in_time, stream_body
from aichat.bridge.inprocess import HIGH_WATER
from aichat.bridge.providers.openai_errors import lost
from tests.bridge.asking import CHUNKED, OK, Asking, Peer


@pytest.mark.parametrize("raw", [b"", OK[:9], OK, OK + b"content-length: 3\r\n\r\nab", CHUNKED + b"3\r\nab", CHUNKED])
def test_a_connection_that_is_lost_too_early(raw: bytes) -> None:
    asking = Asking().hear(*([raw] if raw else []), end=True)
    assert isinstance(asking.error, ConnectionDone)
    assert asking.body == raw.partition(b"\r\n\r\n")[2].removeprefix(b"3\r\n")
    assert "broke off" in asking.words()
    assert "http://host" in asking.words()


@pytest.mark.parametrize("so_far", [[], [OK[:9]]])
def test_cancelling_before_the_headers(so_far: list[bytes]) -> None:
    asking = Asking().hear(*so_far)
    asking.asked.cancel()
    asking.clock.advance(0)
    assert isinstance(asking.response, CancelledError)
    assert asking.peer.left
    assert not asking.clock.getDelayedCalls()


def test_cancelling_while_it_connects_and_a_time_out() -> None:
    cancelled: list[Any] = []

    @implementer(IStreamClientEndpoint, IAgentEndpointFactory)
    class Silent:
        def endpointForURI(self, uri: URI) -> Silent:
            return self

        def connect(self, factory: Any) -> Deferred[Any]:
            return Deferred(cancelled.append)

    clock, agent, errors = Clock(), StreamingAgent(Silent()), []
    asked = agent.request(b"GET", b"http://host/")
    asked.addErrback(errors.append)
    asked.cancel()
    slow: Any = in_time(agent.request(b"GET", b"http://host/"), clock, 5)
    slow.addErrback(errors.append)
    clock.advance(5)
    assert [type(error.value) for error in errors] == [CancelledError, TooSlow]
    assert len(cancelled) == 2
    assert "not answer in time" in lost(errors[1].value, False, "http://host").message
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("how", ["cancel", "hang up"])
def test_cancelling_a_body(how: str) -> None:
    asking = Asking(read=False).hear(CHUNKED + b"1\r\na\r\n")
    pieces: list[bytes] = []
    errors: list[Any] = []
    if how == "cancel":
        reading = stream_body(asking.response, asking.clock, 60, pieces.append)  # type: ignore[arg-type, func-returns-value]
        asking.hear(b"1\r\nb\r\n")
        reading.addErrback(lambda failure: errors.append(failure.value))
        reading.cancel()
        assert pieces == [b"a", b"b"]
        assert [type(error) for error in errors] == [CancelledError]
    else:
        hang_up(asking.response, asking.clock)
    asking.clock.advance(0)
    assert asking.peer.left
    assert not asking.clock.getDelayedCalls()


def test_a_body_that_nobody_reads_holds_its_sender_back() -> None:
    asking = Asking(read=False).hear(CHUNKED + b"5\r\nhello\r\n")
    calls: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            calls.append("pause")

        def resumeProducing(self) -> None:
            calls.append("resume")

        def stopProducing(self) -> None:
            calls.append("stop")

    asking.peer.transport.registerProducer(Producer(), True)  # type: ignore[union-attr]
    asking.hear(b"%x\r\n%s\r\n" % (HIGH_WATER, b"x" * HIGH_WATER))
    assert calls == ["pause"]
    asking.response.deliverBody(asking.reader)
    asking.clock.advance(0)
    assert calls == ["pause", "resume"]
    asking.hear(b"0\r\n\r\n")
    assert asking.body == b"hello" + b"x" * HIGH_WATER
    assert [type(end) for end in asking.reader.ends] == [ResponseDone]


def test_a_request_is_what_was_asked_for_and_no_more() -> None:
    asking = Asking()
    assert asking.peer.received == (
        b"POST /way?a=b HTTP/1.1\r\nhost: host\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    )
    agent = StreamingAgent(asking)
    asking.peer = Peer()
    headers = Headers({"x-key": ["one\r\nx-two: 2", "three\n"]})
    agent.request(b"GET", b"http://host", headers).addErrback(lambda _: None)
    asking.clock.advance(0)
    head, _, rest = asking.peer.received.partition(b"\r\n\r\n")
    assert not rest
    assert head.split(b"\r\n") == [
        *(b"GET / HTTP/1.1", b"host: host", b"connection: close"),
        *(b"X-Key: one x-two: 2", b"X-Key: three"),
    ]
    for uri in (b"", b"http://host/a b", b"http://host/\r\nx: y", b"http://host/\n", b"http://h\xc3\xb6st/", b"\x00"):
        with pytest.raises(ValueError, match="not an address"):
            agent.request(b"GET", uri)
    with pytest.raises(TypeError, match="Whole"):
        agent.request(b"POST", b"http://host/", None, FileBodyProducer(None))  # type: ignore[arg-type]
