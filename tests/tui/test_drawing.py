"""Lines: where they break, how Markdown is drawn, and that nothing crafted blocks or kills."""

from __future__ import annotations

import time

import pytest
from aichat_tui.avatar import fit, initials
from aichat_tui.body import Body
from aichat_tui.flow import wrap
from aichat_tui.theme import DARK, LIGHT, Palette
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tests.tui.pictures import MEAN, SKY, STORM

MIXED = st.text(st.sampled_from("ab cd，。“”（）中文字x1é😀\t👩‍"), max_size=60)


def lines(text: str, width: int = 60, palette: Palette = DARK) -> list[str]:
    return [line.plain for line in Body().lines(text, width, palette)]


@settings(deadline=None)
@given(MIXED, st.integers(4, 30))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    wrapped = wrap(Text(text), width)
    assert all(cell_len(line.plain) <= width for line in wrapped)
    assert "".join("".join(line.plain for line in wrapped).split()) == "".join(text.split())


def test_chinese_punctuation_stays_at_the_line_end() -> None:
    text = "为什么天空是蓝色的？简单说：阳光里的蓝光波长短（约450nm），在Python里面，大气分子对它的散射更强。"
    for width in range(16, 40):
        for line in wrap(Text(text), width):
            assert line.plain[0] not in "，。？：）", (width, line.plain)
            assert line.plain[-1] not in "（", (width, line.plain)


def test_latin_words_stay_whole() -> None:
    assert [line.plain for line in wrap(Text("one two three"), 8)] == ["one two", "three"]


@pytest.mark.parametrize("text", [SKY, MEAN, STORM, "1. a\n\n   b\n2. c\n\n> q\n> - x\n\n***\n<b>html</b>"])
def test_a_growing_answer_is_drawn_like_a_finished_one(text: str) -> None:
    growing = Body()
    for end in range(0, len(text), 3):
        growing.lines(text[:end], 50, DARK, growing=True)
    assert [line.plain for line in growing.lines(text, 50, DARK, growing=True)] == lines(text, 50)


def test_markdown() -> None:
    drawn = "\n".join(
        lines("# T\n\na **b** `c` [l](http://x.example) <http://y.example>\n\n- i\n  1. j\n\n<i>raw</i>")
    )
    assert drawn == "T\n\na b c l (http://x.example) http://y.example\n\n• i\n  1. j\n\n<i>raw</i>"


def test_a_line_break_is_a_line_break() -> None:
    assert lines("roses are red\nviolets are blue") == ["roses are red", "violets are blue"]


def test_a_table_fits() -> None:
    drawn = lines("| 颜色 | note |\n|---|---:|\n| 红 | " + "long words " * 20 + "|", 40)
    assert all(cell_len(line) <= 40 for line in drawn)
    assert drawn[0].startswith("颜色")


CRAFTED = {
    "fence": "```" + "x" * 5_000 + "\n" + "a" * 50_000,
    "language": "```\x00${{7*7}} [@click=app.quit]\ncode\n```",
    "quotes": ">" * 5_000 + " deep",
    "lists": "".join("  " * n + "- x\n" for n in range(200)),
    "stars": "*a **b " * 5_000,
    "brackets": "[" * 20_000,
    "rows": "| a | b |\n|---|---|\n" + "| x | y |\n" * 1_000,
    "columns": "|" + " a |" * 500 + "\n|" + "---|" * 500 + "\n|" + " x |" * 500,
    "one line": "x" * 200_000,
    "chinese": "春眠不觉晓" * 40_000,
    "newlines": "\n" * 100_000 + "x",
    "zero width": "a\u200d" * 20_000,
    "links": "[a](javascript:alert(1)) ![i](file:///etc/passwd) " * 500,
}


@pytest.mark.parametrize("name", CRAFTED)
def test_nothing_crafted_blocks_or_kills(name: str) -> None:
    began = time.process_time()
    for width in (3, 56):
        drawn = Body().lines(CRAFTED[name], width, DARK)
    assert time.process_time() - began < 4, "a few tenths of a second on a quiet machine"
    assert drawn
    assert all(line.cell_len <= 56 for line in drawn)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab\n#*_`[]()>-1.|~ \\<&中"), max_size=120), st.integers(1, 60))
def test_any_markdown_is_drawn(text: str, width: int) -> None:
    for line in Body().lines(text, width, LIGHT):
        assert line.cell_len <= max(width, 2)


@pytest.mark.parametrize(
    ("name", "two"),
    [
        ("Captain Mara", "CM"),
        ("学霸助手", "学"),
        ("bob", "Bo"),
        ("x", "X "),
        ("", "··"),
        ("A 中", "A "),
        ("\x1b[2J", "··"),
    ],
)
def test_initials_fill_two_cells(name: str, two: str) -> None:
    assert initials(name) == two
    assert cell_len(two) == 2


@settings(deadline=None)
@given(st.text(st.sampled_from("ab中 文"), max_size=20), st.integers(1, 12))
def test_fit(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) <= width
    assert fit(text, 100) == text


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_every_text_can_be_read(palette: Palette) -> None:
    p = palette
    pairs = [(fore, back) for fore in (p.text, p.muted, p.accent) for back in (p.window, p.surface, p.sunken, p.own)]
    pairs += [(fore, back) for fore in (p.danger, p.ok, p.warn) for back in (p.window, p.sunken)]
    for fore, back in [*pairs, (p.on_accent, p.accent)]:
        light, dark = sorted((luminance(fore), luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (fore, back)
