"""Above the conversations: all, a tag, the archive. A conversation dragged here goes there."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QWidget

from aichat_qt.theme import XS
from aichat_qt.words import one_line

DRAGGED = "application/x-aichat-conversation"
ALL, ARCHIVE, PIN = "", "\x00archive", "\x00pin"
"""Filters besides the tags, whose text has no control characters."""


def dragged(data: QMimeData) -> int:
    """The conversation that is dragged, 0 if it is something else."""
    raw = bytes(data.data(DRAGGED).data()) if data.hasFormat(DRAGGED) else b""
    return int(raw) if raw.isdigit() else 0


class Chip(QPushButton):
    """One filter; takes what is dropped on it."""

    dropped = Signal(int)

    def __init__(self, words: str, parent: QWidget) -> None:
        super().__init__(words.replace("&", "&&"), parent)
        self.setProperty("role", "filter")
        self.setAccessibleName(words)
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged(event.mimeData()):
            self._mark(on=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self._mark(on=False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._mark(on=False)
        event.acceptProposedAction()
        self.dropped.emit(dragged(event.mimeData()))

    def _mark(self, *, on: bool) -> None:
        self.setProperty("target", on)
        self.style().unpolish(self)
        self.style().polish(self)


class FilterBar(QScrollArea):
    """`chosen` is ALL, a tag or ARCHIVE."""

    changed = Signal()
    dropped = Signal(int, str)
    """A conversation on a filter; PIN too."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.chosen = ALL
        self._shown: list[tuple[str, str]] = []
        self.chips: dict[str, Chip] = {}
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(30)

    def show_filters(self, tags: list[str], *, archived: int, dragging: bool) -> None:
        """Offer these; all of them while something is dragged."""
        filters = [(ALL, self.tr("All"))]
        if dragging:
            filters.append((PIN, self.tr("Pin")))
        filters += [(tag, one_line(tag)) for tag in tags]
        if archived or dragging:
            filters.append((ARCHIVE, self.tr("Archive")))
        if self.chosen not in dict(filters):
            self.chosen = ALL
        self.setVisible(len(filters) > 1)
        if filters != self._shown:
            self._shown = filters
            self._fill()
        for key, chip in self.chips.items():
            chip.setChecked(key == self.chosen)

    def choose(self, key: str) -> None:
        self.chosen = key
        for other, chip in self.chips.items():
            chip.setChecked(other == key)
        self.changed.emit()

    def _fill(self) -> None:
        room = QWidget()
        line = QHBoxLayout(room)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(XS)
        self.chips = {}
        for key, words in self._shown:
            chip = self.chips[key] = Chip(words, room)
            chip.clicked.connect(lambda _on=False, key=key: self.choose(key))
            chip.dropped.connect(lambda number, key=key: self.dropped.emit(number, key))
            line.addWidget(chip)
        line.addStretch()
        self.setWidget(room)
        room.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
