"""The door's side of the process that programs are forked from: starts it, asks it, starts another if it is gone."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ProcessDone
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from aichat.log import make_logger

LAUNCHER = Path(__file__).with_name("launch.py")

PASSED_ON = ("PYTHONPATH", "TZ")
"""What it has of the service's environment, besides what is made for it."""

LOST = 9
"""As what a program ended whose template is gone: killed."""

OnEnd = Callable[[int], None]
"""Hears how a program ended, as waitpid says it."""


class Template:
    """Starts programs. At most one process of it runs, from the first `start` or `warm` on."""

    log = make_logger("aichat.doors.ssh")

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._wire: _Wire | None = None
        self._next = 0

    def warm(self) -> None:
        """Have it ready before somebody comes. Errors: OSError."""
        if self._wire is None:
            self._wire = _Wire(self._reactor, self._lost)

    def start(self, files: Sequence[int], on_end: OnEnd) -> Callable[[int], None]:
        """Start a program on four descriptors, which stay the caller's -> sends it a signal. Errors: OSError."""
        self.warm()
        wire = self._wire
        assert wire is not None
        self._next += 1
        number = self._next
        wire.ask({"start": number}, files)
        wire.running[number] = on_end

        def send(signal: int) -> None:
            if number in wire.running:
                wire.ask({"signal": signal, "to": number})

        return send

    def close(self) -> None:
        """Let it go; programs that still run are ended by it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _lost(self, wire: _Wire) -> None:
        if self._wire is wire:
            self._wire = None
            self.log.warn("the process that SSH sessions are made from is gone; another is made for the next one")


class _Wire(FileDescriptor):
    """The socket to one process."""

    def __init__(self, reactor: Any, on_lost: Callable[[_Wire], None]) -> None:
        super().__init__(reactor)
        self._on_lost = on_lost
        self.running: dict[int, OnEnd] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self.connected = 1
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            environment = {
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONUTF8": "1",
                "AICHAT_CONFINED": "1",
                **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            }
            reactor.spawnProcess(
                _Ending(), sys.executable, [sys.executable, "-P", str(LAUNCHER)], env=environment,
                childFDs={0: nothing, 1: nothing, 2: 2, 3: theirs.fileno()},
            )  # fmt: skip
        except BaseException:
            self._socket.close()
            raise
        finally:
            os.close(nothing)
            theirs.close()
        self.startReading()  # type: ignore[no-untyped-call]

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, order: dict[str, int], files: Sequence[int] = ()) -> None:
        """Send an order. Errors: OSError if it is gone, or has far too much to do."""
        socket.send_fds(self._socket, [json.dumps(order).encode()], files)

    def doRead(self) -> Any:
        try:
            message = self._socket.recv(65_536)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_DONE
        if not message:
            return CONNECTION_DONE
        told = json.loads(message)
        if "ended" in told and (on_end := self.running.pop(told["ended"], None)) is not None:
            on_end(told["status"])
        return None

    def close(self) -> None:
        """We need it no more."""
        self.connectionLost(Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        if not self.connected:
            return
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.stopReading()  # type: ignore[no-untyped-call]
        self._socket.close()
        running, self.running = self.running, {}
        for on_end in running.values():
            on_end(LOST)
        self._on_lost(self)


class _Ending(ProcessProtocol):
    log = make_logger("aichat.doors.ssh")

    def processEnded(self, reason: Failure) -> None:
        """It ends when its socket closes; anything else is told."""
        if not isinstance(reason.value, ProcessDone):
            self.log.warn("the process that SSH sessions are made from ended: {error}", error=reason.value)
