"""An answer: avatar, name and time, folded thoughts, the text as a document, and how it ended."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QPushButton, QWidget

from aichat.protocol.values import Message, Persona
from aichat_qt.answer_body import AnswerBody
from aichat_qt.avatar import Avatar
from aichat_qt.icons import IconButton, button, icon
from aichat_qt.labels import label, set_role
from aichat_qt.message_row import Row
from aichat_qt.text_view import TextView
from aichat_qt.theme import BODY_PX, HIT, LINE_PX, META_PX, XS, L, M, S, theme
from aichat_qt.words import clean, clock, one_line

AVATAR = 32
INDENT = AVATAR + M
PATIENCE = 2.0
"""Seconds after which waiting is put in words."""


class AnswerRow(Row):
    """What the persona said, or is saying."""

    regenerate = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._message: Message | None = None
        self._began = time.monotonic()
        self._avatar = Avatar(AVATAR, self)
        self._name = label(self, "name", px=BODY_PX, bold=True)
        self._time = label(self, "muted", px=META_PX)
        self._copy = IconButton("copy", self.tr("Copy answer"), self, size=16)
        self._copy.clicked.connect(self.copy)
        self._anew = IconButton("retry", self.tr("Answer anew"), self, size=16)
        self._anew.clicked.connect(self.regenerate)
        self._fold = button("", "fold", self)
        self._fold.clicked.connect(self._toggle_reasoning)
        self._fold.hide()
        self._reasoning: TextView | None = None
        self._body = AnswerBody(self)
        self._body.link_clicked.connect(self.link_clicked)
        self._wait = label(self, "muted", px=META_PX)
        self._wait.hide()
        self._status = label(self, "muted", px=META_PX)
        self._status.setWordWrap(True)
        self._status.hide()
        self._retry: QPushButton = button(self.tr("Retry"), "", self)
        self._retry.clicked.connect(self.regenerate)
        self._retry.hide()
        self._last = False
        self._copy.hide()
        self._anew.hide()
        theme().changed.connect(self._recolour)

    @property
    def content(self) -> str:
        return self._message.content if self._message else ""

    @property
    def message_id(self) -> int:
        return self._message.id if self._message else 0

    @property
    def status_words(self) -> str:
        """What is said below the message, if anything."""
        return self._status.text()

    @property
    def thoughts(self) -> str:
        """The words of the fold above the thoughts."""
        return self._fold.text()

    @property
    def thought_view(self) -> TextView | None:
        return self._reasoning

    @property
    def is_running(self) -> bool:
        return self._message is not None and self._message.status == "running"

    def show_message(self, message: Message, persona: Persona | None, *, last: bool) -> None:
        """Show a message; `last`: it is the conversation's last, so it can be answered anew."""
        before = self._message
        self._message = message
        if persona is not None:
            self._avatar.show_persona(persona)
            self._name.setText(one_line(persona.name))
        running = message.status == "running"
        self._time.setText(clock(message.send_time))
        grew = self._body.show_text(message.content, live=running)
        if before is None or grew or before.status != message.status or last != self._last or (
            before.reasoning != message.reasoning
        ):  # fmt: skip
            self._last = last
            self._show_reasoning(message)
            self._show_status(message)
            self._actions = [self._copy, self._anew] if last and not running else [self._copy]
            if not message.content:
                self._actions = [a for a in self._actions if a is not self._copy]
            for action in (self._copy, self._anew):
                action.setVisible(action in self._actions and (self._current or self.underMouse()))
            self.stale()
        self.tick()

    def tick(self) -> None:
        """A second went by: put waiting in words."""
        message = self._message
        if message is None or message.status != "running":
            if not self._wait.isHidden():
                self._wait.hide()
                self.stale()
            return
        waited = time.monotonic() - self._began
        waits = not message.content and not message.reasoning
        if waits and self._wait.isHidden():
            self.stale()
        self._wait.setVisible(waits)
        if waits:
            self._wait.setText(
                self.tr("Waiting for the answer, {0} s").format(int(waited)) if waited > PATIENCE else self.tr("…")
            )
        elif not message.content and not self._fold.isHidden():
            self._fold.setText(self.tr("Thinking, {0} s").format(int(waited)))

    def set_caret(self, strength: float) -> None:
        self._body.set_caret(strength)

    def _show_reasoning(self, message: Message) -> None:
        self._fold.setVisible(bool(message.reasoning))
        if not message.reasoning:
            return
        seconds = max(1, round(message.reasoning_ms / 1000))
        if message.reasoning_ms:
            self._fold.setText(self.tr("Thought for {0} s").format(seconds))
        elif message.status != "running" or message.content:
            self._fold.setText(self.tr("Thoughts"))
        is_open = self._reasoning is not None and not self._reasoning.isHidden()
        if is_open and self._reasoning is not None:
            self._reasoning.write_plain(clean(message.reasoning), "muted")
        self._draw_fold(is_open)

    def _toggle_reasoning(self) -> None:
        if self._reasoning is None:
            self._reasoning = TextView(self)
            self._reasoning.setAccessibleName(self.tr("Thoughts"))
            self._reasoning.hide()
        opens = self._reasoning.isHidden()
        if opens and self._message is not None:
            self._reasoning.write_plain(clean(self._message.reasoning), "muted")
        self._reasoning.setVisible(opens)
        self._draw_fold(opens)
        self.stale()
        self.resized.emit()

    def _draw_fold(self, is_open: bool) -> None:
        self._fold.setIcon(icon("down" if is_open else "right", theme().tokens.muted, 16))
        self._fold.setAccessibleName(
            self.tr("Hide thoughts") if is_open else self.tr("Show thoughts: {0}").format(self._fold.text())
        )

    def _show_status(self, message: Message) -> None:
        words, role = "", "muted"
        if message.failure is not None and message.status in {"failed", "interrupted"}:
            words, role = one_line(message.failure.message), "danger"
        elif message.status == "failed":
            words, role = self.tr("No answer came."), "danger"
        elif message.status == "interrupted":
            words, role = self.tr("The answer broke off before its end; what came is kept."), "danger"
        elif message.status == "stopped":
            words = self.tr("Stopped.")
        set_role(self._status, role)
        self._status.setText(words)
        self._status.setVisible(bool(words))
        self._retry.setVisible(bool(words) and self._last)
        name = self._name.text()
        self.setAccessibleName(f"{name}: {message.content[:200]}" + (f" ({words})" if words else ""))

    def _recolour(self) -> None:
        if self._reasoning is not None and self._message is not None:
            self._reasoning.write_plain(clean(self._message.reasoning), "muted")
        self._draw_fold(self._reasoning is not None and not self._reasoning.isHidden())
        self.stale()

    def _lay_out(self, width: int, top: int) -> int:
        inner = width - INDENT
        self._avatar.move(0, top)
        name_width = min(self._name.sizeHint().width(), inner - 2 * HIT - 80)
        self._name.setGeometry(INDENT, top, name_width, HIT)
        self._time.setGeometry(INDENT + name_width + S, top + 1, self._time.sizeHint().width(), HIT)
        self._anew.move(width - HIT, top)
        self._copy.move(width - 2 * HIT if self._anew in self._actions else width - HIT, top)
        y = top + HIT + XS
        if not self._fold.isHidden():
            self._fold.setGeometry(INDENT - XS, y - XS, self._fold.sizeHint().width() + S, HIT)
            y += HIT
        if self._reasoning is not None and not self._reasoning.isHidden():
            height = self._reasoning.fit(inner - L)
            self._reasoning.setGeometry(INDENT + L, y, inner - L, height)
            y += height + M
        if not self._wait.isHidden():
            self._wait.setGeometry(INDENT, y, inner, LINE_PX)
            y += LINE_PX
        height = self._body.fit(inner)
        self._body.setGeometry(INDENT, y, inner, height)
        y += height
        if self._status.text():
            y = self._lay_out_status(inner, y + (S if height else 0))
        return y

    def _lay_out_status(self, inner: int, y: int) -> int:
        self._retry.resize(self._retry.sizeHint().width(), HIT)
        most = inner - (self._retry.width() + M if not self._retry.isHidden() else 0) - L - XS
        wanted = QFontMetrics(self._status.font()).horizontalAdvance(self._status.text()) + 2
        room = min(most, wanted)
        height = max(HIT, self._status.heightForWidth(room))
        left = INDENT + L + XS
        self._status.setGeometry(left, y, room, height)
        self._retry.move(left + room + M, y)
        self._mark_at = y + (height - L) // 2
        return y + height

    def _paint(self, painter: QPainter) -> None:
        if self._status.text() and not self._status.isHidden():
            name, colour = ("alert", "danger") if self._status.property("role") == "danger" else ("stop", "muted")
            icon(name, getattr(theme().tokens, colour), L).paint(painter, INDENT, self._mark_at, L, L)
        if self._reasoning is not None and not self._reasoning.isHidden():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour("line"))
            box = self._reasoning.geometry()
            painter.drawRoundedRect(QRectF(INDENT + 2, box.top(), 3, box.height()), 1.5, 1.5)
