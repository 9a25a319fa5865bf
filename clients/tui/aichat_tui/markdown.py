"""Markdown as lines of styled text, block by block.

Both a running and a finished answer are drawn by this one renderer, so nothing jumps when an answer ends. Raw HTML
is shown as written, links show where they lead, and nothing is turned into a terminal hyperlink.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from rich.style import Style
from rich.text import Text

from aichat_tui.avatar import fit
from aichat_tui.flow import fold, wrap
from aichat_tui.highlight import highlight
from aichat_tui.i18n import _
from aichat_tui.table import table
from aichat_tui.theme import Palette

MOST = 60_000
"""Characters: longer texts are shown as they are written."""

DEEPEST = 8
"""Levels of quotes and lists drawn as such."""

MOST_ROWS = 200
"""Rows of a table drawn as one."""


@lru_cache(1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


class Block(NamedTuple):
    """A top-level piece of a text: where it begins (line number) and its tree."""

    line: int
    node: SyntaxTreeNode


def parse(text: str) -> list[Block]:
    """The top-level blocks of a text."""
    if len(text) > MOST:
        return []
    root = SyntaxTreeNode(_parser().parse(text))
    return [Block(node.map[0] if node.map else 0, node) for node in root.children]


def code_blocks(text: str) -> list[str]:
    """The contents of all code blocks of a text, wherever they stand, in order."""
    return [token.content for token in _parser().parse(text[:MOST]) if token.type in ("fence", "code_block")]


class Styles:
    """The styles of one palette."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.muted = Style(color=palette.muted)
        self.line = Style(color=palette.line)
        self.accent = Style(color=palette.accent)
        self.code_block = Style(bgcolor=palette.sunken)
        self.code = Style(color=palette.accent, bgcolor=palette.sunken)
        self.link = Style(color=palette.accent, underline=True)
        self.h1 = Style(color=palette.accent, bold=True)
        self.h2 = Style(bold=True)
        self.strong = Style(bold=True)
        self.emphasis = Style(italic=True)
        self.struck = Style(strike=True)


@lru_cache(4)
def styles_of(palette: Palette) -> Styles:
    """The styles of a palette, made once."""
    return Styles(palette)


class Renderer:
    """Draws blocks at one width in one palette."""

    def __init__(self, palette: Palette, source: str) -> None:
        self.styles = styles_of(palette)
        self._source = source.split("\n")
        self._draw: dict[str, Callable[[SyntaxTreeNode, int, int], list[Text]]] = {
            "paragraph": self._paragraph,
            "heading": self._heading,
            "fence": self._fence,
            "code_block": self._fence,
            "blockquote": self._quote,
            "bullet_list": self._list,
            "ordered_list": self._list,
            "table": self._table,
            "hr": self._rule,
        }

    def lines(self, node: SyntaxTreeNode, width: int, depth: int = 0) -> list[Text]:
        """One block as lines no wider than `width`."""
        draw = self._draw.get(node.type)
        if draw is None or depth > DEEPEST or width < 8:
            return self._raw(node, width)
        return draw(node, width, depth)

    def _raw(self, node: SyntaxTreeNode, width: int) -> list[Text]:
        start, end = node.map or (0, 0)
        return wrap(Text("\n".join(self._source[start:end]).rstrip()), width)

    def _stack(self, nodes: list[SyntaxTreeNode], width: int, depth: int, *, tight: bool = False) -> list[Text]:
        lines: list[Text] = []
        for node in nodes:
            if lines and not tight:
                lines.append(Text())
            lines += self.lines(node, width, depth)
        return lines

    def _paragraph(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        return wrap(self._inline(node), width)

    def _heading(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        text = self._inline(node)
        text.stylize_before(self.styles.h1 if node.tag in ("h1", "h2") else self.styles.h2)
        return wrap(text, width)

    def _fence(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        language = node.info.split()[0] if node.info.split() else ""
        code = highlight(node.content.rstrip("\n"), language, self.styles.palette)
        lines = fold(code, width - 2)
        if language:
            lines.insert(0, Text(fit(language, width - 2), self.styles.muted))
        block = []
        for line in lines:
            row = Text(" ", self.styles.code_block)
            row.append_text(line)
            row.pad_right(max(0, width - row.cell_len))
            block.append(row)
        return block

    def _quote(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        inner = self._stack(node.children, width - 2, depth + 1)
        for line in inner:
            line.stylize_before(self.styles.muted)
        return [Text.assemble(("▎ ", self.styles.muted), line) for line in inner]

    def _list(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        first = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
        numbers = [f"{first + i}." for i in range(len(node.children))] if node.type == "ordered_list" else []
        indent = max(map(len, numbers)) + 1 if numbers else 2
        airy = any(not child.hidden for item in node.children for child in item.children if child.type == "paragraph")
        lines: list[Text] = []
        for index, item in enumerate(node.children):
            marker = f"{numbers[index]:>{indent - 1}} " if numbers else "• "
            body = self._stack(item.children, width - indent, depth + 1, tight=not airy) or [Text()]
            if airy and lines:
                lines.append(Text())
            for number, line in enumerate(body):
                lines.append(Text.assemble((marker if number == 0 else " " * indent, self.styles.muted), line))
        return lines

    def _table(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        rows = [row for part in node.children for row in part.children]
        if len(rows) > MOST_ROWS or not rows or len(rows[0].children) * 4 > width:
            return self._raw(node, width)
        cells = [[self._inline(cell) for cell in row.children] for row in rows]
        aligns = [str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in rows[0].children]
        return table(cells, aligns, width, line=self.styles.line, head=self.styles.strong)

    def _rule(self, node: SyntaxTreeNode, width: int, depth: int) -> list[Text]:
        return [Text("─" * width, self.styles.line)]

    def _inline(self, node: SyntaxTreeNode) -> Text:
        text = Text()
        for child in node.children:
            self._run(child, text, Style())
        return text

    def _run(self, node: SyntaxTreeNode, text: Text, style: Style) -> None:
        match node.type:
            case "inline":
                pass
            case "softbreak" | "hardbreak":
                text.append("\n")
            case "code_inline":
                text.append(node.content, style + self.styles.code)
            case "strong":
                style += self.styles.strong
            case "em":
                style += self.styles.emphasis
            case "s":
                style += self.styles.struck
            case "link":
                style += self.styles.link
            case "image":
                text.append(f"[{_('image')}: {node.content}] ({node.attrs.get('src', '')})", self.styles.muted)
                return
            case _:
                text.append(node.content, style)
        before = len(text)
        for child in node.children:
            self._run(child, text, style)
        if node.type == "link":
            target = str(node.attrs.get("href", ""))
            if text.plain[before:] not in (target, target.removeprefix("mailto:")):
                text.append(f" ({target})", self.styles.muted)
