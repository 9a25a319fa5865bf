"""The language the app speaks: English in the code, others in `locale/`, changed while it runs.

Every string a person reads passes `_` (one text) or `plural` (one of two). Both look the words up when they are
called, so they belong where something is drawn. What is written down before (key bindings, tables) is marked with
`N_`, which only names it for the translators, and passes `_` when it is drawn.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "locale"
NAMES = {"en": "English", "zh_CN": "简体中文"}
"""Each language's name in itself, which is how one finds it in a list that one cannot read."""
SYSTEM = ""


class _Speech:
    """What is spoken now."""

    language = "en"
    words: gettext.NullTranslations = gettext.NullTranslations()


def _(text: str) -> str:
    """The text in the user's language."""
    return _Speech.words.gettext(text) if text else ""


def N_(text: str) -> str:
    """The text as it is, marked for the translators; `_` says it later."""
    return text


def plural(one: str, many: str, count: int) -> str:
    """`one` or `many`, as the language counts, with `{n}` filled in."""
    return _Speech.words.ngettext(one, many, count).format(n=count)


def current() -> str:
    """The language spoken now: a key of `NAMES`."""
    return _Speech.language


def speak(choice: str = SYSTEM, environ: Mapping[str, str] = os.environ) -> str:
    """Speak this language from now on -> which one it is; SYSTEM, or one not known: what the environment says."""
    language = choice if choice in NAMES else of_environment(environ)
    _Speech.language = language
    _Speech.words = gettext.translation("aichat_tui", FOLDER, [language], fallback=True)
    return language


def of_environment(environ: Mapping[str, str] = os.environ) -> str:
    """What the first of AICHAT_LANG, LC_ALL, LC_MESSAGES and LANG that is set asks for; English if we lack it."""
    wanted = next((w for name in ("AICHAT_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if (w := environ.get(name))), "")
    short = wanted.replace("-", "_").split(".")[0].split("@")[0].casefold()
    return "zh_CN" if short.split("_")[0] == "zh" else "en"
