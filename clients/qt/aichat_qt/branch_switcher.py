"""The versions of a message: "‹ 2/3 ›", where other ones stand in the same place."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QWidget

from aichat_qt.icons import IconButton
from aichat_qt.labels import label
from aichat_qt.theme import HIT, XL, XS

COUNT = 28


class BranchSwitcher(QWidget):
    """Goes from version to version; `chosen` names the message to show instead."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._siblings: list[int] = []
        self._at = 0
        self.before = IconButton("left", self.tr("Previous version"), self, size=14)
        self.after = IconButton("right", self.tr("Next version"), self, size=14)
        self.before.clicked.connect(lambda: self.step(-1))
        self.after.clicked.connect(lambda: self.step(1))
        self.count = label(self, "muted")
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for each in (self.before, self.after):
            each.setFixedSize(XL, HIT)

    def show_siblings(self, siblings: list[int], here: int) -> None:
        """The ids of all versions in their order, and which one this is."""
        self._siblings, self._at = siblings, siblings.index(here)
        number, total = self._at + 1, len(siblings)
        self.count.setText(f"{number}/{total}")
        self.count.setAccessibleName(self.tr("Version {0} of {1}").format(number, total))
        self.before.setEnabled(self._at > 0)
        self.after.setEnabled(number < total)
        width = max(COUNT, self.count.sizeHint().width() + XS)
        self.before.move(0, 0)
        self.count.setGeometry(XL, 0, width, HIT)
        self.after.move(XL + width, 0)
        self.resize(self.sizeHint())

    def step(self, by: int) -> None:
        """Ask for the version before (-1) or after (1), if there is one."""
        if 0 <= self._at + by < len(self._siblings):
            self.chosen.emit(self._siblings[self._at + by])

    def sizeHint(self) -> QSize:
        return QSize(2 * XL + self.count.width(), HIT)
