"""LaTeX in Markdown: `$x$`, `$$x$$`, `\\(x\\)` and `\\[x\\]` as tokens of their own, for the parser.

What stands between is kept as it was written: neither a backslash nor an underscore is Markdown there. A blank line
or a fence ends what was not closed, as a blank line does in LaTeX, so that a growing text never has to be taken back.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

FORMULA, INLINE_FORMULA = "formula", "formula_inline"
"""Types of the tokens; `content` is the LaTeX without its marks."""
GROWING = "growing"
"""In the parser's `env`: the text goes on, so what is not closed at its end may be closed later."""

_INLINE = re.compile(
    r"\$\$(?P<a>[^$\n]{1,500})\$\$|\\\((?P<b>.{1,500}?)\\\)|\\\[(?P<c>.{1,500}?)\\\]"
    r"|\$(?P<d>(?![\s$])[^$\n]{0,300}?[^\s$\\])\$(?![\d$])"
)
"""A dollar stands for money too: so none before a space, after one, or before a digit, nor around plain words."""
_WORDS = re.compile(r"[^\\]*\s[A-Za-z]{2,}\s[^\\]*")
_CLOSING = {"$$": re.compile(r"(.*?)\$\$[ \t]*$"), "\\[": re.compile(r"(.*?)\\\][ \t]*[.,;]?[ \t]*$")}
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_MOST_LINES = 200


def add_formulas(parser: MarkdownIt) -> MarkdownIt:
    """Teach a parser formulas."""
    parser.block.ruler.before("fence", FORMULA, _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.inline.ruler.before("escape", FORMULA, _inline)
    return parser


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = _INLINE.match(state.src, state.pos)
    before = state.src[state.pos - 1] if state.pos else ""
    if found is None:
        return False
    if found.lastgroup == "d" and ((before.isascii() and before.isalnum()) or _WORDS.fullmatch(found["d"])):
        return False
    if not silent:
        state.push(INLINE_FORMULA, "", 0).content = found[found.lastgroup or 0].strip()
    state.pos = found.end()
    return True


def _block(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    if state.is_code_block(begin):
        return False
    first = state.getLines(begin, begin + 1, state.blkIndent, False).strip()
    opening = first[:2]
    if opening not in _CLOSING or first[2:3] == "$":
        return False
    content: list[str] = []
    line, rest = begin, first[2:]
    while not (closed := _CLOSING[opening].match(rest)):
        content.append(rest)
        line += 1
        if line >= end or line - begin > _MOST_LINES:
            if line < end or first != opening or not state.env.get(GROWING):
                return False
            break
        if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        rest = state.getLines(line, line + 1, state.blkIndent, False)
        if _FENCE.match(rest):
            return False
    if not silent:
        if closed:
            content.append(closed[1])
            line += 1
        state.line = line
        token = state.push(FORMULA, "", 0)
        token.content = "\n".join(content).strip("\n ")
        token.map = [begin, line]
    return True
