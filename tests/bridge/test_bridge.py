"""The bridge over a fake upstream, asked in the same process and over HTTP: one suite for both.

Every fault of an upstream ends in exactly one outcome that a person understands.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from aichat.bridge.app import BridgeApp
from aichat.bridge.book import PersonaBook
from aichat.bridge.client import BridgeClient
from aichat.bridge.providers.base import ChatMessage, Delta
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.gate import Gate
from aichat.protocol.errors import AichatError
from tests.service import Upstream, free_port

QUICK = Patience(connect=2.0, first_byte=1.0, between=0.5, tries=2)


class Bridge:
    """A bridge on a loopback port, and a client of it."""

    def __init__(self, upstream_url: str, way: str, secret: str = "") -> None:
        provider = OpenAIProvider(reactor, base_url=upstream_url, model="fake-1", api_key="sk-test", patience=QUICK)
        self.book = PersonaBook()
        self.book.add_persona("p1", "学霸助手", "你是一个严谨的学术助手")
        site = BridgeApp(reactor, provider, self.book, Gate(), secret).site()  # type: ignore[arg-type]
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.client = (
            BridgeClient.in_process(reactor, site, secret)
            if way == "in_process"
            else BridgeClient.remote(reactor, self.url, secret)
        )
        self.deltas: list[Delta] = []

    def ask(self, content: str, persona_id: str = "p1") -> Deferred[Any]:
        self.deltas = []
        return self.client.generate(persona_id, [ChatMessage("user", content)], "", self.deltas.append)

    @property
    def content(self) -> str:
        return "".join(delta.content for delta in self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(delta.reasoning for delta in self.deltas)

    async def post(self, body: Any, path: str = "/api/v1/chat", **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        response = await treq.post(self.url + path, data=data, headers=sent, persistent=False)
        return response.code, json.loads(await response.content())


@pytest_twisted.async_yield_fixture(params=["in_process", "http"])
async def bridge(request: pytest.FixtureRequest, upstream: Upstream) -> AsyncIterator[Bridge]:
    made = Bridge(upstream.url, request.param)
    yield made
    await made.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_an_answer_streams_and_finishes(bridge: Bridge, upstream: Upstream) -> None:
    finish = await bridge.ask("你好😀")
    assert bridge.content == "你说：你好😀"
    assert (finish.reason, finish.model, finish.usage.completion_tokens) == ("stop", "fake-1", 5)
    asked = (await deferToThread(upstream.requests))[-1]
    assert asked["authorization"] == "Bearer sk-test"
    assert asked["body"]["messages"] == [{"role": "user", "content": "你好😀"}], "its caller knows the prompt"


@pytest.mark.parametrize(("word", "reasoning"), [("!think", "let me think"), ("!tags", "let me think")])
@pytest_twisted.ensureDeferred
async def test_reasoning_comes_beside_the_answer(bridge: Bridge, word: str, reasoning: str) -> None:
    await bridge.ask(word)
    assert (bridge.content, bridge.reasoning) == ("42", reasoning)


@pytest.mark.parametrize(
    ("word", "content"),
    [("!split", "汉字 and 😀"), ("!whole", "whole"), ("!empty", ""), ("!bytes 100000", "x" * 100_000)],
)
@pytest_twisted.ensureDeferred
async def test_odd_but_right_answers(bridge: Bridge, word: str, content: str) -> None:
    assert (await bridge.ask(word)).reason == "stop"
    assert bridge.content == content


@pytest.mark.parametrize(
    ("word", "code", "content"),
    [
        ("!status 400", "upstream_rejected", ""),
        ("!status 401", "upstream_unauthorized", ""),
        ("!status 402", "upstream_no_balance", ""),
        ("!status 422", "upstream_rejected", ""),
        ("!status 429", "upstream_rate_limited", ""),
        ("!status 500", "upstream_unavailable", ""),
        ("!status 503", "upstream_unavailable", ""),
        ("!redirect", "upstream_rejected", ""),
        ("!html", "upstream_invalid", ""),
        ("!error", "upstream_unavailable", ""),
        ("!hang", "upstream_timeout", ""),
        ("!stall", "upstream_interrupted", "一two 三。"),
        ("!cut", "upstream_interrupted", "一two 三。"),
        ("!eof", "upstream_interrupted", "一two 三。"),
        ("!garbage", "upstream_invalid", "一two 三。"),
        ("!bytes 3000000", "upstream_invalid", ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_every_fault_ends_in_one_error_and_keeps_the_text(
    bridge: Bridge, word: str, code: str, content: str
) -> None:
    with pytest.raises(AichatError) as caught:
        await bridge.ask(word)
    assert caught.value.code == code
    assert len(caught.value.message) > 20
    assert bridge.content == content


@pytest_twisted.ensureDeferred
async def test_retry_after_is_honoured_before_the_first_word(bridge: Bridge, upstream: Upstream) -> None:
    before = len(await deferToThread(upstream.requests))
    if bridge.client._url.startswith("http://localhost"):  # the upstream plays this once for the whole run
        await bridge.ask("!retry")
        assert bridge.content == "你说：!retry"
        assert len(await deferToThread(upstream.requests)) == before + 2


@pytest_twisted.ensureDeferred
async def test_nothing_is_tried_again_after_the_first_word(bridge: Bridge, upstream: Upstream) -> None:
    before = len(await deferToThread(upstream.requests))
    with pytest.raises(AichatError):
        await bridge.ask("!cut")
    assert len(await deferToThread(upstream.requests)) == before + 1


@pytest.mark.parametrize("word", ["!hang", "!slow"])
@pytest_twisted.ensureDeferred
async def test_cancelling_closes_the_upstreams_socket(bridge: Bridge, upstream: Upstream, word: str) -> None:
    before = len(await deferToThread(upstream.requests))
    asking = bridge.ask(word)
    while len(await deferToThread(upstream.requests)) == before or (word == "!slow" and not bridge.deltas):
        await deferLater(reactor, 0.01)  # type: ignore[arg-type]
    asking.cancel()
    with pytest.raises(CancelledError):
        await asking
    while not (await deferToThread(upstream.requests))[before]["left"]:
        await deferLater(reactor, 0.01)  # type: ignore[arg-type]
    assert len(await deferToThread(upstream.requests)) == before + 1, "a stop is no fault to try again"


@pytest_twisted.ensureDeferred
async def test_nobody_listens() -> None:
    for way in ("in_process", "http"):
        made = Bridge(f"http://127.0.0.1:{free_port()}/v1", way)
        with pytest.raises(AichatError) as caught:
            await made.ask("hi")
        assert caught.value.code == "upstream_unreachable"
        await made.port.stopListening()
    gone = BridgeClient.remote(reactor, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(AichatError, match="bridge_unreachable"):
        await gone.generate("p1", [ChatMessage("user", "hi")], "", lambda delta: None)


@pytest_twisted.ensureDeferred
async def test_the_seeds_request_and_response(bridge: Bridge, upstream: Upstream) -> None:
    body = {"persona_id": "p1", "messages": [{"role": "user", "content": "你好"}]}
    for path in ("/api/v1/chat", "/test/api/chat"):
        assert await bridge.post(body, path) == (200, {"success": True, "response": "你说：你好"})
        asked = (await deferToThread(upstream.requests))[-1]["body"]["messages"]
        assert asked[0] == {"role": "system", "content": "你是一个严谨的学术助手"}
    assert (await bridge.post({**body, "persona_id": ""}))[0] == 200
    assert len((await deferToThread(upstream.requests))[-1]["body"]["messages"]) == 1


WRONG: list[tuple[Any, int, str]] = [
    (b"", 400, "bad_frame"),
    (b"{", 400, "bad_frame"),
    (b"\xff", 400, "bad_frame"),
    (b"[]", 400, "bad_frame"),
    (b"[" * 100_000, 400, "bad_frame"),
    ({}, 400, "bad_frame"),
    ({"persona_id": "p1", "messages": []}, 400, "bad_frame"),
    ({"persona_id": "p1", "messages": "hi"}, 400, "bad_frame"),
    ({"persona_id": 5, "messages": [{"role": "user", "content": "x"}]}, 400, "bad_frame"),
    ({"persona_id": "p1", "messages": [{"role": "robot", "content": "x"}]}, 400, "bad_frame"),
    ({"persona_id": "p1", "messages": [{"role": "user"}]}, 400, "bad_frame"),
    ({"persona_id": "p1", "messages": [{"role": "assistant", "content": "x"}]}, 400, "bad_frame"),
    ({"persona_id": "nobody", "messages": [{"role": "user", "content": "x"}]}, 404, "not_found"),
    ({"persona_id": "p1", "messages": [{"role": "user", "content": "!status 402"}]}, 502, "upstream_no_balance"),
    ({"persona_id": "p1", "stream": True, "messages": [{"role": "user", "content": "!status 401"}]}, 502,
     "upstream_unauthorized"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), WRONG)
@pytest_twisted.ensureDeferred
async def test_every_wrong_request_has_the_one_error_form(bridge: Bridge, body: Any, status: int, code: str) -> None:
    got, answer = await bridge.post(body)
    assert (got, answer["success"], answer["error"]["code"]) == (status, False, code)
    assert set(answer["error"]) >= {"code", "message", "retryable"}


@pytest_twisted.ensureDeferred
async def test_wrong_addresses_methods_types_and_sizes(bridge: Bridge) -> None:
    body = {"persona_id": "p1", "messages": [{"role": "user", "content": "hi"}]}
    assert (await bridge.post(body, "/nowhere"))[1]["error"]["code"] == "not_found"
    assert (await bridge.post(body, "/test/api/personas"))[0] == 405
    response = await treq.get(bridge.url + "/api/v1/chat", persistent=False)
    assert response.code == 405
    await response.content()
    status, answer = await bridge.post(body, content_type="text/plain")
    assert (status, answer["error"]["code"]) == (400, "bad_frame")
    status, answer = await bridge.post(b'"' + b"x" * 5_000_000 + b'"')
    assert (status, answer["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        (None, None, True),
        ("localhost:5000", None, True),
        ("evil.example", None, False),
        ("127.0.0.1.evil.example", None, False),
        ("", None, False),
        ("localhost:5000", "http://localhost:5000", True),
        ("localhost:5000", "http://localhost:9999", False),
        ("localhost:5000", "https://evil.example", False),
        ("localhost:5000", "null", False),
        ("[::1]:5000", "http://[::1]:5000", True),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/chat", "/test/api/chat"])
@pytest_twisted.ensureDeferred
async def test_pages_of_other_sites_stay_out(
    bridge: Bridge, host: str | None, origin: str | None, allowed: bool, path: str
) -> None:
    headers = {k: v for k, v in (("host", host), ("origin", origin)) if v is not None}
    body = {"persona_id": "p1", "messages": [{"role": "user", "content": "hi"}]}
    status, answer = await bridge.post(body, path, **headers)
    assert (status == 200) is allowed
    if not allowed:
        assert (status, answer["error"]["code"]) == (403, "forbidden")


@pytest_twisted.ensureDeferred
async def test_a_shared_secret(upstream: Upstream) -> None:
    body = {"persona_id": "p1", "messages": [{"role": "user", "content": "hi"}]}
    for way in ("in_process", "http"):
        made = Bridge(upstream.url, way, secret="s3cret")
        await made.ask("hi")
        assert made.content == "你说：hi"
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret"}):
            status, answer = await made.post(body, **headers)
            assert (status, answer["error"]["code"]) == (401, "unauthorized")
        assert (await made.post(body, authorization="Bearer s3cret"))[0] == 200
        stranger = BridgeClient.remote(reactor, made.url, "wrong")
        with pytest.raises(AichatError, match="secret"):
            await stranger.generate("p1", [ChatMessage("user", "x")], "", lambda delta: None)
        await made.port.stopListening()


class RawUpstream(Protocol):
    """An upstream that writes given bytes, one script a connection, and then closes, resets or stays."""

    scripts: ClassVar[list[tuple[bytes, str]]] = []

    def dataReceived(self, data: bytes) -> None:
        script, end = self.scripts.pop(0)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head + b"%x\r\n%s\r\n" % (len(script), script))
        if end == "whole":
            self.transport.write(b"0\r\n\r\n")
        elif end == "reset":
            reactor.callLater(0.05, self.transport.abortConnection)  # type: ignore[attr-defined]
        elif end == "close":
            self.transport.loseConnection()


def said(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


STOP = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
ODD: list[tuple[list[tuple[bytes, str]], str]] = [
    # a first try that fails with half an event, or half a tag, leaves nothing behind for the second
    ([(b'data: {"choices": [{"del', "reset"), (said(content="Hello") + STOP, "whole")], "Hello"),
    ([(said(content="<thi"), "reset"), (said(content="Hello") + STOP, "whole")], "Hello"),
    # a whole answer is whole, however its socket ends
    ([(said(content="a") + STOP, "close")], "a"),
    ([(said(content="b") + STOP, "reset")], "b"),
    ([(said(content="c") + STOP, "stay")], "c"),
    # what upstreams send besides
    ([(b"\xef\xbb\xbf" + said(content="d") + STOP, "whole")], "d"),
    (
        [
            (
                b': keep-alive\n\ndata: {"choices": null}\n\n' + said(content="e", reasoning_content=None) + STOP,
                "whole",
            )
        ],
        "e",
    ),
    ([(said(content="f") + b'data: {"choices": [], "usage": {"prompt_tokens": null}}\n\n' + STOP, "whole")], "f"),
    ([(said(content=None, refusal="I will not.") + STOP, "whole")], "I will not."),
    ([(said(content=[{"type": "text", "text": "g"}]) + STOP, "whole")], "g"),
    ([(b'data: {"error": "", "choices": []}\n\n' + said(content="h") + STOP, "whole")], "h"),
    ([(said(content="\ud83d") + said(content="\ude00!") + STOP, "whole")], "😀!"),
    ([(said(content="\ude00 alone") + STOP, "whole")], "\ufffd alone"),
]


@pytest.mark.parametrize(("scripts", "content"), ODD)
@pytest_twisted.ensureDeferred
async def test_what_real_upstreams_do(scripts: list[tuple[bytes, str]], content: str) -> None:
    RawUpstream.scripts = list(scripts)
    port = reactor.listenTCP(0, Factory.forProtocol(RawUpstream), interface="127.0.0.1")  # type: ignore[attr-defined]
    made = Bridge(f"http://127.0.0.1:{port.getHost().port}/v1", "in_process")
    try:
        assert (await made.ask("hi")).reason == "stop"
        assert made.content == content
    finally:
        await made.port.stopListening()
        await port.stopListening()
