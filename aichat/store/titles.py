"""A title from what was said first."""

from __future__ import annotations

import re
import unicodedata

TITLE_LENGTH, TITLE_LEAST = 40, 12
"""Letters of a title at most, and so many at least where it is cut."""

SENTENCE_END = re.compile(r"[。！？；…]|[.!?;](?= )")
PAUSE = re.compile(r"[，、：,:—] ?| ")


def title_from(content: str) -> str:
    """The first line said, or as much of it as fits: whole sentences, else to a pause, else whole letters."""
    lines = (re.sub(r"^(?:[#>*+`-]+ *|\d+[.)] +)+", "", line.strip()) for line in content.splitlines())
    line = " ".join(next((line for line in lines if line), content).split())
    if len(line) <= TITLE_LENGTH:
        return line or "…"
    ends = [match.end() for match in SENTENCE_END.finditer(line, TITLE_LEAST - 1, TITLE_LENGTH)]
    if ends:
        return line[: ends[-1]]
    room = TITLE_LENGTH - 1
    pauses = [match.start() for match in PAUSE.finditer(line, TITLE_LEAST, room + 1)]
    return line[: pauses[-1] if pauses else _whole(line, room)] + "…"


def _whole(line: str, end: int) -> int:
    """A place before which no letter is cut in two: an emoji of several, or one with its accents."""
    at = end
    while at > TITLE_LEAST and (_joins(line[at]) or line[at - 1] == "\u200d"):
        at -= 1
    return at


def _joins(letter: str) -> bool:
    return bool(unicodedata.combining(letter)) or letter in "\u200d\ufe0f" or "\U0001f3fb" <= letter <= "\U0001f3ff"
