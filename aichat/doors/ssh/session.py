"""The channels of a connection: each is one program, on a terminal or on pipes. Everything else is refused.

No forwarding of ports, agents or X11, no file transfer, no shell. A window of the protocol bounds what waits in each
direction: who does not read holds up the one who writes.
"""

from __future__ import annotations

import re
import shlex
import signal
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.conch.error import ConchError
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    EXTENDED_DATA_STDERR,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSHConnection,
)

from aichat.doors.ssh.child import Child, Size
from aichat.doors.ssh.wire import SILENT
from aichat.log import make_logger
from aichat.protocol.errors import AichatError

if TYPE_CHECKING:
    from aichat.doors.ssh.wire import Wire

COMMANDS = ("ask", "chat", "list", "show", "search", "export")

HELP = (
    "This is aichat. With a terminal you get the app; as commands there are " + ", ".join(COMMANDS) + ":\n"
    "  ssh HOST    ssh HOST list    git diff | ssh HOST ask PERSONA    ssh -t HOST chat PERSONA"
)

USAGE, REFUSED = 2, 3
"""Exit statuses, as `aichat-tui` has them: wrong usage; the server refused."""

CHANNELS_MOST = 10
"""Of one connection at a time."""

PACKET_LEAST, PACKET_MOST = 1_024, 32_768

_VARIABLE = re.compile(r"LANG|LC_[A-Z]{1,20}|COLORTERM|NO_COLOR")
_VALUE = re.compile(r"[\w.@:+-]{1,64}", re.ASCII)
_TERM = re.compile(r"[\w.+-]{1,64}", re.ASCII)

SIGNALS = {name: getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "KILL", "QUIT", "TERM")}

RESTORE = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m\r"
"""What the app would have said to the terminal had it ended by itself: mouse, focus, paste, keys, screen, cursor."""


class Channels(SSHConnection):
    """The channels of one connection."""

    _log = SILENT
    _problems = make_logger("aichat.doors.ssh")
    transport: Wire | None
    channels: dict[int, SessionChannel]

    def getChannel(self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes) -> SSHChannel:
        """The other side opens a channel. Errors: ConchError."""
        if channelType != b"session" or len(self.channels) >= CHANNELS_MOST or maxPacket < PACKET_LEAST:
            raise ConchError("only sessions, and not too many", OPEN_ADMINISTRATIVELY_PROHIBITED)
        assert self.transport is not None
        return SessionChannel(
            self.transport, remoteWindow=windowSize, remoteMaxPacket=min(maxPacket, PACKET_MOST), conn=self
        )

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> int:
        """Nothing of what can be asked for: ports to be forwarded. A question for a sign of life is answered too."""
        return 0

    def adjustWindow(self, channel: SSHChannel, bytesToAdd: int) -> None:
        """The other side may send more, unless the program does not read."""
        if not (isinstance(channel, SessionChannel) and channel.is_full):
            super().adjustWindow(channel, bytesToAdd)  # type: ignore[no-untyped-call]

    def ask_for_life(self) -> None:
        """Any answer will do; most say that they do not know the question."""
        if not self.deferreds["global"]:
            asked = self.sendGlobalRequest(b"keepalive@openssh.com", b"", wantReply=1)  # type: ignore[no-untyped-call]
            asked.addErrback(lambda failure: None)

    def end_all(self, why: str) -> None:
        """End every program, and say why."""
        for channel in list(self.channels.values()):
            channel.end(why)


class SessionChannel(SSHChannel):
    """One session: what it asks for, and then its program."""

    name = b"session"
    _log = SILENT
    conn: Channels

    def __init__(self, wire: Wire, **more: Any) -> None:
        super().__init__(**more)
        self._wire = wire
        self._door = wire.factory
        self._child: Child | None = None
        self._leave: Callable[[], None] = lambda: None
        self._given: dict[str, str] = {}
        self._size: Size | None = None
        self._ticket = ""
        self._is_asked = self._is_over = self._has_ended = False
        self._early = bytearray()
        self._holding: set[str] = set()
        self.is_full = True  # until there is a program

    # what is asked for before a program runs

    def channelOpen(self, specificData: bytes) -> None:
        """It is open."""

    def requestReceived(self, requestType: bytes, data: bytes) -> bool:
        """A request -> whether it is granted."""
        handler = REQUESTS.get(requestType)
        if handler is None or self.localClosed:
            return False
        try:
            return handler(self, data)
        except (struct.error, IndexError, UnicodeDecodeError):
            return False

    def _asked_pty(self, data: bytes) -> bool:
        if self._is_asked:
            return False
        term, rest = getNS(data)
        columns, lines = struct.unpack(">2L", rest[:8])
        name = term.decode("ascii")
        self._given["TERM"] = name if _TERM.fullmatch(name) else "xterm-256color"
        self._size = Size(columns, lines)
        return True

    def _asked_variable(self, data: bytes) -> bool:
        name, value, _ = getNS(data, 2)
        if self._is_asked or not _VARIABLE.fullmatch(name.decode()) or not _VALUE.fullmatch(value.decode()):
            return False
        self._given[name.decode()] = value.decode()
        return True

    def _asked_size(self, data: bytes) -> bool:
        columns, lines = struct.unpack(">2L", data[:8])
        self._size = Size(columns, lines)
        if self._child is not None:
            self._child.resize(self._size)
        return True

    def _asked_signal(self, data: bytes) -> bool:
        number = SIGNALS.get(getNS(data)[0].decode("ascii"))
        if self._child is None or number is None:
            return False
        self._child.signal(number)
        return True

    def _asked_shell(self, data: bytes) -> bool:
        return self._begin([] if self._size is not None else None)

    def _asked_command(self, data: bytes) -> bool:
        try:
            words = shlex.split(getNS(data)[0].decode())
        except (ValueError, UnicodeDecodeError):
            words = []
        return self._begin(words if words and words[0] in COMMANDS else None)

    def _begin(self, arguments: list[str] | None) -> bool:
        """The one program of this session. The request is granted first, and what there is to say follows."""
        if self._is_asked:
            return False
        self._is_asked = True
        self._door.reactor.callLater(0, self._start, arguments)
        return True

    def _start(self, arguments: list[str] | None) -> None:
        if self._is_over or self._wire.is_gone:
            return
        if arguments is None:
            self._refuse(HELP, USAGE)
            return
        identity = self._wire.identity
        assert identity is not None
        try:
            self._leave = self._door.enter(identity.user, self)
            self._child = Child(
                self._door.reactor, self._door.template, self, arguments, {"TERM": "dumb", **self._given},
                self._door.url, self._next_ticket, self._size, self._door.child_gone, quiet=not arguments,
            )  # fmt: skip
            self._door.child_came()
        except AichatError as error:
            self._refuse(f"aichat: {error.message}", REFUSED)
            return
        except OSError:
            self.conn._problems.failure("a program could not be started")
            self._refuse("aichat: the server could not start the program; try again later.", REFUSED)
            return
        self.wire_changed(self._wire.is_held)
        early, self._early = bytes(self._early), bytearray()
        self.let_go()
        if early:
            self._child.write(early)
        if self._has_ended:
            self._child.end_of_input()

    def _next_ticket(self) -> str:
        tickets = self._door.accounts.tickets
        tickets.take_back(self._ticket)
        assert self._wire.identity is not None
        self._ticket = tickets.issue(self._wire.identity)
        return self._ticket

    def _refuse(self, words: str, code: int) -> None:
        self._say(words)
        self.ended(code, None)

    # to the program

    def dataReceived(self, data: bytes) -> None:
        """For its standard input, or typed."""
        if self._child is not None:
            self._child.write(data)
        elif not self._is_over:
            self._early += data  # no more than the window

    def extReceived(self, dataType: int, data: bytes) -> None:
        """There is no such thing towards a program."""

    def eofReceived(self) -> None:
        """Its standard input is over."""
        self._has_ended = True
        if self._child is not None:
            self._child.end_of_input()

    def hold(self) -> None:
        """The program does not read: the other side may fill the window, and then waits."""
        self.is_full = True

    def let_go(self) -> None:
        """The program reads again."""
        self.is_full = False
        if not self.localClosed and self.localWindowLeft < self.localWindowSize // 2:
            self.conn.adjustWindow(self, self.localWindowSize - self.localWindowLeft)

    # from the program

    def out(self, data: bytes) -> None:
        """It wrote to standard output or its terminal."""
        self.write(data)  # type: ignore[no-untyped-call]

    def err(self, data: bytes) -> None:
        """It wrote to standard error."""
        self.writeExtended(EXTENDED_DATA_STDERR, data)  # type: ignore[no-untyped-call]

    def stopWriting(self) -> None:
        """The other side's window is full."""
        self._hold_output("window")

    def startWriting(self) -> None:
        """It has room again."""
        self._release_output("window")

    def wire_changed(self, is_held: bool) -> None:
        """The connection as a whole takes no more, or takes more again."""
        (self._hold_output if is_held else self._release_output)("wire")

    def _hold_output(self, why: str) -> None:
        if not self._holding and self._child is not None:
            self._child.pause()
        self._holding.add(why)

    def _release_output(self, why: str) -> None:
        was_held = bool(self._holding)
        self._holding.discard(why)
        if was_held and not self._holding and self._child is not None and not self._is_over:
            self._child.resume()

    def ended(self, code: int | None, signal: int | None) -> None:
        """The program is over, and all that it wrote was sent or waits for the window."""
        if self._is_over:
            return
        self._close_session()
        if signal is not None:
            if self._size is not None:
                self.write(RESTORE)  # type: ignore[no-untyped-call]
            name = _signal_name(signal)
            self._say("aichat: this session went over its limits." if name in LIMIT_SIGNALS else f"aichat: {name}")
            body = NS(name.encode()) + b"\0" + NS(b"") + NS(b"")
            self.conn.sendRequest(self, b"exit-signal", body)  # type: ignore[no-untyped-call]
        else:
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", code or 0))  # type: ignore[no-untyped-call]
        self.loseConnection()  # type: ignore[no-untyped-call]

    def end(self, why: str) -> None:
        """End the program from here, say why, and leave the terminal as it was."""
        if self._is_over:
            return
        child = self._close_session()
        if child is not None:
            child.hang_up()
            if self._size is not None:
                self.write(RESTORE)  # type: ignore[no-untyped-call]
        self._say(f"aichat: {why}")
        self.conn.sendRequest(self, b"exit-status", struct.pack(">L", REFUSED))  # type: ignore[no-untyped-call]
        self.loseConnection()  # type: ignore[no-untyped-call]

    def closed(self) -> None:
        """The channel is closed, or the connection is gone: nobody needs the program."""
        child = self._close_session()
        if child is not None:
            child.hang_up()

    def closeReceived(self) -> None:
        """The other side wants no more: what it has not read is nobody's."""
        self.buf, self.extBuf = b"", []
        child = self._close_session()
        if child is not None:
            child.hang_up()
        self.loseConnection()  # type: ignore[no-untyped-call]

    def _close_session(self) -> Child | None:
        self._is_over = True
        self.is_full = False
        self._early.clear()
        self._door.accounts.tickets.take_back(self._ticket)
        leave, self._leave = self._leave, lambda: None
        leave()
        child, self._child = self._child, None
        return child

    def _say(self, words: str) -> None:
        """A line on standard error, whose end a terminal takes for what it is."""
        data = f"{words}\n".encode()
        self.err(data if self._size is None else data.replace(b"\n", b"\r\n"))


LIMIT_SIGNALS = ("XCPU", "XFSZ")

REQUESTS: dict[bytes, Callable[[SessionChannel, bytes], bool]] = {
    b"pty-req": SessionChannel._asked_pty,
    b"env": SessionChannel._asked_variable,
    b"window-change": SessionChannel._asked_size,
    b"signal": SessionChannel._asked_signal,
    b"shell": SessionChannel._asked_shell,
    b"exec": SessionChannel._asked_command,
}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name[3:]
    except ValueError:
        return str(number)
