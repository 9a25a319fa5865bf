"""Tells reasoning from answer where an upstream writes both into one text as `<think>…</think>`."""

from __future__ import annotations

from aichat.bridge.providers.base import Delta

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Content in, deltas out. Only a tag that opens the answer counts; later ones are the answer's own text."""

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
                return self._answer(self._held)
            self._state, self._held = "thinking", text[len(OPEN) :].lstrip("\n")
        before, tag, after = self._held.partition(CLOSE)
        if tag:
            return Delta(reasoning=before.rstrip("\n"), content=self._answer(after.lstrip("\n")).content)
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if before.endswith(CLOSE[:n])), 0)
        keep += len(before[: len(before) - keep]) - len(before[: len(before) - keep].rstrip("\n"))
        self._held = before[len(before) - keep :]
        return Delta(reasoning=before[: len(before) - keep])

    def end(self) -> Delta:
        """The stream is over -> what was held back."""
        held, self._held = self._held, ""
        return Delta(reasoning=held) if self._state == "thinking" else Delta(content=held)

    def _answer(self, content: str) -> Delta:
        self._state, self._held = "answer", ""
        return Delta(content=content)
