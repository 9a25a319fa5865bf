"""Tells reasoning from answer where an upstream writes both into one text as `<think>…</think>`."""

from __future__ import annotations

from aichat.bridge.providers.base import Delta

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Content in, deltas out. Only a tag that opens the answer counts; later ones are the answer's own text.

    start -(<think>)-> opened -(text)-> thinking -(</think>)-> between -(text)-> answer; newlines next to a tag go.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, content: str) -> Delta:
        """A fragment of content -> what of it is answer and what reasoning; a possible tag is held back."""
        if self._state == "answer":
            return Delta(content=content)
        self._held += content
        if self._state == "start":
            text = self._held.lstrip()
            if len(text) < len(OPEN) and OPEN.startswith(text):
                return Delta()
            if not text.startswith(OPEN):
                return Delta(content=self._let_go("answer"))
            self._state, self._held = "opened", text[len(OPEN) :]
        reasoning = ""
        if self._state in ("opened", "thinking"):
            if self._state == "opened":
                self._held = self._held.lstrip("\n")
            before, tag, after = self._held.partition(CLOSE)
            if tag:
                reasoning, self._held, self._state = before.rstrip("\n"), after, "between"
            else:
                keep = _may_be_tag(before)
                reasoning, self._held = before[: len(before) - keep], before[len(before) - keep :]
                self._state = "thinking" if reasoning else self._state
                return Delta(reasoning=reasoning)
        self._held = self._held.lstrip("\n")
        return Delta(reasoning=reasoning, content=self._let_go("answer") if self._held else "")

    def end(self) -> Delta:
        """The stream is over -> what was held back."""
        if self._state in ("opened", "thinking"):
            return Delta(reasoning=self._let_go(self._state))
        return Delta(content=self._let_go(self._state))

    def _let_go(self, state: str) -> str:
        held, self._held, self._state = self._held, "", state
        return held


def _may_be_tag(text: str) -> int:
    """How many characters at the end of a text may be newlines and the beginning of the closing tag."""
    tag = next((n for n in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:n])), 0)
    body = text[: len(text) - tag]
    return tag + len(body) - len(body.rstrip("\n"))
