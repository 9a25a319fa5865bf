"""Titles: by the model once, in nobody's way, or from the first words; what a user gave stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater

from aichat.chat.line import Lines
from aichat.chat.titles import TITLE_MOST, TRIES, TRY_SECONDS, Titles, tidy_title
from aichat.config import SettingsError, load_settings
from aichat.store.titles import TITLE_LENGTH, title_from
from tests.ends import End, Server


class Titled(Server):
    """A server with titles, whose patience is a clock of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lines=Lines({"default": 4}, 4))
        self.clock = Clock()
        self.wanted = True
        self.titles = Titles(self.clock, self.store, self.hub, self.bridge, self.lines, lambda _: self.wanted)
        self.turns.on_ended = self.titles.note


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Titled]:
    running = Titled(tmp_path)
    await running.open()
    yield running
    running.titles.stop()
    await running.close()


async def come(server: Server) -> tuple[End, str]:
    end = End(server)
    await end.hello()
    config = {"name": "P", "prompt": "p"}
    return end, (await end.ask("ack", type="persona_create", persona_config=config, request_id="p"))["persona_id"]


async def begin(server: Server, end: End, persona: str, **more: Any) -> dict[str, Any]:
    asked = server.provider.next_question()
    chat = {
        "type": "chat",
        "persona_id": persona,
        "content": "我想去海边，哪里好？",
        "request_id": f"q{len(end.frames)}",
    }
    ack = await end.ask("ack", **{**chat, **more})
    await asked
    return ack


async def whole(server: Server, end: End, persona: str, **more: Any) -> dict[str, Any]:
    ack = await begin(server, end, persona, **more)
    server.provider.say("青岛。")
    server.provider.finish()
    await end.get("message_done")
    return ack


async def title_of(end: End, ident: int) -> str:
    listed = await end.ask("conversation_list", type="conversation_list", request_id="l")
    return str(next(c["title"] for c in listed["conversations"] if c["id"] == ident))


@pytest_twisted.ensureDeferred
async def test_the_model_gives_a_title_after_the_first_answer(server: Titled) -> None:
    end, persona = await come(server)
    ack = await begin(server, end, persona)
    asked = server.provider.next_question()
    server.provider.say("青岛。")
    server.provider.finish()
    await end.get("message_done")
    await asked
    request = server.provider.asked[-1]
    assert "我想去海边，哪里好？" in request.messages[-1].content
    assert "青岛。" in request.messages[-1].content
    assert server.turns.running == 0, "it has no place in the line of those who wait for an answer"
    server.provider.say("标题：《海边旅行》\n\n希望你喜欢")
    server.provider.finish()
    told = (await end.get("conversation_saved"))["conversation"]
    assert (told["id"], told["title"]) == (ack["conversation_id"], "海边旅行")
    await whole(server, end, persona, conversation_id=ack["conversation_id"])
    await end.ask("persona_list", type="persona_list")
    assert len(server.provider.asked) == 3, "one title, for the first answer"
    assert await title_of(end, ack["conversation_id"]) == "海边旅行"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest_twisted.ensureDeferred
async def test_what_its_user_gave_stays(server: Titled, when: str) -> None:
    end, persona = await come(server)
    ack = await begin(server, end, persona)
    ident = ack["conversation_id"]
    rename = {"type": "conversation_rename", "conversation_id": ident, "title": "mine", "request_id": "r"}
    if when == "before":
        await end.ask("ack", **rename)
    asked = server.provider.next_question()
    server.provider.say("青岛。")
    server.provider.finish()
    await end.get("message_done")
    await asked
    if when == "meanwhile":
        await end.ask("ack", **rename)
    server.provider.say("theirs")
    server.provider.finish()
    await end.ask("persona_list", type="persona_list")
    assert await title_of(end, ident) == "mine"


@pytest.mark.parametrize("how", ["fail", "empty", "too long", "endless", "deleted"])
@pytest_twisted.ensureDeferred
async def test_without_a_title_the_first_words_stay(server: Titled, how: str) -> None:
    end, persona = await come(server)
    ack = await begin(server, end, persona)
    asked = server.provider.next_question()
    server.provider.say("青岛。")
    server.provider.finish()
    await end.get("message_done")
    await asked
    if how == "fail":
        server.provider.fail("upstream_rejected")
    elif how == "empty":
        server.provider.say('""')
        server.provider.finish()
    elif how == "too long":
        server.provider.say("x" * (TITLE_MOST + 1))
        server.provider.finish()
    elif how == "endless":
        server.provider.say("words and " * 50)
        while not server.provider.cancelled:
            server.clock.advance(0)
            await deferLater(reactor, 0)
    else:
        gone = {"type": "conversation_delete", "conversation_id": ack["conversation_id"]}
        await end.ask("ack", **gone, request_id="d")
        server.provider.say("a title")
        server.provider.finish()
        await end.ask("persona_list", type="persona_list")
        back = {"type": "conversation_restore", "conversation_id": ack["conversation_id"]}
        await end.ask("ack", **back, request_id="b")
    await end.ask("persona_list", type="persona_list")
    assert await title_of(end, ack["conversation_id"]) == "我想去海边，哪里好？"


@pytest_twisted.ensureDeferred
async def test_nobody_waits_for_a_title(server: Titled) -> None:
    end, persona = await come(server)
    places = [server.lines.enter(99, "default"), server.lines.enter(99, "default")]
    await whole(server, end, persona)
    assert len(server.provider.asked) == 1, "half of the places are taken"
    server.clock.advance(TRY_SECONDS)
    assert len(server.provider.asked) == 1
    asked = server.provider.next_question()
    places.pop().leave()
    server.clock.advance(TRY_SECONDS)
    await asked
    await begin(server, end, persona, new_conversation=True)
    assert len(server.provider.asked) == 3, "a turn begins at once while a title is written"
    places.append(server.lines.enter(99, "default"))
    server.provider.say("!")
    server.provider.finish()
    await end.get("message_done")
    server.clock.pump([TRY_SECONDS] * (TRIES + 1))
    assert len(server.provider.asked) == 3, "it is given up in the end"
    assert not server.clock.getDelayedCalls()[1:], "the time limit of the first one, and no more"
    for place in places:
        place.leave()


@pytest_twisted.ensureDeferred
async def test_a_provider_can_be_left_alone(server: Titled) -> None:
    end, persona = await come(server)
    server.wanted = False
    await whole(server, end, persona)
    await end.ask("persona_list", type="persona_list")
    assert len(server.provider.asked) == 1


def test_the_setting() -> None:
    deepseek = {"DEEPSEEK_API_KEY": "k"}
    assert load_settings({}, deepseek).wants_titles("")
    assert not load_settings({}, {}).wants_titles(""), "the embedded model does it badly"
    assert load_settings({}, {"AICHAT_TITLES": "model"}).wants_titles("")
    assert not load_settings({}, {**deepseek, "AICHAT_TITLES": "words"}).wants_titles("")
    assert not load_settings({}, {**deepseek, "AICHAT_BRIDGE": "http://localhost:5000"}).wants_titles("")
    with pytest.raises(SettingsError, match="titles"):
        load_settings({}, {"AICHAT_TITLES": "yes"})


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Sea travel", "Sea travel"),
        ('"Sea travel."\n', "Sea travel"),
        ("**Title:** Sea travel", "Sea travel"),
        ("标题：海边旅行。", "海边旅行"),
        ("《海边旅行》", "海边旅行"),
        ("\n\n# Sea   travel\nmore", "Sea travel"),
        ("", ""),
        ("...", ""),
        ("x" * 61, ""),
    ],
)
def test_what_a_model_says_becomes_a_title(said: str, title: str) -> None:
    assert tidy_title(said) == title


SEA, MORE = "我想去一个安静的海边住几天", "我喜欢吃海鲜，也喜欢爬山，最好不要太远，也不要太贵"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("你好", "你好"),
        ("  a\n\nb", "a"),
        ("# Plan\n\ntext", "Plan"),
        ("1. first thing", "first thing"),
        (f"{SEA}。你觉得哪里比较好？{MORE}。", f"{SEA}。你觉得哪里比较好？"),
        (f"{SEA}，你觉得哪里比较好呢，{MORE}", f"{SEA}，你觉得哪里比较好呢，我喜欢吃海鲜，也喜欢爬山…"),
        ("字" * 50, "字" * 39 + "…"),
        ("What would be a good place to go to in the summer holidays?", "What would be a good place to go to in…"),
        ("x" * 38 + "👨‍👩‍👧" * 3, "x" * 38 + "…"),
        ("```", "```"),
    ],
)  # fmt: skip
def test_the_first_words_are_cut_cleanly(said: str, title: str) -> None:
    assert title_from(said) == title


@given(st.text(min_size=1, max_size=200))
@example("# ")
@example("\u0301" * 100)
def test_any_words_give_a_title(said: str) -> None:
    title = title_from(said)
    assert 1 <= len(title) <= TITLE_LENGTH
    assert "\n" not in title
