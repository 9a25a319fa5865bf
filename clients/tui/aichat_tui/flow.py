"""Breaks lines as Latin and Chinese text want it.

A line may break at a space and beside a CJK character, but no closing punctuation begins a line and no opening one
ends it. What has no place to break is cut at the edge.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells
from rich.text import Text

_CJK = "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
_PIECES = re.compile(f"([ \t\u3000]+)|([{_CJK}\U00020000-\U0003fffd])|[^ \t\u3000{_CJK}\U00020000-\U0003fffd]+")
_SPACE, _WIDE = 1, 2  # the groups of _PIECES
_NEVER_FIRST = frozenset("，。！？、；：）》」』】〕〉…—～％·,.!?;:)]}”’")
_NEVER_LAST = frozenset("（《「『【〔〈“‘([{")

Atom = tuple[int, int, int, bool]
"""Start, end, cells, and whether it is space."""


def _atoms(line: str) -> list[Atom]:
    """The spans that stay together."""
    atoms: list[Atom] = []
    glue = after_space = True
    for piece in _PIECES.finditer(line):
        start, end = piece.span()
        group = piece.lastindex
        cells = 2 if group == _WIDE else cell_len(piece[0])
        if atoms and group != _SPACE and not after_space and (glue or line[start] in _NEVER_FIRST):
            first, _end, before, _space = atoms[-1]
            atoms[-1] = (first, end, before + cells, False)
        else:
            atoms.append((start, end, cells, group == _SPACE))
        after_space = group == _SPACE
        glue = line[end - 1] in _NEVER_LAST
    return atoms


def breaks(line: str, width: int) -> list[int]:
    """The offsets at which a line without newlines goes on in the next one."""
    if cell_len(line) <= width:
        return []
    offsets: list[int] = []
    used = 0
    for start, end, size, space in _atoms(line):
        if used + size <= width or space:
            used += size  # spaces may hang over the edge: they are cut off there
        elif size <= width:
            offsets.append(start)
            used = size
        else:
            if used:
                offsets.append(start)
            position = start
            chunks = chop_cells(line[start:end], width)
            for chunk in chunks[:-1]:
                position += len(chunk)
                offsets.append(position)
            used = cell_len(chunks[-1])
    return offsets


def wrap(text: Text, width: int) -> list[Text]:
    """A styled text as lines no wider than `width`."""
    width = max(width, 2)
    if "\t" in text.plain:
        text.expand_tabs(4)
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        parts = line.divide(breaks(line.plain, width))
        for part in parts:
            part.rstrip()
            lines.append(part)
    return lines


def fold(text: Text, width: int) -> list[Text]:
    """Code as lines no wider than `width`, cut at the edge; spaces stay."""
    width = max(width, 2)
    if "\t" in text.plain:
        text.expand_tabs(4)
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        if cell_len(line.plain) <= width:
            lines.append(line)
            continue
        offsets, position = [], 0
        for chunk in chop_cells(line.plain, width)[:-1]:
            position += len(chunk)
            offsets.append(position)
        lines.extend(line.divide(offsets))
    return lines
