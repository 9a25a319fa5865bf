"""The conversations with one persona: open, begin, rename, delete, and find by title."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aichat.protocol import frames
from aichat.protocol.timeline import Change
from aichat.protocol.values import Conversation
from aichat_tui import clock
from aichat_tui.avatar import fit
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _, plural
from aichat_tui.screens.base import DeskDialog
from aichat_tui.screens.question import OneLine, Question
from aichat_tui.text import label
from aichat_tui.theme import palette_of
from aichat_tui.widgets.lines import KeyBar
from aichat_tui.widgets.lists import KeyList


class Conversations(DeskDialog[None]):
    """Opened over the conversation; what is chosen is where the desk goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("New")),
        Binding("r", "rename", N_("Rename")),
        Binding("d,delete", "delete", N_("Delete"), key_display="d"),
        Binding("slash", "find", N_("Find")),
        Binding("escape", "close", N_("Back")),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: list[int] = []

    def compose(self) -> ComposeResult:
        """Title, filter, list."""
        with Vertical(classes="panel"):
            yield Static(id="list-title", markup=False)
            yield Input(placeholder=_("find a title"), compact=True, id="find")
            yield KeyList(id="conversations")
            yield Static(_("No conversation has this title."), id="nothing", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """The list first; the filter waits until it is wanted."""
        self.query_one("#find").display = False
        self.query_one("#conversations").focus()
        self._show()  # at once, so that a key typed ahead finds what it means
        self.call_after_refresh(self._show)  # and again at the width the list then has

    def on_resize(self, event: events.Resize) -> None:
        """Titles are cut elsewhere now."""
        self.call_after_refresh(self._show)

    def desk_changed(self, changes: set[Change]) -> None:
        """Another device may rename or delete too."""
        if any(change.kind in ("conversations", "personas") for change in changes):
            self._show()

    def _show(self) -> None:
        persona = self.desk.persona
        if persona is None:
            self.dismiss()
            return
        wanted = self.query_one("#find", Input).value.casefold().strip()
        everything = self.desk.timeline.conversations_with(persona.id)
        found = [c for c in everything if wanted in label(c.title).casefold()]
        title = plural("{n} conversation with", "{n} conversations with", len(everything))
        self.query_one("#list-title", Static).update(Text(f"{title} {label(persona.name)}", Style(bold=True)))
        listing = self.query_one("#conversations", OptionList)
        at = self._highlighted() or self.desk.conversation_id
        listing.clear_options()
        width = max(20, listing.size.width - 1)
        listing.add_options([Option(self._entry(c, width), id=str(c.id)) for c in found])
        self._shown = [c.id for c in found]
        if found:
            listing.highlighted = self._shown.index(at) if at in self._shown else 0
        self.query_one("#nothing").display = not found
        self.refresh_bindings()

    def _entry(self, conversation: Conversation, width: int) -> Text:
        palette = palette_of(self.app)
        here = conversation.id == self.desk.conversation_id
        time = clock.when(conversation.update_time or conversation.create_time)
        mark = " ●" if conversation.id in self.desk.unread else ""
        title = fit(label(conversation.title) or _("untitled"), width - 3 - cell_len(time) - len(mark))
        text = Text.assemble(("▌ " if here else "  ", Style(color=palette.accent)), (title, Style(bold=here)))
        text.append(mark, Style(color=palette.accent))
        text.append(" " * max(1, width - text.cell_len - cell_len(time)))
        text.append(time, Style(color=palette.muted))
        return text

    def _highlighted(self) -> int | None:
        index = self.query_one("#conversations", OptionList).highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action in ("rename", "delete"):
            return bool(self._shown) and not self._finding
        return not (action in ("new", "find") and self._finding)

    @property
    def _finding(self) -> bool:
        return self.focused is not None and self.focused.id == "find"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click opens."""
        self.desk.choose_conversation(int(event.option.id or 0))
        self.dismiss()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list while typing."""
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """From the filter to what it found."""
        self.query_one("#conversations").focus()

    def action_new(self) -> None:
        """Begin a fresh conversation."""
        self.desk.new_conversation()
        self.dismiss()

    def action_find(self) -> None:
        """Show the filter."""
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def action_close(self) -> None:
        """Out of the filter first, then back."""
        find = self.query_one("#find", Input)
        if find.display:
            find.value = ""
            find.display = False
            self.query_one("#conversations").focus()
        else:
            self.dismiss()

    def action_rename(self) -> None:
        """Ask for another title."""
        conversation = self.desk.timeline.conversations.get(self._highlighted() or 0)
        if conversation is None:
            return

        def rename(title: str | None) -> None:
            if title:
                self.desk.request(frames.ConversationRename(conversation_id=conversation.id, title=title))

        self.app.push_screen(OneLine(_("Title of the conversation"), label(conversation.title), 200), rename)

    def action_delete(self) -> None:
        """Ask, then delete."""
        conversation = self.desk.timeline.conversations.get(self._highlighted() or 0)
        if conversation is None:
            return

        def delete(yes: bool | None) -> None:
            if yes:
                self.desk.request(frames.ConversationDelete(conversation_id=conversation.id))

        question = _("Delete “{title}”?").format(title=fit(label(conversation.title), 40))
        detail = _("Its messages go with it. This cannot be undone.")
        self.app.push_screen(Question(question, detail, _("Delete")), delete)
