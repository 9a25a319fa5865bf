"""Markdown text -> segments of prose and code, and how much of a growing text is settled.

HTML is off and shown as written. An answer that is still being written is parsed again with every flush, but only
after the place before which more text cannot change anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from aichat_qt.formulas import FORMULA, GROWING, add_formulas

PLAIN_FROM = 60_000
"""Characters: a longer text is shown without Markdown, so that no message can stop the window."""
MOST_MARKS = 200
"""With more lines that open or close code or a formula a text is plain too: each block costs a millisecond."""
TABLE_CELLS = 240
"""A bigger table is shown as it was written: laying it out would take seconds."""

LATEX = "latex"
"""The language of a formula that stands by itself."""

_parser = add_formulas(MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]))
BIG_TABLE = "big_table"
_TABLE_MARKS = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?\s*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_CONTINUES = re.compile(r"[\s\d\-*+>|`~=:\[]|$")
"""How a line may begin that could still belong to what stands before it."""
_ITEM = re.compile(r"(?:(\d{1,9})[.)]|[-*+])[ \t]+\S")
_ENDS_LIST = re.compile(r"[>#]|(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_MARKS = re.compile(r"^[ \t]*(?:```|~~~|\$\$|\\\[)", re.MULTILINE)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]+\]:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prose:
    """Everything but code blocks."""

    tokens: list[Token]


@dataclass(frozen=True, slots=True)
class Code:
    """A code block at top level."""

    text: str
    language: str


Segment = Prose | Code


def parse(text: str, *, growing: bool = False) -> list[Segment]:
    """A text's segments in their order; `growing`: more of it will come."""
    result: list[Segment] = []
    prose: list[Token] = []

    def end_prose() -> None:
        if prose:
            result.append(Prose(list(prose)))
            prose.clear()

    for token in _parser.parse(text, {GROWING: growing}):
        if token.level == 0 and token.type in {"fence", "code_block"}:
            end_prose()
            info = token.info.split()
            result.append(Code(token.content.rstrip("\n"), info[0].lower()[:24] if info else ""))
        elif token.level == 0 and token.type == FORMULA:
            end_prose()
            result.append(Code(token.content, LATEX))
        elif token.level == 0 and token.type == BIG_TABLE:
            end_prose()
            result.append(Code(token.content, ""))
        else:
            prose.append(token)
    end_prose()
    return result


def is_plain(text: str) -> bool:
    """Whether a text is shown as it is, without Markdown, for that would cost too much."""
    return len(text) > PLAIN_FROM or len(_MARKS.findall(text)) > MOST_MARKS


def has_definitions(text: str) -> bool:
    """Whether links may be defined away from where they are used, so that only the whole text shows them right."""
    return "]:" in text and _DEFINITION.search(text) is not None


def settled(text: str) -> int:
    """Length of the part of a growing text that what comes next cannot change (0: none).

    It ends where a block begins that nothing before can take in: after a code block, at a paragraph after an empty
    line, or at a further item of a list, for a list goes on with its own number. In a formula a minus is no item.
    """
    result = position = 0
    fence = ""
    after_blank, after_fence, in_list, in_formula = True, False, False, False
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]) and line.endswith("\n"):
                fence, after_fence = "", True
        else:
            begins_fence = mark is not None and not line.startswith(" ")
            item = _ITEM.match(line)
            in_formula = (not after_blank and in_formula) or line.lstrip(" ").startswith(("$$", "\\["))
            begins_block = after_blank and (begins_fence or not _CONTINUES.match(line))
            if position and (begins_block or after_fence or (item and in_list and not in_formula)):
                result = position
            fence, after_fence = (mark[1] if mark else ""), False
            if item and (after_blank or in_list or item[1] in {None, "1"}):
                in_list = True
            elif begins_block or begins_fence or _ENDS_LIST.match(line):
                in_list = False
        after_blank = not line.strip()
        position += len(line)
    return result


def _big_table(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """A table that is too big is one token, as it was written: its cells are never looked at."""
    if begin + 2 > end or state.is_code_block(begin):
        return False
    marks = state.getLines(begin + 1, begin + 2, state.blkIndent, False)
    if not _TABLE_MARKS.fullmatch(marks):
        return False
    line, columns = begin + 2, marks.count("-|") + marks.count(":|") + marks.count(" |") + 1
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        line += 1
    if (line - begin) * columns <= TABLE_CELLS or "|" not in state.getLines(begin, begin + 1, state.blkIndent, False):
        return False
    if not silent:
        state.line = line
        token = state.push(BIG_TABLE, "", 0)
        token.content = state.getLines(begin, line, state.blkIndent, False).rstrip()
        token.map = [begin, line]
    return True


_parser.block.ruler.before("table", BIG_TABLE, _big_table, {"alt": ["paragraph", "reference"]})
