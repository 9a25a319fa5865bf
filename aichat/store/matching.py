"""Where words stand in a text, and the part of it that shows them. Places are counted in code points."""

from __future__ import annotations

LETTERS = 3
"""Of each entry of the index."""

BEFORE, SHOWN = 40, 200
"""Letters of a text shown before the first match, and in all."""

MATCHES_MOST = 20


class Words:
    """What is asked for: all of these words, wherever they stand, in upper or lower case."""

    def __init__(self, query: str) -> None:
        self.all = list(dict.fromkeys(folded(query.replace("\0", " ")).split()))
        long = [word for word in self.all if len(word) >= LETTERS]
        self.grams = list(
            dict.fromkeys(word[at : at + LETTERS] for word in long for at in range(len(word) - LETTERS + 1))
        )
        """Every three letters in a row; none where all words are shorter."""

    @property
    def pattern(self) -> str:
        """For SQL's LIKE, which knows upper and lower case of ASCII only: no match is lost to it, others may stay."""
        plain = [word for word in self.all if word.isascii() or word == word.upper()]
        longest = max(plain, key=len, default="")
        escaped = longest.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"

    def places(self, text: str) -> list[list[int]]:
        """[begin, end] of each match in order, `MATCHES_MOST` at most; none unless every word is there."""
        text = folded(text)
        found = []
        for word in self.all:
            at = text.find(word)
            if at < 0:
                return []
            for _ in range(MATCHES_MOST):
                found.append([at, at + len(word)])
                at = text.find(word, at + len(word))
                if at < 0:
                    break
        return _joined(sorted(found))[:MATCHES_MOST]


def snippet(text: str, places: list[list[int]]) -> tuple[str, list[list[int]]]:
    """The part of a text around its first match, in one line -> it, and the matches in it."""
    begin = places[0][0] - BEFORE
    begin = 0 if begin < BEFORE // 2 else begin
    end = max(begin + SHOWN, places[0][1])
    front, back = "…" if begin else "", "…" if end < len(text) else ""
    shown = "".join(" " if letter.isspace() else letter for letter in text[begin:end])
    move = len(front) - begin
    return front + shown + back, [[a + move, b + move] for a, b in places if b <= end]


def folded(text: str) -> str:
    """In lower case, letter for letter: a place in it is a place in the text."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


def _joined(places: list[list[int]]) -> list[list[int]]:
    """Those that touch or overlap as one."""
    joined: list[list[int]] = []
    for begin, end in places:
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    return joined
