"""What was just done, and the way back: a quiet bar above the composer instead of a question before."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from aichat_qt.icons import button
from aichat_qt.labels import ElidedLabel
from aichat_qt.theme import BODY_PX, HIT, RADIUS_CONTROL, XL, M, S, theme

SHOWN_MS = 8_000


class UndoBar(QFrame):
    """Stands on `floor` (pixels from the top of its parent), goes by itself, but not under the mouse."""

    def __init__(self, area: QWidget, floor: Callable[[], int]) -> None:
        super().__init__(area)
        self._area, self._floor = area, floor
        self._back: Callable[[], object] = lambda: None
        self.setObjectName("undo")
        self._words = ElidedLabel(self, "undo", px=BODY_PX)
        self.button = button(self.tr("Undo"), "undo", self)
        self.button.clicked.connect(self._undo)
        line = QHBoxLayout(self)
        line.setContentsMargins(M, 0, S, 0)
        line.setSpacing(M)
        line.addWidget(self._words, 1)
        line.addWidget(self.button)
        self._off = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._off.timeout.connect(self.hide)
        theme().changed.connect(self._dress)
        self._dress()
        self.hide()

    def offer(self, words: str, back: Callable[[], object]) -> None:
        """Say what was done; `back` undoes it."""
        self._back = back
        self._words.setText(words)
        self.setAccessibleName(words)
        self.place()
        self.show()
        self.raise_()
        self._off.start()

    @property
    def words(self) -> str:
        """What it says now."""
        return "" if self.isHidden() else self._words.text()

    def place(self) -> None:
        wanted = self._words.fontMetrics().horizontalAdvance(self._words.text()) + self.button.sizeHint().width()
        width = max(0, min(520, wanted + 3 * M + S, self._area.width() - 2 * XL))
        self.setGeometry((self._area.width() - width) // 2, self._floor() - HIT - 2 * S, width, HIT + S)

    def _undo(self) -> None:
        self._off.stop()
        self.hide()
        self._back()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._off.stop()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self.isVisible():
            self._off.start()

    def _dress(self) -> None:
        t = theme().tokens
        other = "#8DA2FB" if theme().scheme == "light" else "#3B5BDB"
        self.setStyleSheet(
            f"#undo {{ background: {t.text}; border-radius: {RADIUS_CONTROL}px; }}"
            f"#undo QLabel {{ color: {t.surface}; }}"
            f"#undo QPushButton {{ color: {other}; background: transparent; border: 1px solid transparent;"
            " font-weight: 600; padding: 0 8px; min-height: 28px; }"
            f"#undo QPushButton:focus, #undo QPushButton:hover {{ border-color: {other}; }}"
        )
