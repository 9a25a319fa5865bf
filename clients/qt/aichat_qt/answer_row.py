"""An answer: avatar, name and time, folded thoughts, the text as a document, and how it ended."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from aichat.protocol.values import Message, Persona, can_continue
from aichat_qt.answer_body import AnswerBody
from aichat_qt.avatar import avatar_pixmap
from aichat_qt.failures import said
from aichat_qt.icons import button, icon
from aichat_qt.labels import label, set_role
from aichat_qt.message_row import Row
from aichat_qt.text_view import TextView
from aichat_qt.theme import BODY_PX, HIT, LINE_PX, META_PX, XS, L, M, S, sized, theme
from aichat_qt.thoughts_widget import ThoughtsWidget
from aichat_qt.words import clock, one_line

AVATAR = 32
INDENT = AVATAR + M
PATIENCE = 2.0
"""Seconds after which waiting is put in words."""


class AnswerRow(Row):
    """What the persona said, or is saying. Parts that most answers do not need are made when one does."""

    QUICK = ("quote", "copy", "regenerate")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._message: Message | None = None
        self._persona: Persona | None = None
        self._last = False
        self._place = 0
        self._began = time.monotonic()
        self._mark_at = 0
        self._body = AnswerBody(self)
        self._body.link_clicked.connect(self.link_clicked)
        self._thoughts: ThoughtsWidget | None = None
        self._wait: QLabel | None = None
        self._status: QLabel | None = None
        self._retry: QPushButton | None = None
        self._go_on: QPushButton | None = None
        theme().changed.connect(self.stale)

    @property
    def content(self) -> str:
        return self._message.content if self._message else ""

    @property
    def status_words(self) -> str:
        """What is said below the message, if anything."""
        return self._status.text() if self._status is not None else ""

    @property
    def thoughts(self) -> ThoughtsWidget | None:
        return self._thoughts

    @property
    def is_running(self) -> bool:
        return self._message is not None and self._message.status == "running"

    def show_message(self, message: Message, persona: Persona | None, *, last: bool, place: int = 0) -> None:
        """Show a message; `last`: it is the conversation's last, so it can be answered anew or go on.

        `place`: as which it waits in line, 0 if it does not.
        """
        before, self._message = self._message, message
        if persona != self._persona:
            self._persona = persona
            self.update()
        if message == before and (last, place) == (self._last, self._place):
            return
        self._last, self._place = last, place
        if before is not None and before.status != "running":
            self._began = time.monotonic()
        self._body.show_text(message.content, live=self.is_running)
        self._show_thoughts(message)
        self._show_status(message)
        self._show_actions()
        self.stale()
        self.tick()

    def tick(self) -> None:
        """Time went by: put waiting in words."""
        message = self._message
        empty = message is not None and not message.content and not message.reasoning
        waits = self.is_running and (empty or self._place > 0)
        waited = time.monotonic() - self._began
        if waits and self._wait is None:
            self._wait = label(self, "muted", px=META_PX)
            self._wait.show()
            self.stale()
        elif not waits and self._wait is not None:
            self._wait.deleteLater()
            self._wait = None
            self.stale()
        if self._wait is not None:
            self._wait.setText(self._waiting_words(int(waited)))
        elif self.is_running and message is not None and not message.content and self._thoughts is not None:
            self._thoughts.tick(int(waited))

    def _waiting_words(self, seconds: int) -> str:
        if self._place == 1:
            return self.tr("Next in line…")
        if self._place > 1:
            return self.tr("Waiting in line, number {0}…").format(self._place)
        return self.tr("Waiting for the answer, {0} s").format(seconds) if seconds >= PATIENCE else "…"

    def set_caret(self, strength: float) -> None:
        self._body.set_caret(strength)

    def _show_thoughts(self, message: Message) -> None:
        if message.reasoning and self._thoughts is None:
            self._thoughts = ThoughtsWidget(self)
            self._thoughts.toggled.connect(self.stale)
            self._thoughts.toggled.connect(self.resized)
            self._thoughts.show()
        if self._thoughts is not None:
            self._thoughts.setVisible(bool(message.reasoning))
            self._thoughts.show_thoughts(message)

    def _show_status(self, message: Message) -> None:
        words, role = "", "muted"
        if message.failure is not None and message.status in {"failed", "interrupted"}:
            words, role = said(message.failure.message, message.failure.code), "danger"
        elif message.status == "failed":
            words, role = self.tr("No answer came."), "danger"
        elif message.status == "interrupted":
            words, role = self.tr("The answer broke off before its end; what came is kept."), "danger"
        elif message.status == "stopped":
            words = self.tr("Stopped.")
        if words and self._status is None:
            self._status = label(self, role, px=META_PX)
            self._status.setWordWrap(True)
            self._go_on = button(self.tr("Continue"), "", self)
            self._go_on.clicked.connect(lambda: self.asked.emit("go_on"))
            self._retry = button(self.tr("Retry"), "", self)
            self._retry.clicked.connect(lambda: self.asked.emit("regenerate"))
        if self._status is not None and self._retry is not None and self._go_on is not None:
            set_role(self._status, role)
            self._status.setText(words)
            self._status.setVisible(bool(words))
            self._retry.setVisible(bool(words) and self._last)
            self._go_on.setVisible(self._last and can_continue(message))
        name = one_line(self._persona.name) if self._persona else ""
        self.setAccessibleName(f"{name}: {message.content[:200]}" + (f" ({words})" if words else ""))

    def _actions_end(self) -> QPoint:
        return QPoint(self._width, self._top)

    def find_all(self, needle: str) -> None:
        self._body.find_all(needle)

    @property
    def text_views(self) -> list[TextView]:
        return self._body.text_views

    def _lay_out(self, width: int, top: int) -> int:
        inner = width - INDENT
        y = top + HIT + XS
        if self.switcher is not None:
            self.switcher.move(self._head()[3], top)
        if self._thoughts is not None and not self._thoughts.isHidden():
            height = self._thoughts.fit(inner + XS)
            self._thoughts.setGeometry(INDENT - XS, y - XS, inner + XS, height)
            y += height
        height = self._body.fit(inner)
        self._body.setGeometry(INDENT, y, inner, height)
        y += height if self.content or self._wait is None else 0
        if self._wait is not None:
            self._wait.setGeometry(INDENT, y, inner, LINE_PX)
            y += LINE_PX
        if self._status is not None and self._status.text():
            y = self._lay_out_status(self._status, inner, y + (S if height else 0))
        return y

    def _lay_out_status(self, words: QLabel, inner: int, y: int) -> int:
        verbs = [verb for verb in (self._go_on, self._retry) if verb is not None and not verb.isHidden()]
        for verb in verbs:
            verb.resize(verb.sizeHint().width(), HIT)
        left = INDENT + L + XS
        most = inner - L - XS - sum(verb.width() + S for verb in verbs) - (M - S if verbs else 0)
        room = min(most, QFontMetrics(words.font()).horizontalAdvance(words.text()) + 2)
        height = max(HIT, words.heightForWidth(room))
        words.setGeometry(left, y, room, height)
        right = left + room + M
        for verb in verbs:
            verb.move(right, y)
            right += verb.width() + S
        self._mark_at = y + (height - L) // 2
        return y + height

    def _head(self) -> tuple[str, str, int, int]:
        """The name and the time in the first line, where the time begins, and what comes behind it."""
        bold, small = (QFontMetrics(sized(self.font(), px, bold=px == BODY_PX)) for px in (BODY_PX, META_PX))
        stamp = clock(self._message.send_time) if self._message is not None else ""
        behind = small.horizontalAdvance(stamp) + S + (self.switcher.width() + S if self.switcher is not None else 0)
        room = self._width - INDENT - self.actions_width - behind - S
        name = bold.elidedText(
            one_line(self._persona.name) if self._persona else "", Qt.TextElideMode.ElideRight, room
        )
        middle = INDENT + bold.horizontalAdvance(name) + S
        return name, stamp, middle, middle + small.horizontalAdvance(stamp) + S

    def _paint(self, painter: QPainter) -> None:
        persona, message = self._persona, self._message
        if persona is not None:
            ratio = self.devicePixelRatioF()
            picture = avatar_pixmap(persona.id, persona.name, persona.avatar, AVATAR, ratio)
            painter.drawPixmap(0, self._top, picture)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        name, stamp, middle, end = self._head()
        painter.setFont(sized(self.font(), BODY_PX, bold=True))
        painter.setPen(theme().colour("text"))
        painter.drawText(QRect(INDENT, self._top, middle - INDENT, HIT), left, name)
        small = sized(self.font(), META_PX)
        painter.setFont(small)
        painter.setPen(theme().colour("muted"))
        painter.drawText(QRect(middle, self._top + 1, end - middle, HIT), left, stamp)
        if self.is_lit and message is not None:
            x = end + (self.switcher.width() + S if self.switcher is not None else 0)
            room = self.width() - self.actions_width - S - x
            model = QFontMetrics(small).elidedText(one_line(message.model), Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(x, self._top + 1, max(0, room), HIT), left, model)
        if self._status is not None and self._status.text():
            mark, colour = ("alert", "danger") if self._status.property("role") == "danger" else ("stop", "muted")
            icon(mark, getattr(theme().tokens, colour), L).paint(painter, INDENT, self._mark_at, L, L)
