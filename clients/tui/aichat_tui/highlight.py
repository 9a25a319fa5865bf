"""Colours code in the palette's own tokens.

Only the languages listed are lexed: a fence names its language freely, and some lexers can be made to run for
minutes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text

from aichat_tui.theme import Palette

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

MOST = 20_000
"""Characters: longer code stays plain."""

_LANGUAGES = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash", "console": "console", "c": "c", "h": "c",
    "cpp": "cpp", "c++": "cpp", "cs": "csharp", "csharp": "csharp", "css": "css", "diff": "diff", "patch": "diff",
    "dockerfile": "docker", "go": "go", "html": "html", "ini": "ini", "java": "java", "javascript": "javascript",
    "js": "javascript", "json": "json", "jsx": "javascript", "kotlin": "kotlin", "lua": "lua", "makefile": "make",
    "php": "php", "py": "python", "python": "python", "python3": "python", "r": "r", "rb": "ruby", "ruby": "ruby",
    "rs": "rust", "rust": "rust", "sql": "sql", "swift": "swift", "toml": "toml", "ts": "typescript",
    "tsx": "typescript", "typescript": "typescript", "xml": "xml", "yaml": "yaml", "yml": "yaml",
}  # fmt: skip


@lru_cache(16)
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # noqa: PLC0415 - lazy

    return get_lexer_by_name(name, stripnl=False)


@lru_cache(4)
def _styles(palette: Palette) -> dict[Any, Style]:
    from pygments.token import Token  # type: ignore[import-untyped]  # noqa: PLC0415

    return {
        Token.Comment: Style(color=palette.muted, italic=True),
        Token.Keyword: Style(color=palette.accent),
        Token.Name.Builtin: Style(color=palette.accent),
        Token.Name.Function: Style(bold=True),
        Token.Name.Class: Style(bold=True),
        Token.Name.Tag: Style(color=palette.accent),
        Token.Name.Decorator: Style(color=palette.warn),
        Token.Literal.String: Style(color=palette.ok),
        Token.Literal.Number: Style(color=palette.warn),
        Token.Generic.Inserted: Style(color=palette.ok),
        Token.Generic.Deleted: Style(color=palette.danger),
        Token.Generic.Heading: Style(bold=True),
    }


def highlight(code: str, language: str, palette: Palette) -> Text:
    """The code, coloured if its language is known."""
    name = _LANGUAGES.get(language.lower())
    if name is None or len(code) > MOST:
        return Text(code)
    styles = _styles(palette)
    text = Text()
    for kind, value in _lexer(name).get_tokens(code):
        token: Any = kind
        while token is not None and token not in styles:
            token = token.parent
        text.append(value, styles.get(token))
    text.right_crop(1)  # the lexer adds a newline, which some languages need to see the last line
    return text
