"""What a persona keeps of its character card comes in with it, in no list, and goes out to its owner only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from aichat.chat import administration as verbs
from aichat.protocol.cards import read_card, write_json
from aichat.protocol.frames import PersonaCreate, encode
from aichat.store.bundle import read_bundle, write_bundle
from tests.ends import End, Server

CARD = b"""{"spec": "chara_card_v2", "data": {"name": "Mara", "description": "{{char}} sails with {{user}}.",
 "first_mes": "Ho, {{User}}!", "character_book": {"entries": [{"keys": ["sea"], "content": "lore canary"}]},
 "extensions": {"unknown": 1}}}"""


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path, trust_local=False).open()
    for name in ("wei", "mara"):
        await running.administration.do(verbs.UserAdd(name=name, password="correct horse 电池"))
    yield running
    await running.close()


async def come_in(server: Server, name: str) -> End:
    end = End(server, is_local=False)
    await end.hello(token=(await server.administration.do(verbs.TokenAdd(user=name, name="test")))["token"])
    return end


async def card_of(end: End, persona: str, kind: str = "persona_card") -> dict[str, Any]:
    return await end.ask(kind, type="persona_card", persona_id=persona, request_id=f"e{len(end.frames)}")


@pytest_twisted.ensureDeferred
async def test_a_card_comes_in_and_goes_out_whole(server: Server) -> None:
    wei, mara = await come_in(server, "wei"), await come_in(server, "mara")
    config = read_card(CARD).config
    wei.send_bytes(encode(PersonaCreate(persona_config=config, request_id="c")))
    persona = (await wei.get("ack"))["persona_id"]
    update = {"type": "persona_update", "persona_id": persona}
    await wei.ask("ack", **update, persona_config={"name": "Mara II", "shared": True}, request_id="u1")
    kept = (await card_of(wei, persona))["card"]
    assert kept == config.card, "a change without a card leaves it"
    assert b'"extensions":{"unknown":1}' in write_json(config, kept)
    await mara.get("persona_saved")
    await mara.ask("persona_list", type="persona_list", request_id="l")
    assert (await card_of(mara, persona, "error"))["code"] == "forbidden", "shared, it is still its owner's"
    for end in (wei, mara):
        others = [f for f in end.frames if f["type"] != "persona_card"]
        assert "lore canary" not in str(others), "in no list and no event"
    asked = server.provider.next_question()
    await mara.ask("ack", type="chat", persona_id=persona, content="?", request_id="q")
    await asked
    said = "\n".join(m.content for m in server.provider.asked[-1].messages)
    assert "Mara II sails with mara." in said
    assert "Ho, mara!" in said, "names stand in the greeting too"
    assert "lore canary" not in said
    server.provider.finish()
    await mara.get("message_done")
    await wei.ask("ack", **update, persona_config={"card": ""}, request_id="u2")
    assert (await card_of(wei, persona))["card"] == ""


@pytest_twisted.ensureDeferred
async def test_a_persona_without_one_has_none_and_a_deleted_one_leaves_none(server: Server) -> None:
    wei = await come_in(server, "wei")
    config = {"name": "P", "prompt": "p"}
    plain = (await wei.ask("ack", type="persona_create", persona_config=config, request_id="p"))["persona_id"]
    assert (await card_of(wei, plain))["card"] == ""
    await wei.ask("ack", type="persona_delete", persona_id=plain, request_id="d")
    assert (await card_of(wei, plain, "error"))["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_an_export_has_cards_and_what_was_done_with_conversations(server: Server, tmp_path: Path) -> None:
    wei, mara = await come_in(server, "wei"), await come_in(server, "mara")
    config = read_card(CARD).config
    wei.send_bytes(encode(PersonaCreate(persona_config=config, request_id="c")))
    persona = (await wei.get("ack"))["persona_id"]
    made = await wei.ask("ack", type="conversation_create", persona_id=persona, title="海", request_id="n")
    changes = {"pinned": True, "archived": True, "tags": ["旅行"]}
    update = {"type": "conversation_update", "conversation_id": made["conversation_id"], "request_id": "u"}
    await wei.ask("ack", **update, changes=changes)
    write_bundle(server.store.path, "wei", tmp_path / "all.json")
    await server.store.bundles.take_in("mara", *read_bundle(tmp_path / "all.json"))
    listed = (await mara.ask("conversation_list", type="conversation_list", request_id="l"))["conversations"]
    assert [{k: c[k] for k in ("title", *changes)} for c in listed] == [{"title": "海", **changes}]
    assert (await card_of(mara, listed[0]["persona_id"]))["card"] == config.card
