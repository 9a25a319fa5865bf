"""What the model reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aichat.chat.prompt import HISTORY_MOST, build_prompt, estimate_tokens
from aichat.protocol.values import AI, USER, Message, Persona


def said(*texts: str) -> list[Message]:
    """A conversation, the user first, in turns."""
    return [
        Message(sender_type=(USER, AI)[n % 2], content=text, send_time="", id=n + 1) for n, text in enumerate(texts)
    ]


def persona(prompt: str = "你是{{char}}，正在和{{user}}说话。", greeting: str = "") -> Persona:
    return Persona(id="p", name="学霸", avatar="", prompt=prompt, greeting=greeting)


def read(history: list[Message], who: Persona, context: int = 4_096) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in build_prompt(who, history, "小王", context)]


def test_names_are_filled_in() -> None:
    assert read(said("你好"), persona()) == [("system", "你是学霸，正在和小王说话。"), ("user", "你好")]
    assert read(said("hi"), persona(prompt="")) == [("user", "hi")]


def test_the_greeting_opens_a_conversation_that_fits_whole() -> None:
    who = persona(prompt="p", greeting="我是{{char}}。")
    assert read(said("a", "b", "c"), who)[1:3] == [("assistant", "我是学霸。"), ("user", "a")]
    long = said(*["word " * 300] * 40)
    assert read(long, who)[1][0] == "user"


def test_a_question_without_an_answer_joins_the_next_one() -> None:
    history = said("one", "", "two", "", "three")
    assert read(history, persona(prompt="")) == [("user", "one\n\ntwo\n\nthree")]


def test_the_reasoning_stays_out() -> None:
    history = [
        *said("q"),
        Message(sender_type=AI, content="a", send_time="", reasoning="secret", id=2),
        *said("next"),
    ]
    assert "secret" not in str(read(history, persona()))


@given(st.lists(st.text(min_size=1, max_size=3_000), min_size=1, max_size=60), st.integers(600, 8_000))
def test_it_fits_and_ends_with_the_last_question(texts: list[str], context: int) -> None:
    texts = texts if len(texts) % 2 else texts[1:] or ["x"]
    texts = texts if len(texts) % 2 else [*texts, "x"]
    messages = read(said(*texts), persona(prompt="p"), context)
    assert messages[-1] == ("user", texts[-1])
    assert [role for role, _ in messages[1:]] == ["user", "assistant"] * (len(messages) // 2 - 1) + ["user"]
    if len(messages) > 2:
        assert sum(estimate_tokens(text) for _, text in messages) <= context
    assert len(messages) <= HISTORY_MOST + 2


def test_an_unfinished_answer_comes_last_and_leaves_room_for_its_question() -> None:
    history = said("old " * 50, "older", "问题")
    prompt = build_prompt(persona(), history, "u", 8_000, unfinished="从前😀")
    assert [m.role for m in prompt][-2:] == ["user", "assistant"]
    assert prompt[-1].content == "从前😀"
    long = "".join(f"{n}汉😀" for n in range(20_000))
    for context in (500, 1_000, 4_000):
        prompt = build_prompt(persona(), history, "u", context, unfinished=long)
        assert [(m.role, m.content) for m in prompt][-2] == ("user", "问题")
        kept = prompt[-1].content
        assert long.endswith(kept), "its end, in whole characters"
        assert 100 <= len(kept.encode()) <= context * 3
        assert sum(estimate_tokens(m.content) for m in prompt) <= context
