"""How the connection stands, where it matters: a thin line while it is lost, a page when nothing is here yet."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QTimer, QUrl
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from aichat.protocol.session import State
from aichat_qt.empty_state import Centred
from aichat_qt.icons import button, pixmap
from aichat_qt.labels import label
from aichat_qt.login_form import LoginForm
from aichat_qt.model import Model
from aichat_qt.theme import META_PX, TITLE_PX, L, S, sized, theme
from aichat_qt.words import one_line

PATIENCE_MS = 700
"""A connection that is made faster than this is not worth a word."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def _retry_words(model: Model) -> str:
    left = model.link.seconds_left
    return _tr("reconnecting in {0} s").format(left) if left else _tr("connecting…")


class OfflineLine(QWidget):
    """A thin line above the messages."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = label(self, "", px=META_PX)
        self._now = button(self.tr("Try now"), "link", self)
        self._now.clicked.connect(model.connect_now)
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
        self._words.setText(self.tr("No connection, {0}").format(_retry_words(model)))
        self._now.setVisible(bool(model.link.seconds_left))
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().colour("sunken"))
        painter.end()


class ConnectionPage(Centred):
    """Stands in place of the chat until a server answered, and asks who one is when it refuses."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.is_trying = False
        """Whether what was typed here is on its way: the page stays."""
        self._sign = label(self.column, "")
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title, self._lead, self._retry_words = (label(self.column, role) for role in ("title", "lead", "muted"))
        for words in (self._title, self._lead, self._retry_words):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.setWordWrap(True)
            self.content.addWidget(words)
        self.content.insertWidget(0, self._sign)
        self._title.setFont(sized(self.font(), TITLE_PX, bold=True))
        self.form = LoginForm(self.column)
        self.form.login_given.connect(self._log_in)
        self.form.token_given.connect(self._use_token)
        self.connect_button = button(self.tr("Try now"), "", self.column)
        self.connect_button.clicked.connect(model.connect_now)
        self._space = QWidget(self.column)
        self._space.setFixedHeight(S)
        self.content.addWidget(self._space)
        self.content.addWidget(self.form, 0, Qt.AlignmentFlag.AlignHCenter)
        self.content.addWidget(self.connect_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._quiet = True
        QTimer.singleShot(PATIENCE_MS, self, self._speak)
        model.link_changed.connect(self._refresh)
        model.user_changed.connect(self.form.forget)
        theme().changed.connect(self._refresh)
        self._refresh()

    @property
    def words(self) -> str:
        return " ".join(
            one.text() for one in (self._title, self._lead, self.form.error, self._retry_words) if not one.isHidden()
        )

    def _speak(self) -> None:
        self._quiet = False
        self._refresh()

    def _refresh(self) -> None:
        model, link = self._model, self._model.link
        address = one_line(QUrl(link.address.url).authority())
        refused = model.state is State.REFUSED and not link.connecting
        waits = bool(link.seconds_left)
        if self.is_trying and (refused or waits or model.state is State.LIVE):
            self.is_trying = False
            self.form.answered(one_line(model.session.refusal) if refused else "")
        asks = refused or self.is_trying
        if asks:
            sign, title, lead = "person", self.tr("Log in"), self._lead_of_login(address)
        elif waits or link.trouble:
            sign, title = "plug", self.tr("No connection to the server")
            lead = self.tr('Nothing answers at {0}. On this machine, "twist aichat" starts a server.').format(address)
        else:
            sign, title = "plug", self.tr("Connecting…")
            lead = address
        self._sign.setPixmap(pixmap(sign, theme().tokens.muted, 40, self.devicePixelRatioF()))
        self._title.setText(title)
        self._lead.setText(lead)
        self._retry_words.setText("" if asks else _retry_words(model) if waits or link.trouble else "")
        self._retry_words.setVisible(bool(self._retry_words.text()))
        self.form.setVisible(asks)
        self.connect_button.setVisible(self._can_connect(asks=asks, waits=waits))
        self.connect_button.setText(self.tr("Try now") if waits else self.tr("Connect without a login"))
        self.column.setVisible(not self._quiet or asks or waits)
        if refused and self.isVisible():
            self.form.focus_first()

    def _lead_of_login(self, address: str) -> str:
        """Where one logs in; and what the server says, unless that is about what was typed and stands there."""
        reason = "" if self.form.error.text() else one_line(self._model.session.refusal)
        return f"{address}\n{reason}" if reason else address

    def _can_connect(self, *, asks: bool, waits: bool) -> bool:
        """Without a connection: now. Who logged out on the server's own machine: as whoever is there."""
        logged_out = asks and not self.is_trying and not self._model.session.refusal and not self.form.error.text()
        return (waits and not asks) or (logged_out and self._model.link.address.is_local)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self.form.isHidden():
            self.form.focus_first()

    def _log_in(self, name: str, password: str) -> None:
        self._try()
        self._model.link.log_in(name, password)

    def _use_token(self, token: str) -> None:
        self._try()
        self._model.link.use_token(token)

    def _try(self) -> None:
        self.is_trying = True
        self.form.wait()
