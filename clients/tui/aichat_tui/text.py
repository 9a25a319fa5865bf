"""Takes out of a text what could command a terminal or reverse its reading order.

The timeline keeps every text as it came; whatever is drawn or printed to a terminal passes here first. Removed:
escape sequences (CSI, OSC, DCS, SOS, PM, APC, single escapes; 7-bit and 8-bit), other C0 and C1 controls except
newline and tab, DEL, bidi embeddings, overrides and isolates, and surrogates. A `Cleaner` keeps its place, so a
sequence split over deltas goes too; what it has let through never changes later.
"""

from __future__ import annotations

import re
from typing import Literal

_State = Literal["text", "escape", "intermediate", "csi", "string", "string_escape"]

_SUSPECT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STRINGS = frozenset("PX]^_")  # after ESC: DCS, SOS, OSC, PM, APC, each up to ST (OSC also up to BEL)
_STRINGS_8BIT = frozenset("\x90\x98\x9d\x9e\x9f")
_CSI_8BIT, _ST_8BIT = "\x9b", "\x9c"
_LINE_ENDS = frozenset("\u2028\u2029")


class Cleaner:
    """Cleans a text that comes in pieces."""

    def __init__(self) -> None:
        self._state: _State = "text"

    def feed(self, piece: str) -> str:
        """The part of this piece that may be shown."""
        if self._state == "text" and not _SUSPECT.search(piece):
            return piece
        return "".join(self._step(character) for character in piece)

    def _step(self, char: str) -> str:  # one state a branch; a newline ends every sequence, so none hides a text
        if char == "\n":
            self._state = "text"
            return char
        match self._state:
            case "text":
                return self._plain(char)
            case "escape":
                self._after_escape(char)
            case "intermediate":
                if not " " <= char <= "/":
                    self._state = "text"
            case "csi":
                if char == "\x1b":
                    self._state = "escape"
                elif "@" <= char <= "~" or char > "\x7f":
                    self._state = "text"
                    return "" if char <= "~" else self._plain(char)
            case "string":
                if char == "\x1b":
                    self._state = "string_escape"
                elif char in ("\x07", _ST_8BIT, "\x18", "\x1a"):
                    self._state = "text"
            case "string_escape":
                if char == "\\":
                    self._state = "text"
                else:
                    self._after_escape(char)
        return ""

    def _plain(self, char: str) -> str:
        if char == "\x1b":
            self._state = "escape"
        elif char == _CSI_8BIT:
            self._state = "csi"
        elif char in _STRINGS_8BIT:
            self._state = "string"
        elif char in _LINE_ENDS:
            return "\n"
        elif not _SUSPECT.match(char):
            return char
        return ""

    def _after_escape(self, char: str) -> None:
        if char == "[":
            self._state = "csi"
        elif char in _STRINGS:
            self._state = "string"
        elif char == "\x1b":
            self._state = "escape"
        elif " " <= char <= "/":
            self._state = "intermediate"
        else:
            self._state = "text"


class Growing:
    """The clean form of a text that mostly grows: only what is new is cleaned."""

    def __init__(self) -> None:
        self._raw = ""
        self._cleaner = Cleaner()
        self.text = ""

    def update(self, raw: str) -> str:
        """The clean form of the whole text so far."""
        if not raw.startswith(self._raw):
            self._cleaner, self._raw, self.text = Cleaner(), "", ""
        self.text += self._cleaner.feed(raw[len(self._raw) :])
        self._raw = raw
        return self.text


def clean(text: str) -> str:
    """A whole text without anything that could command a terminal."""
    return Cleaner().feed(text)


def label(text: str) -> str:
    """A name or title: clean and on one line."""
    return " ".join(clean(text).split())
