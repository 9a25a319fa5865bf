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

import pyte

DEADLINE = 30.0


class Terminal:
    """Runs `python -m aichat_tui ...`; `send` types, `until` waits for what is on the screen."""

    def __init__(self, *args: str, env: dict[str, str], columns: int = 80, lines: int = 24) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.clear()
            os.environ.update(env, TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
            os.execv(sys.executable, [sys.executable, "-m", "aichat_tui", *args])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

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
        end = time.monotonic() + timeout
        while (words in self.text) is absent:
            if not self.read() or time.monotonic() > end:
                raise AssertionError(f"waited for {words!r}, absent={absent}; the screen is:\n{self.text}")
        return self.text

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
