"""A persona or a conversation by what a person calls it: its id, its name, or how its name begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import TypeVar

from aichat.protocol.values import Conversation, Persona
from aichat_tui.i18n import _
from aichat_tui.plain.output import USAGE, End
from aichat_tui.text import label

T = TypeVar("T")

LATEST = "latest"
MOST_CHOICES = 12


def find_persona(personas: Iterable[Persona], wanted: str) -> Persona:
    """The persona with this id, this name, or the only one that begins so. Errors: End with the choices."""
    there = list(personas)
    for persona in there:
        if persona.id == wanted:
            return persona
    found = _by_name(there, wanted, lambda persona: (persona.name,)) or _by_prefix(
        there, wanted, lambda persona: (persona.name, persona.id)
    )
    if len(found) == 1:
        return found[0]
    choices = _choices(f"{label(p.name)} ({label(p.id)})" for p in found or there)
    if found:
        words = _("more than one persona is called {name}: {choices}")
    else:
        words = _("no persona {name}; there are: {choices}")
    raise End(USAGE, words.format(name=label(wanted), choices=choices or _("none")))


def find_conversation(conversations: Iterable[Conversation], wanted: str) -> Conversation:
    """The one with this number, this title, the only one whose title begins so, or the `latest`.

    Errors: End with the choices.
    """
    there = sorted(conversations, key=lambda c: (c.touched, c.id), reverse=True)
    if wanted.isascii() and wanted.isdigit():
        for conversation in there:
            if conversation.id == int(wanted):
                return conversation
    if wanted == LATEST and there:
        return there[0]
    found = _by_name(there, wanted, lambda c: (c.title,)) or _by_prefix(there, wanted, lambda c: (c.title,))
    if len(found) == 1:
        return found[0]
    if found:
        choices = _choices(f"{c.id} {label(c.title)}" for c in found)
        words = _("more than one conversation is called {name}: {choices}")
        raise End(USAGE, words.format(name=label(wanted), choices=choices))
    words = _("no conversation {name}; `aichat-tui list conversations` has them")
    raise End(USAGE, words.format(name=label(wanted)))


def _by_name(things: list[T], wanted: str, names: Callable[[T], tuple[str, ...]]) -> list[T]:
    sought = _folded(wanted)
    return [thing for thing in things if any(_folded(name) == sought for name in names(thing))]


def _by_prefix(things: list[T], wanted: str, names: Callable[[T], tuple[str, ...]]) -> list[T]:
    sought = _folded(wanted)
    return [thing for thing in things if sought and any(_folded(name).startswith(sought) for name in names(thing))]


def _folded(name: str) -> str:
    """Upper and lower case, wide and narrow forms, and spaces around it make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _choices(names: Iterable[str]) -> str:
    there = list(names)
    return ", ".join(there[:MOST_CHOICES]) + (", …" if len(there) > MOST_CHOICES else "")
