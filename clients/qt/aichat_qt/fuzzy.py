"""Finds words by some of their letters, as a command palette does. Knows no Qt."""

from __future__ import annotations

STARTS = frozenset(" -_/.:·()（）「」《》，、")


def match(wanted: str, text: str) -> tuple[int, list[int]] | None:
    """How well `text` has the letters of `wanted` in their order -> (score, their places); None: it has not.

    Letters that stand together or begin a word count more, and so do short texts. Blanks in `wanted` part words, each
    of which may stand anywhere. Nothing wanted matches everything with 0.
    """
    folded = text.casefold()
    if len(folded) != len(text):  # a letter that folds to two would shift the places
        folded = text.lower() if len(text.lower()) == len(text) else text
    score, places = 0, set[int]()
    for word in wanted.casefold().split():
        found = _word(word, folded)
        if found is None:
            return None
        score += found[0]
        places.update(found[1])
    return (score - len(text) // 8 if places else 0), sorted(places)


def _word(word: str, text: str) -> tuple[int, list[int]] | None:
    whole = [at for at in _finds(word, text) if at == 0 or text[at - 1] in STARTS]
    at = whole[0] if whole else text.find(word)
    if at >= 0:
        return 10 * len(word) + (24 if whole else 0) + (8 if at == 0 else 0), list(range(at, at + len(word)))
    places: list[int] = []
    score, at = 0, -1
    for letter in word:
        start = next((i for i in _finds(letter, text, at + 1) if i == 0 or text[i - 1] in STARTS), -1)
        near = text.find(letter, at + 1)
        if near < 0:
            return None
        follows = near == at + 1 and at >= 0
        took = near if follows or start < 0 or not _has(word[len(places) + 1 :], text, start + 1) else start
        score += 8 if follows else 12 if took == start else 1
        at = took
        places.append(at)
    return score, places


def _finds(part: str, text: str, at: int = 0) -> list[int]:
    result = []
    while (at := text.find(part, at)) >= 0:
        result.append(at)
        at += 1
    return result


def _has(letters: str, text: str, at: int) -> bool:
    for letter in letters:
        at = text.find(letter, at) + 1
        if at == 0:
            return False
    return True
