"""The whole way: the real service, a real socket, the app under a pty, its screen read as a person would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.faultproxy import FaultProxy
from tests.service import RunningService, Upstream, running_service
from tests.tui.conftest import Run
from tests.tui.terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture(scope="module")
def service(upstream: Upstream) -> Iterator[RunningService]:
    """Of this file alone: the long names of personas that other tests made would decide what is on the screen."""
    with running_service(upstream=upstream) as running:
        yield running


def say(terminal: Terminal, words: str) -> None:
    """Type, see it, send."""
    terminal.send(words)
    terminal.until(words[-20:])
    terminal.send("\r")


def fresh(terminal: Terminal) -> None:
    """A new conversation, so that tests do not read each other's words."""
    terminal.until("^N New")
    terminal.send("\x0e")
    terminal.until("new conversation")


def test_a_chat(open_terminal: Open) -> None:
    terminal = open_terminal(columns=100, lines=30)
    fresh(terminal)
    say(terminal, "你好 there")
    terminal.until("你说：你好 there")
    terminal.until("Esc Stop", absent=True)
    say(terminal, "!think")
    terminal.until("▸ thought")
    terminal.until("42")


def test_stop_go_on_and_again(open_terminal: Open) -> None:
    terminal = open_terminal()
    fresh(terminal)
    say(terminal, "!slow " + "word " * 40)
    terminal.until("慢慢地")
    terminal.until("▍")
    terminal.send("\x1b")
    terminal.until("■ stopped")
    terminal.until("Ctrl+G continues · Ctrl+R asks again")
    terminal.send("\x07")
    terminal.until("四 five 😀。")
    assert "慢慢地" in terminal.until("■ stopped", absent=True)
    terminal.until("Esc Stop", absent=True)  # else the words wait, and its cursor is taken for theirs
    say(terminal, "!slow " + "word " * 40)
    terminal.until("Esc Stop")
    terminal.send("\x1b")
    terminal.until("■ stopped")
    terminal.send("\x12")
    terminal.until("■ stopped", absent=True)
    terminal.until("Esc Stop")
    terminal.send("\x1b")
    terminal.until("■ stopped")


def test_an_answer_that_breaks_off_says_so(open_terminal: Open) -> None:
    terminal = open_terminal()
    fresh(terminal)
    say(terminal, "!cut")
    terminal.until("! The answer broke off")
    assert "一two 三。" in terminal.until("^R Again")


def test_two_clients_see_the_same_answer_grow(open_terminal: Open, run: Run) -> None:
    terminal = open_terminal()
    fresh(terminal)
    say(terminal, "begin")
    terminal.until("你说：begin")
    other = open_terminal()
    other.until("你说：begin")
    say(other, "!slow " + "word " * 40)
    terminal.until("慢慢地")
    terminal.until("Esc Stop")
    terminal.send("\x1b")
    terminal.until("■ stopped")
    other.until("■ stopped")


def test_the_line_breaks_in_the_middle_of_an_answer(open_terminal: Open, proxy: FaultProxy) -> None:
    terminal = open_terminal("--url", proxy.url, columns=120, lines=40)
    fresh(terminal)
    say(terminal, "!long 300")
    terminal.until("000010")
    proxy.close()
    terminal.until("offline — reconnecting in")
    terminal.until("○ offline")
    proxy.open()
    terminal.until("000299")
    terminal.until("● live")
    terminal.until("Esc Stop", absent=True)
    shown = "".join(re.findall(r"│  (\S.*)", terminal.text)).replace(" ", "")
    numbers = re.findall(r"\d{6}", shown)
    assert numbers == [f"{n:06d}" for n in range(int(numbers[0]), 300)]
    assert len(numbers) > 30


def test_what_is_said_offline_is_delivered_once_even_over_kill_9(
    open_terminal: Open, fresh_service: RunningService
) -> None:
    terminal = open_terminal(service=fresh_service)
    fresh(terminal)
    fresh_service.kill()
    terminal.until("offline — reconnecting in")
    say(terminal, "said into the dark")
    terminal.until("1 message waits here")
    terminal.until("sending…")
    fresh_service.start()
    terminal.until("你说：said into the dark")
    text = terminal.until("sending…", absent=True)
    assert text.count("said into the dark") == 3, "the title, the message, the answer"


def test_without_a_server_then_with_one(open_terminal: Open, fresh_service: RunningService) -> None:
    fresh_service.kill()
    terminal = open_terminal(service=fresh_service)
    terminal.until("Nobody answers at")
    fresh_service.start()
    terminal.until("Captain Mara")
    terminal.until("● live")


def test_personas_and_conversations(open_terminal: Open, fresh_service: RunningService) -> None:
    terminal = open_terminal(service=fresh_service, columns=100, lines=30)
    terminal.until("● live")
    terminal.send("\x02")
    terminal.until("n New persona")
    terminal.send("n")
    terminal.until("Name")
    fields = {"Name": "Ada 爱达", "Prompt:": "You are Ada.", "Greeting:": "Good evening.", "Starter": "One?"}
    for field, words in fields.items():
        terminal.until_marked(field)
        terminal.send(words)
        terminal.until(words)
        terminal.send("\t")
    terminal.send("\x13")
    terminal.until("1  One?")
    say(terminal, "hello Ada")
    terminal.until("你说：hello Ada")
    terminal.send("\x0f")
    terminal.until("1 conversation · Ada 爱达")
    terminal.send("r")
    terminal.until("r Rename", absent=True)
    terminal.send("\x15")
    terminal.until("Title of the conversation")
    terminal.send("First talk")
    terminal.until("First talk")
    terminal.send("\r")
    terminal.until("▌ First talk")
    terminal.send("d")
    terminal.until("“First talk” was deleted")
    terminal.until("0 conversations · Ada 爱达")
    terminal.send("\x1b")
    terminal.until("conversations ·", absent=True)
    terminal.send("\x02")
    terminal.until("d Delete")
    terminal.send("d")
    terminal.until("Delete Ada 爱达?")
    terminal.send("y")
    terminal.until("Ada", absent=True)


PAYLOADS = {
    "clipboard": "\x1b]52;c;aGFja2Vk\x07",
    "title": "\x1b]0;owned\x1b\\",
    "link": "\x1b]8;;http://evil.example/\x1b\\",
    "screen": "\x1b[2J\x1b[H",
    "device": "\x1bP1;2qHI\x1b\\",
    "c1": "\x9b31m\x9d52;c;aGFja2Vk\x9c",
    "bidi": "\u202e\u2066",
    "bell": "\x07\x08\x00",
}


def test_no_payload_reaches_the_terminal(open_terminal: Open, run: Run) -> None:
    """The fake upstream sends them back three characters a delta: as history, live, and in the title."""
    hostile = "".join(f"{name}{payload}<" for name, payload in PAYLOADS.items()) + "end"
    assert run("ask", "reviewer", "--new", stdin=hostile.encode()).returncode == 0
    terminal = open_terminal(columns=120, lines=40)
    terminal.until("你说：clipboard<title<link<screen<device<c1<bidi<bell<end")
    run("ask", "reviewer", stdin=b"again " + hostile.encode())
    terminal.until("你说：again")
    terminal.until("Esc Stop", absent=True)
    terminal.send("\x0f")
    terminal.until("r Rename")
    terminal.send("r")
    terminal.until("r Rename", absent=True)
    terminal.send("\x15")  # the title was in the field
    terminal.until("Title of the conversation")
    terminal.send("\x1b")
    # OSC 22 is the shape of the mouse pointer, and Textual's own.
    raw = re.sub(rb"\x1b\]22;[a-z-]*\x07", b"", bytes(terminal.raw))
    for needle in (b"\x1b]", b"\x1bP", b"\x07", b"\x08", b"\xc2\x9b", b"\xc2\x9d", b"owned", b"aGFja2Vk"):
        assert needle not in raw, needle
    for character in PAYLOADS["bidi"]:
        assert character.encode() not in raw
    assert raw.count(b"\x1b[2J") <= raw.count(b"\x1b[?1049h"), "only Textual clears the screen"
