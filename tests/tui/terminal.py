"""A terminal that is not there: the app under a pty, its screen read by pyte, every byte kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence

import pyte

DEADLINE = 30.0
ACCENT = "8da2fb"


class Terminal:
    """Runs `python -m aichat_tui ...`, or another command; `send` types, `until` waits for what is on the screen."""

    def __init__(
        self,
        *args: str,
        env: dict[str, str],
        columns: int = 80,
        lines: int = 24,
        command: Sequence[str] = (sys.executable, "-m", "aichat_tui"),
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        size = struct.pack("HHHH", lines, columns, 0, 0)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            # execve: readline, once loaded, puts LINES and COLUMNS where os.environ does not see them.
            kept = {k: v for k, v in env.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
            kept |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            os.execvpe(command[0], [*command, *args], kept)

    @property
    def text(self) -> str:
        rows = (self.screen.buffer[y] for y in range(self.screen.lines))
        # The second cell of a wide character is empty, so joining gives the text as it is read.
        return "\n".join("".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in rows)

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """The window has another size."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, wait: float = 0.1) -> bool:
        """Take in what the app has written; False at its end."""
        if not select.select([self._fd], [], [], wait)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.raw += data
        # Private modes with < = > are not in pyte's grammar; they draw nothing.
        self._stream.feed(re.sub(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[[0-9?;]*\$p", b"", data))
        return bool(data)

    def until(self, words: str, *, absent: bool = False, timeout: float = DEADLINE) -> str:
        """Wait for words on the screen, or for their absence -> the screen."""
        self.wait(lambda: (words in self.text) is not absent, f"{words!r}, absent={absent}", timeout)
        return self.text

    def until_marked(self, words: str) -> None:
        """Wait for the bar in the accent colour that marks the field below these words as the one in use."""

        def marked() -> bool:
            rows = self.text.splitlines()
            at = next((y + 1 for y, row in enumerate(rows) if words in row), 0)
            return any(cell.data == "▌" and cell.fg == ACCENT for cell in self.screen.buffer[at].values())

        self.wait(marked, f"the field below {words!r}", DEADLINE)

    def wait(self, seen: Callable[[], bool], what: str, timeout: float) -> None:
        """Read on until it is seen."""
        end = time.monotonic() + timeout
        while not seen():
            if not self.read() or time.monotonic() > end:
                raise AssertionError(f"waited for {what}; the screen is:\n{self.text}")

    def end(self) -> int:
        """Ctrl+Q -> the exit status."""
        with contextlib.suppress(OSError):
            self.send("\x11")
        stop = time.monotonic() + 10
        while time.monotonic() < stop:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self._fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
        raise AssertionError(f"did not end; the screen is:\n{self.text}")
