"""Every string a person reads passes `_` (one text) or `plural` (one of two), so that gettext can translate it."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path


@cache
def _translations() -> gettext.NullTranslations:
    return gettext.translation("aichat_tui", Path(__file__).parent / "locale", fallback=True)


def _(text: str) -> str:
    """The text in the user's language."""
    return _translations().gettext(text)


def plural(one: str, many: str, count: int) -> str:
    """`one` or `many`, as the language counts, with `{n}` filled in."""
    return _translations().ngettext(one, many, count).format(n=count)
