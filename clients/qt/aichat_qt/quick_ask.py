"""The quick question: a small window over whatever one does, for one question and its answer.

It has a conversation of its own on the server that the main window shows, with its own place in it, and is thrown
away when it is closed; the conversation stays.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from aichat.protocol import frames
from aichat.protocol.values import Failure
from aichat_qt.avatar import AvatarWidget
from aichat_qt.failures import said
from aichat_qt.icons import IconButton, app_icon, button, icon
from aichat_qt.labels import label
from aichat_qt.message_display_widget import MessageDisplayWidget
from aichat_qt.message_input_widget import MessageInputWidget
from aichat_qt.model import Model
from aichat_qt.selection import Anew
from aichat_qt.server import Server
from aichat_qt.servers import Servers
from aichat_qt.theme import HIT, L, M, S, theme
from aichat_qt.words import one_line

WIDTH, LOW, HIGH = 560, 128, 480


class _Aside(Server):
    """The same server, with another place in it: what it has and tells is that server's."""

    def __init__(self, server: Server) -> None:
        QObject.__init__(self)  # not the server's own: nothing is connected or opened twice
        self.session, self.link, self.saying = server.session, server.link, server.saying
        self._whole = server
        self.selection = Anew(server.selection)
        for name in ("received", "link_changed", "said_changed", "user_changed"):
            getattr(server, name).connect(getattr(self, name))

    def flush(self) -> None:
        self._whole.flush()

    def bring_older(self, conversation_id: int, limit: int) -> bool:
        return self._whole.bring_older(conversation_id, limit)


class _Alone(Servers):
    """A model's world with that one server, whose place is not remembered."""

    def __init__(self, server: Server) -> None:
        QObject.__init__(self)
        self._aside = _Aside(server)
        self._aside.setParent(self)

    @property
    def current(self) -> Server:
        return self._aside

    def remember_place(self, persona_id: str, conversation_id: int) -> None:
        pass


class QuickAsk(QWidget):
    """Esc hides it, Ctrl+O takes the conversation to the main window."""

    opened = Signal(int)
    """The conversation is to be shown in the main window."""

    def __init__(self, main: Model) -> None:
        super().__init__(None, Qt.WindowType.Tool | Qt.WindowType.WindowStaysOnTopHint)
        self._main = main
        alone = _Alone(main.server)
        alone.setParent(self)
        self.model = Model(alone, self)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Quick question"))
        self.setWindowIcon(app_icon())
        self._avatar = AvatarWidget(HIT, self)
        self.who = button("", "quiet", self)
        self.who.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the words
        self.who.clicked.connect(self._choose)
        self.open_button = IconButton("chats", self.tr("Open in the main window (Ctrl+O)"), self)
        self.open_button.clicked.connect(self._open)
        QShortcut(QKeySequence("Ctrl+O"), self, self._open)
        self._asked = ""  # the request for a conversation that is on its way
        self._trouble = label(self, "danger")
        self._trouble.setWordWrap(True)
        self._trouble.setContentsMargins(L, 0, L, 0)
        self.display = MessageDisplayWidget(self.model, self)
        self.input = MessageInputWidget(self)
        self.input.submitted.connect(self._ask)
        self.input.stop_requested.connect(self.model.stop)
        top = QHBoxLayout()
        top.setContentsMargins(L, M, M, 0)
        top.setSpacing(S)
        top.addWidget(self._avatar)
        top.addWidget(self.who)
        top.addStretch()
        top.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(top)
        layout.addWidget(self.display, 1)
        layout.addWidget(self._trouble)
        layout.addWidget(self.input)
        self.model.acknowledged.connect(self._acknowledged)
        main.refused.connect(self._refused)  # of the two models that hear a refusal the first takes it
        self._fill()
        self.model.personas_changed.connect(self._fill)
        self.model.messages_changed.connect(self._refresh)
        self.model.link_changed.connect(self._refresh)
        self.model.selected.connect(self._refresh)
        self.model.user_changed.connect(self.close)
        main.server_changed.connect(self.close)
        theme().changed.connect(self.update)
        self._refresh()

    def come_forward(self) -> None:
        """In the upper middle of the screen that the pointer is on, ready to type."""
        if not self.isVisible():
            self.resize(WIDTH, LOW if self.display.is_empty else HIGH)
            screen = QGuiApplication.primaryScreen().availableGeometry()
            self.move(screen.x() + (screen.width() - WIDTH) // 2, screen.y() + screen.height() // 5)
        self.show()
        self.raise_()
        self.activateWindow()
        self.input.composer.setFocus()

    def _fill(self) -> None:
        """Whom one asks: first whom the main window shows."""
        model, wanted = self.model, self.model.persona_id or self._main.persona_id
        known = model.timeline.personas
        if not model.persona_id and known:
            model.select_persona(wanted if wanted in known else next(iter(known)))
        self._refresh()

    def _choose(self) -> None:
        menu = QMenu(self)
        for persona in self.model.personas():
            menu.addAction(one_line(persona.name), partial(self.model.select_persona, persona.id))
        menu.exec(self.who.mapToGlobal(self.who.rect().bottomLeft()))
        menu.deleteLater()
        self.input.composer.setFocus()

    def _ask(self, text: str) -> None:
        """The first question makes a conversation by name, so that the main window does not take it for its own."""
        model = self.model
        if model.persona is None or not model.can_chat or self._asked:
            return
        if model.conversation_id is None:
            create = frames.ConversationCreate(persona_id=model.persona_id)
            self._asked = model.request(create)
            self.input.set_closed(True)
        else:
            model.post(text)
            self.input.set_text("")

    def _acknowledged(self, request_id: str, ack: frames.Ack) -> None:
        if request_id == self._asked and ack.conversation_id:
            self._asked = ""
            text = self.input.text().strip()
            self.input.set_text("")
            self.model.select_conversation(ack.conversation_id)
            self.model.post(text)

    def _refused(self, request_id: str, failure: Failure) -> None:
        if request_id == self._asked:
            self._asked = ""
            self._trouble.setText(said(failure.message, failure.code))
            self._refresh()

    def _refresh(self) -> None:
        model = self.model
        talks = bool(model.messages() or model.drafts())
        if talks and self.display.isHidden():
            self.resize(max(self.width(), WIDTH), max(self.height(), HIGH))
        elif not talks and not self.display.isHidden():
            QTimer.singleShot(0, self, lambda: self.resize(self.width(), LOW))
        self.display.setVisible(talks)
        self.who.setEnabled(not talks)
        self.open_button.setEnabled(model.conversation_id is not None)
        self.input.set_running(model.running() is not None)
        persona = model.persona
        if persona is None:
            self.input.set_placeholder(self.tr("Ask as soon as the connection is there"))
        else:
            self._avatar.show_persona(persona)
            self.who.setText(one_line(persona.name).replace("&", "&&"))
            self.who.setAccessibleName(self.tr("Whom to ask: {0}").format(one_line(persona.name)))
            self.who.setIcon(icon("down", theme().tokens.muted, 16))
            self.input.set_placeholder(self.tr("Ask {0}").format(one_line(persona.name)))
        self.input.set_closed(persona is None or not model.can_chat or bool(self._asked))
        self._trouble.setVisible(bool(self._trouble.text()) and not talks)

    def _open(self) -> None:
        number = self.model.conversation_id
        if number is not None:
            self.close()
            self.opened.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif not self.model.stop():
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leave the conversation; if the main window is in it, that goes on following it."""
        selection = self.model.server.selection
        number = selection.conversation_id
        selection.clear()
        if number is not None and number == self._main.conversation_id:
            self._main.session.open_conversation(number)
        self._main.link.flush()
        super().closeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().colour("surface"))
        painter.end()
