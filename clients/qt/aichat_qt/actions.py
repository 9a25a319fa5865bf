"""Everything one can do in the window, each with its words, its key and its place in the shortcuts sheet.

The command palette, the sheet, the menus and the keyboard all take it from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

Enabled = Callable[[], bool]


@dataclass(slots=True)
class Deed:
    """One thing that can be done: `can` says whether now."""

    section: str
    action: QAction
    can: Enabled

    @property
    def words(self) -> str:
        return self.action.text()

    @property
    def keys(self) -> str:
        """As the platform writes it: "Ctrl+N" or "⌘N"."""
        return self.action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


@dataclass(slots=True)
class Actions:
    """The deeds of a window, in the order in which they were added."""

    window: QWidget
    deeds: list[Deed] = field(default_factory=list)

    def add(
        self,
        section: str,
        words: str,
        keys: str | QKeySequence.StandardKey | list[str],
        call: Callable[[], object],
        can: Enabled = lambda: True,
    ) -> QAction:
        """One more. It works by its key wherever the focus is in the window, when `can` allows it."""
        action = QAction(words, self.window)
        action.setShortcuts([QKeySequence(k) for k in keys] if isinstance(keys, list) else [QKeySequence(keys)])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)

        def run() -> None:
            if can():
                call()

        action.triggered.connect(run)
        self.window.addAction(action)
        self.deeds.append(Deed(section, action, can))
        return action

    def possible(self) -> list[Deed]:
        """What can be done now."""
        return [deed for deed in self.deeds if deed.can()]

    def sections(self) -> dict[str, list[Deed]]:
        """Section -> its deeds."""
        result: dict[str, list[Deed]] = {}
        for deed in self.deeds:
            result.setdefault(deed.section, []).append(deed)
        return result

    def clear(self) -> None:
        """Take all of them away again: the window is made anew in another language."""
        for deed in self.deeds:
            self.window.removeAction(deed.action)
            deed.action.deleteLater()
        self.deeds.clear()
