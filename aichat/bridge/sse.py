"""Server-sent events: an incremental parser of bytes, and the one line it takes to write an event.

Lines are split as bytes, so a character cut in two by a read is whole again before it is decoded.
"""

from __future__ import annotations

import codecs

from aichat.protocol.errors import AichatError

MAX_EVENT_BYTES = 1_048_576
"""Of one event, and so of one line: what is longer is refused before it is decoded."""


class Parser:
    """Feed it what comes; it gives the `data` of each complete event."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Bytes in -> the data of the events they complete; comments and other fields are skipped.

        Errors: AichatError upstream_invalid if an event is over MAX_EVENT_BYTES.
        """
        text = self._rest + chunk
        if text.startswith(b"data: ") and text.endswith(b"\n\n") and not self._data and b"\r" not in text:
            events = text[6:-2].split(b"\n\ndata: ")
            if text.count(b"\n") == 2 * len(events):  # whole events of one line each, as nearly all reads bring them
                self._rest, self._after_cr, self._begun = b"", False, True
                return events
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        if not self._begun:
            chunk, self._begun = chunk.removeprefix(codecs.BOM_UTF8), True
        text = self._rest + chunk
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        events = []
        for line in lines:
            if not line:
                if self._data:
                    events.append(b"\n".join(self._data))
                    self._data, self._size = [], 0
            elif line.startswith(b"data:"):
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(value)
                self._size += len(value) + 1  # an empty line costs memory too
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise AichatError("upstream_invalid", f"One event of the answer is over {MAX_EVENT_BYTES} bytes.")
        return events

    def end(self) -> list[bytes]:
        """The stream is over: an event whose closing blank line was left out still counts."""
        return self.feed(END)


def event(data: bytes) -> bytes:
    """One event of one line of data, ready for the socket."""
    return b"data: " + data + b"\n\n"


END = b"\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
