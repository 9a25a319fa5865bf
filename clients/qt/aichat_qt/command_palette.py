"""The command palette: everything one can do, every persona, every conversation, by a few letters of its name.

Knows only `Entry`s, which its owner gathers each time it opens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsDropShadowEffect,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol.values import Persona
from aichat_qt.avatar import avatar_pixmap
from aichat_qt.fuzzy import match
from aichat_qt.icons import icon
from aichat_qt.labels import label
from aichat_qt.theme import BODY_PX, META_PX, RADIUS_CONTROL, XL, XS, L, M, S, sized, theme

WIDTH, LINE, MOST_LINES = 560, 40, 9
MOST = 60
"""Entries shown at most; who wants more types a letter more."""
PICTURE = 24
ENTRY = Qt.ItemDataRole.UserRole
PLACES = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to choose: what it is called, what is said beside it, what it does."""

    words: str
    detail: str
    run: Callable[[], object]
    keys: str = ""
    picture: str = "right"
    """The name of an icon."""
    persona: Persona | None = None
    """Whose avatar stands there in place of the icon."""


class _Entries(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.shown: list[tuple[Entry, list[int]]] = []

    def show(self, shown: list[tuple[Entry, list[int]]]) -> None:
        self.beginResetModel()
        self.shown = shown
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry, places = self.shown[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.words
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(filter(None, (entry.words, entry.detail, entry.keys)))
            case _ if role == ENTRY:
                return entry
            case _ if role == PLACES:
                return places
        return None


class _Line(QStyledItemDelegate):
    """Picture, words with the letters that matched, detail; the key on the right."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(100, LINE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(ENTRY)
        t, box = theme(), QRect(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.colour("own"))
            painter.drawRoundedRect(box, RADIUS_CONTROL, RADIUS_CONTROL)
        top = box.top() + (LINE - PICTURE) // 2
        if entry.persona is not None:
            who = entry.persona
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(box.left() + S, top, avatar_pixmap(who.id, who.name, who.avatar, PICTURE, ratio))
        else:
            inset = (PICTURE - 18) // 2
            icon(entry.picture, t.tokens.muted, 18).paint(painter, box.left() + S + inset, top + inset, 18, 18)
        meta = sized(painter.font(), META_PX)
        right = box.right() - M
        painter.setPen(t.colour("muted"))
        painter.setFont(meta)
        vertical = Qt.AlignmentFlag.AlignVCenter
        if entry.keys:
            room = QFontMetrics(meta).horizontalAdvance(entry.keys)
            painter.drawText(QRect(right - room, box.top(), room + 1, LINE), vertical, entry.keys)
            right -= room + L
        left = box.left() + S + PICTURE + M
        body = sized(painter.font(), BODY_PX)
        words = QFontMetrics(body).elidedText(entry.words, Qt.TextElideMode.ElideRight, right - left)
        left = self._words(painter, QRect(left, box.top(), right - left, LINE), words, body, index.data(PLACES))
        room = right - left - M
        if entry.detail and room > 3 * L:
            painter.setFont(meta)
            painter.setPen(t.colour("muted"))
            detail = QFontMetrics(meta).elidedText(entry.detail, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(left + M, box.top(), room, LINE), vertical, detail)
        painter.restore()

    @staticmethod
    def _words(painter: QPainter, box: QRect, words: str, font: QFont, places: list[int]) -> int:
        """Draws run by run, those that matched in the accent colour -> where they end."""
        left, wanted = box.left(), set(places)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        at = 0
        while at < len(words):
            end = at + 1
            while end < len(words) and (end in wanted) == (at in wanted):
                end += 1
            painter.setPen(theme().colour("accent" if at in wanted else "text"))
            run = words[at:end]
            room = metrics.horizontalAdvance(run)
            painter.drawText(QRect(left, box.top(), room + 2, box.height()), Qt.AlignmentFlag.AlignVCenter, run)
            left, at = left + room, end
        return left


class CommandPalette(QFrame):
    """Floats over its window. Enter runs what is chosen, Esc and a click elsewhere close it."""

    closed = Signal()

    def __init__(self, window: QWidget, gather: Callable[[], list[Entry]]) -> None:
        super().__init__(window)
        self._gather = gather
        self._entries: list[Entry] = []
        self._before: QWidget | None = None
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Command palette"))
        self.field = QLineEdit(self)
        self.field.setProperty("role", "palette")
        self.field.setPlaceholderText(self.tr("What do you want to do, whom to talk to, which conversation?"))
        self.field.setAccessibleName(self.tr("Search commands, personas and conversations"))
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list = QListView(self)
        self.list.setAccessibleName(self.tr("What was found"))
        self.list.setItemDelegate(_Line(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.clicked.connect(lambda _index: self._run())
        self._found = _Entries(self)
        self.list.setModel(self._found)
        self._none = label(self, "muted", self.tr("Nothing of that name. Fewer letters find more."))
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._none.setFixedHeight(LINE + L)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S, S, S, S)
        layout.setSpacing(XS)
        layout.addWidget(self.field)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._none)
        self._shadow = QGraphicsDropShadowEffect(self, blurRadius=48, offset=QPointF(0, 12))
        self.setGraphicsEffect(self._shadow)
        theme().changed.connect(self._dress)
        self._dress()
        self.hide()

    def open(self) -> None:
        """Show it with everything, commands first; again: close it."""
        if self.isVisible():
            self.close_()
            return
        self._before = self.window().focusWidget()
        self._entries = self._gather()
        self.field.clear()
        self._fill()
        self.show()
        self.raise_()
        self.field.setFocus()

    def close_(self) -> None:
        """Hide it; the focus goes back to where it was."""
        if self.isVisible():
            self.hide()
            if self._before is not None and self.focusWidget() in {self.field, None}:
                self._before.setFocus()
            self.closed.emit()

    def shown(self) -> list[str]:
        """The words of what was found, best first."""
        return [entry.words for entry, _ in self._found.shown]

    def place(self) -> None:
        """In the middle of the window's upper part."""
        parent = self.window()
        width = min(WIDTH, parent.width() - 2 * XL)
        rows = min(MOST_LINES, len(self._found.shown))
        top = max(XL, parent.height() // 8)
        height = self.field.sizeHint().height() + 2 * S + XS + 2 + (rows * LINE if rows else LINE + L)
        self.setGeometry((parent.width() - width) // 2, top, width, min(height, parent.height() - top - XL))

    def _fill(self) -> None:
        wanted = self.field.text().strip()
        found: list[tuple[int, int, Entry, list[int]]] = []
        for number, entry in enumerate(self._entries):
            hit = match(wanted, entry.words)
            if hit is not None:
                found.append((-hit[0], number, entry, hit[1]))
            elif (beside := match(wanted, f"{entry.detail} {entry.words}")) is not None:
                found.append((40 - beside[0], number, entry, []))
        found.sort(key=lambda one: one[:2])
        self._found.show([(entry, places) for _, _, entry, places in found[:MOST]])
        self.list.setVisible(bool(found))
        self._none.setVisible(not found)
        self.list.setCurrentIndex(self._found.index(0))
        self.list.scrollToTop()
        self.place()

    def _move(self, step: int) -> None:
        count = len(self._found.shown)
        if count:
            row = self.list.currentIndex().row() + step
            row = row % count if abs(step) == 1 else max(0, min(row, count - 1))
            self.list.setCurrentIndex(self._found.index(row))

    def _run(self) -> None:
        at = self.list.currentIndex().row()
        if 0 <= at < len(self._found.shown):
            entry = self._found.shown[at][0]
            self.close_()
            entry.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget) and self.isVisible():
            if watched is not self and not self.isAncestorOf(watched) and watched.window() is self.window():
                self.close_()
        elif watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event.key())
        return super().eventFilter(watched, event)

    def _key(self, key: int) -> bool:
        match key:
            case Qt.Key.Key_Escape:
                self.close_()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._run()
            case Qt.Key.Key_Down | Qt.Key.Key_Tab:
                self._move(1)
            case Qt.Key.Key_Up | Qt.Key.Key_Backtab:
                self._move(-1)
            case Qt.Key.Key_PageDown:
                self._move(MOST_LINES)
            case Qt.Key.Key_PageUp:
                self._move(-MOST_LINES)
            case _:
                return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # else it would reach what is behind

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]

    def _dress(self) -> None:
        shade = QColor("#000000")
        shade.setAlphaF(0.22 if theme().scheme == "light" else 0.6)
        self._shadow.setColor(shade)
        self.update()
