"""The questions about servers: where another one is, what it is called, whether it goes."""

from __future__ import annotations

from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QLineEdit, QWidget

from aichat.protocol.address import Address, server_url
from aichat_qt.book import Entry
from aichat_qt.dialogs import Question, ask_delete, ask_line
from aichat_qt.labels import label, set_role
from aichat_qt.model import Model
from aichat_qt.servers import Servers
from aichat_qt.theme import S
from aichat_qt.words import one_line

NAME_MOST = 60


def _tr(text: str) -> str:
    return QCoreApplication.translate("server_dialogs", text)


def title_of(entry: Entry) -> str:
    """What a server is called: by its user, else by its host."""
    return one_line(entry.title) or _tr("This computer")


class AddServerDialog(Question):
    """An address, and a name if one is wanted. What it will connect to is said below while one types."""

    def __init__(self, parent: QWidget, servers: Servers) -> None:
        words = _tr("Ask whoever runs it for the address. You log in after that.")
        super().__init__(parent, _tr("Add a server"), words, _tr("Connect"))
        self._servers = servers
        self.layout_.insertSpacing(self.layout_.count() - 2, S)
        self.address = self._field(_tr("Address"), "chat.example.org", 200)
        self.hint = label(self, "muted")
        self.hint.setWordWrap(True)
        self.layout_.insertWidget(self.layout_.count() - 2, self.hint)
        self.layout_.insertSpacing(self.layout_.count() - 2, S)
        self.name = self._field(_tr("Name (optional)"), "", NAME_MOST)
        self.address.textChanged.connect(self._look)
        self.address.setFocus()
        self._look()

    def accept(self) -> None:
        url = self._url()
        if url:
            self._servers.add(url, one_line(self.name.text()))
            super().accept()

    def _field(self, words: str, example: str, most: int) -> QLineEdit:
        field = QLineEdit(self)
        field.setAccessibleName(words)
        field.setPlaceholderText(example)
        field.setMaxLength(most)
        field.setFixedHeight(34)
        at = self.layout_.count() - 2  # before the buttons and the room above them
        self.layout_.insertWidget(at, label(self, "field", words))
        self.layout_.insertWidget(at + 1, field)
        return field

    def _url(self) -> str:
        try:
            return server_url(self.address.text())
        except ValueError:
            return ""

    def _look(self) -> None:
        url, typed = self._url(), self.address.text().strip()
        role = "muted"
        if not typed:
            words = _tr("A name like chat.example.org, or an address with a port like 192.168.1.20:8765.")
        elif not url:
            role, words = "danger", _tr("This is no address of a server. For example: chat.example.org")
        elif any(entry.url == url for entry in self._servers.entries):
            words = _tr("You have this server already: it will be shown.")
        elif url.startswith("ws:") and not Address(url, "").is_local:
            role = "warn"
            words = _tr("{0}, not encrypted: whoever is on the way can read what you write, and your password.")
        else:
            words = _tr("{0}, encrypted") if url.startswith("wss:") else _tr("{0}, on this computer")
        host = urlsplit(url).netloc
        self.name.setPlaceholderText(host)
        set_role(self.hint, role)
        self.hint.setText(words.format(url))
        self.yes.setEnabled(bool(url))


def add_server(parent: QWidget, servers: Servers) -> None:
    """Ask where another server is, and show it."""
    dialog = AddServerDialog(parent, servers)
    dialog.exec()
    dialog.deleteLater()


def rename_server(parent: QWidget, servers: Servers) -> None:
    """Ask for another name of the server that is shown."""
    entry = servers.entry
    name = ask_line(parent, _tr("Rename server"), _tr("Rename"), title_of(entry), NAME_MOST)
    if name:
        servers.rename(entry.id, name)


def remove_server(parent: QWidget, model: Model) -> None:
    """Ask, and forget the server that is shown."""
    entry, unsent = model.servers.entry, model.unsent()
    words = _tr(
        "What you read there, drafts and the login are deleted from this computer. The server keeps everything."
    )
    if unsent:
        words = f"{words}\n\n" + _tr("What was not sent yet ({0}) is lost.").format(unsent)
    if ask_delete(parent, _tr("Remove {0}?").format(title_of(entry)), words, _tr("Remove")):
        model.servers.remove(entry.id)
