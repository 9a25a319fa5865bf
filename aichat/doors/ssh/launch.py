"""What a session of the SSH door runs: a process that takes its limits upon itself and then is `aichat-tui`.

Standard library only, and run by its path: it is no part of the service. Descriptor 3 is a socket to the door. The
first line from there says what to do; the rest are tickets, which the program asks for. Nothing that somebody typed
stands in the command line, where others on this machine could read it.
"""

import fcntl
import json
import os
import resource
import runpy
import sys
import termios

DOOR = 3


def main() -> None:
    """Errors: whatever keeps the process from taking its limits; then it does not run."""
    os.setsid()
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(DOOR, 65_536)
        if not piece:
            return  # the door has gone
        line += piece
    order = json.loads(line)
    os.set_inheritable(DOOR, False)
    if order["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(0o077)
    os.chdir(os.environ["HOME"])
    os.nice(order["nice"])
    for name, most in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    sys.argv[1:] = order["arguments"]
    runpy.run_module("aichat_tui", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
