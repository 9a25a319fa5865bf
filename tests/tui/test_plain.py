"""`aichat-tui list`, `show`, `search`, `export`: what they print, for people and for programs, and to whom."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aichat_tui.plain import output
from aichat_tui.plain.finding import find_conversation, find_persona

from aichat.protocol.values import Conversation, Message, Persona, SearchResult
from tests.service import RunningService
from tests.tui.conftest import Run, Start

PAGE = Path(__file__).parent.parent.parent / "docs/plain.md"
HOSTILE = "a\x1b]52;c;aGFja2Vk\x07b\x1b[2Jc\x9b31md\u202ee"


def lines(done: subprocess.CompletedProcess[bytes]) -> list[Any]:
    """JSON, one object a line."""
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def say(run: Run, *words: str, persona: str = "mara") -> dict[str, Any]:
    """Something in a new conversation -> the answer."""
    (answer,) = lines(run("ask", persona, *words, "--new", "--json"))
    return dict(answer)


def at_a_terminal(service: RunningService, *words: str, **more: str) -> str:
    """What comes out where standard output is a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        env = {**service.environment(), "LANG": "C.UTF-8", **more}
        os.execve(sys.executable, [sys.executable, "-m", "aichat_tui", *words], env)
    data = b""
    try:
        while piece := os.read(terminal, 4096):
            data += piece
    except OSError:  # the pty's way to say that it is over
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, data
    return data.decode()


def test_list(run: Run) -> None:
    assert "mara\tCaptain Mara" in run("list").stdout.decode().splitlines()
    personas = {one["id"]: one for one in lines(run("list", "--json"))}
    assert personas["xueba"]["name"] == "学霸助手"
    assert "prompt" not in personas["xueba"]


def test_conversations(run: Run) -> None:
    number = say(run, "列表里的话", persona="xueba")["conversation_id"]
    other = say(run, "not here")["conversation_id"]
    row = run("list", "conversations", "xueba").stdout.decode().splitlines()[0]
    assert re.fullmatch(rf"{number}\t\d{{4}}-\d\d-\d\d \d\d:\d\d\t学霸助手\t列表里的话", row)
    there = lines(run("list", "conversations", "--json"))
    assert {number, other} <= {one["id"] for one in there}
    assert there[0]["id"] == other, "the one spoken in last comes first"


def test_show(run: Run) -> None:
    number = say(run, "first words")["conversation_id"]
    for word in ("second", "third"):
        assert run("ask", "mara", word, "--conversation", str(number)).returncode == 0
    text = run("show", str(number), "-n", "2").stdout.decode()
    assert re.search(r"^You, \d{4}-\d\d-\d\d \d\d:\d\d:\nthird$", text, re.MULTILINE)
    assert re.search(r"^Captain Mara, .*:\n你说：third$", text, re.MULTILINE)
    assert "second" not in text
    whole = lines(run("show", "first wor", "--all", "--json"))
    assert [(m["role"], m["content"]) for m in whole] == [
        ("user", "first words"), ("assistant", "你说：first words"), ("user", "second"),
        ("assistant", "你说：second"), ("user", "third"), ("assistant", "你说：third"),
    ]  # fmt: skip
    assert whole[-1]["status"] == "done"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", whole[-1]["time"])
    assert lines(run("show", "latest", "-n", "1", "--json")) == whole[-1:]
    assert lines(run("show", "latest", "-n", "0", "--json")) == []


def test_search(run: Run) -> None:
    answer = say(run, "the albatross sleeps 信天翁")
    found = lines(run("search", "albatross", "信天翁", "--json"))
    assert {one["message_id"] for one in found} >= {None, answer["message_id"]}
    row = run("search", "albatross", "--persona", "mara", "-n", "1").stdout.decode()
    assert row.split("\t")[:2] == [str(answer["conversation_id"]), "-"]
    assert run("search", "albatross", "--persona", "xueba").stdout == b""
    assert run("search", "nothing has these words").returncode == 0
    assert b"200 are allowed" in run("search", "x" * 201).stderr


def test_export(run: Run) -> None:
    number = str(say(run, "a # document")["conversation_id"])
    text = run("export", number).stdout.decode()
    assert text.startswith("# a # document\n\n## owner · ")
    assert text.endswith("\n\n你说：a # document\n")
    document = json.loads(run("export", number, "--format", "json").stdout)
    assert (document["format"], document["persona"], len(document["messages"])) == (
        "aichat-conversation", "Captain Mara", 2,
    )  # fmt: skip
    assert lines(run("export", number, "--json")) == [document]


def test_all_pages_of_a_long_conversation(run: Run, fresh_service: RunningService) -> None:
    """More than a reply of the server holds."""
    command = [sys.executable, "-m", "aichat_tui", "chat", "mara", "--json"]
    said = "".join(f"word {n}\n" for n in range(260))
    env = fresh_service.environment()
    done = subprocess.run(command, input=said.encode(), env=env, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    command[3:] = ["show", "latest", "--all", "--json"]
    shown = subprocess.run(command, env=env, capture_output=True, timeout=60, check=True)
    texts = [message["content"] for message in lines(shown) if message["role"] == "user"]
    assert texts == said.splitlines()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["show", "99999"], "no conversation 99999"),
        (["list", "conversations", "nobody"], "no persona nobody; there are: Captain Mara (mara)"),
        (["show", "latest", "-n", "-1"], "invalid N value"),
        (["list", "--wait", "nan"], "invalid SECONDS value"),
        (["search", " "], "nothing to look for"),
        (["lsit"], "invalid choice"),
    ],
)
def test_wrong_usage(run: Run, words: list[str], complaint: str) -> None:
    done = run(*words)
    assert (done.returncode, complaint in done.stderr.decode(), done.stdout) == (2, True, b""), done.stderr


def test_names() -> None:
    names = {"p1": "Mara", "p2": "Marama", "mara": "Anna", "x": "学霸助手", "y": "学霸", "z": "Ｗｅｉ"}
    personas = [Persona(id=ident, name=name, avatar="") for ident, name in names.items()]
    meant = {"mara": "mara", "MARA": "p1", "marama": "p2", "学霸": "y", "学霸助": "x", "wei": "z"}
    for wanted, ident in meant.items():
        assert find_persona(personas, wanted).id == ident, wanted
    for wanted in ("mar", "学", "", "nobody"):
        with pytest.raises(output.End) as end:
            find_persona(personas, wanted)
        assert end.value.status == 2
    with pytest.raises(output.End, match=r"more than one persona is called mar: Mara \(p1\), Marama \(p2\)"):
        find_persona(personas, "mar")
    there = [Conversation(id=n, title=title, create_time="", touched=n) for n, title in
             ((1, "2"), (2, "Trip"), (3, "Trip to Bergen"), (4, "Trip"))]  # fmt: skip
    for wanted, number in (("2", 2), ("latest", 4), ("trip to", 3)):
        assert find_conversation(there, wanted).id == number
    with pytest.raises(output.End, match="more than one conversation is called trip: 4 Trip, 2 Trip"):
        find_conversation(there, "trip")


def test_a_terminal_gets_no_escape(run: Run, service: RunningService) -> None:
    number = str(say(run, HOSTILE)["conversation_id"])
    for words in (["show", number], ["export", number], ["search", "你说", "-n", "5"], ["list", "conversations"]):
        for more in ([], ["--json"]):
            shown = at_a_terminal(service, *words, *more)
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown), (words, more)
    assert json.loads(at_a_terminal(service, "show", number, "-n", "1", "--json"))["content"] == f"你说：{HOSTILE}"
    piped = run("show", number, env={"AICHAT_CONFINED": "1"}).stdout.decode()
    assert "\x1b" not in piped and "\x9b" not in piped, "a pipe of the SSH door may end at a terminal"
    assert HOSTILE in run("show", number).stdout.decode()


def test_a_reader_that_goes_away_ends_it_quietly(start: Start, run: Run) -> None:
    answer = say(run, "!bytes 300000")
    assert len(answer["content"]) == 300_000, "more than a pipe holds"
    child = start("show", str(answer["conversation_id"]), "--all")
    assert child.stdout is not None and child.stderr is not None
    child.stdout.read(10)
    child.stdout.close()
    assert child.wait(30) == 141
    assert child.stderr.read() == b""
    child.stdout = None


def test_a_locale_that_cannot_write_it(run: Run) -> None:
    for lang in ("C", "de_DE.ISO-8859-1", "nonsense"):
        done = run("list", env={"LANG": lang, "LC_ALL": lang, "PYTHONIOENCODING": "latin-1"})
        assert "xueba\t学霸助手\n" in done.stdout.decode(), lang


def test_help_and_errors_in_chinese(run: Run) -> None:
    chinese = {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}
    text = run("ask", "--help", env=chinese).stdout.decode()
    assert "用法：aichat-tui ask" in text and "退出状态" in text
    assert "usage" not in text
    assert "缺少参数：PERSONA" in run("ask", env=chinese).stderr.decode()
    assert "没有人设 nobody" in run("ask", "nobody", "hi", env=chinese).stderr.decode()
    assert "usage: " in run("ask", env={**chinese, "AICHAT_LANG": "en"}).stderr.decode()


def test_a_dumb_terminal_is_told_where_to_go(service: RunningService, run: Run) -> None:
    assert "aichat-tui chat" in run().stderr.decode()
    assert "mara" in at_a_terminal(service, "list", TERM="dumb")


def shapes() -> dict[str, dict[str, object]]:
    """One of each object that --json prints."""
    conversation = Conversation(id=1, title="t", create_time="2026-01-01 00:00:00")
    message = Message(sender_type=1, content="c", send_time="2026-01-01 00:00:00")
    made = [
        output.of_persona(Persona(id="p", name="n", avatar="")), output.of_conversation(conversation),
        output.of_message(message), output.of_result(SearchResult(conversation, "s", [])),
    ]  # fmt: skip
    return {str(one["type"]): one for one in made}


def test_the_page_names_every_field() -> None:
    """docs/plain.md is what programs rely on."""
    examples = [json.loads(block) for block in re.findall(r"^    (\{.*\})$", PAGE.read_text(), re.MULTILINE)]
    assert {one["type"]: list(one) for one in examples} == {name: list(one) for name, one in shapes().items()}
