"""What is different behind the SSH door, where this program runs on the server's machine for somebody elsewhere.

`AICHAT_CONFINED=1` says so: then nothing is saved to a file or opened in a program here, for it would be there; who
one is was said at the door, so nobody logs out; and standard output, though a pipe, may end at a terminal.
"""

from __future__ import annotations

import os
import select
import sys

FIRST_BYTE_SECONDS = 1.0
STANDARD_INPUT = "-"
"""Among the words of a text: wait for standard input, however long that takes."""


def is_confined() -> bool:
    """Whether this is a session of the SSH door."""
    return os.environ.get("AICHAT_CONFINED", "") not in ("", "0")


def is_silent() -> bool:
    """Whether standard input, besides a text that was given, is not to be waited for.

    Over SSH it is a pipe even where somebody sits at a terminal who will never end it. What is piped in begins soon.
    """
    return is_confined() and not select.select([sys.stdin], [], [], FIRST_BYTE_SECONDS)[0]
