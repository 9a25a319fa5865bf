"""The one-line places: title, notice, keys."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from aichat_tui.avatar import fit, initials
from aichat_tui.i18n import _
from aichat_tui.keys import key_word
from aichat_tui.theme import Palette, palette_of


class Words(Static):
    """A fixed text of the app, which changes with the language. `source`: marked by `N_`; `holes` fill it in."""

    def __init__(self, source: str, *, id: str | None = None, classes: str | None = None, **holes: str) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._source, self._holes = source, holes

    def on_mount(self) -> None:
        """Say it for the first time."""
        self.say()

    def say(self) -> None:
        """In the language spoken now."""
        self.update(_(self._source).format(**self._holes))


class Line(Widget):
    """A widget of one line that draws styled text."""

    def palette(self) -> Palette:
        """The colours in use."""
        return palette_of(self.app)


class Title(Line):
    """Who one speaks with, and in which conversation."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._name = self._conversation = self._model = ""

    def show(self, name: str, conversation: str, model: str) -> None:
        """Show these."""
        if (name, conversation, model) != (self._name, self._conversation, self._model):
            self._name, self._conversation, self._model = name, conversation, model
            self.refresh()

    def render(self) -> RenderResult:
        """Initials, name, conversation; the model at the right."""
        palette, width = self.palette(), self.size.width
        if not self._name:
            return Text()
        muted = Style(color=palette.muted)
        model = fit(self._model, width // 4)
        room = width - 6 - (cell_len(model) + 2 if model else 0)
        name = fit(self._name, room)
        text = Text.assemble(
            (f" {initials(self._name)} ", Style(color=palette.accent, bgcolor=palette.own, bold=True)),
            " ",
            (name, Style(bold=True)),
        )
        left = room - cell_len(name) - 3
        if self._conversation and left > 6:
            text.append(" · " + fit(self._conversation, left), muted)
        if model:
            text.append(" " * (width - text.cell_len - cell_len(model)))
            text.append(model, muted)
        return text


class Notice(Line):
    """A thin line for what stands in the way: offline, refused, not now. Hidden when there is nothing to say."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._words = self._level = ""

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    def show(self, words: str, level: str = "warn") -> None:
        """Say this; with no words, hide. Levels: warn, danger, muted."""
        if (words, level) == (self._words, self._level):
            return
        self._words, self._level = words, level
        self.display = bool(words)
        self.refresh()

    def render(self) -> RenderResult:
        """The words in the level's colour."""
        palette = self.palette()
        colour = {"danger": palette.danger, "muted": palette.muted}.get(self._level, palette.warn)
        return Text(fit(self._words, self.size.width), Style(color=colour))


class KeyBar(Line):
    """The keys that work here and now, and at the right how the connection is."""

    def __init__(self, *, id: str = "keys") -> None:
        super().__init__(id=id)
        self._status = ""
        self._fine = True

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._keys_changed)

    def _keys_changed(self, screen: Screen[object]) -> None:
        self.refresh()

    def status(self, words: str, *, fine: bool) -> None:
        """How the connection is, in a word."""
        if (words, fine) != (self._status, self._fine):
            self._status, self._fine = words, fine
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """More or fewer keys fit."""
        self.refresh()

    def render(self) -> RenderResult:
        """As many keys as fit; those of the whole app come last but are kept."""
        palette = self.palette()
        key_style, muted = Style(color=palette.accent, bold=True), Style(color=palette.muted)
        status = Text()
        if self._status:
            status.append("● " if self._fine else "○ ", Style(color=palette.ok if self._fine else palette.warn))
            status.append(self._status, muted)
        room = self.size.width - status.cell_len - 1
        hints = self._hints()
        while hints and sum(cell_len(k) + cell_len(w) + 3 for k, w, _keep in hints) > room:
            loose = [hint for hint in hints if not hint[2]]
            hints.remove(loose[-1] if loose else hints[-1])
        text = Text()
        for key, words, _keep in hints:
            text.append(key, key_style)
            text.append(f" {words}  ", muted)
        text.append(" " * max(0, self.size.width - text.cell_len - status.cell_len))
        text.append_text(status)
        return text

    def _hints(self) -> list[tuple[str, str, bool]]:
        seen: set[str] = set()
        here: list[tuple[str, str, bool]] = []
        everywhere: list[tuple[str, str, bool]] = []
        for node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if not binding.show or not enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            hint = (
                key_name(binding),
                _(binding.description),
                binding.action in ("stop", "help", "quit", "close", "dismiss"),
            )
            (everywhere if node is self.app else here).append(hint)
        return here + everywhere


def key_name(binding: Binding) -> str:
    """^N, Esc, F1, d."""
    return binding.key_display or key_word(binding.key)
