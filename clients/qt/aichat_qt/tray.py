"""The icon in the system tray: its menu, its mark when something was not seen, its notifications."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from aichat_qt.icons import app_icon
from aichat_qt.theme import theme

SIZES = (16, 22, 24, 32, 48)
SHOWN_MS = 10_000


class Tray(QObject):
    """A click brings the window; the menu is there for what the mouse cannot reach else."""

    show_requested = Signal()
    quick_ask_requested = Signal()
    new_requested = Signal()
    quit_requested = Signal()
    clicked = Signal(int)
    """The notification of this conversation."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self.menu = QMenu()
        self.icon = QSystemTrayIcon(app_icon(), self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(lambda: self.clicked.emit(self._number))
        self.speak()
        self.icon.show()

    @staticmethod
    def is_there() -> bool:
        return QSystemTrayIcon.isSystemTrayAvailable()

    def speak(self) -> None:
        """Its words, in the language of now."""
        self.menu.clear()
        self.menu.addAction(self.tr("Show aichat"), self.show_requested.emit)
        self.menu.addAction(self.tr("Quick question"), self.quick_ask_requested.emit)
        self.menu.addAction(self.tr("New conversation"), self.new_requested.emit)
        self.menu.addSeparator()
        self.menu.addAction(self.tr("Quit"), self.quit_requested.emit)

    def mark(self, count: int) -> None:
        """A dot, and the count in words."""
        self.icon.setIcon(marked(count))
        self.icon.setToolTip(self.tr("aichat: {0} not seen yet").format(count) if count else "aichat")

    def show(self, number: int, title: str, words: str) -> None:
        """A notification of an answer in this conversation."""
        self._number = number
        self.icon.showMessage(title, words, app_icon(), SHOWN_MS)

    def close(self) -> None:
        self.icon.hide()
        self.menu.deleteLater()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in {QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick}:
            self.show_requested.emit()
        elif reason == QSystemTrayIcon.ActivationReason.MiddleClick:
            self.quick_ask_requested.emit()


def marked(count: int) -> QIcon:
    """The app's icon, with a dot if something was not seen."""
    plain = app_icon()
    if not count:
        return plain
    result = QIcon()
    for size in SIZES:
        picture = QPixmap(plain.pixmap(size, size))
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width = picture.width() / picture.devicePixelRatio()
        dot = width * 0.42
        painter.setBrush(theme().colour("surface"))
        painter.drawEllipse(QRectF(width - dot - 1, 0, dot + 1, dot + 1))
        painter.setBrush(theme().colour("danger"))
        painter.drawEllipse(QRectF(width - dot, 1, dot - 1, dot - 1))
        painter.end()
        result.addPixmap(picture)
    return result
