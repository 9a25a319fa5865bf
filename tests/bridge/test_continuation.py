"""An unfinished answer is gone on with in each upstream's own way, or asked for in words, and never said twice."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet import reactor

from aichat.bridge.providers.base import ChatMessage, ChatRequest, Delta
from aichat.bridge.providers.continuation import GO_ON, LOOK_BACK, REPEAT_LEAST, Overlap
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.protocol.errors import AichatError
from tests.service import Upstream

KEPT = "一two 三。"


async def go_on(upstream: Upstream, name: str, question: str) -> tuple[str, list[dict[str, Any]]]:
    """Go on with KEPT -> the new text, and what the upstream was asked for it."""
    before = len(upstream.requests())
    provider = OpenAIProvider(
        reactor, base_url=upstream.url, model="fake-1", name=name, patience=Patience(first_byte=5, tries=1)
    )
    messages = [
        ChatMessage("system", "s"),
        ChatMessage("user", question),
        ChatMessage("assistant", KEPT),
    ]
    deltas: list[Delta] = []
    try:
        finish = await provider.generate(ChatRequest(messages=messages), deltas.append)
        assert finish.reason == "stop"
    finally:
        text = "".join(delta.content for delta in deltas)
    return text, upstream.requests()[before:]


@pytest.mark.parametrize(
    ("name", "path", "message", "body"),
    [
        ("deepseek", "/beta/chat/completions", {"prefix": True}, {}),
        ("vllm", "/v1/chat/completions", {}, {"continue_final_message": True, "add_generation_prompt": False}),
        ("llamacpp", "/v1/chat/completions", {}, {}),
        ("embedded", "/v1/chat/completions", {}, {}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_in_the_upstreams_own_way(
    upstream: Upstream, name: str, path: str, message: dict[str, Any], body: dict[str, Any]
) -> None:
    text, [asked] = await go_on(upstream, name, "!cut")
    assert text == "四 five 😀。"
    assert asked["path"] == path
    assert asked["body"]["messages"][-1] == {"role": "assistant", "content": KEPT, **message}
    assert asked["body"].items() >= body.items()


@pytest.mark.parametrize("name", ["openai", "ollama"])
@pytest.mark.parametrize("question", ["!cut", "!cut repeat"])
@pytest_twisted.ensureDeferred
async def test_asked_in_words_and_a_repeat_is_dropped(upstream: Upstream, name: str, question: str) -> None:
    text, [asked] = await go_on(upstream, name, question)
    assert text == "四 five 😀。"
    assert asked["body"]["messages"][-2:] == [
        {"role": "assistant", "content": KEPT},
        {"role": "user", "content": GO_ON},
    ]


@pytest.mark.parametrize("name", ["deepseek", "vllm", "llamacpp"])
@pytest_twisted.ensureDeferred
async def test_what_refuses_its_own_way_is_asked_in_words(upstream: Upstream, name: str) -> None:
    text, asked = await go_on(upstream, name, "!cut refuse repeat")
    assert text == "四 five 😀。"
    assert [request["body"]["messages"][-1]["role"] for request in asked] == ["assistant", "user"]


@pytest_twisted.ensureDeferred
async def test_other_errors_are_told_as_they_are(upstream: Upstream) -> None:
    with pytest.raises(AichatError, match="upstream_unauthorized"):
        await go_on(upstream, "deepseek", "!cut 401")
    with pytest.raises(AichatError, match="upstream_interrupted"):
        await go_on(upstream, "openai", "!cut again")


def passed(before: str, pieces: list[str]) -> list[str]:
    """What goes out after each piece, and at the end."""
    out: list[str] = []
    overlap = Overlap(before, lambda delta: out.append(delta.content))
    seen = []
    for piece in pieces:
        overlap.feed(Delta(content=piece))
        seen.append("".join(out))
    overlap.end()
    return [*seen, "".join(out)]


CASES = [
    ("The quick brown fox", " jumps", " jumps"),
    ("The quick brown fox", "brown fox jumps", " jumps"),
    ("The quick brown fox", "\n\nThe quick brown fox jumps", " jumps"),
    ("The quick bro", "quick brown", "wn"),
    ("从前有座山，山里有座庙，", "山里有座庙，庙里", "庙里"),
    ("🏔一二三四😀", "一二三四😀五", "五"),
    ("ha ha ", "ha", "ha"),  # too short to be a repeat
    ("| a | b |\n|---|---", "|---|\n", "|---|\n"),  # a table's line, not a repeat
    ("The quick brown fox", "brown fox", ""),  # nothing but a repeat
    ("The quick brown fox", "quick brown dog", "quick brown dog"),
    ("Hi", "Hi there", " there"),  # short, but all there is
    ("whole text", "", ""),
    ("x" * 5_000 + "the end", "the end.", "."),
]


@pytest.mark.parametrize(("before", "continuation", "fresh"), CASES)
def test_what_a_continuation_repeats_is_dropped(before: str, continuation: str, fresh: str) -> None:
    assert passed(before, [continuation])[-1] == fresh
    assert passed(before, list(continuation))[-1] == fresh


@given(st.text("ab哈 😀.\n", max_size=40), st.text("ab哈 😀.\n", max_size=30), st.lists(st.integers(1, 5)))
@example("abab", "ababab", [1, 1])
def test_a_repeat_is_found_however_it_is_cut(before: str, continuation: str, cuts: list[int]) -> None:
    pieces, rest = [], continuation
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    seen = passed(before, [*pieces, rest])
    text = continuation.lstrip()
    longest = next((n for n in range(len(text), 0, -1) if before.endswith(text[:n])), 0)
    is_repeat = 0 < longest == len(before) or sum(map(str.isalnum, text[:longest])) >= REPEAT_LEAST
    assert seen[-1] == (text[longest:] if is_repeat else continuation)
    assert all(seen[-1].startswith(part) for part in seen), "what went out stays out"


def test_no_more_is_held_back_than_could_be_a_repeat() -> None:
    before = "".join(f"{n} " for n in range(2_000))
    seen = passed(before, list(before))
    assert seen[LOOK_BACK + 1] != "", "the tail is bounded, and so is what waits for it"
    assert passed("nothing alike", ["Q"])[0] == "Q", "an own word goes out at once"
