"""The window: personas on the left, the chat on the right; in a narrow window the personas become a drawer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from aichat.protocol.values import Persona, PersonaChanges
from aichat_qt.actions import Actions
from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.announcer import Announcer
from aichat_qt.app_menu import AppMenu
from aichat_qt.chat_area_widget import ChatAreaWidget
from aichat_qt.command_palette import CommandPalette
from aichat_qt.dialogs import Question, ask_delete
from aichat_qt.icons import app_icon
from aichat_qt.languages import languages
from aichat_qt.model import Model
from aichat_qt.persona_files import PersonaFiles
from aichat_qt.persona_list_widget import PersonaListWidget
from aichat_qt.reading import Reading
from aichat_qt.shortcuts_sheet import ShortcutsSheet
from aichat_qt.window_actions import add_all, entries
from aichat_qt.window_state import LEAST_SIDEBAR, MOST_SIDEBAR, SIDEBAR, WindowState
from aichat_qt.words import one_line, whose

NARROW = 700
GRIP = 8
"""Pixels around the sidebar's edge where it can be taken hold of."""


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


class _Grip(QWidget):
    """The edge between personas and chat: drag it, or double-click to have the first width again."""

    def __init__(self, window: MainWindow, parent: QWidget) -> None:
        super().__init__(parent)
        self._window, self._room = window, parent
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._window.set_sidebar(self.mapTo(self._room, event.position().toPoint()).x())

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._window.set_sidebar(SIDEBAR)


class MainWindow(QMainWindow):
    """Puts the parts together and asks the questions that belong to no part."""

    closing = Signal()
    """The user closed it."""
    quick_ask_requested = Signal()
    focused = Signal()
    """It became the window that the user works in."""

    def __init__(self, model: Model, settings: QSettings | None = None) -> None:
        super().__init__()
        self.model = model
        self.memory = WindowState(settings)
        self.stays = False
        """Closing hides it, because the tray brings it back."""
        self._drawer_open = False
        self._sidebar = self.memory.sidebar
        self.setWindowTitle("aichat")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(420, 420)
        self.deeds = Actions(self)
        self.files = PersonaFiles(model, self)
        self._make()
        self.resize(1100, 760)
        self.memory.restore(self)
        model.prefer(self.memory.text("persona"), self.memory.number("conversation"))
        model.selected.connect(self._remember)
        languages().changed.connect(self._remake)
        self._reading = Reading(model, self)
        self.announcer = Announcer(model, self)
        self.chat.input.composer.setFocus()

    def _make(self) -> None:
        """All that shows words."""
        model = self.model
        room = self._room = QWidget(self)
        self.setCentralWidget(room)
        self.chat = ChatAreaWidget(model, room)
        self._scrim = _Scrim(self, room)
        self.personas = PersonaListWidget(model, room)
        self._grip = _Grip(self, room)
        self.personas.create_requested.connect(self.create_persona)
        self.personas.edit_requested.connect(self.edit_persona)
        self.personas.delete_requested.connect(self.delete_persona)
        self.personas.duplicate_requested.connect(lambda it: self._begin(self.files.duplicate(it)))
        self.personas.import_requested.connect(self.import_card)
        self.personas.export_requested.connect(self.files.to_card)
        self.personas.share_requested.connect(self._share)
        self.personas.log_out_requested.connect(self.log_out)
        self.personas.chosen.connect(lambda: self.show_drawer(False))
        self.personas.app_button.clicked.connect(self.show_menu)
        self.chat.create_requested.connect(self.create_persona)
        self.chat.header.drawer.clicked.connect(lambda: self.show_drawer(True))
        menu = self.chat.history.menu
        edit = menu.addAction(self.tr("Edit persona…"), lambda: self.edit_persona(model.persona_id))
        delete = menu.addAction(self.tr("Delete persona…"), lambda: self.delete_persona(model.persona_id))
        self._whose = menu.addAction("")
        self._whose.setEnabled(False)
        self._verbs = (edit, delete)
        menu.aboutToShow.connect(self._offer_verbs)
        self.palette_ = CommandPalette(self, lambda: entries(self, self.deeds))
        add_all(self, self.deeds)
        self.menu = AppMenu(self, self.deeds)
        QWidget.setTabOrder(self.personas, self.chat)

    def _remake(self) -> None:
        """Another language: all that shows words is made anew, and what was typed stays."""
        room, text = self._room, self.chat.input.text()
        self.palette_.hide()
        self.deeds.clear()
        self.takeCentralWidget()
        for old in (self.palette_, self.menu, room):
            old.setParent(None)
            old.deleteLater()
        self._make()
        self._room.setGeometry(room.geometry())
        self._room.show()
        self._place()
        self.chat.input.set_text(text)
        self.chat.input.composer.setFocus()
        self._remember()

    # personas

    def create_persona(self) -> None:
        self._begin(AddPersonaDialog(self.model, self))

    def import_card(self, path: str = "") -> None:
        """Make a persona of a character card, from a file that may have to be chosen first."""
        self._begin(self.files.from_card(path))

    def _share(self, persona_id: str, on: bool) -> None:
        self.model.update_persona(persona_id, PersonaChanges(shared=on))

    def _begin(self, dialog: AddPersonaDialog | None) -> None:
        """A new persona, shown as soon as it is made."""
        if dialog is None:
            return
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
            if dialog.exec() and dialog.saved_id not in ("", persona_id):  # a card that was dropped became a new one
                self.model.select_persona(dialog.saved_id)
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

    def focus_personas(self) -> None:
        self.show_drawer(True)
        self.personas.focus_list()

    def next_place(self) -> None:
        """The focus goes round: personas, messages, composer."""
        composer, display = self.chat.input.composer, self.chat.display
        if composer.hasFocus() or not composer.isVisible():
            self.focus_personas()
        elif self.personas.isAncestorOf(self.focusWidget()) and display.isVisible():
            self.show_drawer(False)
            display.setFocus()
        else:
            self.show_drawer(False)
            composer.setFocus()

    def show_menu(self) -> None:
        """Settings and all that has no place elsewhere, at its button or, without one in sight, at the corner."""
        self.menu.open_at(self.personas.app_button)

    def show_shortcuts(self) -> None:
        sheet = ShortcutsSheet(self.deeds, self)
        sheet.exec()
        sheet.deleteLater()

    def come_forward(self) -> None:
        """Shown, not minimised, before the others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def set_sidebar(self, width: int) -> None:
        """Make the personas this wide, within bounds."""
        self._sidebar = max(LEAST_SIDEBAR, min(width, MOST_SIDEBAR))
        self.memory.keep("sidebar", self._sidebar)
        self._place()

    def _place(self) -> None:
        width, height = self._room.width(), self._room.height()
        narrow = self.is_narrow
        self._drawer_open = self._drawer_open and narrow
        left = 0 if narrow else self._sidebar
        self.personas.setGeometry(0, 0, self._sidebar, height)
        self.personas.setVisible(not narrow or self._drawer_open)
        self.chat.header.drawer.setVisible(narrow)
        self.chat.setGeometry(left, 0, width - left, height)
        self._grip.setGeometry(left - GRIP // 2, 0, GRIP, height)
        self._grip.setVisible(not narrow)
        self._grip.raise_()
        self._scrim.setGeometry(0, 0, width, height)
        self._scrim.setVisible(self._drawer_open)
        if self._drawer_open:
            self._scrim.raise_()
            self.personas.raise_()
        self.palette_.place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.focused.emit()

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
        if persona is not None:
            self.memory.keep("persona", persona.id)
            self.memory.keep("conversation", self.model.conversation_id or 0)

    def quit(self) -> None:
        """Close it for good."""
        self.stays = False
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.memory.keep_place(self)
        if self.stays:
            self.hide()
            event.ignore()
            return
        self.model.servers.close()
        self.closing.emit()
        super().closeEvent(event)
