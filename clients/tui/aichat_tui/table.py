"""A table in a given width: columns shrink, cells wrap, a hairline under the head."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from aichat_tui.flow import wrap

GAP = 2
NARROWEST = 4


def widths(natural: list[int], room: int) -> list[int]:
    """Column widths that fit: the widest give way first."""
    result = list(natural)
    while sum(result) > room:
        widest = max(result)
        if widest <= NARROWEST:
            break
        wide = [i for i, size in enumerate(result) if size == widest]
        below = max((size for size in result if size < widest), default=NARROWEST)
        excess = sum(result) - room
        step = min(widest - max(below, NARROWEST), -(-excess // len(wide))) or 1
        for i in wide:
            result[i] = max(NARROWEST, widest - step)
    return result


def table(cells: list[list[Text]], aligns: list[str], width: int, *, line: Style, head: Style) -> list[Text]:
    """The rows (the first is the head) as lines."""
    count = len(cells[0])
    natural = [max(max(row[i].cell_len, 1) for row in cells if i < len(row)) for i in range(count)]
    sizes = widths(natural, width - GAP * (count - 1))
    lines: list[Text] = []
    for number, row in enumerate(cells):
        columns = [wrap(cell, size) for cell, size in zip(row, sizes, strict=False)]
        for index in range(max(map(len, columns))):
            drawn = Text()
            for i, column in enumerate(columns):
                part = column[index].copy() if index < len(column) else Text()
                if number == 0:
                    part.stylize(head)
                align = aligns[i] if i < len(aligns) else ""
                spare = max(0, sizes[i] - part.cell_len)
                left = {"right": spare, "center": spare // 2}.get(align, 0)
                drawn.append(" " * ((GAP if i else 0) + left))
                drawn.append_text(part)
                drawn.append(" " * (spare - left))
            drawn.rstrip()
            lines.append(drawn)
        if number == 0:
            lines.append(Text((" " * GAP).join("─" * size for size in sizes), line))
    return lines
