"""The app's manners, whatever it shows: themes, language, command palette, help and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from aichat_tui import i18n
from aichat_tui.i18n import N_, _
from aichat_tui.prefs import Prefs
from aichat_tui.theme import PALETTES, palette_of, textual_theme, titles, variables

USUAL = "aichat-dark"


class Deed(NamedTuple):
    """Something to do, as the command palette shows it."""

    title: str
    about: str
    do: Callable[[], Any]


class Looks(App[None]):
    """An app with themes and languages that its user chooses; `prefs` keeps what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", N_("Help"), priority=True, tooltip=N_("The keys that work here")),
        Binding("ctrl+k,ctrl+p", "command_palette", N_("Commands"), key_display="^K", priority=True,
                tooltip=N_("All commands, personas and conversations by name")),
        Binding("f2", "settings", N_("Settings"), show=False, priority=True,
                tooltip=N_("Settings: language, colours, account")),
        Binding("ctrl+t", "theme", N_("Theme"), show=False, priority=True, tooltip=N_("Light or dark")),
        Binding("ctrl+q", "quit", N_("Quit"), priority=True, tooltip=N_("Quit: answers go on without you")),
    ]  # fmt: skip
    PLACE = N_("Everywhere")
    ENABLE_COMMAND_PALETTE = False  # Textual's own binding for it; ours has two keys

    def __init__(self, prefs: Prefs | None = None, *, theme: str = "") -> None:
        self._found_themes: dict[str, Theme | None] = {}
        super().__init__()
        self.prefs = prefs or Prefs()
        for name, palette in PALETTES.items():
            self.register_theme(textual_theme(name, palette))
        wanted = theme or self.prefs["theme"]
        self.theme = wanted if wanted in titles(self) else USUAL

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own tokens, where the theme is one of Textual's."""
        return variables(palette_of(self))

    def get_theme(self, theme_name: str) -> Theme | None:
        """Looked up once: Textual asks for every line that it paints, and puts all its themes together each time."""
        if self._found_themes.get(theme_name) is None:
            self._found_themes[theme_name] = super().get_theme(theme_name)
        return self._found_themes[theme_name]

    def watch_theme(self, theme: str) -> None:
        """Some widgets draw their own colours."""
        for screen in self.screen_stack if self.is_running else []:
            if screen.is_mounted and (recolour := getattr(screen, "recolour", None)):
                recolour()

    def use_theme(self, name: str) -> None:
        """These colours, from now on."""
        self.theme = self.prefs["theme"] = name

    def action_theme(self) -> None:
        """Light or dark, of the terminal's own or of ours."""
        pairs = {"aichat-dark": "aichat-light", "terminal-dark": "terminal-light", "terminal-light": "terminal-dark"}
        self.use_theme(pairs.get(self.theme, USUAL))

    def speak(self, choice: str) -> None:
        """Speak this language from now on, on every screen that is open."""
        self.prefs["language"] = choice
        i18n.speak(choice)
        for screen in self.screen_stack:
            if screen.is_mounted and (again := getattr(screen, "language_changed", None)):
                again()

    def action_language(self) -> None:
        """The next language."""
        known = list(i18n.NAMES)
        self.speak(known[(known.index(i18n.current()) + 1) % len(known)])

    def action_command_palette(self) -> None:
        """What can be done, whom to speak with, which conversation."""
        from aichat_tui.palette import open_palette  # noqa: PLC0415 - the first screen comes sooner

        open_palette(self)

    def action_help(self) -> None:
        """The keys of this screen."""
        from aichat_tui.screens.help import Help  # noqa: PLC0415

        if isinstance(self.screen, Help):
            self.pop_screen()
        else:
            self.push_screen(Help(self.screen))

    def action_settings(self) -> None:
        """What can be chosen."""

    def deeds(self, screen: Screen[Any]) -> Iterable[Deed]:
        """What can be done on a screen besides what its keys do."""
        yield Deed(_("Switch the language"), " · ".join(i18n.NAMES.values()), self.action_language)
        for name, title in titles(self).items():
            yield Deed(_("Colours: {name}").format(name=_(title)), "", lambda name=name: self.use_theme(name))  # type: ignore[misc]
