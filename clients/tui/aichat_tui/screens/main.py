"""The main screen: personas at the left, the conversation at the right, writing below it."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from aichat.protocol.session import State
from aichat.protocol.timeline import Change
from aichat_tui import clock
from aichat_tui.avatar import fit
from aichat_tui.desk import Desk
from aichat_tui.i18n import N_, _
from aichat_tui.link import Link
from aichat_tui.rows import row, rows
from aichat_tui.screens.message_verbs import MessageVerbs, model_of
from aichat_tui.screens.persona_verbs import PersonaVerbs
from aichat_tui.shelf import Seeker
from aichat_tui.standing import standing, welcome
from aichat_tui.text import label
from aichat_tui.theme import palette_of
from aichat_tui.widgets.composer import Composer
from aichat_tui.widgets.history import HistoryPane
from aichat_tui.widgets.lines import KeyBar, Notice, Title, Words
from aichat_tui.widgets.personas import SHARED, Entry, PersonaList
from aichat_tui.widgets.transcript import Transcript

MOST = 200_000
"""Characters of one message, as `values.Content` allows."""

COLUMNS_FROM = 150
"""Columns: from here on the conversations stand between the personas and the chat."""

DRAWER_BELOW = 72
"""Columns: below this the personas are a drawer over the conversation."""


class MainScreen(MessageVerbs, PersonaVerbs):
    """Where one chats."""

    PLACE = N_("Chat")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", N_("Stop"), tooltip=N_("Stop the answer")),
        Binding("ctrl+g", "go_on", N_("Continue"), priority=True, tooltip=N_("Continue the answer")),
        Binding("ctrl+r", "retry", N_("Again"), priority=True, tooltip=N_("Ask again; send again; connect now")),
        Binding("ctrl+x", "take_back", N_("Take back"), priority=True, tooltip=N_("Take back what was not sent")),
        Binding("ctrl+n", "conversation_new", N_("New"), priority=True, tooltip=N_("New conversation")),
        Binding("ctrl+o", "conversations", N_("History"), priority=True, tooltip=N_("Conversations")),
        Binding("ctrl+f", "search", N_("Search"), priority=True, tooltip=N_("Search everything that was said")),
        Binding("ctrl+b", "personas", N_("Personas"), priority=True, tooltip=N_("Personas: go there, hide, show")),
        Binding("escape", "back", N_("Back"), show=False),
        Binding("alt+up", "persona_step(-1)", N_("Persona above"), show=False, priority=True),
        Binding("alt+down", "persona_step(1)", N_("Persona below"), show=False, priority=True),
        Binding("ctrl+end", "to_end", N_("Newest"), show=False, priority=True, tooltip=N_("To the newest message")),
        Binding("question_mark", "app.help", N_("Help"), show=False),
    ]

    def __init__(self, desk: Desk, link: Link, server: str) -> None:
        super().__init__(desk)
        self.link = link
        self._server = server
        self._place: tuple[str, int | None] = ("", None)
        self._user = ""
        self._picked = 0
        self._hidden = False
        self._note = ""
        self._clock = self.set_interval(1, self._tick, pause=True)
        self.seeker = Seeker(desk)

    def compose(self) -> ComposeResult:
        """The places, in the order of all our clients."""
        with Horizontal(id="places"):
            with Vertical(id="sidebar"):
                yield Words(N_("Personas"), id="sidebar-title")
                yield PersonaList(id="personas")
            yield HistoryPane(self.desk, id="history")
            with Vertical(id="conversation"):
                yield Title(id="title")
                yield Transcript(id="transcript")
                yield Static(id="welcome", markup=False)
                yield Notice(id="notice")
                with Vertical(id="writing"), Horizontal(id="composer-row"):
                    yield Static("›", id="prompt", markup=False)
                    yield Composer(id="composer")
        yield KeyBar()

    def on_mount(self) -> None:
        """Writing comes first."""
        self.transcript = self.query_one("#transcript", Transcript)
        self.composer = self.query_one("#composer", Composer)
        self.notice = self.query_one("#notice", Notice)
        self.personas = self.query_one("#personas", PersonaList)
        self.history = self.query_one("#history", HistoryPane)
        self.history.display = False
        self.notice.display = False
        self.recolour()
        self.composer.focus()
        self._show_all()

    def recolour(self) -> None:
        """The theme is another one."""
        self.transcript.use(palette_of(self.app))
        self._show_personas()
        self.history.redraw()

    def language_changed(self) -> None:
        """What the transcript says between the messages too."""
        self.transcript.redraw()
        super().language_changed()

    def on_resize(self, event: events.Resize) -> None:
        """Narrow: the personas become a drawer."""
        self.set_class(event.size.width < DRAWER_BELOW, "narrow")
        self.set_class(event.size.width >= 110, "wide")
        self.set_class(event.size.height >= 30, "tall")
        self.history.display = event.size.width >= COLUMNS_FROM and self.desk.persona is not None
        self._show_sidebar()

    # drawing

    def desk_changed(self, changes: set[Change]) -> None:
        """Draw again what these changes touch."""
        kinds = {change.kind for change in changes}
        if (self.desk.persona_id, self.desk.conversation_id) != self._place:
            self._moved()
        elif kinds - {"live", "gap"} or not changes:
            self._show_all()
        else:
            self._show_live(changes)

    def _moved(self) -> None:
        """Another conversation: its draft, its rows."""
        desk = self.desk
        place = (desk.persona_id, desk.conversation_id)
        began = self._place == (desk.persona_id, None) and desk.conversation_id == desk.began
        if self._user != desk.user:
            self._user, self._place = desk.user, ("", None)
            self.composer.text = ""
        if not began:
            if self._place != ("", None):
                self.desk.drafts[self._place] = self.composer.text
            self.composer.text = self.desk.drafts.pop(place, "")
            self.composer.move_cursor(self.composer.document.end)
            self._picked = 0
            self._note, self.purpose = "", None
        self._place = place
        self._show_all(anew=not began)

    def _show_all(self, *, anew: bool = False) -> None:
        desk = self.desk
        persona, conversation = desk.persona, desk.conversation
        shown = rows(desk, self._picked)
        self.transcript.show(shown, persona.name if persona else "", anew=anew)
        self.composer.starters = sum(1 for one in shown if one.kind == "starter")
        title = label(conversation.title) if conversation else (_("new conversation") if persona else "")
        self.query_one("#title", Title).show(label(persona.name) if persona else "", title, model_of(desk))
        self._show_personas()
        self._show_state()
        self.history.display = self.size.width >= COLUMNS_FROM and persona is not None
        if self.history.display:
            self.history.redraw()
        if found := self.seeker.arrived():
            self.call_after_refresh(self.transcript.reveal, found)  # when the rows are laid out
        self.refresh_bindings()

    def _show_live(self, changes: set[Change]) -> None:
        running = self.desk.running
        if running is not None and any(change.key == running.id for change in changes):
            last = not self.desk.said()
            self.transcript.update_row(row(self.desk, running, last=last))

    def _show_personas(self) -> None:
        entries = []
        for persona in self.desk.personas:
            newest = next(iter(self.desk.timeline.conversations_with(persona.id)), None)
            about = label(newest.title) if newest else _("nothing said yet")
            time = clock.when(newest.update_time or newest.create_time) if newest else ""
            mark = label(persona.owner) or (SHARED if persona.shared else "")
            unread = self.desk.has_unread(persona.id)
            entries.append(Entry(persona.id, label(persona.name), about, time, unread, mark))
        self.personas.show(entries, self.desk.persona_id, palette_of(self.app))

    def _show_state(self) -> None:
        """What stands in the way, and what to do when there is nobody to speak with."""
        live = self.desk.session.state is State.LIVE
        self._clock.resume() if not live and self.link.retry_at is not None else self._clock.pause()
        user = fit(label(self.desk.shown_user), 20)
        word = _("live") if live else _("offline")
        self.query_one(KeyBar).status(f"{word} · {user}" if user and live else word, fine=live)
        note = self._note or (self.purpose.words if self.purpose else "")
        self.notice.show(*standing(self.desk, self.link.retry_at, time.monotonic(), note))
        words = welcome(self.desk, self.link.retry_at, self._server)
        page = self.query_one("#welcome", Static)
        page.update(words)
        page.display = bool(words)
        self.transcript.display = not words

    def _tick(self) -> None:
        self._show_state()

    def say(self, words: str) -> None:
        """A word that goes away by itself."""
        self._note = words
        self._show_state()
        self.set_timer(5, lambda: self._unsay(words))

    def _unsay(self, words: str) -> None:
        if self._note == words:
            self._note = ""
            self._show_state()

    def _show_sidebar(self) -> None:
        narrow = self.has_class("narrow")
        open_drawer = self.focused is self.personas
        self.query_one("#sidebar").display = open_drawer if narrow else not self._hidden

    # writing

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        """Say it, unless an answer is under way: then the text stays."""
        text = event.text.strip("\n")
        if not text.strip():
            if self._picked and self.composer.starters >= self._picked and self.desk.persona:
                text = self.desk.starters[self._picked - 1]
            else:
                return
        if len(text) > MOST:
            self.say(_("Too long: {n} characters; {most} are allowed.").format(n=len(text), most=MOST))
        elif self.desk.persona is None:
            self.say(_("There is nobody to speak with yet."))
        elif self.desk.closed_by:
            return  # the line above says why
        elif self.desk.running is not None:
            self.say(_("The answer is still being written. Esc stops it."))
        elif self.desk.waiting:
            self.say(_("Your last message is still on its way."))
        else:
            self.composer.text = ""
            self._note, self._picked = "", 0
            if not self.spend(text):
                self.desk.say(text)
            self.transcript.pick(0)
            self._show_all()
            self.transcript.to_end()

    def on_composer_starter_picked(self, event: Composer.StarterPicked) -> None:
        """A number writes the starter; the arrows move a cursor among them."""
        persona = self.desk.persona
        if persona is None or not self.composer.starters:
            return
        if event.number:
            self.composer.text = self.desk.starters[event.number - 1]
            self.composer.move_cursor(self.composer.document.end)
            self._picked = 0
        else:
            self._picked = max(0, min(self.composer.starters, self._picked + event.step))
        self._show_all()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key bar shows what can be done now."""
        match action:
            case "stop":
                offline = self.desk.session.state is not State.LIVE
                return self.desk.running is not None or (offline and self.desk.waiting)
            case "retry":
                return self._can_retry()
            case "go_on":
                return self._can_go_on()
            case "take_back":
                return self.desk.refused is not None
            case "conversation_new" | "conversations":
                return self.desk.persona is not None
        return True

    def _can_retry(self) -> bool:
        if self.desk.session.state is not State.LIVE:
            return self.link.retry_at is not None or self.desk.session.state is State.REFUSED
        return self.desk.refused is not None or (self.desk.broken is not None and not self.desk.waiting)

    def _can_go_on(self) -> bool:
        return self.desk.session.state is State.LIVE and self.desk.unfinished is not None and not self.desk.waiting

    def action_stop(self) -> None:
        """Stop the answer; offline, take back what was said."""
        taken = self.desk.stop()
        if taken:
            self._put_back(taken)

    def _put_back(self, text: str) -> None:
        if not self.composer.text.strip():
            self.composer.text = text
            self.composer.move_cursor(self.composer.document.end)
        self.composer.focus()
        self._show_all()

    def action_back(self) -> None:
        """Back to writing, and to simply writing; out of what is open in the column first."""
        if self.history.display and self.history.has_focus_within and self.history.close_inner():
            return
        self.leave_purpose()
        self.composer.focus()

    def action_retry(self) -> None:
        """Whatever stands in the way: once more."""
        if self.desk.session.state is State.REFUSED:
            self.app.call_later(self.app.run_action, "log_in")
        elif self.desk.session.state is not State.LIVE:
            self.link.retry_now()
        elif self.desk.refused is not None:
            self.desk.retry(self.desk.refused[0])
        elif self.desk.broken is not None:
            self.desk.regenerate()
        self._show_all()

    def action_go_on(self) -> None:
        """Have the answer that broke off, or was stopped, finished where it ended."""
        self.desk.go_on()

    def action_take_back(self) -> None:
        """Give up what was refused; words go back to the composer."""
        if self.desk.refused is not None:
            self._put_back(self.desk.discard(self.desk.refused[0]))

    def action_conversation_new(self) -> None:
        """Begin a fresh conversation."""
        self.desk.new_conversation()
        self._moved()
        self.composer.focus()

    def action_conversations(self) -> None:
        """The conversations with this persona: beside the chat, or over it."""
        if self.history.display:
            self.history.focus_list()
            return
        from aichat_tui.screens.conversations import Conversations  # noqa: PLC0415 - the first screen comes sooner

        self.app.push_screen(Conversations(self.desk), lambda _result: self.back_from_dialog())

    def on_history_pane_chosen(self, event: HistoryPane.Chosen) -> None:
        """From the column beside the chat."""
        if event.conversation_id is None:
            self.desk.new_conversation()
        else:
            self.desk.choose_conversation(event.conversation_id)
        self.back_from_dialog()

    def action_search(self) -> None:
        """In everything that was said; then to what was found."""
        from aichat_tui.screens.search import Search  # noqa: PLC0415

        def go(found: tuple[int, int] | None) -> None:
            if found is not None:
                self.seeker.go(*found)
            self.back_from_dialog()
            if found is not None:
                self.transcript.focus()

        self.app.push_screen(Search(self.desk), go)

    def back_from_dialog(self) -> None:
        """Draw what the dialog changed, and go on writing."""
        self.desk_changed(set())
        self.composer.focus()

    def action_personas(self) -> None:
        """Go to the personas; from there, hide them."""
        if self.focused is self.personas:
            self._hidden = True
            self.composer.focus()
        else:
            self._hidden = False
            self.query_one("#sidebar").display = True
            self.personas.focus()
        self._show_sidebar()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The hairline of the place in use has the accent."""
        self.query_one("#title").set_class(self.focused is self.transcript, "reading")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A drawer closes when one leaves it."""
        if self.has_class("narrow"):
            self.call_later(self._show_sidebar)

    def action_to_end(self) -> None:
        """To the newest message."""
        self.transcript.to_end()

    def on_option_list_option_selected(self, event: PersonaList.OptionSelected) -> None:
        """Speak with this persona."""
        self.desk.choose_persona(event.option.id or "")
        self.desk_changed(set())
        self.composer.focus()
