"""What the user wrote and the server does not have: the outbox, and drafts. One file, always written whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from aichat.protocol import frames
from aichat.protocol.errors import AichatError
from aichat.protocol.session import Pending
from aichat.protocol.values import Failure
from aichat_qt.files import put_aside, write_whole

log = logging.getLogger(__name__)

Place = tuple[str, int | None]
"""A persona's id, and a conversation with it; None: the one that begins with the next message."""


class _Command(msgspec.Struct, omit_defaults=True):
    command: msgspec.Raw
    failure: Failure | None = None


class _Draft(msgspec.Struct, omit_defaults=True):
    persona: str
    text: str
    conversation: int | None = None


class _Page(msgspec.Struct, omit_defaults=True):
    outbox: list[_Command] = []
    drafts: list[_Draft] = []


class Unsent:
    """The file. Without a path nothing is kept. Failures are said in the log: the app goes on with what it has."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = b""

    def read(self) -> tuple[list[Pending], dict[Place, str]]:
        """The commands, oldest first, with why they were refused, and the drafts."""
        if self._path is None:
            return [], {}
        try:
            data = self._path.read_bytes()
            page = msgspec.json.decode(data, type=_Page)
            outbox = [Pending(frames.decode_command(bytes(one.command)), one.failure) for one in page.outbox]
        except FileNotFoundError:
            return [], {}
        except (OSError, msgspec.DecodeError, AichatError) as error:
            log.warning("what was not sent cannot be read, it stays as %s.broken: %s", self._path, error)
            put_aside(self._path)
            return [], {}
        self._written = data
        return outbox, {(draft.persona, draft.conversation): draft.text for draft in page.drafts}

    def write(self, outbox: Iterable[Pending], drafts: Mapping[Place, str]) -> None:
        """Put both on the disk, if anything changed."""
        if self._path is None:
            return
        page = _Page(
            outbox=[_Command(msgspec.Raw(frames.encode(one.command)), one.failure) for one in outbox],
            drafts=[_Draft(persona, text, number) for (persona, number), text in drafts.items() if text],
        )
        empty = not (page.outbox or page.drafts)
        data = b"" if empty else msgspec.json.encode(page)
        if data == self._written:
            return
        try:
            if empty:
                self._path.unlink(missing_ok=True)
            else:
                write_whole(self._path, data)
            self._written = data
        except OSError as error:
            log.warning("what was not sent is not on the disk: %s", error)
