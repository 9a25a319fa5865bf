"""What is different behind the SSH door, where this program runs on the server's machine for somebody elsewhere.

`AICHAT_CONFINED=1` says so: then nothing is saved to a file or opened in a program here, for it would be there; who
one is was said at the door, so nobody logs out; and standard output, though a pipe, may end at a terminal.
"""

from __future__ import annotations

import os
import select
import sys

FIRST_BYTE_SECONDS = 1.0


def is_confined() -> bool:
    """Whether this is a session of the SSH door."""
    return os.environ.get("AICHAT_CONFINED", "") not in ("", "0")


def has_input(text: str) -> bool:
    """Whether standard input is to be read to its end, besides a text that was given.

    Over SSH it is a pipe even where somebody sits at a terminal who will never end it. What is piped in begins soon.
    """
    if sys.stdin is None or sys.stdin.isatty():
        return False
    if not (text and is_confined()):
        return True
    return bool(select.select([sys.stdin], [], [], FIRST_BYTE_SECONDS)[0])
