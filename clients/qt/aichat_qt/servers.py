"""All servers that the user knows, and which one is shown. Those that were opened stay connected."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from PySide6.QtCore import QObject, Signal

from aichat.protocol import tokens
from aichat.protocol.address import DEFAULT_URL, Address, find_server, server_url
from aichat_qt.book import Book, Entry
from aichat_qt.server import Server
from aichat_qt.shelf import has_unsent

Find = Callable[[], Address]


class Servers(QObject):
    """Opens a server when it is shown for the first time, or has words to send."""

    changed = Signal()
    """An entry, or how one of the servers stands."""
    switched = Signal()
    """Another one is shown."""

    def __init__(
        self, client: str, *, named: Find | None = None, folder: Path | None = None, parent: QObject | None = None
    ) -> None:
        """`named`: a server that was named at the start, with its token; it is shown. Errors: those of `named`."""
        super().__init__(parent)
        self._client, self._folder, self._named = client, folder, named
        self._book = Book(None if folder is None else folder / "servers.json")
        self._open: dict[str, Server] = {}
        entry = self._book.at(named().url) if named is not None else self._book.current or self._book.at(DEFAULT_URL)
        self._named_id = entry.id if named is not None else ""
        self._shown = entry.id
        self._book.show(entry.id)
        self._opened(entry)

    @property
    def entries(self) -> list[Entry]:
        """In the order they were added."""
        return self._book.entries

    @property
    def entry(self) -> Entry:
        """Of the server that is shown."""
        found = self._book.get(self._shown)
        assert found is not None
        return found

    @property
    def current(self) -> Server:
        """The server that is shown."""
        return self._open[self._shown]

    def opened(self, entry_id: str) -> Server | None:
        """A server of this run; None if it was not needed yet."""
        return self._open.get(entry_id)

    def start(self) -> None:
        """Connect the server that is shown, and those that have words to send."""
        for entry in self.entries:
            if entry.id == self._shown or has_unsent(self._place(entry.id), entry.user):
                self._opened(entry).link.connect_now()

    def add(self, typed: str, name: str = "") -> None:
        """Show another server. Errors: ValueError with words for a person if that is no address."""
        entry = self._book.at(server_url(typed))
        if name:
            self._book.change(entry.id, name=name)
        self.show(entry.id)

    def rename(self, entry_id: str, name: str) -> None:
        self._book.change(entry_id, name=name)
        self.changed.emit()

    def show(self, entry_id: str) -> None:
        """Show a server; the one shown before stays connected."""
        entry = self._book.get(entry_id)
        if entry is None or entry_id == self._shown:
            self.changed.emit()
            return
        self._shown = entry_id
        self._book.show(entry_id)
        server = self._opened(entry)
        self.switched.emit()
        self.changed.emit()
        server.link.connect_now()

    def remove(self, entry_id: str) -> None:
        """Forget a server, with all that is kept of it here and its token; the server itself has everything still."""
        entry = self._book.get(entry_id)
        others = [other for other in self.entries if other.id != entry_id]
        if entry is None or not others:
            return
        if entry_id == self._shown:
            self.show(others[0].id)
        self._book.remove(entry_id)
        server = self._open.pop(entry_id, None)
        if server is not None:
            server.throw_away()
            server.deleteLater()
        place = self._place(entry_id)
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        Thread(target=tokens.forget, args=(entry.url,), daemon=True).start()  # a keyring may ask, and take its time
        self.changed.emit()

    def remember_place(self, persona_id: str, conversation_id: int) -> None:
        """To be shown first at the next start."""
        self._book.change(self._shown, persona=persona_id, conversation=conversation_id)

    def close(self) -> None:
        """The app ends."""
        for server in self._open.values():
            server.close()

    def _place(self, entry_id: str) -> Path | None:
        return None if self._folder is None else self._folder / entry_id

    def _opened(self, entry: Entry) -> Server:
        server = self._open.get(entry.id)
        if server is None:
            find = self._named if entry.id == self._named_id and self._named else _finder(entry.url)
            server = self._open[entry.id] = Server(entry, find, self._client, self._place(entry.id), self)
            server.link_changed.connect(self.changed)
            server.user_known.connect(lambda user: self._book.change(entry.id, user=user))
            server.link.trusted.connect(lambda shown: self._book.change(entry.id, certificate=shown))
        return server


def _finder(url: str) -> Find:
    """A token from the environment is for the server that was named at the start, and is shown to no other."""
    environ = {name: value for name, value in os.environ.items() if name not in ("AICHAT_TOKEN", "AICHAT_URL")}
    return lambda: find_server(url, environ=environ)
