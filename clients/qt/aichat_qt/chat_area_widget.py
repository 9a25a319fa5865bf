"""The right side: who one talks to, the conversation's bar, the messages, the composer."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from aichat_qt.avatar import AvatarWidget
from aichat_qt.composer_bar import ComposerBar, Purpose
from aichat_qt.connection_widget import ConnectionPage, OfflineLine
from aichat_qt.conversation_history_widget import ConversationHistoryWidget
from aichat_qt.empty_state import NoPersona, PersonaWelcome, is_first_contact
from aichat_qt.icons import IconButton
from aichat_qt.labels import ElidedLabel, label
from aichat_qt.message_display_widget import MessageDisplayWidget
from aichat_qt.message_input_widget import MessageInputWidget
from aichat_qt.model import Model
from aichat_qt.theme import HIT, META_PX, RADIUS_CONTROL, XL, L, M, S, theme
from aichat_qt.undo_bar import UndoBar
from aichat_qt.words import one_line

HEADER = 56
NOTICE_MS = 6000


class ChatHeader(QWidget):
    """Avatar, name and model of the persona; the conversation's bar stands to its right."""

    def __init__(self, model: Model, area: QWidget) -> None:
        super().__init__(area)
        self._model = model
        self.drawer = IconButton("menu", self.tr("Personas"), self)
        self.drawer.hide()
        self._avatar = AvatarWidget(HIT, self)
        self._name = ElidedLabel(self, "name", px=15, bold=True)
        self._model_name = ElidedLabel(self, "muted", px=META_PX)
        self.history = ConversationHistoryWidget(model, area)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch()
        words.addWidget(self._name)
        words.addWidget(self._model_name)
        words.addStretch()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, 0, M, 1)
        layout.setSpacing(M)
        layout.addWidget(self.drawer)
        layout.addWidget(self._avatar)
        layout.addLayout(words, 2)
        layout.addWidget(self.history, 3)
        self.setFixedHeight(HEADER)
        model.selected.connect(self._refresh)
        model.personas_changed.connect(self._refresh)
        model.messages_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        persona = self._model.persona
        self._avatar.setVisible(persona is not None)
        self._name.setText(one_line(persona.name) if persona else "")
        used = next((m.model for m in reversed(self._model.messages()) if m.model), "")
        words = one_line((persona.model if persona else "") or used)
        self._model_name.setText(words)
        self._model_name.setVisible(bool(words))
        if persona is not None:
            self._avatar.show_persona(persona)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme().colour("line"))
        painter.end()


class ChatAreaWidget(QWidget):
    """Shows the one of its pages that fits, and carries words between the composer and the model."""

    create_requested = Signal()

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._place = (model.server, model.persona_id, model.conversation_id)
        self.header = ChatHeader(model, self)
        self.history = self.header.history
        self.offline = OfflineLine(model, self)
        self.display = MessageDisplayWidget(model, self)
        self.welcome = PersonaWelcome(model, self)
        self.no_persona = NoPersona(self)
        self.connection = ConnectionPage(model, self)
        self.pages = QStackedWidget(self)
        for page in (self.connection, self.no_persona, self.welcome, self.display):
            self.pages.addWidget(page)
        self.bar = ComposerBar(self)
        self._edits: dict[str, tuple[Purpose, str]] = {}  # on their way
        self.input = MessageInputWidget(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.offline)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.input)
        self._notice = label(self, "notice")
        self._notice.setWordWrap(True)
        self._notice.setObjectName("notice")
        self._notice.hide()
        self._notice_off = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._notice_off.timeout.connect(self._notice.hide)
        self.input.composer.textChanged.connect(self._keep_draft)
        self.input.submitted.connect(self._submit)
        self.input.stop_requested.connect(model.stop)
        self.welcome.asked.connect(self._ask)
        self.no_persona.create_requested.connect(self.create_requested)
        self.display.edit_requested.connect(self._edit)
        self.display.quoted.connect(self.quote)
        self.display.purposed.connect(self.begin)
        self.bar.left.connect(self.leave_purpose)
        self.history.seek.clicked.connect(self.find_words)
        self.undo = UndoBar(self, lambda: self.input.y() if self.input.isVisible() else self.height())
        self.history.undoable.connect(self.undo.offer)
        self.history.found.connect(self._show_found)
        self._listen(model)
        self._write_draft()
        self._refresh()

    def _listen(self, model: Model) -> None:
        model.selected.connect(self._moved)
        model.personas_changed.connect(self._refresh)
        model.messages_changed.connect(self._refresh)
        model.link_changed.connect(self._refresh)
        model.noticed.connect(self.notice)
        model.user_changed.connect(self._forget)
        model.kept.connect(self._tell_kept)
        model.server_changed.connect(self._notice.hide)
        model.server_changed.connect(self.undo.hide)  # its way back leads to the other server
        model.acknowledged.connect(lambda request_id, _ack: self._edits.pop(request_id, None))
        model.refused.connect(self._take_back)
        theme().changed.connect(self.update)

    def notice(self, words: str, ms: int = NOTICE_MS) -> None:
        """Words that belong to no place: they float above the composer for a while."""
        t = theme().tokens
        self._notice.setStyleSheet(
            f"#notice {{ background: {t.text}; color: {t.surface}; border-radius: {RADIUS_CONTROL}px;"
            " padding: 8px 12px; }"
        )
        self._notice.setText(one_line(words))
        self._notice.setAccessibleName(one_line(words))
        self._place_notice()
        self._notice.show()
        self._notice.raise_()
        self._notice_off.start(ms)

    @property
    def notice_words(self) -> str:
        """What floats above the composer now."""
        return "" if self._notice.isHidden() else self._notice.text()

    def escape(self) -> bool:
        """Esc: closes what is open, else stops the answer."""
        if self.history.panel.isVisible():
            self.history.close_panel()
            return True
        if self.display.finder.bar.isVisible():
            self.display.finder.bar.leave()
            return True
        return self.leave_purpose() or self._model.stop()

    def begin(self, purpose: Purpose) -> None:
        """The next words are the new text of a message, or begin a branch below one."""
        self.leave_purpose()
        self.bar.show_purpose(purpose)
        if purpose.kind == "edit":
            self.input.set_text(purpose.excerpt)
        self.input.composer.setFocus()

    def leave_purpose(self) -> bool:
        """The next words are simply the next ones again; False if they were."""
        purpose = self.bar.purpose
        self.bar.show_purpose(None)
        if purpose is not None and purpose.kind == "edit":
            self._write_draft()
        return purpose is not None

    def _keep_draft(self) -> None:
        """What is being typed stays with its conversation; the text of a message that is edited does not."""
        if not self.bar.is_edit:
            self._model.set_draft(self.input.text())

    def _take_back(self, request_id: str, _failure: object) -> None:
        """An edit was refused: its words are not lost."""
        if request_id in self._edits:
            purpose, text = self._edits.pop(request_id)
            self.begin(purpose)
            self.input.set_text(text)

    def find_words(self) -> None:
        """Search inside the conversation."""
        if self.pages.currentWidget() is self.display:
            self.display.finder.open()

    def _show_found(self, words: str) -> None:
        self.display.finder.bar.open(words)
        self.display.finder.bar.place(self.display.width())

    def quote(self, words: str) -> None:
        """Answer to words: they stand in the composer, with room below."""
        kept = self.input.text().strip()
        self.input.set_text(f"{kept}\n\n{words}\n\n" if kept else f"{words}\n\n")
        self.input.composer.setFocus()

    def new_conversation(self) -> None:
        if self._model.persona is not None:
            self.history.panel.hide()
            self._model.select_conversation(None)
            self.input.composer.setFocus()

    def _tell_kept(self, done: bool) -> None:
        if done:
            return
        self.notice(
            self.tr(
                "No keyring was found here, so this login holds until the app closes. To stay logged in, start it"
                " with --token-file or AICHAT_TOKEN."
            ),
            ms=2 * NOTICE_MS,
        )

    def _forget(self) -> None:
        """Another user: what the last one typed is not theirs."""
        self._write_draft()
        self._notice.hide()
        self.undo.hide()

    def _write_draft(self) -> None:
        """What was typed here, and not sent, comes back."""
        if self.input.text() != self._model.draft():
            self.input.set_text(self._model.draft())

    def _submit(self, text: str) -> None:
        if self._model.persona is None:
            return
        purpose = self.bar.purpose
        self.leave_purpose()
        if purpose is None:
            self._model.post(text)
        elif purpose.kind == "branch":
            self._model.post_below(purpose.message_id, text)
        elif text != purpose.excerpt:
            self._edits[self._model.edit(purpose.message_id, text)] = purpose, text
        if purpose is None or purpose.kind == "branch":
            self.input.set_text("")

    def _ask(self, question: str) -> None:
        if self._model.persona is not None:
            self._model.post(question)
            self.input.composer.setFocus()

    def _edit(self, request_id: str) -> None:
        words = self._model.discard(request_id)
        kept = self.input.text().strip()
        self.input.set_text(f"{words}\n{kept}" if kept else words)
        self.input.composer.setFocus()

    def _moved(self) -> None:
        """Another conversation: its unsent words come back, this one's stay with it."""
        place = (self._model.server, self._model.persona_id, self._model.conversation_id)
        if place != self._place:
            self.bar.show_purpose(None)
            got_number = place[:2] == self._place[:2] and self._place[2] is None and self._model.drafts()
            self._place = place
            if got_number:
                self._model.carry_draft()
            self._write_draft()
        self.history.panel.hide()
        self._refresh()

    def _refresh(self) -> None:
        model = self._model
        persona = model.persona
        if is_first_contact(model) or self.connection.is_trying:
            page: QWidget = self.connection
        elif persona is None:
            page = self.no_persona
        elif model.is_loaded() and not model.messages() and not model.drafts():
            page = self.welcome
        else:
            page = self.display
        self.pages.setCurrentWidget(page)
        talks = page in {self.welcome, self.display}
        appears = talks and self.input.isHidden()
        self.input.setVisible(talks)
        if appears and not self._model.link.seconds_left:
            self.input.composer.setFocus()
        self.history.seek.setEnabled(page is self.display)
        self.header.setVisible(talks or not self.header.drawer.isHidden())
        self.input.set_running(model.running() is not None)
        if persona is not None:
            closed = self.tr("{0} no longer shares this persona; you can read on.").format(one_line(persona.owner))
            words = self.tr("Message {0}").format(one_line(persona.name))
            self.input.set_placeholder(words if model.can_chat else closed)
            self.input.set_closed(not model.can_chat)
        QTimer.singleShot(0, self, self._place_notice)

    def _place_notice(self) -> None:
        words = QFontMetrics(self._notice.font()).horizontalAdvance(self._notice.text()) + 2 * M + 2
        width = max(0, min(480, words, self.width() - 2 * XL))
        self._notice.setFixedWidth(width)
        height = max(HIT, self._notice.heightForWidth(width))
        self._notice.setFixedHeight(height)
        bottom = self.input.y() if self.input.isVisible() else self.height()
        self._notice.move((self.width() - width) // 2, bottom - height - S)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_notice()
        self.undo.place()
        self.history.panel.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().colour("surface"))
        painter.end()
