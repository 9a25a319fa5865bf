"""The servers that the user knows, in a small file: where each is, what it is called, who one is there."""

from __future__ import annotations

import contextlib
import logging
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from aichat.protocol.address import Address
from aichat_qt.files import put_aside, write_whole

log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One server. `id` names its folder and never changes; `user` is who was there last, "" after a log-out."""

    id: str
    url: str
    name: str = ""
    user: str = ""
    persona: str = ""
    conversation: int = 0
    """Persona and conversation shown last."""
    certificate: str = ""
    """The fingerprint of the certificate that the user trusts, where no authority vouches for it."""

    @property
    def title(self) -> str:
        """What it is called: the name that the user gave it, else the host."""
        host = urlsplit(self.url).netloc
        return self.name or ("" if Address(self.url, "").is_local else host)


class _Page(msgspec.Struct, omit_defaults=True):
    servers: list[Entry] = []
    current: str = ""


class Book:
    """All entries in the order they were added, and which one was shown last. Without a file it is only in memory."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._page = _Page()
        if file is not None:
            try:
                self._page = msgspec.json.decode(file.read_bytes(), type=_Page)
            except FileNotFoundError:
                pass
            except (OSError, msgspec.DecodeError) as error:
                log.warning("the list of servers cannot be read, a new one begins: %s", error)
                put_aside(file)

    @property
    def entries(self) -> list[Entry]:
        return list(self._page.servers)

    @property
    def current(self) -> Entry | None:
        """The one that was shown last."""
        return self.get(self._page.current) or next(iter(self._page.servers), None)

    def get(self, entry_id: str) -> Entry | None:
        return next((entry for entry in self._page.servers if entry.id == entry_id), None)

    def at(self, url: str) -> Entry:
        """The entry of a server, a new one if it is not known yet."""
        found = next((entry for entry in self._page.servers if entry.url == url), None)
        if found is None:
            found = Entry(id=uuid.uuid4().hex[:12], url=url)
            self._page.servers.append(found)
            self._write()
        return found

    def change(self, entry_id: str, **fields: str | int) -> None:
        """Change fields of an entry, if it is there."""
        servers = self._page.servers
        for i, entry in enumerate(servers):
            if entry.id == entry_id and any(getattr(entry, name) != value for name, value in fields.items()):
                servers[i] = replace(entry, **fields)
                self._write()

    def show(self, entry_id: str) -> None:
        """Remember which one is shown."""
        if self._page.current != entry_id:
            self._page.current = entry_id
            self._write()

    def remove(self, entry_id: str) -> None:
        self._page.servers = [entry for entry in self._page.servers if entry.id != entry_id]
        self._write()

    def _write(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # said in the log; the app goes on without
                write_whole(self._file, msgspec.json.format(msgspec.json.encode(self._page)))
