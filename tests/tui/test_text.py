"""What may reach a terminal: cleaning, whole and in pieces."""

from __future__ import annotations

import re

import pytest
from aichat_tui.text import Cleaner, Growing, clean, label
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = [
    ("plain 中文 ok\n\tx", "plain 中文 ok\n\tx"),
    ("a\x1b[31mred\x1b[0mb", "aredb"),
    ("a\x1b]0;title\x07b", "ab"),
    ("a\x1b]52;c;aGk=\x1b\\b", "ab"),
    ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
    ("a\x9b31mb\x9d0;t\x9cc", "abc"),
    ("a\x1bP1;2q...\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d\x1bXz\x1b\\e", "abcde"),
    ("a\x1bcb\x1b(Bc\x1b=d", "abcd"),
    ("a\x00\x07\x08\x7f\x85\r\nb\rc", "a\nbc"),
    ("a\u202eb\u2066c\u2069d", "abcd"),
    ("a\u2028b", "a\nb"),
    ("a\x1b]0;never ended\nnext", "a\nnext"),
    ("a\x1b[31\nnext", "a\nnext"),
    ("a\x1b", "a"),
    ("👩‍👩‍👧 é \u200fעברית", "👩‍👩‍👧 é \u200fעברית"),
]

HOSTILE = st.text(st.sampled_from("ab中\n\t\x1b[]\\;0m\x07\x9b\x9d\x9c\x90P_^Xc(\x18\u202e\u2066\x00\r"), max_size=40)
LEFT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(("raw", "shown"), CASES)
def test_whole(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@settings(deadline=None)
@given(HOSTILE, st.data())
def test_pieces_are_cleaned_like_the_whole(raw: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(raw)))
    cleaner = Cleaner()
    assert cleaner.feed(raw[:cut]) + cleaner.feed(raw[cut:]) == clean(raw)
    assert not LEFT.search(clean(raw))


@settings(deadline=None)
@given(HOSTILE)
def test_what_was_shown_never_changes(raw: str) -> None:
    growing, before = Growing(), ""
    for end in range(len(raw) + 1):
        now = growing.update(raw[:end])
        assert now.startswith(before)
        before = now
    assert before == clean(raw)


def test_a_replaced_text_starts_anew() -> None:
    growing = Growing()
    growing.update("a\x1b]0;")
    assert growing.update("other") == "other"


def test_label_is_one_line() -> None:
    assert label("  two\n lines\x1b[2J ") == "two lines"
