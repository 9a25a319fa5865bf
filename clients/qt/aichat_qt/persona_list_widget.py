"""The personas on the left: search, list, new persona, and how the connection stands."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol.values import can_chat
from aichat_qt.history_rows import is_unread
from aichat_qt.icons import IconButton, button, icon
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.persona_item_widget import HEIGHT, PersonaItemWidget
from aichat_qt.server_corner import ServerCorner
from aichat_qt.theme import XS, M, S, theme
from aichat_qt.words import one_line, when, whose

ID = Qt.ItemDataRole.UserRole


class _List(QListWidget):
    focus_changed = Signal()
    edit_pressed = Signal()
    delete_pressed = Signal()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2:
            self.edit_pressed.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)


class PersonaListWidget(QWidget):
    """Chooses the persona; asks its owner for the dialogs."""

    create_requested = Signal()
    edit_requested = Signal(str)
    delete_requested = Signal(str)
    duplicate_requested = Signal(str)
    export_requested = Signal(str)
    share_requested = Signal(str, bool)
    import_requested = Signal(str)
    """A character card's file, or "": it is to be asked for."""
    log_out_requested = Signal()
    chosen = Signal()
    """A persona was chosen by hand (the drawer may close)."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._filling = False
        self.setAcceptDrops(True)
        self._search = QLineEdit(self)
        self._search.setProperty("role", "search")
        self._search.setPlaceholderText(self.tr("Search personas"))
        self._search.setAccessibleName(self.tr("Search personas"))
        self._search.setClearButtonEnabled(False)
        self._search.setFixedHeight(34)
        self._search.textChanged.connect(self._filter)
        self._glass = self._search.addAction(
            icon("search", theme().tokens.muted, 16), QLineEdit.ActionPosition.LeadingPosition
        )
        self._list = _List(self)
        self._list.setAccessibleName(self.tr("Personas"))
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._menu)
        self._list.currentItemChanged.connect(self._current_changed)
        self._list.itemClicked.connect(lambda _item: self.chosen.emit())
        self._list.itemActivated.connect(lambda _item: self.chosen.emit())
        self._list.focus_changed.connect(self._mark)
        self._list.edit_pressed.connect(lambda: self._ask(self.edit_requested))
        self._list.delete_pressed.connect(lambda: self._ask(self.delete_requested))
        self._none = label(self, "muted", self.tr("No persona of that name."))
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._none.hide()
        self._new = button(self.tr("New persona"), "quiet", self)
        self._new.clicked.connect(self.create_requested)
        self.corner = ServerCorner(model, self)
        self.corner.log_out_requested.connect(self.log_out_requested)
        self.app_button = IconButton("settings", self.tr("Settings and more (F10)"), self)
        self._lay_out()
        model.personas_changed.connect(self._refresh)
        model.messages_changed.connect(self._refresh)
        model.selected.connect(self._select)
        model.link_changed.connect(self._enable)
        theme().changed.connect(self._dress)
        self._dress()
        self._refresh()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 1, 0)
        layout.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(M, 0, M, S)
        top.addWidget(self._search)
        layout.addLayout(top)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._none, 1)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(S, S, S, S)
        bottom.addWidget(self._new)
        layout.addLayout(bottom)
        foot = QHBoxLayout()
        foot.setContentsMargins(S, S, S, S)
        foot.setSpacing(XS)
        foot.addWidget(self.corner, 1)
        foot.addWidget(self.app_button)
        layout.addLayout(foot)

    def focus_list(self) -> None:
        self._list.setFocus()

    def focus_search(self) -> None:
        self._search.setFocus()
        self._search.selectAll()

    def _refresh(self) -> None:
        """Bring the list in step with the model; items stay, so the scroll place and the focus stay."""
        personas = self._model.personas()
        self._filling = True
        present = [self._list.item(i).data(ID) for i in range(self._list.count())]
        wanted = [persona.id for persona in personas]
        if present != wanted:
            self._list.clear()
            for persona_id in wanted:
                item = QListWidgetItem()
                item.setData(ID, persona_id)
                item.setSizeHint(QSize(100, HEIGHT))
                self._list.addItem(item)
                self._list.setItemWidget(item, PersonaItemWidget())
        busy = {m for m, live in self._model.timeline.live.items() if live is not None}
        for i, persona in enumerate(personas):
            item = self._list.item(i)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, one_line(persona.name))
            conversations = self._model.timeline.conversations_with(persona.id)
            newest = next((c for c in conversations if not c.archived), None)
            writes = bool(busy) and newest is not None and self._model.timeline.running(newest.id) is not None
            widget = self._list.itemWidget(item)
            if isinstance(widget, PersonaItemWidget):
                detail = newest.title if newest else persona.greeting
                stamp = when(newest.update_time or newest.create_time) if newest else ""
                unread = sum(is_unread(self._model, c) for c in conversations if not c.archived)
                widget.show_persona(persona, detail, stamp, busy=writes, unread=unread)
        self._filling = False
        self._enable()
        self._filter()
        self._select()

    def _enable(self) -> None:
        known = self._model.timeline.personas_known
        self._search.setEnabled(known)
        self._new.setEnabled(known)

    def _select(self) -> None:
        self._filling = True
        for i in range(self._list.count()):
            if self._list.item(i).data(ID) == self._model.persona_id:
                self._list.setCurrentRow(i)
        self._filling = False
        self._mark()

    def _mark(self) -> None:
        for i in range(self._list.count()):
            item = self._list.item(i)
            widget = self._list.itemWidget(item)
            if isinstance(widget, PersonaItemWidget):
                widget.set_selected(item.data(ID) == self._model.persona_id, focused=self._list.hasFocus())

    def _current_changed(self, current: QListWidgetItem | None) -> None:
        if current is not None and not self._filling:
            self._model.select_persona(current.data(ID))
            self._mark()

    def _filter(self) -> None:
        wanted = self._search.text().strip().casefold()
        shown = 0
        for i in range(self._list.count()):
            item = self._list.item(i)
            name = str(item.data(Qt.ItemDataRole.AccessibleTextRole) or "")
            item.setHidden(wanted not in name.casefold())
            shown += not item.isHidden()
        nothing = bool(wanted) and not shown
        self._none.setVisible(nothing)
        self._list.setVisible(not nothing)

    def _ask(self, signal: object) -> None:
        item = self._list.currentItem()
        if item is not None and hasattr(signal, "emit"):
            signal.emit(item.data(ID))

    def menu_for(self, persona_id: str) -> QMenu:
        """What can be done with a persona; with "" only what needs none."""
        menu = QMenu(self)
        persona = self._model.timeline.personas.get(persona_id)
        if persona is not None:
            own = not persona.owner
            menu.addAction(self.tr("Edit…"), lambda: self.edit_requested.emit(persona_id)).setEnabled(own)
            copy = menu.addAction(self.tr("Duplicate…"), lambda: self.duplicate_requested.emit(persona_id))
            copy.setEnabled(can_chat(persona))
            share = menu.addAction(self.tr("Share with all users"))
            share.setCheckable(True)
            share.setChecked(persona.shared)
            share.setEnabled(own)
            share.triggered.connect(lambda on: self.share_requested.emit(persona_id, on))
            card = menu.addAction(self.tr("Export as card…"), lambda: self.export_requested.emit(persona_id))
            card.setEnabled(can_chat(persona))
            menu.addSeparator()
            menu.addAction(self.tr("Delete…"), lambda: self.delete_requested.emit(persona_id)).setEnabled(own)
            if not own:
                menu.addAction(whose(persona.owner)).setEnabled(False)
            menu.addSeparator()
        menu.addAction(self.tr("New persona…"), self.create_requested.emit)
        menu.addAction(self.tr("Import card…"), lambda: self.import_requested.emit(""))
        return menu

    def _menu(self, place: QPoint) -> None:
        item = self._list.itemAt(place)
        menu = self.menu_for(item.data(ID) if item is not None else "")
        menu.exec(self._list.mapToGlobal(place))
        menu.deleteLater()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """A character card becomes a persona."""
        path = event.mimeData().urls()[0].toLocalFile()
        event.acceptProposedAction()
        QTimer.singleShot(0, self, lambda: self.import_requested.emit(path))  # a dialog is no part of a drop

    def _dress(self) -> None:
        tokens = theme().tokens
        self._new.setIcon(icon("plus", tokens.muted, 18))
        self._glass.setIcon(icon("search", tokens.muted, 16))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().colour("window"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme().colour("line"))
        line = self._new.geometry().bottom() + S
        painter.fillRect(0, line, self.width(), 1, theme().colour("line"))
        if self._list.verticalScrollBar().maximum():  # personas go on below
            painter.fillRect(0, self._list.geometry().bottom() + 1, self.width() - 1, 1, theme().colour("line"))
        painter.end()
