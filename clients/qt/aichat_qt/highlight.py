"""Colours for code, by Pygments, as formats laid over a document's blocks."""

from __future__ import annotations

from functools import lru_cache
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QColor, QTextCharFormat, QTextDocument, QTextLayout

from aichat_qt.theme import SCHEMES, Scheme, theme

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 60_000
"""Characters: longer code stays plain."""
LOADING_MS = 15
SLICE = 0.006
"""Seconds of colouring at a time, so that no message can stop the window."""
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


_ready: set[str] = set()
_asked: set[str] = set()


def _prepare(language: str) -> bool:
    """Whether a language's lexer is there. Loading one takes 50 ms and more: another thread does it."""
    if language not in LANGUAGES or language in _ready:
        return True
    if language not in _asked:
        _asked.add(language)

        def load() -> None:
            _lexer(language)
            _ready.add(language)

        Thread(target=load, daemon=True).start()
    return False


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


class Colourer(QObject):
    """Colours one document whose blocks are the lines of some code, a few milliseconds at a time."""

    def __init__(self, document: QTextDocument, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._lines: Iterator[list[tuple[int, int, str]]] = iter(())
        self._block = document.begin()
        self._language = ""
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(self._go_on)

    @property
    def is_busy(self) -> bool:
        """Whether some of the code has no colours yet."""
        return self._next.isActive()

    def colour(self, code: str, language: str, *, most: int = 0) -> None:
        """Colour all of the code; with `most` about so many lines at its end only, as long as it grows.

        Those begin at a line that is not indented. What is coloured wrong by that (a string may go on from above) is
        put right when all is coloured.
        """
        self._block, first = self._document.begin(), 0
        lines = code.split("\n") if most else []
        if len(lines) > most:
            first = len(lines) - most
            while first > max(0, len(lines) - 2 * most) and (not lines[first].strip() or lines[first][0].isspace()):
                first -= 1
            self._block = self._document.findBlockByNumber(first)
            code = "\n".join(lines[first:])
        self._lines = coloured_lines(code, language)
        self._language = language
        self._go_on()

    def _go_on(self) -> None:
        if not _prepare(self._language):
            self._next.start(LOADING_MS)
            return
        scheme, begin = theme().scheme, self._block.position()
        ends = monotonic() + SLICE
        changed = False
        for line in self._lines:
            if not self._block.isValid():
                break
            ranges = []
            for start, length, kind in line:
                piece = QTextLayout.FormatRange()
                piece.start, piece.length, piece.format = start, length, _format(scheme, kind)
                ranges.append(piece)
            layout = self._block.layout()
            if ranges or layout.formats():
                layout.setFormats(ranges)
                changed = True
            self._block = self._block.next()
            if monotonic() > ends:
                self._next.start(0)
                break
        if changed:
            end = self._block.position() if self._block.isValid() else self._document.characterCount()
            self._document.markContentsDirty(begin, end - begin)
