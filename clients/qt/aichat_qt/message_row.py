"""What every row of the message list has: a day divider above, actions on hover and focus, layout by `fit`."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QTextCursor,
)
from PySide6.QtWidgets import QWidget

from aichat_qt.branch_switcher import BranchSwitcher
from aichat_qt.icons import IconButton
from aichat_qt.message_actions import message_actions
from aichat_qt.text_view import TextView
from aichat_qt.theme import HIT, META_PX, XL, L, S, sized, theme

DIVIDER = 48


class Row(QWidget):
    """What both kinds have: a day divider above, actions on hover and focus."""

    resized = Signal()
    """Its height may be another one now."""
    link_clicked = Signal(str)
    asked = Signal(str)
    """One of `verbs` is wanted."""
    menu_asked = Signal(QPoint)
    """The menu is wanted there on the screen."""
    branch_chosen = Signal(int)
    """Another version is to be shown: its message's id."""
    QUICK: tuple[str, ...] = ()
    """Verbs with a button of their own; the menu has all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_placed = False
        """Whether it stands where it belongs; a new row does not, and must not be taken for what is in view."""
        self._divider = ""
        self._current = False
        self._top = 0
        self._height = -1
        self._width = -1
        self.verbs: list[str] = []
        """What can be done with the message now."""
        self._actions: list[QWidget] | None = None  # made when they are first shown
        self._switcher: BranchSwitcher | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def is_current(self) -> bool:
        return self._current

    @property
    def top(self) -> int:
        """Where the message begins, below the divider."""
        return self._top

    @property
    def content(self) -> str:
        """The message's words, for the clipboard."""
        raise NotImplementedError

    def set_divider(self, words: str) -> None:
        if words != self._divider:
            self._divider = words
            self.stale()

    def set_current(self, current: bool) -> None:
        """The row that the keyboard is on."""
        if current != self._current:
            self._current = current
            self._show_actions()
            self.update()

    def stale(self) -> None:
        """Measure again at the next `fit`."""
        self._height = -1

    def fit(self, width: int) -> int:
        """Lay out in a width -> the height it takes."""
        if width != self._width or self._height < 0:
            self._width = width
            self._top = DIVIDER if self._divider else 0
            self._height = self._lay_out(width, self._top)
            if self._actions is not None:
                self._place_actions()
        return self._height

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.content)

    def _lay_out(self, width: int, top: int) -> int:
        raise NotImplementedError

    @property
    def is_lit(self) -> bool:
        """Whether the pointer or the keyboard is here."""
        return self._current or self.underMouse()

    def set_verbs(self, verbs: list[str]) -> None:
        """What can be done with the message now."""
        if verbs != self.verbs:
            self.verbs = verbs
            for action in self._actions or []:
                action.hide()
                action.deleteLater()
            self._actions = None
            self._show_actions()

    def set_siblings(self, siblings: list[int], here: int) -> None:
        """The versions of this message, itself among them: where there are several one can go to the others."""
        if len(siblings) > 1 and self._switcher is None:
            self._switcher = BranchSwitcher(self)
            self._switcher.chosen.connect(self.branch_chosen)
            self.stale()
        if self._switcher is not None and (len(siblings) > 1) == self._switcher.isHidden():
            self._switcher.setVisible(len(siblings) > 1)
            self.stale()
        if self._switcher is not None and len(siblings) > 1:
            self._switcher.show_siblings(siblings, here)

    @property
    def switcher(self) -> BranchSwitcher | None:
        """Goes to the other versions, if there are any."""
        return None if self._switcher is None or self._switcher.isHidden() else self._switcher

    @property
    def text_views(self) -> list[TextView]:
        """Where the message's words stand, top to bottom."""
        return []

    @property
    def selected_text(self) -> str:
        """What the reader has marked in this message."""
        pieces = [view.textCursor().selectedText() for view in self.text_views]
        return "\n".join(piece.replace("\u2029", "\n").replace("\u2028", "\n") for piece in pieces if piece)

    def link_at(self, place: QPoint) -> str:
        """The address of the link at a place on the screen, "" if there is none."""
        for view in self.text_views:
            here = view.viewport().mapFromGlobal(place)
            if view.viewport().rect().contains(here):
                return view.anchorAt(here)
        return ""

    # finding

    def find_all(self, needle: str) -> None:
        """Mark where a text stands; "" marks nothing."""
        for view in self.text_views:
            view.find_all(needle)

    def places(self) -> list[tuple[TextView, QTextCursor]]:
        """What is marked, from top to bottom."""
        return [(view, cursor) for view in self.text_views for cursor in view.found]

    def top_of(self, view: TextView, cursor: QTextCursor) -> int:
        """Where in this row a place stands."""
        return view.viewport().mapTo(self, view.cursorRect(cursor).topLeft()).y()

    # actions

    def _make_actions(self) -> list[QWidget]:
        """The buttons that show on hover and focus; most rows never need them."""
        known, made = message_actions(), list[QWidget]()
        for name in self.QUICK:
            if name in self.verbs:
                button = IconButton(known[name].picture, f"{known[name].words} ({known[name].keys})", self, size=16)
                button.clicked.connect(lambda _=False, name=name: self.asked.emit(name))
                made.append(button)
        more = IconButton("more", self.tr("More"), self, size=16)
        more.clicked.connect(lambda: self.menu_asked.emit(more.mapToGlobal(QPoint(0, HIT))))
        return [*made, more] if self.verbs else []

    def _actions_end(self) -> QPoint:
        """The top right corner of the buttons."""
        raise NotImplementedError

    def _place_actions(self) -> None:
        end = self._actions_end()
        for action in reversed(self._actions or []):
            end -= QPoint(HIT, 0)
            action.move(end)

    @property
    def actions_width(self) -> int:
        """The room that the buttons take, shown or not."""
        return HIT * (1 + sum(name in self.verbs for name in self.QUICK)) if self.verbs else 0

    def _show_actions(self) -> None:
        if self.is_lit:
            if self._actions is None:
                self._actions = self._make_actions()
            self._place_actions()
        for action in self._actions or []:
            action.setVisible(self.is_lit)
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_actions()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_asked.emit(event.globalPos())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_actions()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._divider:
            font = sized(self.font(), META_PX)
            painter.setFont(font)
            words = QFontMetrics(font).horizontalAdvance(self._divider)
            middle = (DIVIDER - XL) // 2 + 2
            painter.setPen(theme().colour("muted"))
            painter.drawText(
                QRectF(0, 0, self.width(), DIVIDER - XL + S), Qt.AlignmentFlag.AlignCenter, self._divider
            )
            painter.setPen(theme().colour("line"))
            half = (self.width() - words) // 2 - L
            if half > 0:
                painter.drawLine(0, middle + 2, half, middle + 2)
                painter.drawLine(self.width() - half, middle + 2, self.width(), middle + 2)
        self._paint(painter)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        pass
