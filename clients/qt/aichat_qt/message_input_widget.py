"""The composer: a field that grows to eight lines, and one button that sends or stops."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QMimeData, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QGuiApplication,
    QInputMethodEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextOption,
)
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from aichat.protocol.values import Content
from aichat_qt.icons import IconButton
from aichat_qt.labels import label
from aichat_qt.limits import limit_of
from aichat_qt.theme import COLUMN, HIT, META_PX, RADIUS_CARD, XL, XS, L, M, S, theme
from aichat_qt.words import clean

MOST_LINES = 8
MOST_CHARACTERS = limit_of(Content)


class Composer(QPlainTextEdit):
    """Enter sends, Shift+Enter begins a line; while an input method composes, Enter belongs to it."""

    entered = Signal()
    focus_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._composing = False
        self.setProperty("role", "composer")
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)

    @property
    def is_composing(self) -> bool:
        """Whether an input method has words here that are not typed yet."""
        return self._composing

    def wanted_height(self) -> int:
        lines = max(1, min(MOST_LINES, round(self.document().size().height())))
        return lines * self._line()

    def overflows(self) -> bool:
        return round(self.document().size().height()) > MOST_LINES

    def _line(self) -> int:
        return QFontMetrics(self.font()).lineSpacing()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if self._composing:
                return
            if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
                self.insertPlainText("\n")
                self.ensureCursorVisible()
            else:
                self.entered.emit()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Plain words only, with the line ends of here, without what cannot be seen; one undo takes it back."""
        if source.hasText():
            self.insertPlainText(clean(source.text().replace("\r\n", "\n").replace("\r", "\n")))
            self.ensureCursorVisible()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._composing = False
        super().focusOutEvent(event)
        self.focus_changed.emit()


class MessageInputWidget(QWidget):
    """Emits what was typed; its owner clears it when it was taken."""

    submitted = Signal(str)
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._running = self._closed = False
        self.composer = Composer(self)
        self.composer.setAccessibleName(self.tr("Message"))
        self.composer.textChanged.connect(self._changed)
        self.composer.entered.connect(self._submit)
        self.composer.focus_changed.connect(self.update)
        self.composer.document().documentLayout().documentSizeChanged.connect(lambda _size: self._changed())
        self.stop = IconButton("stop", self.tr("Stop the answer (Esc)"), self)
        self.stop.setProperty("role", "stop")
        self.stop.clicked.connect(self.stop_requested)
        self._too_long = label(self, "danger", px=META_PX)
        self._too_long.hide()
        self.button = IconButton("send", self.tr("Send (Enter)"), self, colour="on_accent", size=18)
        self.button.setProperty("role", "send")
        self.button.clicked.connect(self._pressed)
        self._changed()

    def text(self) -> str:
        return self.composer.toPlainText()

    def set_text(self, text: str) -> None:
        self.composer.setPlainText(text)
        self.composer.moveCursor(self.composer.textCursor().MoveOperation.End)

    def set_placeholder(self, words: str) -> None:
        self.composer.setPlaceholderText(words)

    def set_closed(self, closed: bool) -> None:
        """Nothing can be said here; the placeholder says why."""
        self._closed = closed
        self.composer.setReadOnly(closed)
        self._changed()

    def set_running(self, running: bool) -> None:
        """While an answer is being written the button stops it; words typed meanwhile are sent, to follow it."""
        self._running = running
        self._changed()

    @property
    def _stops(self) -> bool:
        return self._running and not self.text().strip()

    def _pressed(self) -> None:
        if self._stops:
            self.stop_requested.emit()
        else:
            self._submit()

    def _submit(self) -> None:
        if self.composer.is_composing:
            QGuiApplication.inputMethod().commit()
        if not self.composer.is_composing and self._can_send():
            self.submitted.emit(self.text().strip())

    def _can_send(self) -> bool:
        return not self._closed and 0 < len(self.text().strip()) <= MOST_CHARACTERS

    def _changed(self) -> None:
        stops, over = self._stops, len(self.text().strip()) - MOST_CHARACTERS
        self.button.show_icon("stop" if stops else "send")
        follows = self.tr("Send after this answer (Enter)") if self._running else self.tr("Send (Enter)")
        self.button.say(self.tr("Stop (Esc)") if stops else follows)
        self.button.setEnabled(stops or self._can_send())
        self.stop.setVisible(self._running and not stops)
        self._too_long.setVisible(over > 0)
        self._too_long.setText(
            self.tr("{0} characters too long to be sent.").format(QLocale().toString(max(0, over)))
        )
        self.updateGeometry()
        self._place()

    def sizeHint(self) -> QSize:
        return QSize(400, self._box_height() + L + S + self._note_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def _note_height(self) -> int:
        return 0 if self._too_long.isHidden() else self._too_long.sizeHint().height() + XS

    def _box_height(self) -> int:
        return max(HIT + 2 * S, self.composer.wanted_height() + 2 * M)

    def _box(self) -> QRectF:
        width = min(COLUMN, self.width() - 2 * XL)
        return QRectF((self.width() - width) // 2, S // 2, width, self._box_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
        self.updateGeometry()

    def _place(self) -> None:
        box = self._box().toRect()
        height = self.composer.wanted_height()
        policy = Qt.ScrollBarPolicy
        self.composer.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if self.composer.overflows() else policy.ScrollBarAlwaysOff
        )
        buttons = HIT + 2 * S + (0 if self.stop.isHidden() else HIT + XS)
        top = box.top() + (box.height() - height) // 2
        self.composer.setGeometry(box.left() + L, top, box.width() - L - buttons, height)
        if not self.composer.overflows():
            self.composer.verticalScrollBar().setValue(0)
        self.button.move(box.right() - HIT - S + 1, box.bottom() - HIT - S + 1)
        self.stop.move(self.button.x() - HIT - XS, self.button.y())
        self._too_long.setGeometry(box.left() + L, box.bottom() + XS, box.width() - 2 * L, self._note_height())
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.composer.hasFocus()
        painter.setPen(QPen(theme().colour("accent" if focused else "line"), 1))
        painter.setBrush(theme().colour("surface"))
        painter.drawRoundedRect(self._box().adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_CARD, RADIUS_CARD)
        painter.end()
