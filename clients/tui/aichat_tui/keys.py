"""Which keys work where: what the help page and the command palette say is taken from the bindings themselves.

A class that has `BINDINGS` and a `PLACE` (marked by `N_`) is a section of the help page. A binding's description is
the word of the key bar; its tooltip, if it has one, a sentence for the help page, and makes it a command of the
palette.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

_OURS = "aichat_tui"


class Key(NamedTuple):
    """One line of the help page; `words` are English, for `_`."""

    keys: str
    words: str


class Place(NamedTuple):
    """One section of it."""

    title: str
    keys: list[Key]


def places(screen: Screen[Any], app: App[Any]) -> list[Place]:
    """What can be done on this screen, place by place, in the order of the screen; what works everywhere is last."""
    found: dict[str, Place] = {}
    for node in [screen, *screen.walk_children(), app]:
        title = getattr(node, "PLACE", "")
        if title and title not in found and getattr(node, "display", True):
            found[title] = Place(title, list(_keys(type(node))))
    return [place for place in found.values() if place.keys]


def _keys(cls: type) -> Iterator[Key]:
    seen: set[str] = set()
    for one in cls.__mro__:
        if not one.__module__.startswith(_OURS):
            continue
        for binding in vars(one).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.key not in seen:
                seen.add(binding.key)
                names = binding.key_display or ""
                if "," in binding.key or not names:
                    names = " ".join(key_word(key.strip()) for key in binding.key.split(","))
                yield Key(names, binding.tooltip or binding.description)


KEY_NAMES = {
    "escape": "Esc", "enter": "Enter", "tab": "Tab", "question_mark": "?", "delete": "Del", "up": "↑", "down": "↓",
    "left": "←", "right": "→", "slash": "/", "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End",
    "space": "Space", "plus": "+", "minus": "-", "backspace": "⌫", "comma": ",", "full_stop": ".",
}  # fmt: skip


def key_word(key: str) -> str:
    """^N, Esc, F1, d, Alt+↑."""
    *before, last = key.split("+")
    if before == ["ctrl"] and len(last) == 1:
        return "^" + last.upper()
    name = KEY_NAMES.get(last, last.upper() if last[:1] == "f" and last[1:].isdigit() else last)
    return "+".join([*(word.capitalize() for word in before), name])
