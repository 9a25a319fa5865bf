"""What the server has not taken yet, wherever it was said: why, and the ways out."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from aichat.protocol import frames
from aichat.protocol.session import Pending, State
from aichat_qt.failures import said
from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.theme import XL, XS, L, M, S
from aichat_qt.words import clean, one_line

MOST = 300
"""Characters shown of each."""


class UnsentDialog(QDialog):
    """A list that keeps up with what happens meanwhile."""

    def __init__(self, model: Model, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.setWindowTitle(self.tr("Not sent yet"))
        self.setModal(True)
        self.resize(480, 400)
        self._lead = label(self, "lead")
        self._lead.setWordWrap(True)
        self._area = QScrollArea(self)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        done = button(self.tr("Done"), "primary", self)
        done.setDefault(True)
        done.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch()
        foot.addWidget(done)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, L)
        layout.setSpacing(M)
        layout.addWidget(label(self, "title", self.windowTitle()))
        layout.addWidget(self._lead)
        layout.addWidget(self._area, 1)
        layout.addLayout(foot)
        self._shown: list[tuple[str, object]] = []
        model.messages_changed.connect(self._refresh)
        model.link_changed.connect(self._refresh)
        self._refresh()

    @property
    def words(self) -> str:
        """All that is said here."""
        return "\n".join([self._lead.text(), *(one.text() for one in self._area.findChildren(QLabel))])

    def verbs(self, request_id: str) -> dict[str, QPushButton]:
        """What can be done about one command, by its words."""
        cards = self._area.findChildren(QWidget, request_id)
        return {verb.text(): verb for card in cards for verb in card.findChildren(QPushButton)}

    def _refresh(self) -> None:
        outbox = self._model.session.outbox
        live = self._model.state is State.LIVE
        if not outbox:
            self._lead.setText(self.tr("Everything is sent."))
        elif live:
            self._lead.setText(self.tr("The server did not take these."))
        else:
            self._lead.setText(self.tr("These go out, in this order, when the connection is back."))
        shown: list[tuple[str, object]] = [(key, one.failure) for key, one in outbox.items()]
        if shown == self._shown and self._area.widget() is not None:
            return
        self._shown = shown
        room = QWidget()
        column = QVBoxLayout(room)
        column.setContentsMargins(0, 0, S, 0)
        column.setSpacing(L)
        for pending in outbox.values():
            column.addWidget(self._card(pending, room))
        column.addStretch()
        self._area.setWidget(room)

    def _card(self, pending: Pending, room: QWidget) -> QWidget:
        request_id = pending.command.request_id
        card = QWidget(room)
        card.setObjectName(request_id)
        column = QVBoxLayout(card)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(XS)
        column.addWidget(label(card, "muted", self._about(pending.command)))
        content = pending.command.content if isinstance(pending.command, frames.Chat) else ""
        if content:
            words = label(card, "", clean(content[:MOST]) + ("…" if len(content) > MOST else ""))
            words.setWordWrap(True)
            column.addWidget(words)
        if pending.failure is not None:
            why = label(card, "danger", said(pending.failure.message, pending.failure.code))
            why.setWordWrap(True)
            column.addWidget(why)
        row = QHBoxLayout()
        row.setSpacing(S)
        row.setContentsMargins(-XS, 0, 0, 0)  # the words of the verbs stand below the others
        if self._is_lost(pending.command):
            self._verb(row, self.tr("Say it in a new conversation"), lambda: self._model.say_anew(request_id))
        elif pending.failure is not None:
            self._verb(row, self.tr("Send again"), lambda: self._model.retry(request_id))
        if content:
            self._verb(row, self.tr("Copy"), lambda: QGuiApplication.clipboard().setText(content))
        self._verb(row, self.tr("Discard"), lambda: self._model.discard(request_id))
        row.addStretch()
        column.addLayout(row)
        return card

    def _is_lost(self, command: frames.Command) -> bool:
        """Whether words are for a conversation that was deleted, with a persona that is there."""
        timeline = self._model.timeline
        return (
            isinstance(command, frames.Chat)
            and bool(command.conversation_id)
            and command.conversation_id not in timeline.conversations
            and command.persona_id in timeline.personas
        )

    def _verb(self, row: QHBoxLayout, words: str, call: object) -> None:
        made = button(words, "link", self)
        made.clicked.connect(call)
        row.addWidget(made)

    def _about(self, command: frames.Command) -> str:
        """What the command is, and where it belongs."""
        timeline = self._model.timeline
        match command:
            case frames.Chat():
                persona = timeline.personas.get(command.persona_id or "")
                conversation = timeline.conversations.get(command.conversation_id or 0)
                name = one_line(persona.name) if persona else self.tr("a persona that is gone")
                if command.conversation_id and conversation is None:
                    return self.tr("To {0}, in a conversation that is gone").format(name)
                if conversation is not None:
                    return self.tr("To {0}, in “{1}”").format(name, one_line(conversation.title))
                return self.tr("To {0}").format(name)
            case frames.PersonaCreate() | frames.PersonaUpdate():
                return self.tr("Changes of the persona {0}").format(one_line(str(command.persona_config.name)))
            case frames.ConversationRename():
                return self.tr("A conversation's new title: {0}").format(one_line(command.title))
            case frames.PersonaDelete() | frames.ConversationDelete():
                return self.tr("A deletion")
            case _:
                return self.tr("Another change")
