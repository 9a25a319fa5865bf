"""The main screen: personas at the left, the conversation at the right, writing below it."""

from __future__ import annotations

import time

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat.protocol.timeline import Change
from aichat_tui import clock
from aichat_tui.desk import Desk
from aichat_tui.link import Link
from aichat_tui.rows import row, rows
from aichat_tui.screens.base import DeskScreen
from aichat_tui.text import label
from aichat_tui.theme import PALETTES
from aichat_tui.widgets.composer import Composer
from aichat_tui.widgets.lines import KeyBar, Notice, Title
from aichat_tui.widgets.personas import Entry, PersonaList
from aichat_tui.widgets.transcript import Transcript
from aichat_tui.words import _, plural

DRAWER_BELOW = 72
"""Columns: below this the personas are a drawer over the conversation."""


class MainScreen(DeskScreen):
    """Where one chats."""

    BINDINGS = [
        Binding("escape", "stop", _("Stop")),
        Binding("ctrl+r", "retry", _("Again"), priority=True),
        Binding("ctrl+x", "take_back", _("Take back"), priority=True),
        Binding("ctrl+n", "conversation_new", _("New"), priority=True),
        Binding("ctrl+o", "conversations", _("History"), priority=True),
        Binding("ctrl+b", "personas", _("Personas"), priority=True),
        Binding("escape", "back", _("Back"), show=False),
        Binding("alt+up", "persona_step(-1)", _("Persona above"), show=False, priority=True),
        Binding("alt+down", "persona_step(1)", _("Persona below"), show=False, priority=True),
        Binding("ctrl+end", "to_end", _("Newest"), show=False, priority=True),
        Binding("question_mark", "app.help", _("Help"), show=False),
    ]

    def __init__(self, desk: Desk, link: Link, server: str) -> None:
        super().__init__(desk)
        self.link = link
        self._server = server
        self._place: tuple[str, int | None] = ("", None)
        self._picked = 0
        self._hidden = False
        self._note = ""
        self._clock = self.set_interval(1, self._tick, pause=True)

    def compose(self) -> ComposeResult:
        """The places, in the order of all our clients."""
        with Horizontal(id="places"):
            with Vertical(id="sidebar"):
                yield Static(_("Personas"), id="sidebar-title", markup=False)
                yield PersonaList(id="personas")
            with Vertical(id="conversation"):
                yield Title(id="title")
                yield Transcript(id="transcript")
                yield Static(id="welcome", markup=False)
                yield Notice(id="notice")
                with Horizontal(id="composer-row"):
                    yield Static("›", id="prompt", markup=False)
                    yield Composer(id="composer")
        yield KeyBar()

    def on_mount(self) -> None:
        """Writing comes first."""
        self.transcript = self.query_one("#transcript", Transcript)
        self.composer = self.query_one("#composer", Composer)
        self.notice = self.query_one("#notice", Notice)
        self.personas = self.query_one("#personas", PersonaList)
        self.notice.display = False
        self.recolour()
        self.composer.focus()
        self._show_all()

    def recolour(self) -> None:
        """The theme is another one."""
        self.transcript.use(PALETTES[self.app.theme])
        self._show_personas()

    def on_resize(self, event: events.Resize) -> None:
        """Narrow: the personas become a drawer."""
        self.set_class(event.size.width < DRAWER_BELOW, "narrow")
        self.set_class(event.size.width >= 110, "wide")
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
        if not began:
            self.desk.drafts[self._place] = self.composer.text
            self.composer.text = self.desk.drafts.pop(place, "")
            self.composer.move_cursor(self.composer.document.end)
            self._picked = 0
            self._note = ""
        self._place = place
        self._show_all(anew=not began)

    def _show_all(self, *, anew: bool = False) -> None:
        desk = self.desk
        persona, conversation = desk.persona, desk.conversation
        shown = rows(desk, self._picked)
        self.transcript.show(shown, persona.name if persona else "", anew=anew)
        self.composer.starters = sum(1 for one in shown if one.kind == "starter")
        title = label(conversation.title) if conversation else (_("new conversation") if persona else "")
        self.query_one("#title", Title).show(label(persona.name) if persona else "", title, _model(desk))
        self._show_personas()
        self._show_state()
        self._show_welcome()
        self.refresh_bindings()

    def _show_live(self, changes: set[Change]) -> None:
        running = self.desk.running
        if running is not None and any(change.key == running.id for change in changes):
            last = not self.desk.said()
            self.transcript.update_row(row(running, last=last))

    def _show_personas(self) -> None:
        entries = []
        for persona in self.desk.personas:
            newest = next(iter(self.desk.timeline.conversations_with(persona.id)), None)
            about = label(newest.title) if newest else _("nothing said yet")
            time = clock.when(newest.update_time or newest.create_time) if newest else ""
            entries.append(Entry(persona.id, label(persona.name), about, time, self.desk.has_unread(persona.id)))
        self.personas.show(entries, self.desk.persona_id, PALETTES[self.app.theme])

    def _show_welcome(self) -> None:
        """What to do when there is nobody to speak with."""
        welcome = self.query_one("#welcome", Static)
        session = self.desk.session
        if self.desk.persona is not None:
            words = ""
        elif self.desk.timeline.personas_known:
            words = _("No personas yet.\n\nCtrl+B, then n, makes the first one.")
        elif session.state is State.REFUSED:
            words = _("The server at {server} does not know this token.").format(server=self._server)
            words += "\n\n" + _("Name the right one with --token-file or AICHAT_TOKEN, or press Ctrl+R to try again.")
        elif session.state is State.OFFLINE and self.link.retry_at is not None:
            words = _("Nobody answers at {server}.").format(server=self._server)
            words += "\n\n" + _("Is the server running? `twist aichat` starts it here; --url names another.")
        else:
            words = _("Connecting to {server} …").format(server=self._server)
        welcome.update(words)
        welcome.display = bool(words)
        self.transcript.display = not words

    def _show_state(self) -> None:
        """The thin line above the composer, and the word in the key bar."""
        session = self.desk.session
        bar = self.query_one(KeyBar)
        refused = self.desk.refused
        offline = session.state is State.OFFLINE and self.link.retry_at is not None
        self._clock.resume() if offline else self._clock.pause()
        bar.status(_("live") if session.state is State.LIVE else _("offline"), fine=session.state is State.LIVE)
        if session.state is State.REFUSED:
            reason = label(session.refusal) or _("the token is not valid")
            self.notice.show(_("refused: {reason} · Ctrl+R tries again").format(reason=reason), "danger")
        elif offline:
            left = max(0, round((self.link.retry_at or 0) - time.monotonic()))
            words = _("offline — reconnecting in {n} s").format(n=left)
            waiting = len([p for p in session.outbox.values() if p.failure is None])
            if waiting:
                words += " · " + plural("{n} message waits here", "{n} messages wait here", waiting)
            self.notice.show(words + " · " + _("Ctrl+R now"))
        elif session.state is not State.LIVE:
            self.notice.show(_("connecting …") if self._place[0] else "", "muted")
        elif refused is not None and not isinstance(refused[1].command, frames.Chat):
            failure = refused[1].failure
            reason = label(failure.message) if failure else ""
            self.notice.show(_("refused: {reason} · Ctrl+R again · Ctrl+X never mind").format(reason=reason), "danger")
        else:
            self.notice.show(self._note, "muted")

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
                text = self.desk.persona.starters[self._picked - 1]
            else:
                return
        if self.desk.persona is None:
            self.say(_("There is nobody to speak with yet."))
        elif self.desk.running is not None:
            self.say(_("The answer is still being written. Esc stops it."))
        elif self.desk.waiting:
            self.say(_("Your last message is still on its way."))
        else:
            self.composer.text = ""
            self._note, self._picked = "", 0
            self.desk.say(text)
            self._show_all()
            self.transcript.to_end()

    def on_composer_starter_picked(self, event: Composer.StarterPicked) -> None:
        """A number writes the starter; the arrows move a cursor among them."""
        persona = self.desk.persona
        if persona is None or not self.composer.starters:
            return
        if event.number:
            self.composer.text = persona.starters[event.number - 1]
            self.composer.move_cursor(self.composer.document.end)
            self._picked = 0
        else:
            self._picked = max(0, min(self.composer.starters, self._picked + event.step))
        self._show_all()

    def on_composer_scroll_asked(self, event: Composer.ScrollAsked) -> None:
        """The conversation scrolls while one writes."""
        getattr(self.transcript, f"action_{event.action}")()

    def on_transcript_reached_top(self, event: Transcript.ReachedTop) -> None:
        """The next older page."""
        self.desk.load_older()

    def on_transcript_copy_asked(self, event: Transcript.CopyAsked) -> None:
        """To the clipboard, as it was written."""
        self.app.copy_to_clipboard(event.text)
        self.say(_("The answer is copied."))

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key bar shows what can be done now."""
        match action:
            case "stop":
                offline = self.desk.session.state is not State.LIVE
                return self.desk.running is not None or (offline and self.desk.waiting)
            case "retry":
                return self._can_retry()
            case "take_back":
                return self.desk.refused is not None
            case "conversation_new" | "conversations":
                return self.desk.persona is not None
        return True

    def _can_retry(self) -> bool:
        if self.desk.session.state is not State.LIVE:
            return self.link.retry_at is not None or self.desk.session.state is State.REFUSED
        return self.desk.refused is not None or (self.desk.broken is not None and not self.desk.waiting)

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
        """Back to writing."""
        self.composer.focus()

    def action_retry(self) -> None:
        """Whatever stands in the way: once more."""
        if self.desk.session.state is not State.LIVE:
            self.link.retry_now()
        elif self.desk.refused is not None:
            self.desk.retry(self.desk.refused[0])
        elif self.desk.broken is not None:
            self.desk.regenerate()
        self._show_all()

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
        """The conversations with this persona."""
        from aichat_tui.screens.conversations import Conversations  # noqa: PLC0415 - the first screen comes sooner

        self.app.push_screen(Conversations(self.desk), lambda _result: self._back_from_dialog())

    def _back_from_dialog(self) -> None:
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

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A drawer closes when one leaves it."""
        if self.has_class("narrow"):
            self.call_later(self._show_sidebar)

    def action_to_end(self) -> None:
        """To the newest message."""
        self.transcript.to_end()

    def action_persona_step(self, step: int) -> None:
        """To the persona above or below."""
        ids = [persona.id for persona in self.desk.personas]
        if self.desk.persona_id in ids:
            at = ids.index(self.desk.persona_id) + step
            if 0 <= at < len(ids):
                self.desk.choose_persona(ids[at])
                self.desk_changed(set())

    def on_option_list_option_selected(self, event: PersonaList.OptionSelected) -> None:
        """Speak with this persona."""
        self.desk.choose_persona(event.option.id or "")
        self.desk_changed(set())
        self.composer.focus()

    def action_persona_new(self) -> None:
        """A form for a new persona; then speak with it."""
        self._persona_form(None)

    def action_persona_edit(self) -> None:
        """A form for the persona under the cursor."""
        persona = self.desk.timeline.personas.get(self.personas.highlighted_id)
        if persona is not None:
            self._persona_form(persona.id)

    def _persona_form(self, persona_id: str | None) -> None:
        from aichat_tui.screens.persona import PersonaForm  # noqa: PLC0415

        def saved(result: str | None) -> None:
            if result and persona_id is None:
                self.desk.choose_persona(result)
            self._back_from_dialog()

        persona = self.desk.timeline.personas.get(persona_id) if persona_id else None
        self.app.push_screen(PersonaForm(self.desk, persona), saved)

    def action_persona_delete(self) -> None:
        """Ask, then delete the persona under the cursor."""
        from aichat_tui.screens.question import Question  # noqa: PLC0415

        persona = self.desk.timeline.personas.get(self.personas.highlighted_id)
        if persona is None:
            return

        def delete(yes: bool | None) -> None:
            if yes:
                self.desk.request(frames.PersonaDelete(persona_id=persona.id))

        count = len(self.desk.timeline.conversations_with(persona.id))
        detail = plural("{n} conversation goes with it.", "{n} conversations go with it.", count)
        question = _("Delete {name}?").format(name=label(persona.name))
        self.app.push_screen(Question(question, detail + " " + _("This cannot be undone."), _("Delete")), delete)


def _model(desk: Desk) -> str:
    """The model of the newest answer, else the persona's own."""
    newest = next((m.model for m in reversed(desk.messages) if m.model), "")
    return label(newest or (desk.persona.model if desk.persona else ""))
