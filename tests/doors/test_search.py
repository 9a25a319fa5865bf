"""Search: everything of a user's is found, in Chinese too, and nothing else."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater

from aichat.chat import administration as verbs
from aichat.chat import search
from aichat.chat.search import Search
from aichat.store.matching import SHOWN, Words, folded, snippet
from tests.ends import End, Server
from tests.service import admin, running_service
from tests.soak.raw import RawSocket

PASSWORD = "correct horse 电池"


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path, trust_local=False).open()
    for name in ("wei", "mara"):
        await running.administration.do(verbs.UserAdd(name=name, password=PASSWORD))
    yield running
    await running.close()


class Talker(End):
    """A user who says things."""

    persona = ""

    @classmethod
    async def come(cls, server: Server, name: str) -> Talker:
        end = cls(server, is_local=False)
        token = (await server.administration.do(verbs.TokenAdd(user=name, name="test")))["token"]
        await end.hello(token=token)
        end.server = server
        end.persona = await end.make_persona()
        return end

    server: Server

    async def make_persona(self) -> str:
        config = {"name": "P", "prompt": "p"}
        made = await self.ask("ack", type="persona_create", persona_config=config, request_id=f"p{len(self.frames)}")
        return str(made["persona_id"])

    async def say(self, question: str, answer: str, **more: Any) -> dict[str, Any]:
        asked = self.server.provider.next_question()
        chat = {"type": "chat", "persona_id": self.persona, "content": question, "request_id": f"q{len(self.frames)}"}
        ack = await self.ask("ack", **{**chat, **more})
        await asked
        self.server.provider.say(answer)
        self.server.provider.finish()
        await self.get("message_done")
        return ack

    async def search(self, query: str, **more: Any) -> dict[str, Any]:
        return await self.ask("search_results", type="search_request", query=query, request_id="s", **more)

    async def found(self, query: str, **more: Any) -> list[str]:
        """What was found: the words that matched in each message, as they stand there."""
        reply = await self.search(query, **more)
        hits = [r for r in reply["results"] if "message_id" in r]
        return ["|".join(r["snippet"][a:b] for a, b in r["matches"]) for r in hits]


@pytest.mark.parametrize(
    ("query", "matched"),
    [
        ("海边的房子", ["海边的房子"]),
        ("的房子", ["的房子"]),
        ("海边", ["海边", "海边"]),
        ("房", ["房"]),
        ("海边 房子", ["海边|房子"]),
        ("🏔", ["🏔"]),
        ("sea", ["SEA", "Sea"]),
        ("THE SEA", ["the|SEA", "the|Sea"]),
        ("se", ["SE", "Se"]),
        ("écol", ["École"[:4]]),
        ("é", ["É|É"]),
        ("100%", ["100%"]),
        ("%", ["%"]),
        ("_", []),
        ("a_b", []),
        ('"', []),
        ('"the', []),
        ("the* OR sea", []),
        ("NEAR(the sea)", []),
        ("海边 nothing", []),
        ("ocean", []),
    ],
)
@pytest_twisted.ensureDeferred
async def test_words_are_found_wherever_they_stand(server: Server, query: str, matched: list[str]) -> None:
    end = await Talker.come(server, "wei")
    ack = await end.say("我想住在海边的房子里", "海边 🏔 É École")
    await end.say("Is the Sea 100% salt?", "the SEA is.", conversation_id=ack["conversation_id"])
    assert await end.found(query) == matched
    inside = await end.found(query, conversation_id=ack["conversation_id"])
    assert inside == matched, "the same without the index"


@pytest_twisted.ensureDeferred
async def test_titles_personas_and_conversations(server: Server) -> None:
    end = await Talker.come(server, "wei")
    first = await end.say("Plans for the mountain", "yes")
    other = await end.make_persona()
    second = await end.say("A mountain of paper", "well, mountain", persona_id=other)
    reply = await end.search("mountain")
    titles = [r for r in reply["results"] if "message_id" not in r]
    assert [(r["conversation"]["id"], r["snippet"], r["matches"]) for r in titles] == [
        (second["conversation_id"], "A mountain of paper", [[2, 10]]),
        (first["conversation_id"], "Plans for the mountain", [[14, 22]]),
    ]
    messages = [r for r in reply["results"] if "message_id" in r]
    assert [r["message_id"] for r in messages] == [second["answer_id"], second["message_id"], first["message_id"]]
    assert [r.get("sender_type", 0) for r in messages] == [1, 0, 0]
    assert messages[2]["conversation"]["title"] == "Plans for the mountain"
    assert messages[2]["send_time"]
    assert ("before" in reply, "indexing" in reply) == (False, False)
    of_other = await end.search("mountain", persona_id=other)
    assert {r["conversation"]["id"] for r in of_other["results"]} == {second["conversation_id"]}
    here = await end.search("mountain", conversation_id=first["conversation_id"])
    assert [r.get("message_id") for r in here["results"]] == [first["message_id"]]
    assert (await end.search("mountain", persona_id="nobody"))["results"] == []


@pytest.mark.parametrize("query", ["needle", "针"])
@pytest_twisted.ensureDeferred
async def test_pages_have_every_match_once(server: Server, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setattr("aichat.store.search.WINDOW", 7)
    monkeypatch.setattr("aichat.store.search.CANDIDATES_MOST", 5)
    end = await Talker.come(server, "wei")
    wanted = []
    for n in range(12):
        ack = await end.say(f"needle 针 {n}" if n % 3 else "hay", "hay")
        wanted += [ack["message_id"]] if n % 3 else []
    got: list[int] = []
    more: dict[str, Any] = {}
    while True:
        reply = await end.search(query, limit=2, **more)
        got += [r["message_id"] for r in reply["results"] if "message_id" in r]
        if "before" not in reply:
            break
        assert reply["before"] < more.get("before", 10**9)
        more = {"before": reply["before"]}
    assert got == wanted[::-1]


@pytest_twisted.ensureDeferred
async def test_what_is_gone_is_not_found_until_it_comes_back(server: Server) -> None:
    end = await Talker.come(server, "wei")
    ack = await end.say("canary question", "canary 答案甲")
    asked = server.provider.next_question()
    await end.ask("ack", type="chat_regenerate", conversation_id=ack["conversation_id"], request_id="again")
    await asked
    server.provider.say("canary running")
    await end.get("message_delta")
    assert len(await end.found("canary")) == 2, "the answer of another branch, and not the one being written"
    server.provider.finish()
    await end.get("message_done")
    assert len(await end.found("canary")) == 3
    where = {"conversation_id": ack["conversation_id"]}
    for query in ("答案甲", "答案", "答"):
        assert len(await end.found(query)) == 1
        assert (await end.search(query, **where))["results"] == [], "inside it is what is shown"
    await end.ask("ack", type="message_delete", **where, message_id=ack["answer_id"], request_id="cut")
    for query in ("答案甲", "答案", "答"):
        assert await end.found(query) == []
    assert len(await end.found("canary")) == 2
    delete = {"type": "conversation_delete", "conversation_id": ack["conversation_id"]}
    await end.ask("ack", **delete, request_id="d")
    for query in ("canary", "ca"):
        assert (await end.search(query))["results"] == [], "not in titles either"
    restore = {"type": "conversation_restore", "conversation_id": ack["conversation_id"]}
    await end.ask("ack", **restore, request_id="b")
    assert len(await end.found("canary")) == 2
    await end.ask("ack", **delete, for_good=True, request_id="g")
    assert (await end.search("canary"))["results"] == []
    with sqlite3.connect(server.store.path) as db:
        count = 'SELECT COUNT(*) FROM messages_text WHERE messages_text MATCH \'"can" OR "ary"\''
        assert db.execute(count).fetchone() == (0,), "nothing of it is left in the index"


@pytest_twisted.ensureDeferred
async def test_nobody_finds_what_is_anothers(server: Server) -> None:
    wei, mara = await Talker.come(server, "wei"), await Talker.come(server, "mara")
    ack = await wei.say("the canary 金丝雀 sings", "canary 金丝雀")
    assert len(await wei.found("canary")) == 2
    await mara.say("my own words", "words")
    for query in ("canary", "金丝雀", "丝雀", "雀", "ca", "c", "sings", "\U000f0000" * 3):
        assert (await mara.search(query))["results"] == []
    for more in ({"persona_id": wei.persona}, {"before": 10**6}):
        assert (await mara.search("canary", **more))["results"] == []
    search = {"type": "search_request", "query": "canary", "conversation_id": ack["conversation_id"]}
    assert (await mara.ask("error", **search, request_id="x"))["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_a_continued_answer_is_found_by_all_of_its_text(server: Server) -> None:
    end = await Talker.come(server, "wei")
    asked = server.provider.next_question()
    ack = await end.ask("ack", type="chat", persona_id=end.persona, content="?", request_id="q")
    await asked
    server.provider.say("first half, ")
    server.provider.fail("upstream_interrupted")
    await end.get("message_done")
    assert await end.found("first half") == ["first|half"]
    asked = server.provider.next_question()
    await end.ask("ack", type="chat_continue", conversation_id=ack["conversation_id"], request_id="c")
    await asked
    server.provider.say("second half")
    server.provider.finish()
    await end.get("message_done")
    for query in ("first", "second", "half, second"):
        assert len(await end.found(query)) == 1


@pytest_twisted.ensureDeferred
async def test_what_no_index_has_yet_is_said_and_comes_by_itself(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aichat.store.text_index.STEP", 1)
    monkeypatch.setattr("aichat.chat.search.STEPS_AT_ONCE", 2)
    monkeypatch.setattr("aichat.chat.search.PAUSE_SECONDS", 0)
    monkeypatch.setattr("aichat.chat.search.QUIET_SECONDS", 0)
    wei, mara = await Talker.come(server, "wei"), await Talker.come(server, "mara")
    for n in range(3):
        await wei.say(f"needle {n}", "hay")
    first = await wei.search("needle")
    assert first["indexing"] is True
    assert len([r for r in first["results"] if "message_id" in r]) == 1, "the oldest come first"
    await mara.say("needle", "hay")
    filling = Search(server.search._reactor, server.store, server.turns)  # as a service that starts on this file
    filling.start()
    while (await server.store._database.read(behind)) != 0:
        await deferLater(reactor, 0)
    await filling.stop()
    reply = await wei.search("needle")
    assert "indexing" not in reply
    assert len([r for r in reply["results"] if "message_id" in r]) == 3


@pytest_twisted.ensureDeferred
async def test_the_index_waits_while_answers_are_written_but_not_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aichat.store.text_index.STEP", 1)
    clock = Clock()
    wei, mara = await Talker.come(server, "wei"), await Talker.come(server, "mara")

    async def on(filling: Search) -> None:
        """Until it fills no more: it is done, or waits."""
        while filling._is_filling:
            clock.advance(search.PAUSE_SECONDS)
            await deferLater(reactor, 0)

    for n in range(3):
        await wei.say(f"needle {n}", "hay")
    filling = Search(clock, server.store, server.turns)
    filling.start()
    clock.advance(search.QUIET_SECONDS)
    asked = server.provider.next_question()
    await mara.ask("ack", type="chat", persona_id=mara.persona, content="and?", request_id="r")
    await asked
    await on(filling)
    left = await server.store._database.read(behind)
    assert left > 1, "broken off when the answer began"
    for _ in range(search.QUIET_MOST):
        clock.advance(search.QUIET_SECONDS)
        assert not filling._is_filling
    clock.advance(search.QUIET_SECONDS)
    await on(filling)
    assert await server.store._database.read(behind) == 1, "all but the answer that is still written"
    server.provider.finish()
    await mara.get("message_done")
    await filling.stop()


def behind(connection: sqlite3.Connection) -> int:
    """Messages that are in no index."""
    return int(
        connection.execute(
            "SELECT COUNT(*) FROM messages WHERE id NOT IN (SELECT id FROM messages_text_docsize)"
        ).fetchone()[0]
    )


def test_nothing_is_lost_to_a_kill() -> None:
    with running_service() as service:
        client = RawSocket(service.port)
        client.hello()
        client.send(type="persona_list")
        persona = client.get("persona_list")["personas"][0]["id"]
        for n in range(3):
            client.send(type="chat", persona_id=persona, content=f"针线 needle {n}", request_id=f"q{n}")
            client.get("message_done")
        client.close()
        service.kill()
        service.start()
        again = RawSocket(service.port)
        again.hello()
        for query in ("needle", "针线"):
            again.send(type="search_request", query=query, request_id=query)
            results = again.get("search_results")["results"]
            assert (
                len({r["message_id"] for r in results if r["snippet"].startswith("针线") and "message_id" in r}) == 3
            )
        again.close()
        assert "whole" in admin(service, "check")


# places in a text

texts = st.text(st.sampled_from("aAbBé É海边的房子🏔\nİßK") | st.characters(exclude_categories=["Cs"]), max_size=80)


@given(texts, texts)
def test_places_are_where_the_words_are(text: str, query: str) -> None:
    words = Words(query)
    low = folded(text)
    assert len(low) == len(text)
    places = words.places(text)
    assert bool(places) == (bool(words.all) and all(word in low for word in words.all))
    assert places == sorted(places)
    for begin, end in places:
        assert any(word in low[begin:end] for word in words.all)


@given(st.text(st.sampled_from("ab \n海"), max_size=600), st.integers(0, 600))
def test_a_snippet_shows_its_matches(text: str, at: int) -> None:
    text = text[:at] + "针線" + text[at:]
    shown, matches = snippet(text, Words("针線").places(text))
    assert len(shown) <= SHOWN + 4
    assert [shown[a:b] for a, b in matches] == ["针線"]
    assert "\n" not in shown


@pytest_twisted.ensureDeferred
async def test_the_index_loses_nothing_that_a_plain_look_finds(server: Server) -> None:
    """Random texts of few letters, so that much matches; with and without the index the same is found."""
    chance = random.Random(5)
    end = await Talker.come(server, "wei")
    ack = await end.say("x", "x")
    said = []
    for n in range(40):
        text = f"{n} " + "".join(chance.choice('ab海边É"% ') for _ in range(chance.randint(1, 30)))
        await end.say(text, "x", conversation_id=ack["conversation_id"])
        said.append(text)
    for _ in range(60):
        query = "".join(chance.choice('ab海边É"% ') for _ in range(chance.randint(1, 6)))
        if not query.strip():
            continue
        wanted = [text for text in reversed(said) if all(word in folded(text) for word in folded(query).split())]
        for more in ({}, {"conversation_id": ack["conversation_id"]}):
            reply = await end.search(query, limit=100, **more)
            got = [r["snippet"] for r in reply["results"] if "message_id" in r]
            assert got == wanted, query
