"""The menu of the app itself: language, colours, help, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from aichat_qt.actions import Actions
from aichat_qt.languages import NAMES, SYSTEM, languages
from aichat_qt.theme import theme

if TYPE_CHECKING:
    from aichat_qt.main_window import MainWindow


class AppMenu(QMenu):
    """What it changes is remembered by the window."""

    def __init__(self, window: MainWindow, actions: Actions) -> None:
        super().__init__(window)
        self._window = window
        section = self.tr("App")
        deeds = {deed.action.objectName(): deed.action for deed in actions.deeds}
        self.addActions([deeds["palette"], deeds["shortcuts"], deeds["quick-ask"]])
        self.addSeparator()
        self.languages = self._choices(self.tr("Language"), self.language_choices(), languages().choice)
        self.languages.triggered.connect(lambda chosen: self.choose_language(chosen.data()))
        self.looks = self._choices(self.tr("Appearance"), self.look_choices(), theme().choice)
        self.looks.triggered.connect(lambda chosen: self.choose_look(chosen.data()))
        self.stay = self.addAction(self.tr("Keep running when the window closes"))
        self.stay.setCheckable(True)
        self.stay.setVisible(False)
        self.stay.toggled.connect(self._stay)
        self.addSeparator()
        self.addAction(deeds["quit"])
        self.setTitle(section)
        self.aboutToShow.connect(self._check)

    def language_choices(self) -> dict[str, str]:
        """Words -> what `choose_language` takes."""
        return {self.tr("As the system"): SYSTEM} | {name: code for code, name in NAMES.items()}

    def look_choices(self) -> dict[str, str]:
        """Words -> what `choose_look` takes."""
        return {self.tr("As the system"): "system", self.tr("Light"): "light", self.tr("Dark"): "dark"}

    def choose_language(self, code: str) -> None:
        """Speak another language, now and at the next start."""
        self._window.memory.keep("language", code)
        languages().choose(code)

    def choose_look(self, choice: str) -> None:
        """Other colours, now and at the next start."""
        self._window.memory.keep("appearance", choice)
        theme().choose(choice)

    def offer_stay(self, on: bool) -> None:
        """There is a tray: whether closing the window leaves the app there is the user's choice."""
        self.stay.setVisible(on)
        self.stay.setChecked(on and self._window.memory.text("stay") == "yes")

    def open_at(self, button: QWidget) -> None:
        """Above its button; where that is hidden, in the window's lower left corner."""
        window, height = self._window, self.sizeHint().height()
        if button.isVisible():
            self.popup(button.mapToGlobal(QPoint(0, -height)))
        else:
            self.popup(window.mapToGlobal(QPoint(0, max(0, window.height() - height))))
        first = self.actions()[0]
        self.setActiveAction(first)

    def _stay(self, on: bool) -> None:
        self._window.stays = on
        self._window.memory.keep("stay", "yes" if on else "no")

    def _choices(self, words: str, choices: dict[str, str], now: str) -> QActionGroup:
        menu = self.addMenu(words)
        group = QActionGroup(menu)
        for name, value in choices.items():
            action = QAction(name, group)
            action.setCheckable(True)
            action.setData(value)
            action.setChecked(value == now)
            menu.addAction(action)
        return group

    def _check(self) -> None:
        for group, now in ((self.languages, languages().choice), (self.looks, theme().choice)):
            for action in group.actions():
                action.setChecked(action.data() == now)
