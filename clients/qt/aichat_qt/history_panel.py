"""The open list of conversations: search across everything, filters, what can be done with each."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QDrag, QHideEvent, QKeyEvent, QMouseEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QGraphicsDropShadowEffect,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol import frames
from aichat.protocol.values import Conversation, SearchResult
from aichat_qt.history_filters import ALL, ARCHIVE, DRAGGED, FilterBar
from aichat_qt.history_rows import ROW, Row, RowDelegate, is_unread, row_of, row_of_result
from aichat_qt.icons import button, icon
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.theme import HIT, L, S, theme
from aichat_qt.words import one_line

ID = Qt.ItemDataRole.UserRole
PANEL_WIDTH = 420
SEARCH_AFTER_MS = 180
"""After the last key."""
MANY = 8
"""Conversations from which on the search has the focus first."""


class _List(QListWidget):
    """A list whose rows can be dragged onto the filters."""

    drag_began = Signal()
    drag_ended = Signal()

    @property
    def is_editing(self) -> bool:
        return self.state() == QAbstractItemView.State.EditingState

    def startDrag(self, _actions: Qt.DropAction) -> None:
        item = self.currentItem()
        if item is None or not item.data(ID):
            return
        data = QMimeData()
        data.setData(DRAGGED, str(item.data(ID)).encode())
        data.setText(item.text())
        drag = QDrag(self)
        drag.setMimeData(data)
        rect = self.visualItemRect(item)
        picture = QPixmap(self.viewport().grab(rect))
        drag.setPixmap(picture)
        self.drag_began.emit()
        drag.exec(Qt.DropAction.CopyAction)
        self.drag_ended.emit()


class HistoryPanel(QFrame):
    """Floats over the messages. It asks; who owns it does."""

    chosen = Signal(object)
    """A conversation of the shown persona, or None: a new one."""
    found = Signal(int, int, str)
    """A conversation of any persona, the message in it (0: its title), and the words that were looked for."""
    renamed = Signal(int, str)
    delete_requested = Signal(int)
    menu_requested = Signal(int, object)
    """A conversation, and where on the screen."""
    moved = Signal(int, str)
    """A conversation was dropped on a filter."""
    closed = Signal()

    def __init__(self, model: Model, area: QWidget) -> None:
        super().__init__(area)
        self._model, self._area = model, area
        self.spared: QWidget | None = None
        self._corner = (0, 0)
        self._dragging = False
        self._asked = ""
        self._results: list[SearchResult] | None = None
        self.setObjectName("panel")
        self._search = QLineEdit(self)
        self._search.setProperty("role", "search")
        self._search.setPlaceholderText(self.tr("Search all conversations"))
        self._search.setAccessibleName(self.tr("Search all conversations"))
        self._search.textChanged.connect(self._typed)
        self._glass = self._search.addAction(
            icon("search", theme().tokens.muted, 16), QLineEdit.ActionPosition.LeadingPosition
        )
        self.filters = FilterBar(self)
        self.filters.changed.connect(self._fill)
        self.filters.dropped.connect(self.moved)
        self._list = self._make_list()
        self._none = label(self, "muted")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._none.setWordWrap(True)
        self._new = button(self.tr("New conversation"), "quiet", self)
        self._new.setToolTip(self.tr("Ctrl+N"))
        self._new.clicked.connect(lambda: self.chosen.emit(None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S, S, S, S)
        layout.setSpacing(S)
        for part in (self._search, self.filters):
            layout.addWidget(part)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._none, 1)
        layout.addWidget(self._new)
        self._shadow = QGraphicsDropShadowEffect(self, blurRadius=32, offset=QPointF(0, 8))
        self.setGraphicsEffect(self._shadow)
        self._later = QTimer(self, singleShot=True, interval=SEARCH_AFTER_MS)
        self._later.timeout.connect(self._ask)
        self._search.installEventFilter(self)
        self._list.installEventFilter(self)
        model.replied.connect(self._replied)
        theme().changed.connect(self._dress)
        self._dress()
        self.hide()

    def _make_list(self) -> _List:
        made = _List(self)
        made.setAccessibleName(self.tr("Conversations"))
        delegate = RowDelegate(made)
        delegate.renamed.connect(self.renamed)
        delegate.closeEditor.connect(lambda *_: QTimer.singleShot(0, self, self.refresh))
        made.setItemDelegate(delegate)
        made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        made.setMouseTracking(True)
        made.setDragEnabled(True)
        made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        made.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        made.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        made.customContextMenuRequested.connect(self._menu)
        made.itemClicked.connect(self._choose)
        made.drag_began.connect(lambda: self._drag(on=True))
        made.drag_ended.connect(lambda: self._drag(on=False))
        return made

    def open_at(self, right: int, top: int) -> None:
        """Show the list with its right edge here."""
        self._corner = (right, top)
        self.filters.chosen = ALL
        self._search.clear()
        self._fill()
        self.show()
        self.raise_()
        (self._search if self._list.count() > MANY else self._list).setFocus()

    def edit(self, conversation_id: int) -> None:
        """Let the title of a listed conversation be written anew where it stands."""
        for i in range(self._list.count()):
            if self._list.item(i).data(ID) == conversation_id:
                self._list.setCurrentRow(i)
                self._list.editItem(self._list.item(i))

    def look_for(self, words: str) -> None:
        """Search, as if it had been typed."""
        self._search.setText(words)

    def rows(self) -> list[Row]:
        """What is listed."""
        return [self._list.item(i).data(ROW) for i in range(self._list.count())]

    def refresh(self) -> None:
        if self.isVisible() and not self._list.is_editing:
            self._fill()

    # what is listed

    def _typed(self) -> None:
        self._asked, self._results = "", None
        self._later.start()
        self._fill()

    def _ask(self) -> None:
        words = self._search.text().strip()
        if words:
            self._asked = self._model.ask(frames.SearchRequest(query=words[:200], limit=60))
            self._fill()

    def _replied(self, frame: object) -> None:
        if not self._asked or getattr(frame, "request_id", "") != self._asked:
            return
        self._results = frame.results if isinstance(frame, frames.SearchResults) else []
        self.refresh()

    def _wanted(self) -> list[Row]:
        model, words = self._model, self._search.text().strip()
        if words:
            return self._wanted_words(words)
        mine = model.conversations()
        tags = sorted({tag for c in mine for tag in c.tags if not c.archived}, key=str.casefold)
        archived = [c for c in mine if c.archived]
        self.filters.show_filters(tags, archived=len(archived), dragging=self._dragging)
        chosen = self.filters.chosen
        if chosen == ARCHIVE:
            return [row_of(model, c) for c in archived]
        here = [c for c in mine if not c.archived and (chosen == ALL or chosen in c.tags)]
        pinned = [c for c in here if c.pinned]
        return [row_of(model, c) for c in [*pinned, *(c for c in here if not c.pinned)]]

    def _wanted_words(self, words: str) -> list[Row]:
        """Titles that are known here at once, then what the server finds in what was said."""
        self.filters.setVisible(False)
        model = self._model
        known = sorted(model.timeline.conversations.values(), key=lambda c: c.touched, reverse=True)
        parts = words.casefold().split()
        titled = [c for c in known if all(part in one_line(c.title).casefold() for part in parts)]
        rows = [self._titled(c) for c in titled[:20]]
        said = [row_of_result(model, r) for r in self._results or [] if r.message_id]
        return [
            *([Row(self.tr("Conversations")), *rows] if rows else []),
            *([Row(self.tr("Messages")), *said] if said else []),
        ]

    def _titled(self, conversation: Conversation) -> Row:
        row = row_of(self._model, conversation)
        persona = self._model.timeline.personas.get(conversation.persona_id)
        other = persona is not None and persona.id != self._model.persona_id
        return Row(row.title, row.conversation_id, detail=one_line(persona.name) if persona and other else "",
                   stamp=row.stamp, pinned=row.pinned, unread=is_unread(self._model, conversation))  # fmt: skip

    def _fill(self) -> None:
        kept = self._list.currentItem().data(ID) if self._list.currentItem() else self._model.conversation_id
        place = self._list.verticalScrollBar().value()
        wanted = self._wanted()
        self._list.clear()
        for row in wanted:
            item = QListWidgetItem(row.title)
            item.setData(ID, row.conversation_id)
            item.setData(ROW, row)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
            item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if row.conversation_id else Qt.ItemFlag.NoItemFlags)
            unread = self.tr("{0}, unread") if row.unread else "{0}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, unread.format(row.title))
            self._list.addItem(item)
            if row.conversation_id and row.conversation_id == kept and self._list.currentItem() is None:
                self._list.setCurrentItem(item)
        self._list.verticalScrollBar().setValue(place)
        nothing = not wanted
        self._list.setVisible(not nothing)
        self._none.setVisible(nothing)
        self._none.setText(self._nothing_words())
        self._place()

    @property
    def nothing_words(self) -> str:
        """What stands in the place of an empty list."""
        return "" if self._none.isHidden() else self._none.text()

    def _nothing_words(self) -> str:
        words = self._search.text().strip()
        if not words:
            if self.filters.chosen == ARCHIVE:
                return self.tr("Nothing is archived.")
            return self.tr("No conversation yet. What you say first begins one.")
        if self._results is None and (self._asked or self._later.isActive()):
            return self.tr("Searching…")
        if self._results is None:
            return self.tr("No title has these words. What was said is searched when the connection is back.")
        return self.tr("Nothing was said with these words.")

    def _place(self) -> None:
        right, top = self._corner
        parent = self._area
        width = min(PANEL_WIDTH, parent.width() - 2 * S)
        rows = sum(row.height for row in self.rows()) or 2 * HIT
        bar = 0 if self.filters.isHidden() else self.filters.height() + S
        most = max(240, min(560, parent.height() - top - L))
        if self._search.text().strip():
            rows = max(rows, 320)  # it does not jump while results come
        height = min(rows + bar + 2 * (HIT + S) + 3 * S + 2, most)
        self.setGeometry(max(S, right - width), top, width, height)

    # what is done

    def _choose(self, item: QListWidgetItem | None) -> None:
        row: Row | None = item.data(ROW) if item is not None else None
        if row is None or not row.conversation_id:
            return
        words = self._search.text().strip()
        if words:
            self.found.emit(row.conversation_id, row.message_id, words)
        else:
            self.chosen.emit(row.conversation_id)

    def _menu(self, place: object) -> None:
        item = self._list.itemAt(place)  # type: ignore[call-overload]
        if item is not None and item.data(ID):
            self.menu_requested.emit(item.data(ID), self._list.mapToGlobal(place))  # type: ignore[call-overload]

    def _drag(self, *, on: bool) -> None:
        self._dragging = on
        if not self._search.text().strip():
            tags = [tag for c in self._model.conversations() for tag in c.tags]
            archived = sum(c.archived for c in self._model.conversations())
            self.filters.show_filters(sorted(set(tags), key=str.casefold), archived=archived, dragging=on)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Down goes from the search to the list; Enter chooses, F2 renames, Delete deletes, Esc closes.

        A press of the mouse anywhere else closes the panel too; `spared` is the button that does so by itself.
        """
        if event.type() == QEvent.Type.MouseButtonPress:
            if isinstance(watched, QWidget) and self._is_elsewhere(watched):
                self.hide()
            return False
        if watched not in {self._search, self._list}:
            return False
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        return self._key(watched, event.key()) or super().eventFilter(watched, event)

    def _key(self, watched: QObject, key: int) -> bool:
        """Whether a key was meant for the panel."""
        if self._list.is_editing:
            return False  # the title that is being written gets it first, and leaves Enter to us
        item = self._list.currentItem() or self._first()
        number = item.data(ID) if item is not None else 0
        if key == Qt.Key.Key_Escape:
            if self._search.text():
                self._search.clear()
            else:
                self.closed.emit()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._choose(item)
        elif watched is self._search and key == Qt.Key.Key_Down:
            self._list.setFocus()
            if self._list.currentItem() is None and item is not None:
                self._list.setCurrentItem(item)
        elif watched is self._list and key == Qt.Key.Key_F2 and number:
            self.edit(number)
        elif watched is self._list and key == Qt.Key.Key_Delete and number:
            self.delete_requested.emit(number)
        else:
            return False
        return True

    def _first(self) -> QListWidgetItem | None:
        items = [self._list.item(i) for i in range(self._list.count())]
        return next((item for item in items if item.data(ID)), None)

    def _is_elsewhere(self, widget: QWidget) -> bool:
        inside = widget is self or self.isAncestorOf(widget)
        return not inside and widget is not self.spared and widget.window() is self.window()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else it would reach the area behind

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]

    def _dress(self) -> None:
        t = theme().tokens
        self.setStyleSheet(f"#panel {{ background: {t.surface}; border: 1px solid {t.line}; border-radius: 12px; }}")
        self._new.setIcon(icon("plus", t.muted, 18))
        self._glass.setIcon(icon("search", t.muted, 16))
        shade = QColor("#000000")
        shade.setAlphaF(0.18 if theme().scheme == "light" else 0.5)
        self._shadow.setColor(shade)
