"""The command palette: Textual's own, with what our screens can do, personas and conversations in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import App
from textual.color import Color
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style

from aichat_tui.i18n import _
from aichat_tui.looks import Deed
from aichat_tui.text import label
from aichat_tui.theme import css, palette_of
from aichat_tui.widgets.lines import key_name

if TYPE_CHECKING:
    from aichat_tui.app import ChatApp

MOST = 200
"""Conversations that are looked through for each letter: the newest."""


def open_palette(app: App[Any]) -> None:
    """Show it, unless it is there."""
    if not CommandPalette.is_open(app):
        words = _("Search commands, personas and conversations")
        app.push_screen(CommandPalette([Places], placeholder=words, id="--command-palette"))


class Places(Provider):
    """Commands first, then personas, then conversations."""

    @property
    def _chat(self) -> ChatApp:
        return cast("ChatApp", self.app)

    @property
    def _at_home(self) -> bool:
        """Whether the main screen is in front: from a dialog one does not leave by accident."""
        return self.screen is self.app.screen_stack[0]

    def _commands(self) -> Iterator[Deed]:
        """What has a key here, and says in a sentence what it does; then what has none."""
        said = set()
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            if enabled and tooltip and binding.action not in said and binding.action != "command_palette":
                said.add(binding.action)
                do: Callable[[], Any] = partial(self.app.run_action, binding.action, cast(Any, node))
                yield Deed(_(tooltip), key_name(binding), do)
        yield from self._chat.deeds(self.screen)

    def _personas(self) -> Iterator[Deed]:
        for persona in self._chat.desk.personas:
            yield Deed(label(persona.name), _("Persona"), partial(self._chat.go, persona.id))

    def _conversations(self) -> Iterator[Deed]:
        timeline = self._chat.desk.timeline
        newest = sorted(timeline.conversations.values(), key=lambda c: (c.touched, c.id), reverse=True)
        for one in newest[:MOST]:
            persona = timeline.personas.get(one.persona_id)
            about = _("Conversation with {name}").format(name=label(persona.name)) if persona else _("Conversation")
            yield Deed(label(one.title) or _("untitled"), about, partial(self._chat.go, one.persona_id, one.id))

    def _line(self, title: Content, deed: Deed) -> Content:
        """What it is, and more quietly its key, or whose it is."""
        muted = Style(foreground=Color.parse(css(palette_of(self.app).muted)))
        return Content.assemble(title, "  ", (deed.about, muted)) if deed.about else title

    async def discover(self) -> Hits:
        """Before anything is typed: what can be done."""
        for deed in [*(self._personas() if self._at_home else ()), *self._commands()]:
            yield DiscoveryHit(self._line(Content(deed.title), deed), deed.do, text=deed.title)

    async def search(self, query: str) -> Hits:
        """What matches, in the order that Textual's matcher gives it."""
        matcher = self.matcher(query)
        there = [*self._personas(), *self._conversations()] if self._at_home else []
        for deed in [*self._commands(), *there]:
            if (score := matcher.match(deed.title)) > 0:
                yield Hit(score, self._line(matcher.highlight(deed.title), deed), deed.do, text=deed.title)
