"""Several users: who may come in, what is whose, what is shared, and that who is shut out is out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from aichat.chat import administration as verbs
from aichat.protocol import frames
from aichat.protocol.errors import AichatError
from tests.ends import End, Server

PASSWORD = "correct horse 电池"


@pytest_twisted.async_yield_fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server(tmp_path, trust_local=False).open()
    for name in ("wei", "mara"):
        await running.administration.do(verbs.UserAdd(name=name, password=PASSWORD))
    yield running
    await running.close()


async def token_of(server: Server, name: str, which: str = "test") -> str:
    return str((await server.administration.do(verbs.TokenAdd(user=name, name=which)))["token"])


async def come_in(server: Server, name: str) -> End:
    end = End(server, is_local=False)
    await end.hello(token=await token_of(server, name))
    return end


async def settled(end: End) -> None:
    """Everything sent so far was answered: ask something harmless and wait for its reply."""
    await end.ask("conversation_list", type="conversation_list", request_id="settled")


async def persona_of(end: End, **more: Any) -> str:
    config = {"name": "学霸", "prompt": "a secret prompt", **more}
    request_id = f"p{len(end.frames)}"
    return str(
        (await end.ask("ack", type="persona_create", persona_config=config, request_id=request_id))["persona_id"]
    )


# coming in


@pytest_twisted.ensureDeferred
async def test_a_password_becomes_a_token(server: Server) -> None:
    end = End(server, is_local=False)
    got = await end.ask("logged_in", type="login", name="wei", password=PASSWORD, client="test 1", request_id="l")
    assert (got["user"], got["request_id"]) == ("wei", "l")
    welcome = await end.hello(token=got["token"])
    assert (welcome["user"], welcome["role"]) == ("wei", "member")
    tokens = await server.administration.do(verbs.TokenList(user="wei"))
    assert [(t["name"], t["kind"]) for t in tokens] == [("test 1", "login")]
    later = await end.ask("error", type="login", name="wei", password=PASSWORD, request_id="again")
    assert later["code"] == "conflict"
    assert end.closed is None


@pytest.mark.parametrize(("name", "password"), [("wei", "wrong"), ("nobody", PASSWORD), ("wei", ""), ("owner", "")])
@pytest_twisted.ensureDeferred
async def test_a_wrong_login_is_refused_in_the_same_words(server: Server, name: str, password: str) -> None:
    end = End(server, is_local=False)
    error = await end.ask("error", type="login", name=name, password=password, request_id="l")
    assert (error["code"], error["request_id"]) == ("unauthorized", "l")
    assert error["message"] == "The name or the password is wrong."
    assert end.closed is not None
    assert end.closed[0] == 4401


@pytest_twisted.ensureDeferred
async def test_guessing_is_slowed_down(server: Server) -> None:
    codes = []
    for n in range(12):
        end = End(server, is_local=False)
        codes.append(
            (await end.ask("error", type="login", name="wei", password=f"guess {n}", request_id="l"))["code"]
        )
        assert end.closed is not None
    assert codes == ["unauthorized"] * 10 + ["rate_limited"] * 2


@pytest_twisted.ensureDeferred
async def test_only_hashes_are_stored(server: Server) -> None:
    token = await token_of(server, "wei")
    data = server.store.path.read_bytes() + server.store.path.with_name("chat.db-wal").read_bytes()
    assert token.encode() not in data
    assert PASSWORD.encode() not in data
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in data


@pytest_twisted.ensureDeferred
async def test_the_same_password_however_it_is_composed(server: Server) -> None:
    await server.administration.do(verbs.UserAdd(name="josé", password="contraseña"))
    end = End(server, is_local=False)
    await end.ask("logged_in", type="login", name="josé", password="contraseña")


@pytest.mark.parametrize("password", ["short", "x" * 201])
@pytest_twisted.ensureDeferred
async def test_a_password_has_a_length(server: Server, password: str) -> None:
    with pytest.raises(AichatError, match="8 to 200"):
        await server.administration.do(verbs.UserAdd(name="kai", password=password))
    assert "kai" not in [user["name"] for user in await server.administration.do(verbs.UserList())]


@pytest_twisted.ensureDeferred
async def test_names_are_unique_and_the_last_owner_stays(server: Server) -> None:
    with pytest.raises(AichatError, match="already"):
        await server.administration.do(verbs.UserAdd(name="wei"))
    with pytest.raises(AichatError, match="last owner"):
        await server.administration.do(verbs.UserDisable(name="owner"))
    await server.administration.do(verbs.UserAdd(name="second", role="owner"))
    await server.administration.do(verbs.UserDisable(name="owner"))


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIy0s9ZKKkm7GqwEJDC0Tn8q3U5RZdW1Z3sVbHqcJ2gn wei@laptop"


@pytest_twisted.ensureDeferred
async def test_ssh_keys_are_kept_found_and_taken_back(server: Server) -> None:
    do = server.administration.do
    added = await do(verbs.KeyAdd(user="wei", line=KEY))
    assert added["fingerprint"].startswith("SHA256:")
    identity, leave = await server.accounts.admit_key(KEY.split()[1], throw_out=lambda why: None)
    assert identity.user.name == "wei"
    leave()
    with pytest.raises(AichatError, match="in use"):
        await do(verbs.KeyAdd(user="mara", line=KEY))
    thrown: list[str] = []
    await server.accounts.admit_key(KEY.split()[1], throw_out=thrown.append)
    assert (await do(verbs.KeyRevoke(user="wei", which=added["fingerprint"])))["closed"] == 1
    assert thrown == ["This key was revoked."]
    with pytest.raises(AichatError, match="not known"):
        await server.accounts.admit_key(KEY.split()[1], throw_out=thrown.append)
    for line in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"):
        with pytest.raises(AichatError, match="no SSH public key"):
            await do(verbs.KeyAdd(user="wei", line=line))


@pytest_twisted.ensureDeferred
async def test_a_crowd_that_comes_at_once_is_told_apart(server: Server) -> None:
    tokens = {name: await token_of(server, name) for name in ("wei", "mara")}
    ends = [(End(server, is_local=False), name) for name in ("wei", "nobody", "mara", "wei") * 5]
    for end, name in ends:
        end.send(type="hello", version=1, token=tokens.get(name, "no such token"))
    for end, name in ends:
        if name == "nobody":
            assert (await end.get("error"))["code"] == "unauthorized"
        else:
            assert (await end.get("welcome"))["user"] == name


# being shut out


@pytest_twisted.ensureDeferred
async def test_whose_token_is_revoked_while_a_crowd_comes_in_does_not_stay(server: Server) -> None:
    tokens = {name: await token_of(server, name) for name in ("wei", "mara")}
    ends = [(End(server, is_local=False), name) for name in ("mara", "wei", "mara", "wei")]
    revoked = ensureDeferred(server.administration.do(verbs.TokenRevoke(user="wei", which="test")))
    for end, name in ends:
        end.send(type="hello", version=1, token=tokens[name])
    await revoked
    for end, name in ends:
        if name == "wei":
            assert (await end.get("error"))["code"] == "unauthorized"
            assert end.closed is not None
        else:
            await end.get("welcome")
            await settled(end)


@pytest_twisted.ensureDeferred
async def test_a_revoked_token_closes_what_came_in_with_it_and_nothing_else(server: Server) -> None:
    one, other = await come_in(server, "wei"), End(server, is_local=False)
    await other.hello(token=await token_of(server, "wei", "another"))
    plain = End(server, is_local=False, header_token=await token_of(server, "wei", "test"))
    await plain.ask("persona_list", type="persona_list")
    result = await server.administration.do(verbs.TokenRevoke(user="wei", which="test"))
    assert result == {"revoked": 2, "closed": 2}
    for end in (one, plain):
        assert end.closed is not None
        assert end.closed[0] == 4401
        assert end.frames[-1]["message"] == "This token was revoked."
    assert other.closed is None
    await settled(other)


@pytest_twisted.ensureDeferred
async def test_a_disabled_user_is_out_and_their_answers_stop(server: Server) -> None:
    end, mara = await come_in(server, "wei"), await come_in(server, "mara")
    persona = await persona_of(end)
    asked = server.provider.next_question()
    await end.ask("ack", type="chat", persona_id=persona, content="hi", request_id="q")
    await asked
    await server.administration.do(verbs.UserDisable(name="wei"))
    assert end.closed is not None
    back = End(server, is_local=False)
    error = await back.ask("error", type="login", name="wei", password=PASSWORD, request_id="l")
    assert error["code"] == "unauthorized"
    await settled(mara)
    await server.administration.do(verbs.UserEnable(name="wei"))
    again = End(server, is_local=False)
    token = (await again.ask("logged_in", type="login", name="wei", password=PASSWORD))["token"]
    await again.hello(token=token)
    page = await again.ask("history_response", type="history_request", persona_id=persona)
    assert [m.get("status", "done") for m in page["messages"]] == ["done", "stopped"]
    assert server.provider.cancelled == 1


@pytest_twisted.ensureDeferred
async def test_another_password_puts_out_who_logged_in_with_the_old_one(server: Server) -> None:
    end = End(server, is_local=False)
    token = (await end.ask("logged_in", type="login", name="wei", password=PASSWORD))["token"]
    await end.hello(token=token)
    api = await come_in(server, "wei")
    await server.administration.do(verbs.UserPassword(name="wei", password="another one"))
    assert end.closed is not None
    assert api.closed is None, "a token made by hand stays"
    late = End(server, is_local=False)
    assert (await late.ask("error", type="hello", version=1, token=token))["code"] == "unauthorized"


@pytest_twisted.ensureDeferred
async def test_who_is_shut_out_while_coming_in_is_out(server: Server) -> None:
    end = End(server, is_local=False)
    end.send(type="hello", version=1, token=await token_of(server, "wei"))
    await server.administration.do(verbs.TokenRevoke(user="wei", which="test"))
    error = await end.get("error")
    assert error["code"] == "unauthorized"
    assert end.closed is not None


# nobody reads what is not theirs


def attempts(theirs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every verb, aimed at another user's things: frame type -> frame."""
    persona, conversation, answer = theirs["persona"], theirs["conversation"], theirs["answer"]
    return {
        "chat": {"persona_id": persona, "content": "x"},
        "chat_stop": {"conversation_id": conversation, "answer_id": answer},
        "chat_regenerate": {"conversation_id": conversation, "message_id": answer},
        "message_edit": {"conversation_id": conversation, "message_id": answer, "content": "mine"},
        "message_delete": {"conversation_id": conversation, "message_id": answer},
        "branch_select": {"conversation_id": conversation, "message_id": answer},
        "chat_continue": {"conversation_id": conversation, "answer_id": answer},
        "persona_select": {"persona_id": persona},
        "persona_update": {"persona_id": persona, "persona_config": {"name": "mine"}},
        "persona_delete": {"persona_id": persona},
        "persona_card": {"persona_id": persona},
        "history_request": {"conversation_id": conversation},
        "conversation_create": {"persona_id": persona},
        "conversation_rename": {"conversation_id": conversation, "title": "mine"},
        "conversation_update": {"conversation_id": conversation, "changes": {"pinned": True}},
        "conversation_read": {"conversation_id": conversation, "message_id": answer},
        "conversation_delete": {"conversation_id": conversation},
        "search_request": {"query": "canary", "conversation_id": conversation},
        "conversation_restore": {"conversation_id": conversation},
        "conversation_subscribe": {"conversation_id": conversation},
    }


LISTS = ("persona_list", "conversation_list")
HARMLESS = ("login", "hello", "persona_create", "persona_try", "model_list", "conversation_unsubscribe", *LISTS)


@pytest_twisted.ensureDeferred
async def test_every_verb_by_two_users_leaks_nothing(server: Server) -> None:
    mara, wei = await come_in(server, "mara"), await come_in(server, "wei")
    start = (await End(server, is_local=False).hello(token=await token_of(server, "wei", "later")))["seq"]
    persona = await persona_of(mara, name="mara's canary", prompt="canary prompt", greeting="canary greeting")
    asked = server.provider.next_question()
    ack = await mara.ask("ack", type="chat", persona_id=persona, content="canary question", request_id="q")
    await asked
    server.provider.say("canary answer")
    await mara.get("message_delta")
    theirs = {"persona": persona, "conversation": ack["conversation_id"], "answer": ack["answer_id"]}

    tried = attempts(theirs)
    known = {command.__struct_config__.tag for command in frames.COMMANDS}
    assert known - set(HARMLESS) <= set(tried), "a new verb wants its attempt here"
    for kind, frame in tried.items():
        if kind in known:
            error = await wei.ask("error", type=kind, **frame, request_id=f"try-{kind}")
            assert (error["code"], error["request_id"]) == ("not_found", f"try-{kind}"), kind
    by_persona = await wei.ask("error", type="history_request", persona_id=persona, request_id="h")
    assert by_persona["code"] == "not_found"
    for kind in LISTS:
        await wei.ask(kind, type=kind, request_id=kind)
    await wei.ask("conversation_list", type="conversation_list", persona_id=persona, request_id="cp")
    await wei.ask("ack", type="conversation_unsubscribe", conversation_id=theirs["conversation"], request_id="un")
    # the same request id is another user's own
    own = await wei.ask("ack", type="persona_create", persona_config={"name": "w", "prompt": ""}, request_id="q")
    assert own["persona_id"] != persona
    here = await wei.ask("ack", type="conversation_create", persona_id=own["persona_id"], request_id="cc")
    where = {"conversation_id": here["conversation_id"], "message_id": theirs["answer"]}
    for frame in (
        {"type": "chat", "conversation_id": here["conversation_id"], "content": "x", "parent_id": theirs["answer"]},
        {"type": "chat_regenerate", **where},
        {"type": "message_edit", **where, "content": "x"},
        {"type": "message_delete", **where},
        {"type": "branch_select", **where},
    ):
        assert (await wei.ask("error", **frame, request_id=f"in-own-{frame['type']}"))["code"] == "not_found", frame
    page = {"conversation_id": here["conversation_id"], "before": theirs["answer"]}
    assert (await wei.ask("history_response", type="history_request", **page))["messages"] == []
    # resume from before all of it
    again = End(server, is_local=False)
    await again.hello(
        token=await token_of(server, "wei", "resume"), resume={"epoch": wei.frames[0]["epoch"], "seq": start}
    )
    await settled(again)
    plain = End(server, is_local=False, header_token=await token_of(server, "wei", "plain"))
    for frame in (
        {"type": "persona_list"},
        {"type": "history_request", "persona_id": persona},
        {"type": "history_request", "conversation_id": theirs["conversation"]},
        {"type": "chat", "persona_id": persona, "content": "x"},
        {"type": "chat", "conversation_id": theirs["conversation"], "content": "x"},
        {"type": "persona_select", "persona_id": persona},
    ):
        plain.send(**frame)
    await plain.ask("persona_list", type="persona_list")

    server.provider.finish()
    done = await mara.get("message_done")
    assert (done["message"]["status"], done["message"]["content"]) == ("done", "canary answer")
    assert "wei" not in {e["type"] for e in mara.frames}
    for end in (wei, again, plain):
        seen = json.dumps(end.frames, ensure_ascii=False)
        assert "canary" not in seen
        assert not any(f["type"].startswith("message_") for f in end.frames)
    listed = await mara.ask("conversation_list", type="conversation_list", request_id="z")
    assert [c["id"] for c in listed["conversations"]] == [theirs["conversation"]]


# sharing


@pytest_twisted.ensureDeferred
async def test_a_shared_persona_is_there_for_everybody_and_changed_by_its_owner(server: Server) -> None:
    mara, wei = await come_in(server, "mara"), await come_in(server, "wei")
    persona = await persona_of(mara, name="导游", prompt="p", shared=True)
    saved = (await wei.get("persona_saved"))["persona"]
    assert (saved["id"], saved["owner"], saved["shared"], saved["prompt"]) == (persona, "mara", True, "p")
    listed = (await wei.ask("persona_list", type="persona_list"))["personas"]
    assert [(p["name"], p.get("owner", "")) for p in listed] == [("导游", "mara")]
    for kind, frame in (("persona_update", {"persona_config": {"name": "x"}}), ("persona_delete", {})):
        error = await wei.ask("error", type=kind, persona_id=persona, request_id=kind, **frame)
        assert error["code"] == "forbidden"
        assert "mara" in error["message"]
    asked = server.provider.next_question()
    ack = await wei.ask("ack", type="chat", persona_id=persona, content="wei's own words", request_id="q")
    await asked
    server.provider.say("yes")
    server.provider.finish()
    await wei.get("message_done")
    await settled(mara)
    assert "own words" not in json.dumps(mara.frames), "a conversation with a shared persona is its user's"
    refused = await mara.ask(
        "error", type="history_request", conversation_id=ack["conversation_id"], request_id="peek"
    )
    assert refused["code"] == "not_found"


@pytest_twisted.ensureDeferred
async def test_a_persona_taken_back_stays_to_read_on_for_those_who_talked_with_it(server: Server) -> None:
    mara, wei = await come_in(server, "mara"), await come_in(server, "wei")
    owner = await come_in(server, "owner")
    persona = await persona_of(mara, name="导游", prompt="a prompt", shared=True)
    before = (await wei.get("persona_saved"))["persona"]["seq"]
    asked = server.provider.next_question()
    ack = await wei.ask("ack", type="chat", persona_id=persona, content="hello", request_id="q")
    await asked
    server.provider.say("hi")
    server.provider.finish()
    await wei.get("message_done")
    await mara.ask("ack", type="persona_update", persona_id=persona, persona_config={"shared": False}, request_id="u")
    assert (await owner.get("persona_deleted"))["persona_id"] == persona
    left = (await wei.get("persona_saved"))["persona"]
    assert (left["name"], left["owner"]) == ("导游", "mara")
    assert "prompt" not in left
    assert "shared" not in left
    error = await wei.ask(
        "error", type="chat", conversation_id=ack["conversation_id"], content="and?", request_id="q2"
    )
    assert error["code"] == "forbidden"
    page = await wei.ask("history_response", type="history_request", persona_id=persona)
    assert [m["content"] for m in page["messages"]] == ["hello", "hi"]
    # who was away hears the same
    for name, kinds in (("wei", ["persona_saved"]), ("owner", ["persona_deleted"])):
        away = End(server, is_local=False)
        position = {"epoch": wei.frames[0]["epoch"], "seq": left["seq"] - 1 if name == "wei" else before}
        await away.hello(token=await token_of(server, name, "away"), resume=position)
        await settled(away)
        assert [f["type"] for f in away.frames if f["type"].startswith("persona_")] == kinds
    # shared again, it is back for everybody; deleted, it is left to read for who talked with it
    await mara.ask("ack", type="persona_update", persona_id=persona, persona_config={"shared": True}, request_id="u2")
    assert (await owner.get("persona_saved"))["persona"]["prompt"] == "a prompt"
    await mara.ask("ack", type="persona_delete", persona_id=persona, request_id="d")
    assert (await owner.get("persona_deleted"))["persona_id"] == persona
    page = await wei.ask("history_response", type="history_request", conversation_id=ack["conversation_id"])
    assert len(page["messages"]) == 2
    listed = (await mara.ask("persona_list", type="persona_list"))["personas"]
    assert listed == []


@pytest_twisted.ensureDeferred
async def test_the_bridge_knows_the_owners_and_the_shared_personas_only(server: Server) -> None:
    mara, owner = await come_in(server, "mara"), await come_in(server, "owner")
    private = await persona_of(mara)
    shared = await persona_of(mara, shared=True)
    mine = await persona_of(owner)
    assert set(server.book.personas) == {shared, mine}
    await mara.ask("ack", type="persona_update", persona_id=shared, persona_config={"shared": False}, request_id="u")
    await settled(mara)
    assert set(server.book.personas) == {mine}
    assert private not in server.book.personas


@pytest.mark.parametrize("choice", [{"model": "dear-1"}, {"provider": "dear"}, {"fallback": "dear"}])
@pytest_twisted.ensureDeferred
async def test_only_an_owner_chooses_who_answers(server: Server, choice: dict[str, str]) -> None:
    owner, wei = await come_in(server, "owner"), await come_in(server, "wei")
    config = {"name": "n", "prompt": "p"}
    error = await wei.ask("error", type="persona_create", persona_config=config | choice, request_id="c")
    assert error["code"] == "forbidden"
    persona = await persona_of(wei)
    error = await wei.ask("error", type="persona_update", persona_id=persona, persona_config=choice, request_id="u")
    assert error["code"] == "forbidden"
    await wei.ask("ack", type="persona_update", persona_id=persona, persona_config={"model": ""}, request_id="v")
    await persona_of(owner, shared=True, **choice)


# limits


@pytest_twisted.ensureDeferred
async def test_messages_a_minute_are_counted_by_user(tmp_path: Path) -> None:
    server = await Server(tmp_path, messages_per_minute=3).open()
    end = End(server)
    await end.hello()
    persona = await persona_of(end)
    for n in range(5):
        end.send(type="chat", persona_id=persona, content=f"{n}", new_conversation=True, request_id=f"q{n}")
    await settled(end)
    codes = [f.get("code", "ack") for f in end.frames if f.get("request_id", "").startswith("q")]
    assert codes == ["ack"] * 3 + ["rate_limited"] * 2
    page = await end.ask("conversation_list", type="conversation_list")
    assert len(page["conversations"]) == 3, "what is refused is not stored"
    await server.close()


@pytest_twisted.ensureDeferred
async def test_connections_of_a_user_are_counted(tmp_path: Path) -> None:
    server = await Server(tmp_path, most_per_user=2).open()
    ends = [End(server) for _ in range(3)]
    await ends[0].hello()
    await ends[1].hello()
    assert (await ends[2].ask("error", type="hello", version=1))["code"] == "rate_limited"
    assert ends[2].closed is not None and ends[2].closed[0] == 1013, "a client comes again, its token is a good one"
    ends[0].leave()
    await End(server).hello()
    await server.close()


@pytest_twisted.ensureDeferred
async def test_whoever_says_nothing_may_come_again(tmp_path: Path) -> None:
    server = await Server(tmp_path, trust_local=False).open()
    end = End(server)
    end.connection.say_hello_first()
    assert end.closed is not None and end.closed[0] == 1013
    await server.close()
