"""How the connection stands, where it matters: a thin line while it is lost, a page when nothing is here yet."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QTimer, QUrl
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from aichat.protocol.session import State
from aichat_qt.certificate import Doubt
from aichat_qt.certificate_card import CertificateCard, CertificateDialog
from aichat_qt.empty_state import Centred
from aichat_qt.failures import said
from aichat_qt.icons import button, pixmap
from aichat_qt.labels import label, set_role
from aichat_qt.login_form import LoginForm
from aichat_qt.model import Model
from aichat_qt.server_dialogs import add_server
from aichat_qt.theme import META_PX, TITLE_PX, L, S, sized, theme
from aichat_qt.words import one_line

PATIENCE_MS = 700
"""A connection that is made faster than this is not worth a word."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def _retry_words(model: Model) -> str:
    left = model.link.seconds_left
    return _tr("reconnecting in {0} s").format(left) if left else _tr("connecting…")


def address_of(model: Model) -> str:
    """Where the server is, for a person."""
    return one_line(QUrl(model.link.address.url).authority())


class OfflineLine(QWidget):
    """A thin line above the messages."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = label(self, "", px=META_PX)
        self._now = button(self.tr("Try now"), "link", self)
        self._now.clicked.connect(model.connect_now)
        self._look = button(self.tr("Look at it…"), "link", self)
        self._look.clicked.connect(self.ask)
        self._asked: Doubt | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, 0, L, 0)
        layout.setSpacing(S)
        layout.addStretch()
        layout.addWidget(self._words)
        layout.addWidget(self._now)
        layout.addWidget(self._look)
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
        waits = model.link.seconds_left or model.link.doubt
        if self.isHidden() and not self._late.isActive() and not waits:
            self._late.start()
            return
        doubt = model.link.doubt
        if doubt is None:
            self._words.setText(self.tr("No connection, {0}").format(_retry_words(model)))
        elif doubt.trusted_before:
            self._words.setText(self.tr("The server's certificate has changed. Not connected."))
        else:
            self._words.setText(self.tr("The server's certificate cannot be checked. Not connected."))
        set_role(self._words, "danger" if doubt else "")
        self._now.setVisible(bool(model.link.seconds_left))
        self._look.setVisible(doubt is not None)
        self.show()
        if doubt != self._asked:
            self._asked = doubt
            if doubt is not None and doubt.trusted_before:
                QTimer.singleShot(0, self, self.ask)  # loud, once

    def ask(self) -> None:
        """The question about the certificate."""
        doubt = self._model.link.doubt
        if doubt is not None:
            dialog = CertificateDialog(self._model, self.window(), doubt, address_of(self._model))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

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
        self.connect_button.clicked.connect(self._again)
        self._space = QWidget(self.column)
        self._space.setFixedHeight(S)
        self.content.addWidget(self._space)
        self.content.addWidget(self.form, 0, Qt.AlignmentFlag.AlignHCenter)
        self.content.addWidget(self.connect_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.card = CertificateCard(self.column)
        self.card.trusted.connect(model.trust)
        self.card.left.connect(self._leave_card)
        self.content.addWidget(self.card)
        self.other = button(self.tr("Another server…"), "link", self.column)
        self.other.clicked.connect(lambda: add_server(self.window(), model.servers))
        self.content.addSpacing(S)
        self.content.addWidget(self.other, 0, Qt.AlignmentFlag.AlignHCenter)
        self._doubt: Doubt | None = None
        self._left: Doubt | None = None
        self._quiet = True
        QTimer.singleShot(PATIENCE_MS, self, self._speak)
        model.link_changed.connect(self._refresh)
        model.user_changed.connect(self.form.forget)
        model.server_changed.connect(self._switched)
        theme().changed.connect(self._refresh)
        self._refresh()

    @property
    def words(self) -> str:
        return " ".join(
            one.text() for one in (self._title, self._lead, self.form.error, self._retry_words) if not one.isHidden()
        ) + ("" if self.card.isHidden() else self.card.words)

    def _speak(self) -> None:
        self._quiet = False
        self._refresh()

    def _refresh(self) -> None:
        model, link = self._model, self._model.link
        address = address_of(model)
        asks_trust = link.doubt is not None and link.doubt != self._left
        if link.doubt is not None and asks_trust and link.doubt != self._doubt:
            self.card.show_doubt(link.doubt, address)
        self._doubt = link.doubt
        refused = model.state is State.REFUSED and not link.connecting
        waits = bool(link.seconds_left)
        if self.is_trying and (refused or waits or model.state is State.LIVE or link.doubt is not None):
            self.is_trying = False
            self.form.answered(said(model.session.refusal) if refused else "")
        asks = refused or self.is_trying
        if asks:
            sign, title, lead = "person", self.tr("Log in"), self._lead_of_login(address)
        elif link.doubt is not None:
            sign, title = "plug", self.tr("Not connected")
            lead = self.tr("The certificate of {0} is not trusted.").format(address)
        elif waits or link.trouble:
            sign, title = "plug", self.tr("No connection to the server")
            lead = self._lead_of_trouble(address)
        else:
            sign, title = "plug", self.tr("Connecting…")
            lead = address
        self._sign.setPixmap(pixmap(sign, theme().tokens.muted, 40, self.devicePixelRatioF()))
        self._title.setText(title)
        self._lead.setText(lead)
        self._retry_words.setText("" if asks else _retry_words(model) if waits or link.trouble else "")
        self._retry_words.setVisible(bool(self._retry_words.text()))
        for each in (self._sign, self._title, self._lead):
            each.setVisible(not asks_trust)
        if link.doubt is not None:
            self._retry_words.hide()
        self.card.setVisible(asks_trust)
        self.form.setVisible(asks)
        self.connect_button.setVisible(self._can_connect(asks=asks, waits=waits))
        again = waits or link.doubt is not None
        self.connect_button.setText(self.tr("Try now") if again else self.tr("Connect without a login"))
        self.other.setVisible(not self.is_trying and not asks_trust)
        self.column.setVisible(not self._quiet or asks or waits or asks_trust)
        if refused and self.isVisible():
            self.form.focus_first()

    def _lead_of_login(self, address: str) -> str:
        """Where one logs in; and what the server says, unless that is about what was typed and stands there."""
        reason = "" if self.form.error.text() else said(self._model.session.refusal)
        return f"{address}\n{reason}" if reason else address

    def _can_connect(self, *, asks: bool, waits: bool) -> bool:
        """Without a connection: now. Who logged out on the server's own machine: as whoever is there."""
        logged_out = asks and not self.is_trying and not self._model.session.refusal and not self.form.error.text()
        left = self._model.link.doubt is not None and self._model.link.doubt == self._left
        return ((waits or left) and not asks) or (logged_out and self._model.link.address.is_local)

    def _lead_of_trouble(self, address: str) -> str:
        """What stands in the way, and what helps."""
        link = self._model.link
        if "wrong version number" in link.trouble.lower():  # of OpenSSL: what answered speaks no TLS
            words = self.tr("{0} does not speak TLS. If you trust the network in between, add it as ws://{0}")
        elif link.address.is_local:
            words = self.tr('Nothing answers at {0}. On this machine, "twist aichat" starts a server.')
        elif link.trouble:
            words = self.tr("{0} does not answer: {1}")
        else:
            words = self.tr("{0} does not answer.")
        return words.format(address, one_line(link.trouble))

    def _again(self) -> None:
        self._left = None
        self._model.connect_now()

    def _leave_card(self) -> None:
        self._left = self._model.link.doubt
        self._refresh()

    def _switched(self) -> None:
        """Another server: what was typed for the last one is not for this one."""
        self.is_trying = False
        self._left = self._doubt = None
        self.form.forget()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self.form.isHidden():
            self.form.focus_first()

    def _log_in(self, name: str, password: str) -> None:
        self._try()
        self._model.link.log_in(name, password, keep=self.form.stay.isChecked())

    def _use_token(self, token: str) -> None:
        self._try()
        self._model.link.use_token(token, keep=self.form.stay.isChecked())

    def _try(self) -> None:
        self.is_trying = True
        self.form.wait()
