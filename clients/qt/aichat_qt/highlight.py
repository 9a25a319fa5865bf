"""Colours for code, by Pygments, as formats laid over a document's blocks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QColor, QTextCharFormat, QTextDocument, QTextLayout

from aichat_qt.theme import SCHEMES, Scheme, theme

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 20_000
"""Characters: longer code stays plain, so that no message can stop the window."""
LANGUAGES = frozenset(
    """python py js javascript jsx ts typescript tsx json c cpp c++ h hpp java kotlin kt swift go rust rs ruby rb php
    lua r bash sh shell zsh console sql html xml css scss yaml yml toml ini diff make makefile cmake dockerfile docker
    csharp cs c# scala haskell hs perl pl powershell markdown md julia dart elixir
    latex tex""".split()  # noqa: SIM905
)
"""The languages that are coloured: an answer must not be able to run any lexer there is."""
_KINDS = [
    ("Token.Comment", "comment"), ("Token.Keyword.Type", "klass"), ("Token.Keyword", "keyword"),
    ("Token.Operator.Word", "keyword"), ("Token.Literal.String", "string"), ("Token.Literal.Number", "number"),
    ("Token.Name.Function", "function"), ("Token.Name.Class", "klass"), ("Token.Name.Builtin", "klass"),
    ("Token.Name.Tag", "keyword"), ("Token.Name.Attribute", "function"), ("Token.Name.Decorator", "klass"),
    ("Token.Name.Exception", "klass"), ("Token.Generic.Deleted", "danger"), ("Token.Generic.Inserted", "ok"),
    ("Token.Generic.Heading", "function"), ("Token.Generic.Subheading", "function"),
]  # fmt: skip


@lru_cache(maxsize=512)
def _kind(token_type: Any) -> str:
    name = str(token_type)
    return next((kind for prefix, kind in _KINDS if name.startswith(prefix)), "")


@lru_cache(maxsize=32)
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # noqa: PLC0415 - code only
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=64)
def _format(scheme: Scheme, kind: str) -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(QColor(getattr(SCHEMES[scheme], kind)))
    return result


def coloured_lines(code: str, language: str) -> Iterator[list[tuple[int, int, str]]]:
    """For each line its coloured runs: start, length (in UTF-16 units, as Qt counts) and the colour's name."""
    if language not in LANGUAGES or len(code) > MOST or (lexer := _lexer(language)) is None:
        return
    line: list[tuple[int, int, str]] = []
    column = 0
    for token_type, value in lexer.get_tokens(code):
        kind = _kind(token_type)
        for i, piece in enumerate(value.split("\n")):
            if i:
                yield line
                line, column = [], 0
            length = len(piece) if piece.isascii() else len(piece.encode("utf-16-le", "surrogatepass")) // 2
            if kind and length:
                line.append((column, length, kind))
            column += length
    yield line


def colour(document: QTextDocument, code: str, language: str) -> None:
    """Lay the colours over a document whose blocks are the lines of the code."""
    block = document.begin()
    scheme = theme().scheme
    for line in coloured_lines(code, language):
        if not block.isValid():
            break
        ranges = []
        for start, length, kind in line:
            piece = QTextLayout.FormatRange()
            piece.start, piece.length, piece.format = start, length, _format(scheme, kind)
            ranges.append(piece)
        layout = block.layout()
        if ranges or layout.formats():
            layout.setFormats(ranges)
            document.markContentsDirty(block.position(), block.length())
        block = block.next()
