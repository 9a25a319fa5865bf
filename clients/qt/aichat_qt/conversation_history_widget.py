"""The conversations with a persona: a slim bar with the current title, which opens to the list."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol.values import Conversation
from aichat_qt.dialogs import ask_delete, ask_line
from aichat_qt.icons import IconButton, button, icon
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.theme import BODY_PX, HIT, META_PX, RADIUS_CONTROL, L, M, S, sized, theme
from aichat_qt.words import one_line, when

ID = Qt.ItemDataRole.UserRole
WHEN = Qt.ItemDataRole.UserRole + 1
LINE = 36
PANEL_WIDTH = 380


class _Line(QStyledItemDelegate):
    """Title on the left, time on the right."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, LINE)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        t = theme()
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.colour("own" if selected else "sunken"))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), RADIUS_CONTROL, RADIUS_CONTROL)
        inner = box.adjusted(M, 0, -M, 0)
        meta, body = sized(painter.font(), META_PX), sized(painter.font(), BODY_PX)
        stamp = str(index.data(WHEN) or "")
        painter.setFont(meta)
        painter.setPen(t.colour("muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, stamp)
        room = inner.width() - QFontMetrics(meta).horizontalAdvance(stamp) - M
        painter.setFont(body)
        painter.setPen(t.colour("text"))
        title = QFontMetrics(body).elidedText(
            str(index.data(Qt.ItemDataRole.DisplayRole)), Qt.TextElideMode.ElideRight, room
        )
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()


class HistoryPanel(QFrame):
    """The open list: search, conversations, new conversation. Floats over the messages."""

    chosen = Signal(object)
    rename_requested = Signal(int)
    delete_requested = Signal(int)
    closed = Signal()

    def __init__(self, model: Model, area: QWidget) -> None:
        super().__init__(area)
        self._model = model
        self._area = area
        self.spared: QWidget | None = None
        self.setObjectName("panel")
        self._search = QLineEdit(self)
        self._search.setProperty("role", "search")
        self._search.setPlaceholderText(self.tr("Search conversations"))
        self._search.setAccessibleName(self.tr("Search conversations"))
        self._search.textChanged.connect(self._fill)
        self._search.installEventFilter(self)
        self._list = QListWidget(self)
        self._list.setAccessibleName(self.tr("Conversations"))
        self._list.setItemDelegate(_Line(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._menu)
        self._list.itemClicked.connect(self._choose)
        self._list.installEventFilter(self)
        self._none = label(self, "muted")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._new = button(self.tr("New conversation"), "quiet", self)
        self._new.setToolTip(self.tr("Ctrl+N"))
        self._new.clicked.connect(lambda: self.chosen.emit(None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S, S, S, S)
        layout.setSpacing(S)
        layout.addWidget(self._search)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._none)
        layout.addWidget(self._new)
        self._shadow = QGraphicsDropShadowEffect(self, blurRadius=32, offset=QPointF(0, 8))
        self.setGraphicsEffect(self._shadow)
        theme().changed.connect(self._dress)
        self._dress()
        self.hide()

    def open_at(self, right: int, top: int) -> None:
        """Show the list with its right edge here."""
        self._search.clear()
        self._fill()
        self._place(right, top)
        self.show()
        self.raise_()
        (self._search if self._list.count() > 8 else self._list).setFocus()

    def _place(self, right: int, top: int) -> None:
        parent = self._area
        width = min(PANEL_WIDTH, parent.width() - 2 * S)
        rows = max(1, min(self._list.count(), 10))
        height = min(rows * LINE + 2 * (HIT + S) + 3 * S + 2, parent.height() - top - L)
        self.setGeometry(max(S, right - width), top, width, height)

    def refresh(self) -> None:
        if self.isVisible():
            self._fill()

    def _fill(self) -> None:
        wanted = self._search.text().strip().casefold()
        kept = self._list.currentItem().data(ID) if self._list.currentItem() else self._model.conversation_id
        self._list.clear()
        for conversation in self._model.conversations():
            title = one_line(conversation.title)
            if wanted in title.casefold():
                item = QListWidgetItem(title)
                item.setData(ID, conversation.id)
                item.setData(WHEN, when(conversation.update_time or conversation.create_time))
                self._list.addItem(item)
                if conversation.id == kept:
                    self._list.setCurrentItem(item)
        nothing = self._list.count() == 0
        self._list.setVisible(not nothing)
        self._none.setVisible(nothing)
        self._none.setText(self.tr("No conversation of that title.") if wanted else self.tr("No conversation yet."))

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(ID))

    def _menu(self, place: QPoint) -> None:
        item = self._list.itemAt(place)
        if item is not None:
            number = item.data(ID)
            menu = QMenu(self)
            menu.addAction(self.tr("Rename…"), lambda: self.rename_requested.emit(number))
            menu.addAction(self.tr("Delete…"), lambda: self.delete_requested.emit(number))
            menu.exec(self._list.mapToGlobal(place))
            menu.deleteLater()

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
        key, item = event.key(), self._list.currentItem() or self._list.item(0)
        if key == Qt.Key.Key_Escape:
            self.closed.emit()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._choose(item)
        elif watched is self._search and key == Qt.Key.Key_Down:
            self._list.setFocus()
            self._list.setCurrentRow(max(0, self._list.currentRow()))
        elif watched is self._list and key == Qt.Key.Key_F2 and item is not None:
            self.rename_requested.emit(item.data(ID))
        elif watched is self._list and key == Qt.Key.Key_Delete and item is not None:
            self.delete_requested.emit(item.data(ID))
        else:
            return super().eventFilter(watched, event)
        return True

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
        shade = QColor("#000000")
        shade.setAlphaF(0.18 if theme().scheme == "light" else 0.5)
        self._shadow.setColor(shade)


class ConversationHistoryWidget(QWidget):
    """The bar. Its panel is a child of the chat area, so that it can float over the messages."""

    def __init__(self, model: Model, area: QWidget) -> None:
        super().__init__(area)
        self._model = model
        self._area = area
        self._title = button("", "quiet", self)
        self._title.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the words
        self._title.clicked.connect(self.toggle)
        self._new = IconButton("compose", self.tr("New conversation (Ctrl+N)"), self)
        self._new.clicked.connect(lambda: self._choose(None))
        self.seek = IconButton("search", self.tr("Find in the conversation (Ctrl+F)"), self)
        self._more = IconButton("more", self.tr("More about this conversation"), self)
        self._more.clicked.connect(self._show_menu)
        self.panel = HistoryPanel(model, area)
        self.panel.spared = self._title
        self.panel.chosen.connect(self._choose)
        self.panel.rename_requested.connect(self.rename)
        self.panel.delete_requested.connect(self.delete)
        self.panel.closed.connect(self.close_panel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addStretch()
        layout.addWidget(self._title)
        layout.addWidget(self._new)
        layout.addWidget(self.seek)
        layout.addWidget(self._more)
        self.menu = QMenu(self)
        model.selected.connect(self._refresh)
        model.conversations_changed.connect(self._refresh)
        model.messages_changed.connect(self._refresh)
        theme().changed.connect(self._refresh)
        self._refresh()

    def toggle(self) -> None:
        if self.panel.isVisible():
            self.close_panel()
        else:
            corner = self.mapTo(self._area, QPoint(self._title.geometry().right(), self.height()))
            self.panel.open_at(corner.x(), corner.y() + S)
            self._refresh()

    def close_panel(self) -> None:
        if self.panel.isVisible():
            self.panel.hide()
            self._title.setFocus()
            self._refresh()

    def rename(self, conversation_id: int) -> None:
        conversation = self._model.timeline.conversations.get(conversation_id)
        if conversation is not None:
            title = ask_line(
                self.window(),
                self.tr("Rename the conversation"),
                self.tr("Rename"),
                one_line(conversation.title),
                200,
            )
            if title and title != conversation.title:
                self._model.rename_conversation(conversation_id, title)

    def delete(self, conversation_id: int) -> None:
        conversation = self._model.timeline.conversations.get(conversation_id)
        if conversation is not None and ask_delete(
            self.window(),
            self.tr("Delete this conversation?"),
            self.tr('"{0}" and its messages will be gone for good.').format(one_line(conversation.title)),
        ):
            self._model.delete_conversation(conversation_id)

    def _choose(self, conversation_id: int | None) -> None:
        self.panel.hide()
        self._model.select_conversation(conversation_id)
        self._refresh()

    def _refresh(self) -> None:
        conversation: Conversation | None = self._model.conversation
        count = len(self._model.conversations())
        words = one_line(conversation.title) if conversation else self.tr("New conversation")
        most = max(80, min(320, self.width() - 2 * HIT - L * 2 - S))
        font = self._title.font()
        self._title.setText(QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, most))
        self._title.setAccessibleName(self.tr("Conversation: {0}. {1} in all").format(words, count))
        self._title.setToolTip(self.tr("Conversations"))
        self._title.setIcon(icon("down", theme().tokens.muted, 16))
        self._title.setVisible(self._model.persona is not None)
        self._new.setEnabled(self._model.conversation_id is not None)
        self._new.setVisible(self._model.persona is not None)
        self._more.setVisible(self._model.persona is not None)
        self.panel.refresh()

    def _show_menu(self) -> None:
        menu = self.menu
        for action in [a for a in menu.actions() if a.data() == "conversation"]:
            menu.removeAction(action)
        first = menu.actions()[0] if menu.actions() else None
        number = self._model.conversation_id
        added = []
        if number is not None:
            added = [
                menu.addAction(self.tr("Rename conversation…"), lambda: self.rename(number)),
                menu.addAction(self.tr("Delete conversation…"), lambda: self.delete(number)),
                menu.addSeparator(),
            ]
        for action in added:
            action.setData("conversation")
            if first is not None:
                menu.insertAction(first, action)
        menu.exec(self._more.mapToGlobal(QPoint(self._more.width() - menu.sizeHint().width(), self._more.height())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refresh()
