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
import tempfile
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.process import ProcessReader, ProcessWriter
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from aichat.doors.ssh.template import PASSED_ON, Template

HANG_UP_SECONDS = 1.0
"""After a hang-up the program has this long; then it is killed."""

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


class Child:
    """Starts the program. `ticket` makes a ticket, `size` is the terminal's, or None for pipes. Errors: OSError.

    `on_gone` is called when the process is gone, whatever became of the channel.
    """

    def __init__(
        self,
        reactor: Any,
        template: Template,
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
        self._pipes: dict[int, Any] = {}
        self._told = self._is_gone = self._is_paused = False
        self._status = 0
        self._timer: IDelayedCall | None = None
        self._home = tempfile.mkdtemp(prefix="aichat-ssh-")
        ours, theirs = socket.socketpair()
        opened: list[int] = []
        try:
            if size is not None:
                opened = list(pty.openpty())
                _dress(opened[1], quiet=quiet)
                files = [opened[1]] * 3
            else:
                opened = [*os.pipe(), *os.pipe(), *os.pipe()]
                files = [opened[0], opened[3], opened[5]]
            self._send = template.start([*files, theirs.fileno()], self._ended)
            keep = [opened[0]] if size is not None else [opened[1], opened[2], opened[4]]
            for file in keep:
                opened.remove(file)
            order = {
                "arguments": arguments,
                "environment": environment(given, self._home, url),
                "terminal": size is not None,
                "limits": LIMITS,
                "nice": NICE,
            }
            factory = Factory.forProtocol(_TicketWindow)
            factory.ticket, factory.order = ticket, json.dumps(order).encode() + b"\n"  # type: ignore[attr-defined]
            ours.setblocking(False)
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            theirs.close()
            ours.close()
            for file in opened:
                os.close(file)
        if size is not None:
            self._terminal = _Terminal(reactor, keep[0], watcher.out, self._tell_if_over)
            self._terminal.resize(size)
            self._terminal.start()
            self._terminal.registerProducer(_Tap(watcher), True)
        else:
            for file in keep:
                os.set_blocking(file, False)
            self._pipes[0] = ProcessWriter(reactor, self, 0, keep[0], forceReadHack=True)
            self._pipes[0].registerProducer(_Tap(watcher), True)
            self._pipes[1] = ProcessReader(reactor, self, 1, keep[1])
            self._pipes[2] = ProcessReader(reactor, self, 2, keep[2])

    # what the channel asks for

    def write(self, data: bytes) -> None:
        """To standard input, or typed; nobody minds what comes after the program has closed it."""
        into = self._terminal if self._terminal is not None else self._pipes.get(0)
        if into is not None:
            into.write(data)

    def end_of_input(self) -> None:
        """Nothing more will be written."""
        if self._terminal is not None:
            self._terminal.end_of_input()
        elif 0 in self._pipes:
            self._pipes[0].loseConnection()

    def pause(self) -> None:
        """Read no more of what it writes: it will wait."""
        self._is_paused = True
        if self._terminal is not None:
            self._terminal.pause()
        for reader in self._readers():
            reader.stopReading()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        if self._terminal is not None:
            self._terminal.resume()
        for reader in self._readers():
            reader.startReading()

    def resize(self, size: Size) -> None:
        """The window has another size; the program gets SIGWINCH."""
        if self._terminal is not None:
            self._terminal.resize(size)

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group, unless it is over."""
        if not self._is_gone:
            with suppress(OSError):
                self._send(number)

    def hang_up(self) -> None:
        """Nobody is there any more: end it, soon or by force. `on_gone` tells when it is gone."""
        self._told = True
        if self._terminal is not None:
            self._terminal.close()
        for pipe in list(self._pipes.values()):
            pipe.connectionLost(Failure(CONNECTION_DONE))
        if not self._is_gone:
            self.signal(signal.SIGHUP)
            self._timer = self._reactor.callLater(HANG_UP_SECONDS, self.signal, signal.SIGKILL)

    # what is told of it

    def childDataReceived(self, name: int, data: bytes) -> None:
        """It wrote to standard output or error."""
        (self._watcher.out if name == 1 else self._watcher.err)(data)

    def childConnectionLost(self, name: int, reason: Failure) -> None:
        """It closed one of its pipes, or we did."""
        pipe = self._pipes.pop(name, None)
        if pipe is not None:
            os.close(pipe.fileno())
            self._tell_if_over()

    def _ended(self, status: int) -> None:
        """The process is gone; what it wrote may still come."""
        self._is_gone = True
        self._status = status
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        shutil.rmtree(self._home, ignore_errors=True)
        if 0 in self._pipes:
            self._pipes[0].connectionLost(Failure(CONNECTION_DONE))
        self._tell_if_over()
        self._on_gone()

    def _tell_if_over(self) -> None:
        is_read = not self._readers() if self._terminal is None else self._terminal.is_closed
        if self._is_gone and is_read and not self._told:
            self._told = True
            code = os.waitstatus_to_exitcode(self._status)
            self._watcher.ended(*((code, None) if code >= 0 else (None, -code)))

    def _readers(self) -> list[Any]:
        return [self._pipes[name] for name in (1, 2) if name in self._pipes]


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
