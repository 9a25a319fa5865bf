"""The conversations with one persona: a list with what can be done with each. A column where there is room."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aichat.protocol.timeline import Change
from aichat.protocol.values import Conversation, ConversationChanges
from aichat_tui import clock
from aichat_tui.avatar import fit
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _, plural
from aichat_tui.shelf import TAG_MOST, TAGS_MOST, Shelf, arranged, parse_tags
from aichat_tui.text import label
from aichat_tui.theme import palette_of
from aichat_tui.widgets.lines import Line
from aichat_tui.widgets.lists import KeyList

UNDO_SECONDS = 10


class Undo(Line):
    """What was just done, and the key that takes it back; goes by itself."""

    words = ""

    def render(self) -> Text:
        """The words, then the key."""
        palette = palette_of(self.app)
        key = " · u " + _("Undo")
        text = Text(fit(self.words, self.size.width - cell_len(key)), Style(color=palette.muted))
        return text.append(key, Style(color=palette.accent, bold=True)) if self.words else text


class HistoryPane(Vertical):
    """Lists, marks, renames in place, deletes with a way back. What is chosen is told by `Chosen`."""

    PLACE = N_("Conversations")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("New"), tooltip=N_("New conversation")),
        Binding("r", "rename", N_("Rename"), tooltip=N_("Rename the conversation")),
        Binding("p", "pin", N_("Pin"), tooltip=N_("Pin or unpin")),
        Binding("a", "archive", N_("Archive"), tooltip=N_("Archive, or take out of the archive")),
        Binding("t", "tags", N_("Tags"), tooltip=N_("Tags of the conversation")),
        Binding("d,delete", "delete", N_("Delete"), key_display="d", tooltip=N_("Delete the conversation")),
        Binding("u", "undo", N_("Undo"), tooltip=N_("Bring back what was deleted")),
        Binding("slash", "find", N_("Find"), tooltip=N_("Find a title or a #tag")),
        Binding("v", "view", N_("Archive/All"), show=False, tooltip=N_("Show the archive, or leave it")),
    ]

    class Chosen(Message):
        """Go to a conversation; None: to a new one."""

        def __init__(self, conversation_id: int | None) -> None:
            super().__init__()
            self.conversation_id = conversation_id

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.desk = desk
        self.shelf = Shelf(desk)
        self._shown: list[int] = []
        self._archive = False
        self._editing: tuple[int, str] | None = None
        self._later: Timer | None = None

    def compose(self) -> ComposeResult:
        """Title, filter, list, what to say when it is empty, the way back, and the field that lies over a row."""
        yield Static(id="list-title", markup=False)
        yield Input(compact=True, id="find")
        yield KeyList(id="conversations")
        yield Static(id="nothing", markup=False)
        yield Undo(id="undo")
        yield Input(compact=True, id="edit")

    def on_mount(self) -> None:
        """The filter and the field wait until they are wanted."""
        for name in ("#find", "#edit", "#undo"):
            self.query_one(name).display = False
        self.redraw()
        self.call_after_refresh(self.redraw)  # at the width the list then has

    def on_resize(self, event: events.Resize) -> None:
        """Titles are cut elsewhere now."""
        self.call_after_refresh(self.redraw)

    def focus_list(self) -> None:
        """Where the keys work."""
        self.query_one("#conversations").focus()

    def changed(self, changes: set[Change]) -> None:
        """Another device may rename or delete too."""
        if not changes or any(change.kind in ("conversations", "personas") for change in changes):
            self.redraw()

    # drawing

    @property
    def _wanted(self) -> str:
        return self.query_one("#find", Input).value

    def redraw(self) -> None:
        """List again, the cursor where it was."""
        persona = self.desk.persona
        if persona is None or not self.is_mounted:
            return
        everything = self.desk.timeline.conversations_with(persona.id)
        found = arranged(self.desk, self._wanted, archived=self._archive)
        if self._archive:
            title = _("Archive: {name}").format(name=label(persona.name))
        else:
            title = plural("{n} conversation", "{n} conversations", sum(not c.archived for c in everything))
            title += f" · {label(persona.name)}"
        self.query_one("#list-title", Static).update(Text(title, Style(bold=True), no_wrap=True, overflow="ellipsis"))
        self.query_one("#find", Input).placeholder = _("a title, a #tag")
        listing = self.query_one("#conversations", OptionList)
        at = self._highlighted_id() or self.desk.conversation_id
        width = max(20, listing.size.width - 1)
        listing.clear_options()
        listing.add_options([Option(self._entry(c, width), id=str(c.id)) for c in found])
        self._shown = [c.id for c in found]
        if found:
            listing.highlighted = self._shown.index(at) if at in self._shown else 0
        nothing = self.query_one("#nothing", Static)
        nothing.display = not found
        if self._wanted.strip():
            nothing.update(_("No conversation has this title."))
        elif self._archive:
            nothing.update(_("Nothing is archived."))
        else:
            nothing.update(_("No conversation yet. What you say first begins one."))
        self.screen.refresh_bindings()

    def _entry(self, one: Conversation, width: int) -> Text:
        palette = palette_of(self.app)
        accent, muted = Style(color=palette.accent), Style(color=palette.muted)
        here = one.id == self.desk.conversation_id
        unread = self.desk.is_unread(one)
        time = clock.when(one.update_time or one.create_time)
        marks = (" ▲" if one.pinned else "") + (" ●" if unread else "")
        tags = fit("".join(f" #{label(tag)}" for tag in one.tags), max(0, (width - 4 - cell_len(time)) // 2))
        room = width - 3 - cell_len(time) - cell_len(marks) - cell_len(tags)
        text = Text.assemble(("▌ " if here else "  ", accent), no_wrap=True)
        text.append(fit(label(one.title) or _("untitled"), room), Style(bold=here or unread))
        text.append(tags, muted)
        text.append(marks, accent)
        text.append(" " * max(1, width - text.cell_len - cell_len(time)))
        return text.append(time, muted)

    def _highlighted_id(self) -> int | None:
        index = self.query_one("#conversations", OptionList).highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    @property
    def highlighted(self) -> Conversation | None:
        """The conversation under the cursor."""
        return self.desk.timeline.conversations.get(self._highlighted_id() or 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if not self.is_mounted:
            return True
        typing = isinstance(self.screen.focused, Input)
        if action in ("rename", "pin", "archive", "tags", "delete"):
            return bool(self._shown) and not typing
        if action == "undo":
            return self.shelf.deleted is not None and not typing
        return not (action in ("new", "find", "view") and typing)

    # choosing and finding

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click opens."""
        event.stop()
        self.post_message(self.Chosen(int(event.option.id or 0)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list while typing."""
        event.stop()
        if event.input.id == "find":
            self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """From the filter to what it found; a title or tags are taken."""
        event.stop()
        if event.input.id == "find":
            self.focus_list()
        else:
            self._take(event.value)

    def action_new(self) -> None:
        """Begin a fresh conversation."""
        self.post_message(self.Chosen(None))

    def action_find(self) -> None:
        """Show the filter."""
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def action_view(self) -> None:
        """The archive, or what is not in it."""
        self._archive = not self._archive
        self.redraw()

    def close_inner(self) -> bool:
        """Escape: out of the field, of the filter, of the archive; False if there was nothing to leave."""
        find = self.query_one("#find", Input)
        if self._editing is not None:
            self._end_edit()
        elif find.display:
            find.value = ""
            find.display = False
            self.focus_list()
        elif self._archive:
            self.action_view()
        else:
            return False
        return True

    # changing

    def action_rename(self) -> None:
        """Write another title where the old one stands."""
        conversation = self.highlighted
        if conversation is not None:
            self._edit(conversation, "title", label(conversation.title), 200)

    def action_tags(self) -> None:
        """Write tags where the title stands."""
        conversation = self.highlighted
        if conversation is not None:
            self._edit(conversation, "tags", ", ".join(map(label, conversation.tags)), TAGS_MOST * (TAG_MOST + 2))

    def _edit(self, conversation: Conversation, what: str, text: str, most: int) -> None:
        self._editing = (conversation.id, what)
        listing, field = self.query_one("#conversations", OptionList), self.query_one("#edit", Input)
        row = (listing.highlighted or 0) - round(listing.scroll_y)
        field.display = True
        field.max_length = most
        field.placeholder = _("tags, with commas between them") if what == "tags" else _("Title of the conversation")
        field.value = text
        field.cursor_position = len(text)
        field.styles.offset = (0, listing.region.y - self.content_region.y + row)
        field.focus()

    def _take(self, text: str) -> None:
        conversation_id, what = self._editing or (0, "")
        conversation = self.desk.timeline.conversations.get(conversation_id)
        text = text.strip()
        if conversation is not None and what == "tags":
            tags = parse_tags(text)
            if tags is None:
                words = _("Up to {n} tags of up to {most} characters.").format(n=TAGS_MOST, most=TAG_MOST)
                self.app.notify(words, severity="warning", markup=False)
                return
            if tags != conversation.tags:
                self.shelf.change(conversation, ConversationChanges(tags=tags))
        elif conversation is not None and text and text != label(conversation.title):
            self.shelf.rename(conversation, text)
        self._end_edit()

    def _end_edit(self) -> None:
        self._editing = None
        self.query_one("#edit").display = False
        self.focus_list()
        self.redraw()

    def action_pin(self) -> None:
        """Keep it on top, or let it go."""
        if self.highlighted is not None:
            self.shelf.pin(self.highlighted)

    def action_archive(self) -> None:
        """Out of the list, or back into it."""
        conversation = self.highlighted
        if conversation is not None:
            self.shelf.archive(conversation)

    def action_delete(self) -> None:
        """At once; for a while it can be taken back."""
        conversation = self.highlighted
        if conversation is not None:
            self.shelf.delete(conversation)
            self._offer(_("“{title}” was deleted").format(title=label(conversation.title) or _("untitled")))

    def _offer(self, words: str) -> None:
        undo = self.query_one("#undo", Undo)
        undo.words = words
        undo.display = bool(words)
        undo.refresh()
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(UNDO_SECONDS, self._forget) if words else None
        self.screen.refresh_bindings()

    def _forget(self) -> None:
        self.shelf.deleted = None
        self._offer("")

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        self.shelf.restore()
        self._offer("")
