"""The window: personas on the left, the chat on the right; in a narrow window the personas become a drawer."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QMainWindow, QWidget

from aichat.protocol.values import Persona
from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.chat_area_widget import ChatAreaWidget
from aichat_qt.dialogs import Question, ask_delete
from aichat_qt.icons import app_icon
from aichat_qt.model import Model
from aichat_qt.persona_list_widget import PersonaListWidget
from aichat_qt.words import one_line, whose

SIDEBAR = 260
NARROW = 700


class _Scrim(QWidget):
    """Darkens the chat while the drawer is open; a click closes it."""

    def __init__(self, window: MainWindow, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = window
        self.hide()

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self._window.show_drawer(False)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 90))
        painter.end()


class MainWindow(QMainWindow):
    """Puts the parts together and asks the questions that belong to no part."""

    def __init__(self, model: Model, settings: QSettings | None = None) -> None:
        super().__init__()
        self.model = model
        self._settings = settings
        self._drawer_open = False
        self.setWindowTitle("aichat")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(420, 420)
        room = self._room = QWidget(self)
        self.setCentralWidget(room)
        self.chat = ChatAreaWidget(model, room)
        self._scrim = _Scrim(self, room)
        self.personas = PersonaListWidget(model, room)
        self.personas.create_requested.connect(self.create_persona)
        self.personas.edit_requested.connect(self.edit_persona)
        self.personas.delete_requested.connect(self.delete_persona)
        self.personas.log_out_requested.connect(self.log_out)
        self.personas.chosen.connect(lambda: self.show_drawer(False))
        self.chat.create_requested.connect(self.create_persona)
        self.chat.header.drawer.clicked.connect(lambda: self.show_drawer(True))
        menu = self.chat.history.menu
        edit = menu.addAction(self.tr("Edit persona…"), lambda: self.edit_persona(model.persona_id))
        delete = menu.addAction(self.tr("Delete persona…"), lambda: self.delete_persona(model.persona_id))
        self._whose = menu.addAction("")
        self._whose.setEnabled(False)
        self._verbs = (edit, delete)
        menu.aboutToShow.connect(self._offer_verbs)
        QShortcut(QKeySequence.StandardKey.New, self, self.chat.new_conversation)
        QShortcut(QKeySequence("Ctrl+L"), self, self._focus_personas)
        QShortcut(QKeySequence("Ctrl+H"), self, self.chat.history.toggle)
        QShortcut(QKeySequence.StandardKey.Quit, self, self.close)
        QWidget.setTabOrder(self.personas, self.chat)
        self.resize(1100, 760)
        if settings is not None:
            model.preferred_persona = str(settings.value("persona", ""))
            geometry = settings.value("geometry")
            if isinstance(geometry, QByteArray):
                self.restoreGeometry(geometry)
        model.selected.connect(self._remember)
        self.chat.input.composer.setFocus()

    # personas

    def create_persona(self) -> None:
        dialog = AddPersonaDialog(self.model, self)
        if dialog.exec() and dialog.saved_id:
            self.model.select_persona(dialog.saved_id)
            self.chat.input.composer.setFocus()
        dialog.deleteLater()

    def _offer_verbs(self) -> None:
        """What belongs to another user is not changed here; the menu says whose it is."""
        owner = self.model.persona.owner if self.model.persona else ""
        for action in self._verbs:
            action.setEnabled(not owner)
        self._whose.setText(whose(owner))
        self._whose.setVisible(bool(owner))

    def _own(self, persona_id: str) -> Persona | None:
        """A persona that this user may change; if it is another's, that is said."""
        persona = self.model.timeline.personas.get(persona_id)
        if persona is not None and persona.owner:
            self.model.noticed.emit(whose(persona.owner))
            return None
        return persona

    def edit_persona(self, persona_id: str) -> None:
        persona = self._own(persona_id)
        if persona is not None:
            dialog = AddPersonaDialog(self.model, self, persona)
            dialog.exec()
            dialog.deleteLater()

    def delete_persona(self, persona_id: str) -> None:
        persona = self._own(persona_id)
        if persona is not None and ask_delete(
            self,
            self.tr("Delete {0}?").format(one_line(persona.name)),
            self.tr("The persona and all conversations with it will be gone for good."),
        ):
            self.model.delete_persona(persona_id)

    # the user

    def log_out(self) -> None:
        """Forget who this is; words that were not sent are not lost without a question."""
        unsent = self.model.unsent()
        if (
            not unsent
            or Question(
                self,
                self.tr("Log out?"),
                self.tr("What was not sent yet ({0}) is lost.").format(unsent),
                self.tr("Log out"),
                danger=True,
            ).exec()
        ):
            self.model.log_out()

    # places

    def show_drawer(self, on: bool) -> None:
        """Open or close the personas in a narrow window."""
        self._drawer_open = on and self.is_narrow
        self._place()
        if self._drawer_open:
            self.personas.focus_list()

    @property
    def is_narrow(self) -> bool:
        return self.width() < NARROW

    def _focus_personas(self) -> None:
        self.show_drawer(True)
        self.personas.focus_list()

    def _place(self) -> None:
        width, height = self._room.width(), self._room.height()
        narrow = self.is_narrow
        self._drawer_open = self._drawer_open and narrow
        left = 0 if narrow else SIDEBAR
        self.personas.setGeometry(0, 0, SIDEBAR, height)
        self.personas.setVisible(not narrow or self._drawer_open)
        self.chat.header.drawer.setVisible(narrow)
        self.chat.setGeometry(left, 0, width - left, height)
        self._scrim.setGeometry(0, 0, width, height)
        self._scrim.setVisible(self._drawer_open)
        if self._drawer_open:
            self._scrim.raise_()
            self.personas.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._drawer_open:
            self.show_drawer(False)
        else:
            self.chat.escape()

    # between starts

    def _remember(self) -> None:
        persona = self.model.persona
        self.setWindowTitle(f"{one_line(persona.name)} – aichat" if persona else "aichat")
        if self._settings is not None and persona is not None:
            self._settings.setValue("persona", persona.id)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._settings is not None:
            self._settings.setValue("geometry", self.saveGeometry())
        self.model.link.close()
        super().closeEvent(event)
