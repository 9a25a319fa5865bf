"""Every fault of an upstream, again and again: one end, the text kept, nothing tried twice, nothing left behind.

The real provider, bridge, turns and store in this process, over a real upstream on a loopback port that misbehaves by
name. The suite plays each fault 3 times; `make soak` 100 times (AICHAT_SOAK=1).
"""

from __future__ import annotations

import gc
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from aichat.bridge import agent
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.bridge.providers.openai_answer import MAX_ANSWER_CHARS
from tests.ends import End, Server
from tests.service import free_port
from tests.upstream import Fake

SOAK = bool(os.environ.get("AICHAT_SOAK"))
TIMES = 100 if SOAK else 3
AT_ONCE = 5
TRIES = 2
CALM = Patience(connect=10.0, first_byte=20.0, between=20.0, total=60.0, tries=TRIES, pause=0.02)
SHORT = 2.0 if SOAK else 0.8
QUICK = CALM._replace(first_byte=SHORT, between=SHORT)
HURRIED = CALM._replace(total=SHORT)


class Fault(NamedTuple):
    """What an upstream is told to do, and how that must end."""

    word: str
    status: str
    code: str
    content: str = ""
    requests: int = 1
    says: str = ""
    patience: Patience = CALM


THREE = "一two 三。"
FAULTS = {
    # before the first delta
    "refused": Fault("refused", "failed", "upstream_unreachable", requests=0, says="Is it running?"),
    "DNS failure": Fault("unknown", "failed", "upstream_unreachable", requests=0, says="its name is not known"),
    "401": Fault("!status 401", "failed", "upstream_unauthorized", says="API key"),
    "401 that tells the key": Fault("!leak", "failed", "upstream_unauthorized", says="Bearer (the key)"),
    "402": Fault("!status 402", "failed", "upstream_no_balance", says="balance"),
    "429, soon again": Fault("!status 429 0", "failed", "upstream_rate_limited", requests=TRIES, says="slow down"),
    "429, much later": Fault("!status 429 3600", "failed", "upstream_rate_limited", says="wait 3600 s"),
    "500": Fault("!status 500", "failed", "upstream_unavailable", requests=TRIES, says="failed or is overloaded"),
    "503": Fault("!status 503", "failed", "upstream_unavailable", requests=TRIES, says="failed or is overloaded"),
    "hang before headers": Fault("!hang", "failed", "upstream_timeout", says="in time", patience=QUICK),
    "hang after headers": Fault("!mute", "failed", "upstream_timeout", says="in time", patience=QUICK),
    "too slow in all": Fault("!mute", "failed", "upstream_timeout", says=f"{SHORT:g} s", patience=HURRIED),
    "deeply nested error": Fault("!deep", "failed", "upstream_unavailable", requests=TRIES, says="HTTP 500"),
    "reset before headers": Fault("!drop", "failed", "upstream_unreachable", requests=TRIES, says="broke off"),
    "one 10 MB delta": Fault("!bytes 10000000", "failed", "upstream_invalid", says="over 1048576 bytes"),
    "wrong content type": Fault("!type image/png", "failed", "upstream_invalid", says="image/png"),
    "HTML page": Fault("!html", "failed", "upstream_invalid", says="text/html"),
    "HTML error page": Fault("!page 502", "failed", "upstream_unavailable", requests=TRIES, says="HTTP 502"),
    "redirect": Fault("!redirect", "failed", "upstream_rejected", says="set its final address"),
    "200 with an error JSON": Fault("!error", "failed", "upstream_unavailable", requests=TRIES, says="out of order"),
    "nothing said": Fault("!empty", "failed", "upstream_invalid", says="without a word"),
    # after it
    "hang mid-stream": Fault("!stall", "interrupted", "upstream_interrupted", THREE, says="kept", patience=QUICK),
    "reset mid-stream": Fault("!cut", "interrupted", "upstream_interrupted", THREE, says="kept"),
    "garbage in the SSE": Fault("!garbage", "interrupted", "upstream_invalid", THREE, says="broken event"),
    "an error as an event": Fault("!oops", "interrupted", "upstream_unavailable", THREE, says="out of order"),
    "EOF without a finish": Fault("!eof", "interrupted", "upstream_interrupted", THREE, says="kept"),
    "truncated body without length": Fault("!truncate", "interrupted", "upstream_interrupted", THREE, says="kept"),
    "a drip that never ends": Fault(
        "!drip", "interrupted", "upstream_timeout", THREE, says=f"{SHORT:g} s", patience=HURRIED
    ),
    # none, however odd
    "EOF without [DONE]": Fault("!nodone", "done", "", THREE),
    "a socket that stays open": Fault("!linger", "done", "", THREE, patience=QUICK),
    "whole just in time": Fault("!linger", "done", "", THREE, patience=HURRIED),
    "UTF-8 split at every byte": Fault("!split", "done", "", "汉字 and 😀"),
    "one large delta": Fault("!bytes 900000", "done", "", "x" * 900_000),
    "JSON without streaming": Fault("!whole", "done", "", "whole"),
}


@pytest.fixture(autouse=True)
def soon_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are asked again, but wait for it only shortly: none of them may be left at the end."""
    monkeypatch.setattr(agent, "IDLE_SECONDS", 0.2)


class Stage:
    """A server over the fake upstream, with a persona to talk to."""

    def __init__(self, server: Server, fake: Fake, canary: Fake, end: End, persona: str) -> None:
        self.server = server
        self.fake = fake
        self.canary = canary
        self.end = end
        self.persona = persona
        self.asked = 0

    async def talk(self, word: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """One message in a conversation of its own -> its ack and its end."""
        self.asked += 1
        request_id = f"q{self.asked}"
        end = End(self.server)
        await end.hello()
        ack = await end.ask(
            "ack",
            type="chat",
            persona_id=self.persona,
            content=word,
            new_conversation=True,
            request_id=request_id,
        )
        done = await end.get("message_done")
        while done["message"]["id"] != ack["answer_id"]:
            done = await end.get("message_done")
        end.leave()
        streamed = [f for f in end.frames if f["type"] == "message_delta" and f["message_id"] == ack["answer_id"]]
        assert "".join(f.get("content", "") for f in streamed) == done["message"].get("content", "")
        assert all(len(f.get("content", "")) <= 16_384 for f in streamed), "as docs/protocol.md says"
        return ack, done["message"]

    async def until(self, condition: Any, what: str) -> None:
        """Wait for a state of this process."""
        deadline = reactor.seconds() + 10  # type: ignore[attr-defined]
        while not condition():
            assert reactor.seconds() < deadline, what  # type: ignore[attr-defined]
            await deferLater(reactor, 0.005)  # type: ignore[arg-type]


async def build(folder: Path, patience: Patience, url: str = "") -> tuple[Server, Fake, Fake]:
    fake, canary = Fake(), Fake()
    fake.completions.canary = canary.url
    provider = OpenAIProvider(
        reactor, base_url=url or fake.url, model="fake-1", api_key="sk-secret", patience=patience
    )
    return await Server(folder, provider=provider).open(), fake, canary


@pytest_twisted.async_yield_fixture(params=FAULTS)
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    fault = FAULTS[request.param]
    url = {"refused": f"http://127.0.0.1:{free_port()}/v1", "unknown": "http://nowhere.invalid/v1"}
    server, fake, canary = await build(tmp_path, fault.patience, url.get(fault.word, ""))
    end = End(server)
    await end.hello()
    ack = await end.ask(
        "ack", type="persona_create", persona_config={"name": "P", "prompt": "You are P."}, request_id="p"
    )
    yield Stage(server, fake, canary, end, str(ack["persona_id"]))
    await server.close()
    await gatherResults([fake.close(), canary.close()])


def descriptors() -> int:
    """How many files and sockets this process has open, but for the database: its readers open when they are first
    needed, which is when enough are at work at once."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            count += "chat.db" not in os.readlink(f"/proc/self/fd/{number}")
    return count


@pytest_twisted.ensureDeferred
async def test_a_fault_has_one_end_and_leaves_nothing_behind(request: pytest.FixtureRequest, stage: Stage) -> None:
    fault = FAULTS[request.node.callspec.params["stage"]]
    await stage.talk(fault.word)  # threads and readers of the store open with the first use
    await stage.until(lambda: not stage.fake.open_connections, "the first connection stays open")
    timers, files, asked = len(reactor.getDelayedCalls()), descriptors(), stage.fake.asked  # type: ignore[attr-defined]
    ended = []
    for at in range(0, TIMES, AT_ONCE):
        batch = [ensureDeferred(stage.talk(fault.word)) for _ in range(min(AT_ONCE, TIMES - at))]
        ended += await gatherResults(batch, consumeErrors=True)
    for ack, message in ended:
        failure = message.get("failure", {})
        assert (message.get("status", "done"), failure.get("code", "")) == (fault.status, fault.code)
        assert message.get("content", "") == fault.content
        assert fault.says in failure.get("message", ""), failure
        assert "sk-secret" not in failure.get("message", "")
        kept = await stage.server.store.messages.get(ack["answer_id"])
        assert kept is not None
        assert (kept.status, kept.content) == (fault.status, fault.content)
    ends = Counter(f["message"]["id"] for f in stage.end.frames if f["type"] == "message_done")
    assert len(ends) == TIMES + 1
    assert set(ends.values()) == {1}, "one end, told once"
    assert stage.fake.asked - asked == fault.requests * TIMES
    assert stage.canary.asked == 0, "a redirect is not followed"
    await stage.until(lambda: not stage.fake.open_connections, "a connection to the upstream stays open")
    await stage.until(lambda: len(reactor.getDelayedCalls()) - 1 <= timers, "a timer is left")  # type: ignore[attr-defined]
    gc.collect()
    await stage.until(lambda: descriptors() <= files, "a file or socket is left open")


@pytest_twisted.ensureDeferred
async def test_an_answer_without_end_is_cut_at_the_limit_and_kept(tmp_path: Path) -> None:
    server, fake, canary = await build(tmp_path, CALM)
    end = End(server)
    await end.hello()
    made = await end.ask("ack", type="persona_create", persona_config={"name": "P", "prompt": ""}, request_id="p")
    await end.ask("ack", type="chat", persona_id=made["persona_id"], content="!endless", request_id="q")
    message = (await end.get("message_done"))["message"]
    assert (message["status"], message["failure"]["code"]) == ("interrupted", "upstream_invalid")
    assert len(message["content"]) == MAX_ANSWER_CHARS
    assert message["content"].startswith(THREE)
    await server.close()
    await gatherResults([fake.close(), canary.close()])


@pytest_twisted.ensureDeferred
async def test_the_reset_that_is_played_is_one() -> None:
    fake = Fake()

    def ask() -> bytes:
        body = b'{"messages": [{"role": "user", "content": "!cut"}]}'
        with socket.create_connection(("127.0.0.1", fake.port), timeout=5) as probe:
            probe.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
            probe.sendall(body)
            got = b""
            while True:
                got += probe.recv(65_536) or pytest.fail(f"a clean end after {got!r}")

    with pytest.raises(ConnectionResetError):
        await deferToThread(ask)
    await fake.close()
