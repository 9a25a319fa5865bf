"""The terminal app over SSH: the real OpenSSH client in a terminal, whose screen is read as a person would."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from tests.service import clean_environment
from tests.ssh.conftest import House
from tests.ssh.test_commands import programs, until
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import PAYLOADS, fresh, say

Open = Callable[..., Terminal]


def test_a_chat_with_wide_characters_and_another_size(open_ssh: Open) -> None:
    terminal = open_ssh(columns=80, lines=24)
    fresh(terminal)
    say(terminal, "你好，世界 😀")
    terminal.until("你说：你好，世界 😀")
    terminal.resize(120, 40)
    terminal.wait(lambda: any(len(row) > 100 for row in terminal.text.splitlines()), "a screen of 120 columns", 20)
    assert "你说：你好，世界 😀" in terminal.text
    say(terminal, "又大了 larger")
    terminal.until("你说：又大了 larger")


def test_leave_and_come_back_mid_answer(open_ssh: Open, house: House) -> None:
    """The line drops while an answer comes; the next session has all of it so far, and it goes on to its end."""
    dropped = Terminal(env=clean_environment(), command=house.command(), columns=100, lines=50)
    fresh(dropped)
    dropped.send("!slow " + " ".join(f"{n:02d}," for n in range(70)))
    dropped.until("68, 69,")
    dropped.send("\r")
    dropped.until("slowly: 00, 01, 02, 03, 04, 05")
    os.kill(dropped.pid, signal.SIGKILL)
    os.waitpid(dropped.pid, 0)
    assert until(lambda: not programs(house), "the end of the program") < 2
    again = open_ssh(columns=100, lines=50)
    again.until("slowly: 00, 01, 02, 03, 04, 05")
    seen = numbers(again.text)
    again.until("Esc Stop")
    again.until("Esc Stop", absent=True)
    assert 6 <= len(seen) < 70, "in the middle of it"
    assert numbers(again.text) == list(range(70)), "no gap, nothing twice"


def numbers(screen: str) -> list[int]:
    """What of the answer is on the screen: the numbers after `slowly`."""
    return [int(number) for number in re.findall(r"\b(\d\d),", screen.partition("slowly:")[2])]


def test_hostile_words_send_no_escape_to_the_terminal(open_ssh: Open, house: House) -> None:
    hostile = "".join(f"{name}{payload}<" for name, payload in PAYLOADS.items()) + "end"
    done = house.run("ask", "reviewer", "--new", stdin=hostile.encode())
    assert done.returncode == 0
    terminal = open_ssh(columns=120, lines=40)
    terminal.until("你说：clipboard<title<link<screen<device<c1<bidi<bell<end")
    live = house.run("ask", "reviewer", stdin=b"again " + hostile.encode())
    terminal.until("你说：again")
    raw = re.sub(rb"\x1b\]22;[a-z-]*\x07", b"", bytes(terminal.raw))
    for sent in (raw, done.stdout, live.stdout):
        for needle in (b"\x1b]", b"\x1bP", b"\x07", b"\x08", b"\xc2\x9b", b"\xc2\x9d", b"owned", b"aGFja2Vk"):
            assert needle not in sent, needle
        for character in PAYLOADS["bidi"]:
            assert character.encode() not in sent
    assert b"\x1b" not in done.stdout + live.stdout
    assert raw.count(b"\x1b[2J") <= raw.count(b"\x1b[?1049h"), "only Textual clears the screen"
