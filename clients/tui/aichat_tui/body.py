"""An answer's Markdown as lines, cheap to draw again while it grows.

Blocks that another block follows cannot change any more: their lines are kept, and only the last block is drawn anew.
"""

from __future__ import annotations

from rich.text import Text

from aichat_tui.flow import wrap
from aichat_tui.markdown import MOST, Block, Renderer, parse
from aichat_tui.text import Growing
from aichat_tui.theme import Palette


class Body:
    """The lines of one text, at the width and in the palette it was last drawn in."""

    def __init__(self) -> None:
        self._clean = Growing()
        self._drawn_as: tuple[int, Palette] | None = None
        self._kept: list[Text] = []
        self._kept_source = ""

    def lines(self, raw: str, width: int, palette: Palette, *, growing: bool = False) -> list[Text]:
        """The text as lines; finished blocks are kept if it is `growing`."""
        text = self._clean.update(raw).rstrip()
        if self._drawn_as != (width, palette) or not text.startswith(self._kept_source):
            self._drawn_as, self._kept, self._kept_source = (width, palette), [], ""
        rest = text[len(self._kept_source) :]
        blocks = parse(rest)
        if not blocks:
            return self._kept + (wrap(Text(rest.strip("\n")), width) if len(rest) > MOST else [])
        renderer = Renderer(palette, rest)
        done = _join(renderer, blocks[:-1], width)
        last = renderer.lines(blocks[-1].node, width)
        lines = self._kept + done + last
        if growing and len(blocks) > 1:
            self._kept = self._kept + done
            self._kept_source += "".join(rest.splitlines(keepends=True)[: blocks[-1].line])
        return lines


def _join(renderer: Renderer, blocks: list[Block], width: int) -> list[Text]:
    lines: list[Text] = []
    for block in blocks:
        lines += renderer.lines(block.node, width)
        lines.append(Text())
    return lines
