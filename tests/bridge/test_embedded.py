"""The embedded provider with the real engine and a real, small model in its real child process."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import treq
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall

from aichat.bridge.providers import embedded
from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta, Provider
from aichat.bridge.providers.embedded import EmbeddedProvider
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.protocol.errors import AichatError

reactor: Any = _reactor
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def upstream(base_url: str, api_key: str, model: str) -> Provider:
    """As the service makes it. `return_progress` is what lets the engine notice a cancel while it reads a prompt."""
    return OpenAIProvider(
        reactor,
        base_url=base_url,
        api_key=api_key,
        model=model,
        name="embedded",
        extra={"return_progress": True},
        patience=Patience(first_byte=600),
    )


Make = Callable[..., EmbeddedProvider]


@pytest_twisted.async_yield_fixture
async def make(smollm2_path: Path) -> AsyncIterator[Make]:
    """Makes providers, by default of SmolLM2 with little context, and stops them after the test."""
    made: list[EmbeddedProvider] = []

    def make_one(model: str = str(smollm2_path), **options: Any) -> EmbeddedProvider:
        options = {"upstream": upstream, "context": 2048, "slots": 2, **options}
        made.append(EmbeddedProvider(options.pop("reactor", reactor), model, **options))
        return made[-1]

    yield make_one
    for provider in made:
        await provider.stop()


def ask(text: str, max_tokens: int = 12) -> ChatRequest:
    return ChatRequest(
        messages=[ChatMessage("system", "You are Ada, a pirate."), ChatMessage("user", text)],
        temperature=0.0,
        max_tokens=max_tokens,
    )


LONG_ANSWER = ask("Tell a very long story about the sea.", 1500)


class Answer:
    """What came of one generation; `first` fires at its first delta."""

    def __init__(self, provider: EmbeddedProvider, request: ChatRequest) -> None:
        self.text = ""
        self.first: Deferred[None] = Deferred()
        self.finish = provider.generate(request, self._on_delta)

    def _on_delta(self, delta: Delta) -> None:
        self.text += delta.content
        if not self.first.called:
            self.first.callback(None)


def child_of(provider: EmbeddedProvider) -> int:
    """The process id of the provider's child."""
    child = provider._child
    assert child is not None and child.transport is not None
    pid: int = child.transport.pid
    return pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(pid: int) -> float:
    """What a process has worked. On a quiet machine one second of it is at most one second; on a busy one it
    still tells how much was done, where a clock tells only how long the process had to wait."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something of another process, which tells nobody when it happens."""
    loop = LoopingCall(lambda: loop.stop() if condition() else None)
    done: Deferred[Any] = loop.start(0.01)
    await done.addTimeout(seconds, reactor)


async def error_of(waiting: Deferred[Any]) -> AichatError:
    with pytest.raises(AichatError) as caught:
        await waiting
    return caught.value


@pytest_twisted.ensureDeferred
async def test_a_real_generation(make: Make) -> None:
    answer = Answer(make(), ask("Say hello."))
    finish = await answer.finish
    assert answer.text.strip()
    assert finish.reason in ("stop", "length")
    assert re.match("smollm2-135m", finish.model)
    assert finish.usage is not None and finish.usage.prompt_tokens > 10 and finish.usage.completion_tokens > 1


@pytest_twisted.ensureDeferred
async def test_an_unfinished_answer_is_gone_on_with_where_it_ends(make: Make) -> None:
    request = ask("Count from one to twelve in words.")
    kept = ChatMessage("assistant", "One, two, three, four,")
    answer = Answer(make(), replace(request, messages=[*request.messages, kept]))
    await answer.finish
    assert answer.text.startswith(" five"), answer.text


@pytest_twisted.ensureDeferred
async def test_the_child_is_private(make: Make) -> None:
    urls: list[tuple[str, str]] = []

    def recording(base_url: str, api_key: str, model: str) -> Provider:
        urls.append((base_url, api_key))
        return upstream(base_url, api_key, model)

    provider = make(upstream=recording)
    await Answer(provider, ask("Hi", 1)).finish
    (base_url, key), pid = urls[0], child_of(provider)
    assert base_url.startswith("http://127.0.0.1:") and len(key) > 30
    for name in ("cmdline", "environ"):
        assert key.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()

    async def status(path: str, **headers: str) -> int:
        response = await treq.get(base_url.removesuffix("/v1") + path, headers=headers, persistent=False)
        await treq.content(response)
        assert "*" not in str(response.headers.getRawHeaders("access-control-allow-origin", [""]))
        return int(response.code)

    assert await status("/v1/models") == 401
    assert await status("/v1/models", authorization=f"Bearer {key}") == 200
    assert await status("/slots", authorization=f"Bearer {key}") != 200
    assert await status("/", authorization=f"Bearer {key}") == 404


@pytest_twisted.ensureDeferred
async def test_the_childs_environment_holds_no_secret(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-not-for-children")
    provider = make()
    await Answer(provider, ask("Hi", 1)).finish
    environment = Path(f"/proc/{child_of(provider)}/environ").read_bytes()
    assert b"sk-not-for-children" not in environment
    assert b"OMP_WAIT_POLICY=PASSIVE" in environment and b"GOMP_SPINCOUNT=0" in environment
    assert os.getpriority(os.PRIO_PROCESS, child_of(provider)) > os.getpriority(os.PRIO_PROCESS, 0)


class CountingReactor:
    """The reactor, counting the processes it spawns."""

    def __init__(self) -> None:
        self.spawned = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def spawnProcess(self, *args: Any, **options: Any) -> Any:
        self.spawned += 1
        return reactor.spawnProcess(*args, **options)


@pytest_twisted.ensureDeferred
async def test_simultaneous_first_uses_share_one_start(make: Make) -> None:
    counting = CountingReactor()
    provider = make(reactor=counting)
    given_up, *answers = [Answer(provider, ask("Say hello.", 4)) for _ in range(3)]
    given_up.finish.cancel()
    with pytest.raises(CancelledError):
        await given_up.finish
    await gatherResults([answer.finish for answer in answers])
    await Answer(provider, ask("Again.", 4)).finish
    assert counting.spawned == 1


@pytest_twisted.ensureDeferred
async def test_loading_does_not_hold_the_reactor(make: Make) -> None:
    beats: list[float] = []
    heart = LoopingCall(lambda: beats.append(reactor.seconds()))
    stopped = heart.start(0.01)
    await Answer(make(), ask("Hi", 1)).finish
    heart.stop()
    await stopped
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) < 0.4


@pytest_twisted.ensureDeferred
async def test_a_cancel_frees_the_slot_within_a_second(make: Make) -> None:
    provider = make(slots=1)
    long = Answer(provider, LONG_ANSWER)
    await long.first
    cancelled_at = cpu_seconds(child_of(provider))
    long.finish.cancel()
    with pytest.raises(CancelledError):
        await long.finish
    next_one = Answer(provider, ask("Hi", 2))  # there is one slot: it is answered when that is free
    await next_one.first
    assert cpu_seconds(child_of(provider)) - cancelled_at < 1
    await next_one.finish


@pytest_twisted.ensureDeferred
async def test_a_cancel_is_noticed_while_the_prompt_is_read(make: Make) -> None:
    provider = make(slots=1)
    await Answer(provider, ask("Hi", 1)).finish
    before = cpu_seconds(child_of(provider))
    reading = Answer(provider, ask("The sea, the sea! " * 300, 5))
    await until(lambda: cpu_seconds(child_of(provider)) > before + 0.2)
    assert not reading.first.called
    cancelled_at = cpu_seconds(child_of(provider))
    reading.finish.cancel()
    with pytest.raises(CancelledError):
        await reading.finish
    next_one = Answer(provider, ask("Hi", 2))
    await next_one.first
    after_cancel = cpu_seconds(child_of(provider)) - cancelled_at
    await next_one.finish
    before = cpu_seconds(child_of(provider))
    await Answer(provider, ask("The hills, the hills! " * 15, 1)).finish
    whole = 20 * (cpu_seconds(child_of(provider)) - before)  # what all of that prompt would have taken, or more
    assert after_cancel < whole / 5, "it read on, though nobody waited"


@pytest_twisted.ensureDeferred
async def test_more_generations_than_slots_wait_in_line(make: Make) -> None:
    provider = make(slots=1)
    answers = [Answer(provider, ask(f"Say {word}.", 3)) for word in ("one", "two", "three")]
    finishes = await gatherResults([answer.finish for answer in answers])
    assert all(finish.reason in ("stop", "length") for finish in finishes)


@pytest_twisted.ensureDeferred
async def test_a_long_conversation_takes_nothing_from_its_neighbour(make: Make) -> None:
    provider = make(context=256, slots=2)
    answers = [Answer(provider, ask(f"{word} " * 180, 40)) for word in ("sea", "sky")]
    finishes = await gatherResults([answer.finish for answer in answers])
    tokens = [f.usage.prompt_tokens + f.usage.completion_tokens for f in finishes if f.usage]
    assert sum(tokens) > 256 and max(tokens) <= 256


@pytest_twisted.ensureDeferred
async def test_a_prompt_over_the_context_is_said_to_be(make: Make) -> None:
    provider = make(context=512)
    assert provider.context == 512
    error = await error_of(Answer(provider, ask("sea " * 600)).finish)
    assert error.code == "context_exceeded"


@pytest_twisted.ensureDeferred
async def test_a_child_killed_in_mid_answer_interrupts_it_and_starts_anew(make: Make) -> None:
    provider = make()
    broken = [Answer(provider, LONG_ANSWER), Answer(provider, LONG_ANSWER)]
    await gatherResults([answer.first for answer in broken])
    first = child_of(provider)
    os.kill(first, signal.SIGKILL)
    for answer in broken:
        error = await error_of(answer.finish)
        assert error.code == "upstream_interrupted" and error.retryable
    again = Answer(provider, ask("Say hello.", 4))
    await again.finish
    assert child_of(provider) != first and not is_alive(first)


@pytest_twisted.ensureDeferred
async def test_a_child_killed_before_the_first_delta_interrupts_too(make: Make) -> None:
    provider = make()
    await Answer(provider, ask("Hi", 1)).finish
    reading = Answer(provider, ask("The sea, the sea! " * 300, 5))
    os.kill(child_of(provider), signal.SIGKILL)
    error = await error_of(reading.finish)
    assert error.code == "upstream_interrupted"


@pytest_twisted.ensureDeferred
async def test_a_missing_model_names_the_command_that_fetches_it(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICHAT_MODELS_DIR", str(tmp_path))
    error = await error_of(Answer(make("qwen2.5-coder-0.5b"), ask("Hi")).finish)
    assert error.code == "model_unavailable"
    assert error.message.endswith("Fetch it with: python -m aichat.bridge.models fetch qwen2.5-coder-0.5b")
    error = await error_of(Answer(make("/no/such.gguf"), ask("Hi")).finish)
    assert error.code == "model_unavailable" and "neither a GGUF file nor a known model" in error.message


@pytest_twisted.ensureDeferred
async def test_a_file_that_does_not_load_is_told_and_tried_ever_less_often(make: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(1000))
    counting = CountingReactor()
    provider = make(str(broken), reactor=counting)
    for _ in range(2):
        error = await error_of(Answer(provider, ask("Hi")).finish)
        assert error.code == "model_unavailable"
        assert "broken did not start" in error.message and "failed to load model" in error.message
    error = await error_of(Answer(provider, ask("Hi")).finish)
    assert error.retry_after is not None and 0 < error.retry_after <= 1
    assert "failed to load model" in error.message
    assert counting.spawned == 2


@pytest_twisted.ensureDeferred
async def test_an_engine_that_is_not_installed_is_told(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = await error_of(Answer(make(), ask("Hi")).finish)
    assert error.code == "model_unavailable"
    assert "No module named 'xllamacpp'. Install it with: pip install 'aichat[embedded]'" in error.message


@pytest_twisted.ensureDeferred
async def test_a_damaged_model_is_not_loaded(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICHAT_MODELS_DIR", str(tmp_path))
    (tmp_path / "smollm2-135m.gguf").write_bytes(b"GGUF, but not that one")
    counting = CountingReactor()
    error = await error_of(Answer(make("smollm2-135m", reactor=counting), ask("Hi")).finish)
    assert error.code == "model_unavailable" and "is damaged" in error.message
    assert counting.spawned == 0


@pytest_twisted.ensureDeferred
async def test_a_load_that_takes_too_long_is_given_up(make: Make) -> None:
    pids: list[int] = []

    class Noting(CountingReactor):
        def spawnProcess(self, *args: Any, **options: Any) -> Any:
            transport = super().spawnProcess(*args, **options)
            pids.append(transport.pid)
            return transport

    error = await error_of(Answer(make(reactor=Noting(), load_timeout=0.02), ask("Hi")).finish)
    assert error.code == "model_unavailable" and "not ready after 0.02 s" in error.message
    assert not is_alive(pids[0])


@pytest_twisted.ensureDeferred
async def test_stop_leaves_no_process(make: Make) -> None:
    provider = make()
    running = Answer(provider, LONG_ANSWER)
    await running.first
    pid = child_of(provider)
    stopping = [provider.stop(), provider.stop()]
    assert (await error_of(running.finish)).code == "upstream_interrupted"
    await gatherResults(stopping)
    assert not is_alive(pid)
    assert (await error_of(Answer(provider, ask("Hi")).finish)).code == "shutting_down"
    await provider.stop()


@pytest_twisted.ensureDeferred
async def test_stop_while_it_loads(make: Make) -> None:
    provider = make()
    early = Answer(provider, ask("Hi"))
    await until(lambda: provider._child is not None)
    pid = child_of(provider)
    stopping = provider.stop()
    assert (await error_of(early.finish)).code == "shutting_down"
    await stopping
    assert not is_alive(pid)


@pytest_twisted.ensureDeferred
async def test_a_child_that_hangs_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.1)
    provider = make()
    await Answer(provider, ask("Hi", 1)).finish
    pid = child_of(provider)
    os.kill(pid, signal.SIGSTOP)
    await provider.stop()
    assert not is_alive(pid)


PARENT = """
import sys
from twisted.internet import reactor
from aichat.bridge.providers.base import ChatMessage, ChatRequest
from aichat.bridge.providers.embedded import EmbeddedProvider
from aichat.bridge.providers.openai import OpenAIProvider
def upstream(url, key, model):
    return OpenAIProvider(reactor, base_url=url, api_key=key, model=model)
provider = EmbeddedProvider(reactor, sys.argv[1], upstream=upstream, context=512, slots=1)
def told(_):
    print(provider._child.transport.pid, flush=True)
provider.generate(ChatRequest(messages=[ChatMessage("user", "Hi")], max_tokens=1), lambda _: None).addBoth(told)
reactor.run()
"""


@pytest_twisted.ensureDeferred
async def test_the_child_dies_with_its_parent(smollm2_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(smollm2_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
    finally:
        parent.kill()
        parent.wait()
    await until(lambda: not is_alive(pid), 5)
