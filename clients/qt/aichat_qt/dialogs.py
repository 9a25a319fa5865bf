"""Questions and small menus: one question, verbs on the buttons, Esc leaves everything as it is."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.theme import XL, L, S
from aichat_qt.words import one_line

OPENABLE = {"http", "https", "mailto"}


def _tr(text: str) -> str:
    return QCoreApplication.translate("dialogs", text)


class Question(QDialog):
    """A title, words, and two verbs. `exec()` is true if the verb was chosen, and `OTHER` if the `other` one was."""

    OTHER = 2

    def __init__(
        self, parent: QWidget, title: str, words: str, verb: str, *, other: str = "", danger: bool = False
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setMinimumWidth(400)
        heading, body = label(self, "title", title), label(self, "lead", words)
        heading.setWordWrap(True)
        body.setWordWrap(True)
        body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body = body
        self.no = button(_tr("Cancel"), "", self)
        self.yes = button(verb, "danger" if danger else "primary", self)
        self.no.clicked.connect(self.reject)
        self.yes.clicked.connect(self.accept)
        self.other = button(other, "", self)
        self.other.setVisible(bool(other))
        self.other.clicked.connect(lambda: self.done(self.OTHER))
        self.layout_ = QVBoxLayout(self)
        self.layout_.setContentsMargins(XL, XL, XL, L)
        self.layout_.setSpacing(S)
        self.layout_.addWidget(heading)
        self.layout_.addWidget(body)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addStretch()
        buttons.addWidget(self.no)
        buttons.addWidget(self.other)
        buttons.addWidget(self.yes)
        self.layout_.addSpacing(L)
        self.layout_.addLayout(buttons)
        (self.no if danger else self.yes).setDefault(True)
        (self.no if danger else self.yes).setFocus()


def ask_delete(parent: QWidget, title: str, words: str, verb: str = "") -> bool:
    """Whether to delete something; Enter alone does not."""
    return bool(Question(parent, title, words, verb or _tr("Delete"), danger=True).exec())


def ask_line(parent: QWidget, title: str, verb: str, text: str, most: int) -> str:
    """One line of text, or "" if the question was left."""
    dialog = Question(parent, title, "", verb)
    dialog.body.hide()
    field = QLineEdit(text, dialog)
    field.setMaxLength(most)
    field.setAccessibleName(title)
    field.selectAll()
    field.textChanged.connect(lambda now: dialog.yes.setEnabled(bool(now.strip())))
    dialog.layout_.insertWidget(2, field)
    field.setFocus()
    return one_line(field.text()) if dialog.exec() else ""


def ask_open(parent: QWidget, address: str) -> None:
    """Open a link, but only after its whole address was shown."""
    url = QUrl(address)
    if url.scheme().lower() not in OPENABLE:
        if Question(parent, _tr("This link is not opened"), address, _tr("Copy address")).exec():
            QGuiApplication.clipboard().setText(address)
        return
    shown = one_line(bytes(url.toEncoded().data()).decode("ascii", "replace"))
    if Question(parent, _tr("Open this link in the browser?"), _breakable(shown), _tr("Open")).exec():
        QDesktopServices.openUrl(url)


def _breakable(text: str) -> str:
    """Lets a label break a long address anywhere."""
    return "\u200b".join(text[i : i + 8] for i in range(0, len(text), 8))
