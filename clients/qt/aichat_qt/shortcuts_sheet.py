"""The sheet of all keys, by section, as they work in this window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from aichat_qt.actions import Actions
from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.message_actions import message_actions
from aichat_qt.theme import TITLE_PX, XL, XS, L, M, S, sized

WIDTH, HEIGHT = 760, 700
Rows = list[tuple[str, str]]


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def in_places() -> dict[str, Rows]:
    """Keys that belong to a place and are no action: section -> (words, keys)."""
    return {
        _tr("Message field"): [
            (_tr("Send"), "Enter"),
            (_tr("New line"), "Shift+Enter"),
        ],
        _tr("Messages"): [
            (_tr("From message to message"), "↑  ↓"),
            (_tr("To the first, to the newest"), "Home  End"),
            *((action.words, action.keys) for action in message_actions().values()),
        ],
        _tr("Lists"): [
            (_tr("Rename or edit"), "F2"),
            (_tr("Delete"), "Del"),
        ],
        _tr("Everywhere"): [
            (_tr("Close what is open, else stop the answer"), "Esc"),
            (_tr("To the next control"), "Tab"),
        ],
    }


def rows(actions: Actions) -> dict[str, Rows]:
    """Section -> (words, keys), the window's actions first."""
    result = {
        section: [(deed.words, deed.keys) for deed in deeds if deed.keys]
        for section, deeds in actions.sections().items()
    }
    for section, keys in in_places().items():
        result.setdefault(section, []).extend((words, _native(key)) for words, key in keys)
    return {section: keys for section, keys in result.items() if keys}


def _native(keys: str) -> str:
    """As the platform writes it, where it is a key sequence at all."""
    if "  " in keys:
        return keys
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText) or keys


class ShortcutsSheet(QDialog):
    """Two columns of sections; Esc closes."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(min(WIDTH, parent.width() - 2 * L), min(HEIGHT, parent.height() - 2 * L))
        title = label(self, "title", self.tr("Keyboard shortcuts"))
        title.setFont(sized(self.font(), TITLE_PX, bold=True))
        room = QWidget()
        columns = QHBoxLayout(room)
        columns.setContentsMargins(XL, 0, XL, XL)
        columns.setSpacing(2 * L)
        sections = list(rows(actions).items())
        left, right = _halves(sections)
        for half in (left, right):
            column = QVBoxLayout()
            column.setSpacing(XL)
            for section, keys in half:
                column.addLayout(self._section(room, section, keys))
            column.addStretch()
            columns.addLayout(column, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName(self.tr("Keyboard shortcuts"))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(room)
        room.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        close = button(self.tr("Close"), "", self)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        top = QHBoxLayout()
        top.setContentsMargins(XL, L, L, M)
        top.addWidget(title, 1)
        top.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        scroll.setFocus()

    @staticmethod
    def _section(parent: QWidget, section: str, keys: Rows) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(L)
        grid.setVerticalSpacing(XS)
        grid.setColumnStretch(0, 1)
        grid.addWidget(label(parent, "field", section), 0, 0, 1, 2)
        grid.setRowMinimumHeight(0, XL)
        for number, (words, key) in enumerate(keys, 1):
            named = label(parent, "", words)
            named.setWordWrap(True)
            named.setMinimumWidth(120)
            grid.addWidget(named, number, 0)
            caps = QHBoxLayout()
            caps.setSpacing(S)
            caps.addStretch()
            for one in key.split("  "):
                caps.addWidget(label(parent, "key", one))
            grid.addLayout(caps, number, 1)
        return grid


def _halves(sections: list[tuple[str, Rows]]) -> tuple[list[tuple[str, Rows]], list[tuple[str, Rows]]]:
    """Into two columns of about the same height, in order."""
    heights = [len(keys) + 2 for _, keys in sections]
    best = min(range(1, len(sections) + 1), key=lambda n: max(sum(heights[:n]), sum(heights[n:])))
    return sections[:best], sections[best:]
