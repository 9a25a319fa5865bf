"""What one does with single messages, and with the words that are meant for one."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aichat.protocol.values import AI, Message
from aichat_tui.desk import Desk
from aichat_tui.i18n import _
from aichat_tui.screens.base import DeskScreen
from aichat_tui.text import label
from aichat_tui.widgets.composer import Composer
from aichat_tui.widgets.transcript import Transcript


class Purpose(NamedTuple):
    """What the next words are: the new text of a message (`edit`), or what is said below it (`branch`)."""

    kind: Literal["edit", "branch"]
    message_id: int
    excerpt: str

    @property
    def words(self) -> str:
        """For the line above the composer."""
        words = _("Editing: {text} · Esc leaves it") if self.kind == "edit" else _("New branch after: {text} · Esc")
        return words.format(text=label(self.excerpt[:60]))


class MessageVerbs(DeskScreen):
    """The part of the main screen that deals with messages."""

    composer: Composer
    transcript: Transcript
    purpose: Purpose | None = None

    def say(self, words: str) -> None:
        """A word that goes away by itself."""

    def on_picking_asked(self, event: Transcript.Asked) -> None:
        """Do it, or say why not."""
        message = event.row.message
        if message is None:
            return
        if self.desk.closed_by and event.deed not in ("before", "after", "delete"):
            return  # the line above the composer says why
        if event.deed in ("edit", "anew", "branch") and self.desk.running is not None:
            self.say(_("The answer is still being written. Esc stops it."))
            return
        match event.deed:
            case "edit":
                self._mean(Purpose("edit", message.id, message.content), message.content)
            case "branch" if message.sender_type == AI:
                self._mean(Purpose("branch", message.id, message.content), "")
            case "anew" if message.sender_type == AI:
                self.desk.regenerate(message.id)
            case "quote":
                self._quote(message.content)
            case "before" | "after":
                self._version(message, -1 if event.deed == "before" else 1)
            case "delete":
                self._delete(message)

    def on_picking_copy_asked(self, event: Transcript.CopyAsked) -> None:
        """To the clipboard, as it was written."""
        self.app.copy_to_clipboard(event.text)
        self.say(
            _("Code block {n} is copied.").format(n=event.number) if event.number else _("The message is copied.")
        )

    def _mean(self, purpose: Purpose, text: str) -> None:
        self.purpose = purpose
        self.composer.text = text
        self.composer.move_cursor(self.composer.document.end)
        self.composer.focus()
        self.say("")  # the line says what the words are for

    def _quote(self, text: str) -> None:
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))
        before = self.composer.text.rstrip("\n")
        self.composer.text = f"{before}\n\n{quoted}\n\n" if before else f"{quoted}\n\n"
        self.composer.move_cursor(self.composer.document.end)
        self.composer.focus()

    def _version(self, message: Message, step: int) -> None:
        known = self.desk.siblings(message.id)
        at = known.index(message.id) + step
        if 0 <= at < len(known):
            self.desk.select_branch(known[at])
            self.transcript.pick(known[at])

    def _delete(self, message: Message) -> None:
        from aichat_tui.screens.question import Question  # noqa: PLC0415

        one = len(self.desk.siblings(message.id)) == 1
        detail = (
            _("This message and everything below it will be gone for good.")
            if one
            else _("This version, and everything below it, will be gone for good.")
        )

        def delete(yes: bool | None) -> None:
            if yes:
                self.desk.delete_message(message.id)

        self.app.push_screen(Question(_("Delete this message?"), detail, _("Delete")), delete)

    def leave_purpose(self) -> bool:
        """The next words are simply the next ones -> whether they were not."""
        had, self.purpose = self.purpose, None
        if had is not None:
            self.composer.text = ""
            self.say("")
        return had is not None

    def spend(self, text: str) -> bool:
        """Send words to where they are meant -> False if they are simply the next ones."""
        purpose, self.purpose = self.purpose, None
        if purpose is None:
            return False
        if purpose.kind == "edit":
            self.desk.edit(purpose.message_id, text)
        else:
            self.desk.say_below(purpose.message_id, text)
        return True

    def on_composer_scroll_asked(self, event: Composer.ScrollAsked) -> None:
        """The conversation scrolls while one writes."""
        getattr(self.transcript, f"action_{event.action}")()

    def on_transcript_reached_top(self, event: Transcript.ReachedTop) -> None:
        """The next older page."""
        self.desk.load_older()


def model_of(desk: Desk) -> str:
    """The model of the newest answer, else the persona's own."""
    newest = next((m.model for m in reversed(desk.messages) if m.model), "")
    return label(newest or (desk.persona.model if desk.persona else ""))
