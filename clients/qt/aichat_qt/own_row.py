"""Own words: a bubble on the right, and below it what became of them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from aichat.protocol.values import Message
from aichat_qt.icons import IconButton, button
from aichat_qt.labels import label, set_role
from aichat_qt.message_row import Row
from aichat_qt.model import Draft
from aichat_qt.text_view import TextView
from aichat_qt.theme import HIT, META_PX, RADIUS_CARD, XS, L, M, S, theme
from aichat_qt.words import clean, clock, one_line


class OwnRow(Row):
    """What the user said."""

    retry = Signal(str)
    edit = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = ""
        self._request_id = ""
        self._bubble = QRectF()
        self._state = ""
        self._text = TextView(self)
        self._text.setAccessibleName(self.tr("Your message"))
        self._text.link_clicked.connect(self.link_clicked)
        self._status = label(self, "muted", px=META_PX)
        self._retry = button(self.tr("Retry"), "link", self)
        self._edit = button(self.tr("Edit"), "link", self)
        self._retry.clicked.connect(lambda: self.retry.emit(self._request_id))
        self._edit.clicked.connect(lambda: self.edit.emit(self._request_id))
        self._time = label(self, "muted", px=META_PX)
        self._copy = IconButton("copy", self.tr("Copy message"), self, size=16)
        self._copy.clicked.connect(self.copy)
        self._actions = [self._time, self._copy]
        for hidden in (*self._actions, self._retry, self._edit, self._status):
            hidden.hide()
        theme().changed.connect(self._recolour)

    @property
    def content(self) -> str:
        return self._content

    @property
    def status_words(self) -> str:
        """What is said below the message, if anything."""
        return self._status.text()

    def show_message(self, message: Message) -> None:
        self._write(message.content)
        self._time.setText(clock(message.send_time))
        self._set_state("", "", False)

    def show_draft(self, draft: Draft) -> None:
        self._request_id = draft.request_id
        self._write(draft.content)
        failure = draft.failure
        if failure is not None:
            self._set_state("danger", one_line(failure.message), failure.retryable)
        elif draft.state == "queued":
            self._set_state("muted", self.tr("goes out when the answer is finished"), False)
        elif draft.state == "waiting":
            self._set_state("muted", self.tr("goes out when the connection is back"), False)
        else:
            self._set_state("muted", self.tr("sending"), False)

    def _write(self, content: str) -> None:
        if content != self._content:
            self._content = content
            self._text.write_plain(clean(content))
            self.stale()

    def _recolour(self) -> None:
        self._text.write_plain(clean(self._content))
        self.stale()

    def _set_state(self, role: str, words: str, may_retry: bool) -> None:
        if (role, words) != (self._state, self._status.text()):
            self._state = role
            set_role(self._status, role or "muted")
            self._status.setText(words)
            self.stale()
        failed = role == "danger"
        self._status.setVisible(bool(words))
        self._retry.setVisible(failed and may_retry)
        self._edit.setVisible(failed)
        self.setAccessibleName(self.tr("You: {0}").format(self._content[:200]) + (f" ({words})" if words else ""))
        self.update()

    def _lay_out(self, width: int, top: int) -> int:
        most = int(width * 0.8) - 2 * M
        inner = self._text.ideal_width(most)
        height = self._text.fit(inner)
        left = width - inner - 2 * M
        self._text.setGeometry(left + M, top + S, inner, height)
        self._bubble = QRectF(left, top, inner + 2 * M, height + 2 * S)
        y = top + height + 2 * S
        time_width = self._time.sizeHint().width()
        self._copy.move(left - HIT - XS, top + 3)
        self._time.setGeometry(left - HIT - XS - S - time_width, top + 3, time_width, HIT)
        if self._status.text():
            y = self._lay_out_status(width, y)
        return y

    def _lay_out_status(self, width: int, y: int) -> int:
        right = width
        for each in (self._edit, self._retry):
            if not each.isHidden():
                each.resize(each.sizeHint().width(), HIT)
                right -= each.width()
                each.move(right, y)
                right -= XS
        words = self._status
        words.setWordWrap(False)
        wanted = words.sizeHint().width()
        wraps = wanted > right - S
        words.setWordWrap(wraps)
        room = right - S if wraps else wanted
        height = words.heightForWidth(room) if wraps else (HIT if right < width else L + XS)
        words.setGeometry(right - room - (XS if right == width else 0), y + (S if wraps else 0), room, height)
        words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return y + max(HIT if right < width else 0, height + (S if wraps else 0))

    def _paint(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().colour("own"))
        painter.setOpacity(0.7 if self._state == "muted" else 1.0)
        painter.drawRoundedRect(self._bubble, RADIUS_CARD, RADIUS_CARD)
        if self._state == "danger":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().colour("danger"), 1))
            painter.drawRoundedRect(self._bubble.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_CARD, RADIUS_CARD)
