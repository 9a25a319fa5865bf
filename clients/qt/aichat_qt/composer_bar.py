"""A line above the message field that says what the words in it are for, when they are not simply the next ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from aichat_qt.icons import IconButton, icon
from aichat_qt.labels import ElidedLabel
from aichat_qt.theme import COLUMN, HIT, META_PX, XL, L, M, S, theme
from aichat_qt.words import one_line


@dataclass(frozen=True, slots=True)
class Purpose:
    """What the next words are: the new text of a message (`edit`), or what is said below it (`branch`)."""

    kind: Literal["edit", "branch"]
    message_id: int
    excerpt: str


class ComposerBar(QWidget):
    """Hidden as long as words are just said."""

    left = Signal()
    """The reader does not want it after all."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.purpose: Purpose | None = None
        self._words = ElidedLabel(self, "muted", px=META_PX)
        self.close_button = IconButton("close", self.tr("Cancel (Esc)"), self, size=16)
        self.close_button.clicked.connect(self.left)
        self._layout = QHBoxLayout(self)
        self._layout.setSpacing(S)
        self._layout.addWidget(self._words, 1)
        self._layout.addWidget(self.close_button)
        self.setFixedHeight(HIT)
        theme().changed.connect(self.update)
        self.hide()

    def show_purpose(self, purpose: Purpose | None) -> None:
        """Say what the words are for; None: nothing special."""
        self.purpose = purpose
        if purpose is not None:
            words = self.tr("Editing: {0}") if purpose.kind == "edit" else self.tr("New branch after: {0}")
            self._words.setText(words.format(one_line(purpose.excerpt[:300])))
            self.setAccessibleName(self._words.text())
        self.setVisible(purpose is not None)

    @property
    def is_edit(self) -> bool:
        """Whether the words are the new text of a message."""
        return self.purpose is not None and self.purpose.kind == "edit"

    @property
    def words(self) -> str:
        return "" if self.purpose is None else self._words.text()

    def _side(self) -> int:
        return (self.width() - min(COLUMN, self.width() - 2 * XL)) // 2

    def resizeEvent(self, _event: object) -> None:
        self._layout.setContentsMargins(self._side() + L + L + S, 0, self._side() + S, 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.purpose is not None:
            painter = QPainter(self)
            picture = icon("edit" if self.purpose.kind == "edit" else "branch", theme().tokens.accent, L)
            picture.paint(painter, self._side() + M, (HIT - L) // 2, L, L)
            painter.end()
