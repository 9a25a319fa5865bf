"""Providers by name: who is asked, who stands in, what a name can be, and how one that is down is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock, deferLater

from aichat.bridge.app import BridgeApp
from aichat.bridge.book import PersonaBook
from aichat.bridge.breaker import FIRST_PAUSE, LIMIT
from aichat.bridge.client import BridgeClient
from aichat.bridge.providers.base import ChatMessage
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.bridge.registry import Providers
from aichat.config import SettingsError, load_settings
from aichat.gate import Gate
from aichat.protocol.errors import AichatError
from aichat.upstreams import make_providers
from tests.ends import End, Server
from tests.service import free_port
from tests.upstream import Fake

QUICK = Patience(connect=2.0, first_byte=0.5, between=0.5, tries=1)


class Pair:
    """A bridge with the providers "default" and "spare", each over an upstream of its own; "gone" has none."""

    def __init__(self, way: str = "in_process", fallback: str = "") -> None:
        self.first, self.spare = Fake(), Fake()
        self.clock = Clock()
        urls = {
            "default": self.first.url,
            "spare": self.spare.url,
            "gone": f"http://127.0.0.1:{free_port()}/v1",
        }
        made = {
            name: OpenAIProvider(reactor, base_url=url, model=f"{name}-1", api_key=f"sk-{name}", patience=QUICK)
            for name, url in urls.items()
        }
        self.providers = Providers(made, fallback=fallback, now=self.clock.seconds)
        site = BridgeApp(reactor, self.providers, PersonaBook(), Gate()).site()  # type: ignore[arg-type]
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{self.port.getHost().port}"
        remote = way == "http"
        self.client = BridgeClient.remote(reactor, url) if remote else BridgeClient.in_process(reactor, site)
        self.content = ""

    def ask(self, *said: str, model: str = "", **names: str) -> Deferred[Any]:
        self.content = ""

        def add(delta: Any) -> None:
            self.content += delta.content

        roles = ("user", "assistant")
        messages = [ChatMessage(roles[(len(said) - 1 - n) % 2], words) for n, words in enumerate(said)]  # type: ignore[arg-type]
        return self.client.generate("", [ChatMessage("system", "Be."), *messages], model, add, **names)

    async def fails(self, *said: str, **names: str) -> AichatError:
        with pytest.raises(AichatError) as caught:
            await self.ask(*said, **names)
        return caught.value

    @property
    def asked(self) -> tuple[int, int]:
        return self.first.asked, self.spare.asked

    async def close(self) -> None:
        await gatherResults([self.first.close(), self.spare.close(), self.port.stopListening()])


@pytest_twisted.async_yield_fixture(params=["in_process", "http"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    made = Pair(request.param)
    yield made
    await made.close()


@pytest_twisted.ensureDeferred
async def test_a_request_names_its_provider_and_each_gets_its_own_key_and_model(pair: Pair) -> None:
    finish = await pair.ask("hi", model="large")
    assert (finish.provider, pair.asked) == ("default", (1, 0))
    finish = await pair.ask("hi", provider="spare")
    assert (finish.provider, finish.model, pair.asked) == ("spare", "fake-1", (1, 1))
    first, spare = pair.first.completions.seen[0], pair.spare.completions.seen[0]
    assert (first["authorization"], first["body"]["model"]) == ("Bearer sk-default", "large")
    assert (spare["authorization"], spare["body"]["model"]) == ("Bearer sk-spare", "spare-1")


HELPED = [
    "!status 401",
    "!status 402",
    "!status 429 60",
    "!status 500",
    "!status 503",
    "!drop",
    "!hang",
    "!mute",
    "!error",
]


@pytest.mark.parametrize("fault", HELPED)
@pytest_twisted.ensureDeferred
async def test_the_fallback_answers_where_another_provider_helps(fault: str) -> None:
    pair = Pair()
    pair.spare.completions.obeys = False
    finish = await pair.ask(fault, fallback="spare", model="large")
    assert (finish.provider, pair.content, pair.asked) == ("spare", f"你说：{fault}", (1, 1))
    assert pair.spare.completions.seen[0]["body"]["model"] == "spare-1", "a model belongs to its provider"
    await pair.close()


@pytest.mark.parametrize(
    "fault", ["!status 400", "!status 422", "!html", "!garbage", "!cut", "!stall", "!eof", "!oops"]
)
@pytest_twisted.ensureDeferred
async def test_and_not_where_it_does_not_or_when_there_is_text(fault: str) -> None:
    pair = Pair()
    pair.spare.completions.obeys = False
    await pair.fails(fault, fallback="spare")
    assert pair.asked == (1, 0)
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_a_fallback_for_all_and_none_for_some() -> None:
    pair = Pair(fallback="spare")
    assert (await pair.ask("hi", provider="gone")).provider == "spare"
    error = await pair.fails("hi", provider="gone", fallback="none")
    assert (error.code, pair.asked) == ("upstream_unreachable", (0, 1))
    assert (await pair.ask("hi", provider="gone", fallback="default")).provider == "default"
    assert (await pair.ask("hi", provider="spare")).provider == "spare"
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_both_fail_in_one_error_and_unknown_names_say_which_setting(pair: Pair) -> None:
    error = await pair.fails("!status 402", provider="gone", fallback="default")
    assert error.code == "upstream_unreachable"
    assert "nothing listens there" in error.message
    assert "Its fallback 'default' failed too" in error.message
    assert "balance" in error.message
    error = await pair.fails("hi", provider="nobody")
    assert error.code == "not_found"
    assert "[providers.nobody]" in error.message
    error = await pair.fails("hi", provider="gone", fallback="nobody")
    assert error.code == "upstream_unreachable"
    assert "[providers.nobody]" in error.message


@pytest_twisted.ensureDeferred
async def test_a_fallback_that_reads_less_gets_less() -> None:
    pair = Pair()
    talk = [f"said {n}" for n in range(8)] + ["!context"]
    assert (await pair.ask(*talk, provider="gone", fallback="spare")).provider == "spare"
    heard = [m["content"] for m in pair.spare.completions.seen[-1]["body"]["messages"]]
    assert heard == ["Be.", "said 6", "said 7", "!context"]
    assert (await pair.fails(*talk)).code == "context_exceeded", "whoever asks is to choose what to leave out"
    await pair.close()


@pytest_twisted.ensureDeferred
async def test_a_stop_reaches_the_fallbacks_upstream(pair: Pair) -> None:
    asking = pair.ask("!slow", provider="gone", fallback="spare")
    while not pair.content:
        await deferLater(reactor, 0.01)  # type: ignore[arg-type]
    asking.cancel()
    with pytest.raises(CancelledError):
        await asking
    while pair.spare.open_connections:
        await deferLater(reactor, 0.01)  # type: ignore[arg-type]
    assert {state.failures for state in pair.providers.states()} == {0, 1}


@pytest_twisted.ensureDeferred
async def test_a_provider_that_is_down_is_left_alone_and_tried_again() -> None:
    pair = Pair()
    for _ in range(LIMIT):
        assert (await pair.fails("!status 503")).message.startswith("The model service failed")
    states = {state.name: state for state in pair.providers.states()}
    assert (states["default"].state, states["default"].failures) == ("open", LIMIT)
    assert states["default"].retry_in == FIRST_PAUSE
    assert (states["spare"].state, states["default"].kind, states["default"].model) == (
        "closed",
        "openai",
        "default-1",
    )
    error = await pair.fails("hi")
    assert (error.code, error.retry_after, pair.asked) == ("upstream_unavailable", FIRST_PAUSE, (LIMIT, 0))
    assert "has failed since" in error.message
    assert (await pair.ask("hi", fallback="spare")).provider == "spare"
    pair.clock.advance(FIRST_PAUSE)
    assert (await pair.ask("hi")).provider == "default"
    assert [state.state for state in pair.providers.states()] == ["closed"] * 3
    await pair.close()


# what a user can write


@pytest_twisted.ensureDeferred
async def test_nothing_a_user_writes_becomes_an_address(tmp_path: Path) -> None:
    canary, fake = Fake(), Fake()
    evil = canary.url
    only = OpenAIProvider(reactor, base_url=fake.url, model="fake-1", api_key="sk-1", patience=QUICK)
    server = await Server(tmp_path, provider=Providers({"default": only})).open()
    end = End(server)
    await end.hello()
    at = 0
    for field in ("provider", "fallback"):
        for name in (evil, "127.0.0.1:80", "//host", "http://169.254.169.254/", "a@b", "[providers]", "x" * 41, "A"):
            config = {"name": "P", "prompt": "", field: name}
            error = await end.ask("error", type="persona_create", persona_config=config, request_id=f"r{at}")
            assert (error["code"], error["request_id"]) == ("bad_frame", f"r{at}")
            assert field in error["message"]
            at += 1
    config = {"name": evil, "prompt": evil, "model": evil, "greeting": evil, "starters": [evil], "avatar": evil}
    made = await end.ask("ack", type="persona_create", persona_config=config, request_id="made")
    ids = {"persona_id": made["persona_id"]}
    await end.ask("ack", type="chat", content=f"{evil} hi", request_id=evil[:64], **ids)
    assert (await end.get("message_done"))["message"].get("status", "done") == "done"
    assert fake.completions.seen[0]["body"]["model"] == evil, "a model is a word in the body, whatever it says"
    for name in ("127.0.0.1", "localhost", "metadata"):  # possible names, but nobody's
        changes = {"provider": name.replace(".", "-")}
        await end.ask("ack", type="persona_update", persona_config=changes, request_id=f"u-{name}", **ids)
        await end.ask("ack", type="chat", content="hi", request_id=f"q-{name}", **ids)
        failure = (await end.get("message_done"))["message"]["failure"]
        assert failure["code"] == "not_found"
        assert f"[providers.{changes['provider']}]" in failure["message"]
    assert (fake.asked, canary.asked) == (1, 0)
    await server.close()
    await gatherResults([fake.close(), canary.close()])


# settings


def settings(tmp_path: Path, text: str, **environ: str) -> Any:
    path = tmp_path / "aichat.toml"
    path.write_text(text)
    return load_settings({}, environ, str(path))


def test_tables_of_providers(tmp_path: Path) -> None:
    text = """
        provider = "deepseek"
        fallback = "here"
        [providers.here]
        provider = "embedded"
        [providers.gpu]
        upstream_url = "https://gpu.example.org/v1"
        upstream_key_variable = "GPU_KEY"
        context = 16000
        [providers.openai]
        provider = "openai"
    """
    keys = {"DEEPSEEK_API_KEY": "sk-d", "OPENAI_API_KEY": "sk-o", "GPU_KEY": "sk-g"}
    known = settings(tmp_path, text, **keys).upstreams
    assert list(known) == ["default", "here", "gpu", "openai"]
    assert {name: u.upstream_key for name, u in known.items()} == {
        "default": "sk-d", "here": "", "gpu": "sk-g", "openai": "sk-o"
    }  # fmt: skip
    assert [u.context_tokens for u in known.values()] == [32_768, 4_096, 16_000, 32_768]
    bare = settings(tmp_path, text, OPENAI_API_KEY="sk-o")
    assert bare.upstreams["gpu"].upstream_key == "", "one provider's key is no other's"
    with pytest.raises(SettingsError, match="GPU_KEY"):
        make_providers(reactor, bare)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('fallback = "nobody"', "fallback 'nobody' is no provider; choose default"),
        ("[providers.gpu]", "providers.gpu needs a provider"),
        ('[providers.gpu]\nprovider = "gemini"', "providers.gpu.provider 'gemini' is not known"),
        ('[providers.gpu]\nupstream_url = "ftp://x"', "providers.gpu.upstream_url 'ftp://x' is no URL"),
        ('[providers.gpu]\nupstream_url = "http://me:pw@x/v1"', "providers.gpu.upstream_url has a password"),
        ('[providers.default]\nprovider = "openai"', "providers.default: a name"),
        ('[providers.none]\nprovider = "openai"', "providers.none: a name"),
        ('[providers."A b"]\nprovider = "openai"', "providers.A b: a name"),
        ('[providers.gpu]\nprovider = "openai"\nkey = "x"', "unknown field `key`"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text)
    assert says in str(caught.value)
    assert "pw" not in str(caught.value)
