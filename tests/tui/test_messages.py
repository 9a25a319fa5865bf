"""What one does with single messages, on the real service."""

from __future__ import annotations

import base64

import pytest

from tests.service import RunningService
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import Open, fresh, say

UP, DOWN = "\x1b[1;2A", "\x1b[1;2B"  # with Shift


@pytest.fixture
def talk(open_terminal: Open, fresh_service: RunningService) -> Terminal:
    """A fresh conversation with one question and its answer; the conversation has the keyboard."""
    terminal = open_terminal(service=fresh_service, columns=100, lines=30)
    fresh(terminal)
    say(terminal, "one")
    terminal.until("你说：one")
    terminal.until("Esc Stop", absent=True)
    terminal.send("\t\t")
    terminal.until("y Copy")
    return terminal


def mark(terminal: Terminal, words: str, key: str) -> None:
    """Mark the message with these words."""
    terminal.send(key)

    def marked() -> bool:
        return any(words in row and "▌" in row.partition("│")[2] for row in terminal.text.splitlines())

    terminal.wait(marked, f"the mark beside {words!r}", 10)


def test_edit_switch_anew_delete(talk: Terminal) -> None:
    mark(talk, "你说：one", UP)
    mark(talk, "one ▐", UP)
    talk.send("e")
    talk.until("Editing: one")
    talk.until("› one")
    talk.send(" more\r")
    talk.until("你说：one more")
    talk.until("‹2/2›")
    talk.until("Editing", absent=True)
    talk.until("Esc Stop", absent=True)
    talk.send("\t\t")
    mark(talk, "你说：one more", UP)
    mark(talk, "one more ▐", UP)
    talk.send("h")
    talk.until("‹1/2›")
    talk.until("你说：one more", absent=True)
    talk.send("l")
    talk.until("你说：one more")
    mark(talk, "你说：one more", DOWN)
    talk.send("a")
    talk.until("CM  Captain Mara ·")
    talk.wait(lambda: talk.text.count("‹2/2›") == 2, "two versions of both", 10)
    talk.until("Esc Stop", absent=True)
    talk.send("d")
    talk.until("This version, and everything below it")
    talk.send("y")
    talk.wait(lambda: talk.text.count("‹2/2›") == 1, "the other version of the answer", 10)


def test_an_edit_can_be_left_and_a_branch_begins_below_an_answer(talk: Terminal) -> None:
    mark(talk, "你说：one", UP)
    talk.send("e")
    talk.until("Editing: 你说：one")
    talk.send("\x1b")
    talk.until("Editing", absent=True)
    say(talk, "two")
    talk.until("你说：two")
    talk.until("Esc Stop", absent=True)
    talk.send("\t\t")
    mark(talk, "你说：two", UP)
    mark(talk, "two ▐", UP)
    mark(talk, "你说：one", UP)
    talk.send("t")
    talk.until("New branch after: 你说：one")
    say(talk, "other")
    talk.until("你说：other")
    assert "你说：two" not in talk.until("‹2/2›")


def test_a_code_block_is_copied_by_number(talk: Terminal) -> None:
    talk.send("\x1b")
    talk.until("Enter Send")
    talk.send("\x1b[200~!pace 1 ```py\nfirst\n```\n\ntext\n\n```\nsecond\n```\n\x1b[201~")
    talk.until("second")
    talk.send("\r")
    talk.wait(lambda: talk.text.count("second") == 2, "question and answer", 10)
    talk.until("Esc Stop", absent=True)
    talk.send("\t\t")
    talk.until("y Copy")
    talk.send("2")
    talk.until("Code block 2 is copied")
    assert b"\x1b]52;c;" + base64.b64encode(b"second\n") in bytes(talk.raw)


def test_a_message_is_quoted(talk: Terminal) -> None:
    mark(talk, "你说：one", UP)
    talk.send("q")
    talk.until("› > 你说：one")
