"""The test chat beside a persona that is being written."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from aichat.protocol.cards import fill_in
from aichat.protocol.values import AI, Content, PersonaConfig
from aichat_qt.answer_body import AnswerBody
from aichat_qt.dialogs import ask_open
from aichat_qt.icons import IconButton, button
from aichat_qt.labels import label
from aichat_qt.limits import limit_of
from aichat_qt.model import FLUSH_MS
from aichat_qt.theme import HIT, RADIUS_CARD, L, M, S, theme
from aichat_qt.trial import Trial
from aichat_qt.words import clean, one_line

BUBBLE_SHARE = 0.85
"""Of the width, for own words."""


class _Talk(QScrollArea):
    """The messages below each other, laid out by hand: an answer says how high it is for a width."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = QWidget()
        self.setWidget(self._room)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self._room.setAutoFillBackground(False)
        self.rows: list[QWidget] = []

    def own(self, words: str) -> None:
        bubble = label(self._room, "bubble", clean(words))
        bubble.setWordWrap(True)
        bubble.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._add(bubble)

    def answer(self, text: str, *, live: bool) -> AnswerBody:
        body = AnswerBody(self._room)
        body.link_clicked.connect(lambda address: ask_open(self.window(), address))
        body.show_text(text, live=live)
        self._add(body)
        return body

    def note(self, words: str, role: str) -> None:
        line = label(self._room, role, one_line(words))
        line.setWordWrap(True)
        self._add(line)

    def clear(self) -> None:
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = []

    def place(self) -> None:
        """Lay out, and show the end."""
        width = self.viewport().width()
        y = M
        for row in self.rows:
            if isinstance(row, AnswerBody):
                height = row.fit(width - 2 * L)
                row.setGeometry(L, y, width - 2 * L, height)
            elif row.property("role") == "bubble":
                most = round((width - 2 * L) * BUBBLE_SHARE)
                wide = min(most, row.sizeHint().width() if row.sizeHint().width() < most else most)
                height = row.heightForWidth(wide)
                row.setGeometry(width - L - wide, y, wide, height)
            else:
                height = row.heightForWidth(width - 2 * L)
                row.setGeometry(L, y, width - 2 * L, height)
            y += height + M
        self._room.resize(width, max(y, self.viewport().height()))
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def _add(self, row: QWidget) -> None:
        self.rows.append(row)
        row.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place()


class _Field(QLineEdit):
    """Enter sends what is typed here; in a dialog it would press the button that saves as well."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()


class TrialWidget(QWidget):
    """Shows a trial and has its field and buttons."""

    def __init__(self, trial: Trial, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.trial = trial
        self._greeting = self._starter = ""
        self._live: AnswerBody | None = None
        self._title = label(self, "name", self.tr("Try it out"))
        self._title.setMinimumHeight(HIT)
        self._again = IconButton("retry", self.tr("Answer the last message anew"), self)
        self._again.clicked.connect(trial.again)
        self._clear = IconButton("trash", self.tr("Begin anew"), self)
        self._clear.clicked.connect(trial.forget)
        self.talk = _Talk(self)
        self._hint = label(self, "muted")
        self._hint.setWordWrap(True)
        self._hint.setText(
            self.tr("Talk with the persona as it is written now. Nothing of this is saved or goes into the history.")
        )
        self._suggest = button("", "chip", self)
        self._suggest.clicked.connect(lambda: trial.say(self._starter))
        self.field = _Field(self)
        self.field.setPlaceholderText(self.tr("Say something to it"))
        self.field.setAccessibleName(self.tr("Message of the test chat"))
        self.field.setMaxLength(limit_of(Content))
        self.field.returnPressed.connect(self._send)
        self.send = IconButton("send", self.tr("Send"), self, colour="on_accent")
        self.send.setProperty("role", "send")
        self.send.clicked.connect(self._send_or_stop)
        self._lay_out()
        self._flush = QTimer(self, singleShot=True, interval=FLUSH_MS)
        self._flush.timeout.connect(self._show_live)
        trial.changed.connect(self._refresh)
        trial.grew.connect(lambda: self._flush.isActive() or self._flush.start())
        theme().changed.connect(self.update)
        self._refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(L, S, S, 0)
        head.setSpacing(0)
        head.addWidget(self._title, 1)
        head.addWidget(self._again)
        head.addWidget(self._clear)
        middle = QVBoxLayout()
        middle.setContentsMargins(L, 0, L, 0)
        middle.setSpacing(S)
        middle.addWidget(self._hint)
        middle.addWidget(self._suggest)
        foot = QHBoxLayout()
        foot.setContentsMargins(M, 0, M, M)
        foot.setSpacing(S)
        foot.addWidget(self.field, 1)
        foot.addWidget(self.send)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self.talk, 1)
        layout.addLayout(middle)
        layout.addLayout(foot)

    def show_persona(self, config: PersonaConfig) -> None:
        """What stands there before anything was said."""
        name = one_line(config.name)
        greeting = clean(fill_in(config.greeting, name, one_line(self.trial.user)))
        starter = one_line(config.starters[0]) if config.starters else ""
        if (greeting, starter) != (self._greeting, self._starter):
            self._greeting, self._starter = greeting, starter
            if not self.trial.messages:
                self._refresh()

    def texts(self) -> list[str]:
        """What was said, and the live answer."""
        said = [message.content for message in self.trial.messages]
        return [*said, self.trial.live] if self.trial.is_running else said

    def _send(self) -> None:
        words = self.field.text().strip()
        if words and self.trial.say(words):
            self.field.clear()

    def _send_or_stop(self) -> None:
        if self.trial.is_running:
            self.trial.stop()
        else:
            self._send()

    def _refresh(self) -> None:
        trial = self.trial
        self.talk.clear()
        self._live = None
        if self._greeting:
            self.talk.answer(self._greeting, live=False)
        for message in trial.messages:
            if message.sender_type == AI:
                self.talk.answer(message.content, live=False)
            else:
                self.talk.own(message.content)
        if trial.is_running:
            self._show_live()
            if not trial.live:
                self.talk.note(self.tr("writing…"), "muted")
        if trial.failure:
            self.talk.note(trial.failure, "danger")
        began = bool(trial.messages)
        self._hint.setVisible(not began)
        self._suggest.setVisible(not began and bool(self._starter))
        self._suggest.setText(self._starter.replace("&", "&&"))
        self._again.setVisible(began)
        self._again.setEnabled(not trial.is_running)
        self._clear.setVisible(began)
        self.send.show_icon("stop" if trial.is_running else "send", "on_accent")
        self.send.say(self.tr("Stop") if trial.is_running else self.tr("Send"))
        self.talk.place()

    def _show_live(self) -> None:
        text = self.trial.live
        if not self.trial.is_running or not text:
            return
        if self._live is None:
            if self.talk.rows and self.talk.rows[-1].property("role") == "muted":
                self.talk.rows.pop().deleteLater()
            self._live = self.talk.answer(text, live=True)
        else:
            self._live.show_text(text, live=True)
        self.talk.place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.talk.place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme().colour("line"))
        painter.setBrush(theme().colour("surface"))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), RADIUS_CARD, RADIUS_CARD)
        painter.end()
