"""What the programs of the SSH door are made from: a process that has read all of `aichat-tui` and forks for each.

Standard library only, and run by its path: it is no part of the service, has none of its memory and files, and knows
nobody. A program that begins as a copy of it shares memory with the others and is up sooner; besides that it is a
process like any other, with its own limits. Descriptor 3 is a socket to the door:

    door -> {"start": n} with four descriptors: standard input, output, error, the program's own socket to the door
    door -> {"signal": 1, "to": n}
         -> {"ready": true}, {"ended": n, "status": …} as waitpid has it

The first line of a program's own socket says what to do; the rest are tickets, which the program asks for. Nothing
that somebody typed stands in a command line, where others on this machine could read it. When the door is gone, its
programs are ended; when this process is, the kernel ends them.
"""

import ctypes
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import resource
import runpy
import select
import signal
import socket
import sys
import termios
from contextlib import suppress
from typing import Any

DOOR = 3

ALSO = ("textual.drivers.linux_driver", "textual.widgets._text_area", "websockets.asyncio.client")
"""What the program loads later than at its start."""

PR_SET_PDEATHSIG = 1
"""Of `prctl`: what the kernel sends when the parent ends."""

AFTER_THE_DOOR = 1.0
"""Seconds from the hang-up to the end by force for programs whose door is gone."""


def main() -> None:
    """Be the template; in each copy, be a program. Errors: what keeps one from taking its limits; it does not run."""
    os.setsid()
    _load()
    if _wait_and_fork():
        _be_program()


def _load() -> None:
    package = importlib.import_module("aichat_tui")
    for module in pkgutil.walk_packages(package.__path__, "aichat_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ALSO:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # looking through it would copy it


def _wait_and_fork() -> bool:
    """Do what the door says until it is gone -> whether this is a program now."""
    door = socket.socket(fileno=DOOR)
    ear, voice = os.pipe()
    os.set_blocking(voice, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(voice, warn_on_full_buffer=False)
    running: dict[int, int] = {}
    door.send(b'{"ready": true}')
    both: list[Any] = [door, ear]
    while True:
        readable, _, _ = select.select(both, [], [])
        if ear in readable:
            os.read(ear, 4_096)
            for pid, status in _ended():
                with suppress(OSError):
                    door.send(json.dumps({"ended": running.pop(pid, 0), "status": status}).encode())
        if door not in readable:
            continue
        message, files, _, _ = socket.recv_fds(door, 65_536, 4)
        if not message:
            _end_all(running)
            return False
        order = json.loads(message)
        if "signal" in order:
            for pid in [pid for pid, number in running.items() if number == order["to"]]:
                _send(pid, order["signal"])
            continue
        template = os.getpid()
        pid = os.fork()
        if not pid:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != template:
                return False
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            door.close()
            os.close(ear)
            os.close(voice)
            _take(files)
            return True
        running[pid] = order["start"]
        for file in files:
            os.close(file)


def _ended() -> list[tuple[int, int]]:
    """Who has ended, and how. What they left behind in their group is ended while their number is still theirs."""
    found = []
    with suppress(ChildProcessError):
        while (how := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            with suppress(ProcessLookupError):
                os.killpg(how.si_pid, signal.SIGKILL)
            found.append(os.waitpid(how.si_pid, 0))
    return found


def _send(pid: int, number: int) -> None:
    """To the whole group, or, before it has one, to the process; it is ours until we have waited for it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _end_all(running: dict[int, int]) -> None:
    for pid in running:
        _send(pid, signal.SIGHUP)
    select.select([], [], [], AFTER_THE_DOOR if running else 0)
    for pid in running:
        _send(pid, signal.SIGKILL)


def _take(files: list[int]) -> None:
    """Put the four descriptors in their places."""
    high = [fcntl.fcntl(file, fcntl.F_DUPFD, 10) for file in files]
    for file in files:
        os.close(file)
    for place, file in enumerate(high):
        os.dup2(file, place, inheritable=place != DOOR)
        os.close(file)


def _be_program() -> None:
    os.setsid()
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(DOOR, 65_536)
        if not piece:
            return  # the door has gone
        line += piece
    order = json.loads(line)
    os.environ.clear()
    os.environ.update(order["environment"])
    if order["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(0o077)
    os.chdir(os.environ["HOME"])
    os.nice(order["nice"])
    for name, most in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    _open_streams()
    sys.argv[1:] = order["arguments"]
    runpy.run_module("aichat_tui", run_name="__main__", alter_sys=True)


def _open_streams() -> None:
    """Those of the template lead nowhere, and were made for that."""
    by_line = 1 if os.isatty(1) else -1
    given = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdin = sys.__stdin__ = given  # type: ignore[misc]
    out = os.fdopen(1, "w", by_line, encoding="utf-8", errors="surrogateescape", closefd=False)
    err = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stdout = sys.__stdout__ = out  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = err  # type: ignore[misc]


if __name__ == "__main__":
    main()
