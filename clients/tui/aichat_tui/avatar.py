"""What stands for a persona's picture in a terminal: two cells with its initials."""

from __future__ import annotations

from rich.cells import cell_len

from aichat_tui.text import label


def initials(name: str) -> str:
    """One wide character, or the initials of two words, or the first two letters: always two cells."""
    words = label(name).split()
    if not words:
        return "··"
    first = words[0][0]
    if cell_len(first) >= 2:
        return first
    letters = first + (words[1][0] if len(words) > 1 and cell_len(words[1][0]) == 1 else words[0][1:2])
    letters = letters.upper() if len(words) > 1 else letters.capitalize()
    return letters + " " * (2 - cell_len(letters))


def fit(text: str, width: int) -> str:
    """The text cut to a width in cells, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for character in text:
        if cell_len(kept + character) > width - 1:
            break
        kept += character
    return kept.rstrip() + "…" if width > 0 else ""
