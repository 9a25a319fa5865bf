"""The reasoning of an answer, folded away: "Thought for 6 s", and the text when it is opened."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from aichat.protocol.values import Message
from aichat_qt.icons import button, icon
from aichat_qt.text_view import TextView
from aichat_qt.theme import HIT, XS, L, S, theme
from aichat_qt.words import clean, duration


class ThoughtsWidget(QWidget):
    """One fold above one answer."""

    toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._fold = button("", "fold", self)
        self._fold.clicked.connect(self._toggle)
        self._view: TextView | None = None
        theme().changed.connect(self._dress)
        self._dress()

    @property
    def title(self) -> str:
        return self._fold.text()

    @property
    def is_open(self) -> bool:
        return self._view is not None and not self._view.isHidden()

    def show_thoughts(self, message: Message) -> None:
        self._text = clean(message.reasoning)
        if message.reasoning_ms:
            self._set_title(self.tr("Thought for {0}").format(duration(message.reasoning_ms)))
        elif message.status != "running" or message.content:
            self._set_title(self.tr("Thoughts"))
        elif not self.title:
            self._set_title(self.tr("Thinking…"))
        if self.is_open and self._view is not None:
            self._view.grow_plain(self._text, "muted")

    def tick(self, seconds: int) -> None:
        """So long it has been thinking."""
        self._set_title(self.tr("Thinking, {0}").format(duration(1000 * seconds)))

    def fit(self, width: int) -> int:
        """Lay out in a width -> the height it takes."""
        self._fold.setGeometry(0, 0, min(width, self._fold.sizeHint().width() + S), HIT)
        if self._view is None or self._view.isHidden():
            return HIT
        height = self._view.fit(width - L - XS)
        self._view.setGeometry(L + XS, HIT, width - L - XS, height)
        return HIT + height + S

    def _set_title(self, words: str) -> None:
        self._fold.setText(words)
        self._fold.setAccessibleName(
            self.tr("Hide thoughts") if self.is_open else self.tr("Show thoughts: {0}").format(words)
        )

    def _toggle(self) -> None:
        if self._view is None:
            self._view = TextView(self)
            self._view.setAccessibleName(self.tr("Thoughts"))
            self._view.hide()
        opens = self._view.isHidden()
        if opens:
            self._view.write_plain(self._text, "muted")
        self._view.setVisible(opens)
        self._dress()
        self.toggled.emit()

    def _dress(self) -> None:
        self._fold.setIcon(icon("down" if self.is_open else "right", theme().tokens.muted, 16))
        self._set_title(self.title)
        if self.is_open and self._view is not None:
            self._view.write_plain(self._text, "muted")

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self.is_open and self._view is not None:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour("line"))
            box = self._view.geometry()
            painter.drawRoundedRect(QRectF(XS + 2, box.top(), 3, box.height()), 1.5, 1.5)
            painter.end()
