"""The program behind a channel: `aichat-tui` in a process of its own, on a pseudo-terminal or on three pipes.

Its environment has nothing of the service's. It gets its arguments and its tickets through a socket. It cannot write
to a file: the kernel holds it to files of 0 bytes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import struct
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import Factory, ProcessProtocol, connectionDone
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from aichat.log import make_logger

LAUNCHER = Path(__file__).with_name("launch.py")

HANG_UP_SECONDS = 1.0
"""After a hang-up the program has this long; then it is killed."""

DRAIN_SECONDS = 1.0
"""How long a pseudo-terminal is read after its program has ended."""

LIMITS = {
    "RLIMIT_DATA": 512 * 1_048_576,
    "RLIMIT_CPU": 3_600,
    "RLIMIT_NOFILE": 128,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 0,
}
"""What the program may use: bytes of memory, seconds of CPU in its whole life, descriptors, bytes of a file."""

NICE = 5
"""Programs of sessions come after the service, which answers everybody."""

PASSED_ON = ("PYTHONPATH", "TZ")
"""What the program has of the service's environment, besides what is made for it."""

TICKETS_MOST = 1_000
"""Tickets that one program may ask for: it needs one for each time it connects."""


class Watcher(Protocol):
    """Who is told about the program: its channel."""

    def out(self, data: bytes) -> None:
        """It wrote to standard output or to its terminal."""

    def err(self, data: bytes) -> None:
        """It wrote to standard error."""

    def hold(self) -> None:
        """It does not read: nothing more for it now."""

    def let_go(self) -> None:
        """It reads again."""

    def ended(self, code: int | None, signal: int | None) -> None:
        """It is over, and all that it wrote was told."""


class Size(tuple[int, int]):
    """Columns and lines, each 1 to 1,000."""

    def __new__(cls, columns: int, lines: int) -> Size:
        return super().__new__(cls, (max(1, min(columns or 80, 1_000)), max(1, min(lines or 24, 1_000))))


def environment(given: Mapping[str, str], home: str, url: str) -> dict[str, str]:
    """The program's whole environment. `given`: what the client sent, names and values already checked."""
    made = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "AICHAT_URL": url,
        "AICHAT_TICKETS": "3",
        "AICHAT_CONFINED": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    made |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    made |= given
    spoken = made.get("LC_ALL") or made.get("LC_CTYPE") or made.get("LANG") or ""
    if "utf8" not in spoken.lower().replace("-", ""):
        if made.pop("LC_ALL", "") and "LANG" not in made:
            made["LANG"] = spoken
        made["LC_CTYPE"] = "C.UTF-8"
    return made


class Child(ProcessProtocol):
    """Starts the program. `ticket` makes a ticket, `size` is the terminal's, or None for pipes."""

    transport: Any

    _log = make_logger("aichat.doors.ssh")

    def __init__(
        self,
        reactor: Any,
        watcher: Watcher,
        arguments: list[str],
        given: Mapping[str, str],
        url: str,
        ticket: Callable[[], str],
        size: Size | None = None,
        on_gone: Callable[[], None] = lambda: None,
        *,
        quiet: bool = False,
    ) -> None:
        self._reactor = reactor
        self._watcher = watcher
        self._on_gone = on_gone
        self._terminal: _Terminal | None = None
        self._told = self._reaped = False
        self._how: tuple[int | None, int | None] = (None, None)
        self._timer: IDelayedCall | None = None
        self._home = tempfile.mkdtemp(prefix="aichat-ssh-")
        ours, theirs = socket.socketpair()
        slave = -1
        try:
            files: dict[int, Any] = {0: "w", 1: "r", 2: "r", 3: theirs.fileno()}
            if size is not None:
                master, slave = pty.openpty()
                _dress(slave, quiet=quiet)
                self._terminal = _Terminal(reactor, master, watcher.out, self._terminal_closed)
                self._terminal.resize(size)
                files = {0: slave, 1: slave, 2: slave, 3: theirs.fileno()}
            command = [sys.executable, "-P", str(LAUNCHER)]
            reactor.spawnProcess(
                self, sys.executable, command, env=environment(given, self._home, url), childFDs=files
            )
            order = {"arguments": arguments, "terminal": size is not None, "limits": LIMITS, "nice": NICE}
            ours.setblocking(False)
            factory = Factory.forProtocol(_TicketWindow)
            factory.ticket, factory.order = ticket, json.dumps(order).encode() + b"\n"  # type: ignore[attr-defined]
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        except BaseException:
            if self._terminal is not None:
                self._terminal.close()
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            theirs.close()
            ours.close()
            if slave >= 0:
                os.close(slave)
        if self._terminal is not None:
            self._terminal.start()

    # what the channel asks for

    def write(self, data: bytes) -> None:
        """To standard input, or typed."""
        if self._terminal is not None:
            self._terminal.write(data)
        elif self.transport is not None:
            self.transport.write(data)

    def end_of_input(self) -> None:
        """Nothing more will be written."""
        if self._terminal is not None:
            self._terminal.end_of_input()
        elif self.transport is not None:
            self.transport.closeStdin()

    def pause(self) -> None:
        """Read no more of what it writes: it will wait."""
        if self._terminal is not None:
            self._terminal.pause()
        elif self.transport is not None:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if self._terminal is not None:
            self._terminal.resume()
        elif self.transport is not None:
            self.transport.resumeProducing()

    def resize(self, size: Size) -> None:
        """The window has another size; the program gets SIGWINCH."""
        if self._terminal is not None:
            self._terminal.resize(size)

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group, unless it is over."""
        if self._reaped or self.transport is None or self.transport.pid is None:
            return
        try:
            os.killpg(self.transport.pid, number)
        except ProcessLookupError:  # it has no group of its own yet
            with suppress(ProcessLookupError):
                os.kill(self.transport.pid, number)

    def hang_up(self) -> None:
        """Nobody is there any more: end it, soon or by force. `on_gone` tells when it is gone."""
        self._told = True
        if self._terminal is not None:
            self._terminal.close()
        elif self.transport is not None:
            self.transport.loseConnection()
        if not self._reaped:
            self.signal(signal.SIGHUP)
            self._cancel_timer()
            self._timer = self._reactor.callLater(HANG_UP_SECONDS, self.signal, signal.SIGKILL)

    # what the reactor calls

    def connectionMade(self) -> None:
        """It was started."""
        if self._terminal is not None:
            self._terminal.registerProducer(_Tap(self._watcher), True)
        elif self.transport is not None:
            self.transport.registerProducer(_Tap(self._watcher), True)

    def outReceived(self, data: bytes) -> None:
        """It wrote to standard output."""
        self._watcher.out(data)

    def errReceived(self, data: bytes) -> None:
        """It wrote to standard error."""
        self._watcher.err(data)

    def processExited(self, reason: Failure) -> None:
        """It is over, what it wrote may still come."""
        pid = self.transport.pid if self.transport is not None else None
        self._reaped = True
        self._cancel_timer()
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # whatever it left behind
        error = reason.value
        assert isinstance(error, ProcessDone | ProcessTerminated)
        self._how = (error.exitCode, error.signal)

    def processEnded(self, reason: Failure) -> None:
        """It is over, and its pipes are closed; a terminal may have more to read."""
        if not self._reaped:
            self.processExited(reason)
        shutil.rmtree(self._home, ignore_errors=True)
        if self._terminal is None or self._terminal.is_closed:
            self._tell()
        else:
            self._timer = self._reactor.callLater(DRAIN_SECONDS, self._terminal.close)
        self._on_gone()

    def _terminal_closed(self) -> None:
        if self._reaped:
            self._cancel_timer()
            self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._watcher.ended(*self._how)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


@implementer(IPushProducer)
class _Tap:
    """Hears from a buffer when it is full and when it is empty again."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def pauseProducing(self) -> None:
        self._watcher.hold()

    def resumeProducing(self) -> None:
        self._watcher.let_go()

    def stopProducing(self) -> None:
        self._watcher.let_go()  # what comes now is thrown away


class _Terminal(FileDescriptor):
    """The door's end of a pseudo-terminal."""

    def __init__(
        self, reactor: Any, master: int, out: Callable[[bytes], None], on_closed: Callable[[], None]
    ) -> None:
        super().__init__(reactor)
        os.set_blocking(master, False)
        self._master = master
        self._out = out
        self._on_closed = on_closed
        self.is_closed = False
        self._is_paused = False
        self.connected = 1

    def fileno(self) -> int:
        return self._master

    def start(self) -> None:
        """Read, unless told to wait meanwhile."""
        if not self._is_paused:
            self.startReading()  # type: ignore[no-untyped-call]

    def resize(self, size: Size) -> None:
        columns, lines = size
        if not self.is_closed:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end_of_input(self) -> None:
        """A program that reads lines takes Ctrl-D for the end; one that reads keys is not told."""
        if not self.is_closed and termios.tcgetattr(self._master)[3] & termios.ICANON:
            self.write(b"\x04")

    def pause(self) -> None:
        self._is_paused = True
        self.stopReading()  # type: ignore[no-untyped-call]

    def resume(self) -> None:
        self._is_paused = False
        if not self.is_closed:
            self.startReading()  # type: ignore[no-untyped-call]

    def doRead(self) -> Any:
        try:
            data = os.read(self._master, 16_384)
        except BlockingIOError:
            return None
        except OSError:  # EIO: nobody holds the other end any more
            return CONNECTION_DONE
        if not data:
            return CONNECTION_DONE
        self._out(data)
        return None

    def writeSomeData(self, data: bytes) -> Any:
        try:
            return os.write(self._master, data[:4_096])
        except OSError as error:
            return 0 if error.errno in (errno.EAGAIN, errno.EINTR) else CONNECTION_LOST

    def close(self) -> None:
        """Close our end: the program is hung up."""
        self.connectionLost(Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.stopReading()  # type: ignore[no-untyped-call]
        self.stopWriting()  # type: ignore[no-untyped-call]
        os.close(self._master)
        self._on_closed()


class _TicketWindow(StreamProtocol):
    """Hands the program its order, and then a ticket for each byte it sends."""

    factory: Any
    _given = 0

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.factory.order)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self._given += len(data)
        if self._given > TICKETS_MOST:
            self.transport.loseConnection()
        else:
            self.transport.write(b"".join(self.factory.ticket().encode() + b"\n" for _ in data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The program is over."""


def _dress(slave: int, *, quiet: bool) -> None:
    """A new terminal's modes: backspace takes a whole character; `quiet`: what is typed early is not shown."""
    modes = termios.tcgetattr(slave)
    modes[0] |= getattr(termios, "IUTF8", 0x4000)
    if quiet:
        modes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(slave, termios.TCSANOW, modes)
