"""The prompt's editor: what is filled in later stands out, and what is filled in by nobody does so too."""

from __future__ import annotations

import re

from PySide6.QtCore import QRegularExpression
from PySide6.QtGui import QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from aichat_qt.theme import theme

FILLED_IN = ("{{char}}", "{{user}}")
"""What the server replaces: the persona's name, and that of whoever talks with it."""

_HOLE = re.compile(r"\{\{[^{}\n]{0,40}\}\}")
_RULE = QRegularExpression(_HOLE.pattern)


def unknown_in(text: str) -> list[str]:
    """Holes that nobody fills in, each once."""
    return list(dict.fromkeys(hole for hole in _HOLE.findall(text) if hole.lower() not in FILLED_IN))


class _Holes(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        theme().changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        t = theme()
        found = _RULE.globalMatch(text)
        while found.hasNext():
            match = found.next()
            style = QTextCharFormat()
            style.setFontWeight(QFont.Weight.DemiBold)
            if match.captured().lower() in FILLED_IN:
                style.setForeground(t.colour("accent"))
                style.setBackground(t.colour("own"))
            else:
                style.setForeground(t.colour("warn"))
                style.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
                style.setUnderlineColor(t.colour("warn"))
            self.setFormat(match.capturedStart(), match.capturedLength(), style)


class PromptEdit(QPlainTextEdit):
    """Plain text with `{{char}}` and `{{user}}` highlighted."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._holes = _Holes(self.document())
        self.setTabChangesFocus(True)

    def insert(self, words: str) -> None:
        """Put words where the cursor is."""
        self.textCursor().insertText(words)
        self.setFocus()
