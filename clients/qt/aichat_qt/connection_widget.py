"""How the connection stands, where it matters: a thin line while it is lost, a page when nothing is here yet."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from aichat.protocol.session import State
from aichat_qt.empty_state import Centred
from aichat_qt.icons import button, pixmap
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.theme import META_PX, TITLE_PX, L, S, sized, theme
from aichat_qt.words import one_line

PATIENCE_MS = 700
"""A connection that is made faster than this is not worth a word."""


def _retry_words(widget: QWidget, model: Model) -> str:
    left = model.link.seconds_left
    return widget.tr("reconnecting in {0} s").format(left) if left else widget.tr("connecting…")


class OfflineLine(QWidget):
    """A thin line above the messages."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = label(self, "", px=META_PX)
        self._now = button(self.tr("Try now"), "link", self)
        self._now.clicked.connect(model.link.connect_now)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, 0, L, 0)
        layout.setSpacing(S)
        layout.addStretch()
        layout.addWidget(self._words)
        layout.addWidget(self._now)
        layout.addStretch()
        self.setFixedHeight(32)
        self._late = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._late.timeout.connect(self._refresh)
        model.link_changed.connect(self._refresh)
        self.hide()

    @property
    def words(self) -> str:
        return self._words.text()

    def _refresh(self) -> None:
        model = self._model
        lost = model.state in {State.OFFLINE, State.GREETING} and model.timeline.personas_known
        if not lost:
            self._late.stop()
            self.hide()
            return
        if self.isHidden() and not self._late.isActive() and not model.link.seconds_left:
            self._late.start()
            return
        self._words.setText(self.tr("No connection, {0}").format(_retry_words(self, model)))
        self._now.setVisible(bool(model.link.seconds_left))
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().colour("sunken"))
        painter.end()


class ConnectionPage(Centred):
    """Stands in place of the chat until a server answered, and when it refuses the token."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._sign = label(self.column, "")
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title, self._lead, self._retry_words = (label(self.column, role) for role in ("title", "lead", "muted"))
        for words in (self._title, self._lead, self._retry_words):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.setWordWrap(True)
            self.content.addWidget(words)
        self.content.insertWidget(0, self._sign)
        self._title.setFont(sized(self.font(), TITLE_PX, bold=True))
        self.token_field = QLineEdit(self.column)
        self.token_field.setEchoMode(QLineEdit.EchoMode.Password)
        self.token_field.setPlaceholderText(self.tr("Token"))
        self.token_field.setAccessibleName(self.tr("Token"))
        self.token_field.setMaxLength(200)
        self.token_field.returnPressed.connect(self._use_token)
        self._use = button(self.tr("Connect"), "primary", self.column)
        self._use.clicked.connect(self._use_token)
        self._form = QWidget(self.column)
        row = QHBoxLayout(self._form)
        row.setContentsMargins(0, L, 0, 0)
        row.setSpacing(S)
        row.addWidget(self.token_field, 1)
        row.addWidget(self._use)
        self._now = button(self.tr("Try now"), "", self.column)
        self._now.clicked.connect(model.link.connect_now)
        self.content.addWidget(self._form)
        self.content.addSpacing(S)
        self.content.addWidget(self._now, 0, Qt.AlignmentFlag.AlignHCenter)
        self._quiet = True
        QTimer.singleShot(PATIENCE_MS, self, self._speak)
        model.link_changed.connect(self._refresh)
        theme().changed.connect(self._refresh)
        self._refresh()

    @property
    def words(self) -> str:
        return f"{self._title.text()} {self._lead.text()} {self._retry_words.text()}"

    def _speak(self) -> None:
        self._quiet = False
        self._refresh()

    def _refresh(self) -> None:
        model, link = self._model, self._model.link
        address = one_line(QUrl(link.url).authority())
        refused = model.state is State.REFUSED
        waits = bool(link.seconds_left)
        if refused:
            sign, title = "alert", self.tr("The server refused the token")
            reason = one_line(model.session.refusal) or self.tr("A valid token is needed.")
            lead = self.tr(
                "{0} says: {1}\nPaste a token that is valid there. It is kept until the app closes and never becomes"
                " part of the address."
            ).format(address, reason)
        elif waits or link.trouble:
            sign, title = "plug", self.tr("No connection to the server")
            lead = self.tr('Nothing answers at {0}. On this machine, "twist aichat" starts a server.').format(address)
        else:
            sign, title = "plug", self.tr("Connecting…")
            lead = address
        self._sign.setPixmap(pixmap(sign, theme().tokens.muted, 40, self.devicePixelRatioF()))
        self._title.setText(title)
        self._lead.setText(lead)
        self._retry_words.setText("" if refused else _retry_words(self, model) if waits or link.trouble else "")
        self._retry_words.setVisible(bool(self._retry_words.text()))
        self._form.setVisible(refused)
        self._use.setEnabled(not link.connecting)
        self._now.setVisible(waits and not refused)
        self.column.setVisible(not self._quiet or refused or waits)
        if refused and self.isVisible() and not self.token_field.hasFocus() and not self.token_field.text():
            self.token_field.setFocus()

    def _use_token(self) -> None:
        token = self.token_field.text().strip()
        if token and token.isascii():
            self.token_field.clear()
            self._model.link.use_token(token)
