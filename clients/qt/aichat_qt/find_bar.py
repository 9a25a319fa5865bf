"""Search inside the shown conversation: a bar with the count, and a step to the next and the one before.

All of the conversation is searched: while the bar is open, pages that are not here yet are asked for.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from aichat_qt.icons import IconButton
from aichat_qt.labels import label
from aichat_qt.message_actions import Item
from aichat_qt.theme import HIT, RADIUS_CARD, XS, M, S, theme

WIDTH = 380
TYPED_MS = 120
"""A search begins when typing pauses so long."""

Key = int | str
"""A message id, or the request id of own words, which is the same before and after they are stored."""


class _Field(QLineEdit):
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.stepped.emit(1 if back else -1)
            case Qt.Key.Key_Up:
                self.stepped.emit(-1)
            case Qt.Key.Key_Down:
                self.stepped.emit(1)
            case _:
                super().keyPressEvent(event)


class FindBar(QWidget):
    """Says what to look for and which of the messages found is shown; its owner shows them."""

    sought = Signal(str)
    """What is looked for is another text; "" when the bar is closed."""
    went = Signal(int)
    """One place further down (1) or up (-1), please."""
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.needle = ""
        self.hits: list[Key] = []
        """Keys of the messages found, top to bottom."""
        self._at: Key | None = None
        self._lower: dict[Key, tuple[str, str]] = {}
        self.field = _Field(self)
        self.field.setProperty("role", "search")
        self.field.setPlaceholderText(self.tr("Find in this conversation"))
        self.field.setAccessibleName(self.tr("Find in this conversation"))
        self.field.stepped.connect(self._step)
        self.count: QLabel = label(self, "muted")
        self.up = IconButton("up", self.tr("Earlier (Enter)"), self, size=16)
        self.down = IconButton("down", self.tr("Later (Shift+Enter)"), self, size=16)
        self.close_button = IconButton("close", self.tr("Close (Esc)"), self, size=16)
        self.up.clicked.connect(lambda: self._step(-1))
        self.down.clicked.connect(lambda: self._step(1))
        self.close_button.clicked.connect(self.leave)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(S, XS, XS, XS)
        layout.setSpacing(XS)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        layout.addSpacing(XS)
        for each in (self.up, self.down, self.close_button):
            layout.addWidget(each)
        self._typed = QTimer(self, singleShot=True, interval=TYPED_MS)
        self._typed.timeout.connect(self._seek)
        self.field.textChanged.connect(self._typed.start)
        theme().changed.connect(self.update)
        self._tell(False)
        self.hide()

    def open(self, needle: str = "") -> None:
        """Show the bar, with what the reader has marked."""
        if needle:
            self.field.setText(needle)
        self.show()
        self.raise_()
        self.field.setFocus()
        self.field.selectAll()
        self._seek()

    def leave(self) -> None:
        """Close the bar; nothing is marked any more."""
        if self.isHidden():
            return
        self.hide()
        self._typed.stop()
        self.needle = ""
        self.hits, self._lower = [], {}
        self.sought.emit("")
        self.closed.emit()

    def place(self, width: int) -> None:
        """Stand in the top right corner of a view."""
        own = min(WIDTH, width - 2 * S)
        self.setGeometry(width - own - M, S, own, HIT + 2 * S)

    @property
    def at(self) -> Key | None:
        """The key of the message that is shown, if it is one of those found."""
        return self._at if self._at in self.hits else None

    def go(self, key: Key | None) -> None:
        """This one is shown now."""
        self._at = key
        self._tell(self._more)

    def take(self, items: dict[Key, Item], *, more: bool) -> None:
        """Look through messages; `more`: others are on their way."""
        lower, needle = {}, self.needle.casefold()
        for key, item in items.items() if needle else ():
            known = self._lower.get(key)
            same = known is not None and known[0] is item.content
            lower[key] = known if same and known is not None else (item.content, item.content.casefold())
        self._lower = lower
        self.hits = [key for key, (_, text) in lower.items() if needle in text]
        self._tell(more)

    def _seek(self) -> None:
        self._typed.stop()
        if self.field.text() != self.needle:
            self.needle = self.field.text()
            self._at = None
            self.sought.emit(self.needle)

    def _step(self, by: int) -> None:
        if self._typed.isActive():
            self._seek()
        elif self.hits:
            self.went.emit(by)

    def _tell(self, more: bool) -> None:
        self._more = more
        total = f"{len(self.hits)}{'+' if more else ''}"
        if not self.needle:
            words = said = ""
        elif not self.hits:
            words = said = self.tr("Searching…") if more else self.tr("Nothing found")
        else:
            number = self.hits.index(self._at) + 1 if self._at in self.hits else 0
            words = f"{number} / {total}"
            said = self.tr("Message {0} of {1}").format(number, total)
        self.count.setText(words)
        self.count.setAccessibleName(said)
        for each in (self.up, self.down):
            each.setEnabled(bool(self.hits))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().colour("line"), 1))
        painter.setBrush(theme().colour("surface"))
        box = self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, RADIUS_CARD, RADIUS_CARD)
        painter.end()
