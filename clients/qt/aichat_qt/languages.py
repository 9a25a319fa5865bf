"""The language that the app speaks: the system's or a chosen one, changed while it runs.

The words are in `translations/aichat_<language>.ts`, for Qt Linguist; `make translations` brings them in step with
the code and compiles them to the `.qm` beside them. What shows words is made anew on `languages().changed`: no widget
has to know how to change its own.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator, Signal

FOLDER = Path(__file__).parent / "translations"
SYSTEM = ""
NAMES = {"en": "English", "zh_CN": "简体中文"}
"""Each language's name in itself, which is how one finds it in a menu that one cannot read."""


class Words(QTranslator):
    """Words outside of classes have no context in the `.ts`, whatever context the code asks for."""

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        found = super().translate(context, source, disambiguation, n)
        return found or super().translate("", source, disambiguation, n) or None  # None: another may know it


class Languages(QObject):
    """Which language is spoken. `choose` changes it; `changed` tells whoever shows words."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choice = SYSTEM
        self.current = "en"
        self._installed: list[QTranslator] = []

    def choose(self, choice: str) -> None:
        """Speak this language from now on; SYSTEM, or one that is not known: the system's."""
        self.choice = choice if choice in NAMES else SYSTEM
        wanted = self.choice or of_system()
        QLocale.setDefault(_locale(wanted))
        app = QCoreApplication.instance()
        if app is None:
            return
        for translator in self._installed:
            app.removeTranslator(translator)
        before, self.current = self.current, wanted
        qt, ours = QTranslator(self), Words(self)
        self._installed = []
        if qt.load(f"qtbase_{wanted}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            self._installed.append(qt)
        if ours.load(f"aichat_{wanted}", str(FOLDER)):
            self._installed.append(ours)
        for translator in self._installed:
            app.installTranslator(translator)
        if wanted != before:
            self.changed.emit()


def of_system() -> str:
    """The first of the languages that the system prefers and we know; else English."""
    for name in QLocale.system().uiLanguages():
        language = QLocale(name).language()
        if language == QLocale.Language.Chinese:
            return "zh_CN"
        if language == QLocale.Language.English:
            return "en"
    return "en"


def _locale(language: str) -> QLocale:
    """How times and dates are written: as the system does, if it speaks this language."""
    system = QLocale.system()
    return system if system.language() == QLocale(language).language() else QLocale(language)


_languages: list[Languages] = []


def languages() -> Languages:
    """The application's languages."""
    if not _languages:
        _languages.append(Languages())
    return _languages[0]
