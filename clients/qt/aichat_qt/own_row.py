"""Own words: a bubble on the right, and below it what became of them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from aichat.protocol.values import Message
from aichat_qt.failures import said
from aichat_qt.icons import button
from aichat_qt.labels import label, set_role
from aichat_qt.message_row import Row
from aichat_qt.model import Draft
from aichat_qt.text_view import TextView
from aichat_qt.theme import HIT, META_PX, RADIUS_CARD, XS, L, M, S, sized, theme
from aichat_qt.words import clean, clock


class OwnRow(Row):
    """What the user said."""

    QUICK = ("copy", "edit")

    retry = Signal(str)
    edit = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = self._time = self._request_id = ""
        self._bubble = QRectF()
        self._state = ""
        self._text = TextView(self)
        self._text.setAccessibleName(self.tr("Your message"))
        self._text.link_clicked.connect(self.link_clicked)
        self._status: QLabel | None = None
        self._buttons: list[QPushButton] = []
        theme().changed.connect(self._recolour)

    @property
    def content(self) -> str:
        return self._content

    @property
    def status_words(self) -> str:
        """What is said below the message, if anything."""
        return self._status.text() if self._status is not None else ""

    def show_message(self, message: Message) -> None:
        self._write(message.content)
        self._time = clock(message.send_time)
        self._set_state("", "", [])

    def show_draft(self, draft: Draft) -> None:
        self._request_id = draft.request_id
        self._write(draft.content)
        failure = draft.failure
        if failure is not None:
            verbs = ["retry", "edit"] if failure.retryable else ["edit"]
            self._set_state("danger", said(failure.message, failure.code), verbs)
        elif draft.state == "queued":
            self._set_state("muted", self.tr("goes out when the answer is finished"), [])
        elif draft.state == "waiting":
            self._set_state("muted", self.tr("goes out when the connection is back"), [])
        else:
            self._set_state("muted", self.tr("sending"), [])

    def _write(self, content: str) -> None:
        if content != self._content:
            self._content = content
            self._text.write_plain(clean(content).rstrip())
            self.stale()

    def _recolour(self) -> None:
        self._text.write_plain(clean(self._content).rstrip())
        self.stale()

    def _set_state(self, role: str, words: str, verbs: list[str]) -> None:
        """What became of the message, in words, and the ways out."""
        if (role, words) != (self._state, self.status_words):
            self._state = role
            for old in self._buttons:
                old.deleteLater()
            self._buttons = [self._button(verb) for verb in reversed(verbs)]
            if self._status is None:
                self._status = label(self, "muted", px=META_PX)
                self._status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            set_role(self._status, role or "muted")
            self._status.setText(words)
            self._status.setVisible(bool(words))
            self.stale()
            self.update()
        self.setAccessibleName(self.tr("You: {0}").format(self._content[:200]) + (f" ({words})" if words else ""))

    def _button(self, verb: str) -> QPushButton:
        result = button(self.tr("Retry") if verb == "retry" else self.tr("Edit"), "link", self)
        signal = self.retry if verb == "retry" else self.edit
        result.clicked.connect(lambda: signal.emit(self._request_id))
        result.show()
        return result

    def _actions_end(self) -> QPoint:
        return QPoint(int(self._bubble.left()) - XS, int(self._bubble.top()) + 3)

    @property
    def text_views(self) -> list[TextView]:
        return [self._text]

    def _lay_out(self, width: int, top: int) -> int:
        most = int(width * 0.8) - 2 * M
        inner = self._text.ideal_width(most)
        height = self._text.fit(inner)
        left = width - inner - 2 * M
        self._text.setGeometry(left + M, top + S, inner, height)
        self._bubble = QRectF(left, top, inner + 2 * M, height + 2 * S)
        y = top + height + 2 * S
        if self._status is not None and self._status.text():
            y = self._lay_out_status(self._status, width, y)
        if self.switcher is not None:
            self.switcher.move(width - self.switcher.width(), y)
            y += self.switcher.height()
        return y

    def _lay_out_status(self, words: QLabel, width: int, y: int) -> int:
        right = width
        for each in self._buttons:
            each.resize(each.sizeHint().width(), HIT)
            right -= each.width()
            each.move(right, y)
            right -= XS
        words.setWordWrap(False)
        wanted = words.sizeHint().width()
        wraps = wanted > right - S
        words.setWordWrap(wraps)
        room = right - S if wraps else wanted
        line = HIT if self._buttons else L + XS
        height = words.heightForWidth(room) if wraps else line
        words.setGeometry(right - room - (0 if self._buttons else XS), y + (S if wraps else 0), room, height)
        return y + max(line, height + (S if wraps else 0))

    def _paint(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().colour("own"))
        painter.setOpacity(0.7 if self._state == "muted" else 1.0)
        painter.drawRoundedRect(self._bubble, RADIUS_CARD, RADIUS_CARD)
        painter.setOpacity(1.0)
        if self._state == "danger":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().colour("danger"), 1))
            painter.drawRoundedRect(self._bubble.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_CARD, RADIUS_CARD)
        if self.is_lit and self._time:
            painter.setFont(sized(self.font(), META_PX))
            painter.setPen(theme().colour("muted"))
            box = QRectF(0, self._bubble.top() + 3, self._bubble.left() - self.actions_width - XS - S, HIT)
            if box.width() >= painter.fontMetrics().horizontalAdvance(self._time):
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._time)
