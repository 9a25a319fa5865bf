"""Where a client finds the server and its token on this machine, and where the server leaves them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from platformdirs import user_data_path

DEFAULT_PORT = 8765
DEFAULT_URL = f"ws://127.0.0.1:{DEFAULT_PORT}/ws"
TOKEN_FILE = "owner.token"  # noqa: S105 - a file's name
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Address(NamedTuple):
    """A server's WebSocket URL and the token for it, "" if none was found.

    `is_given`: by a file that was named, or by AICHAT_TOKEN.
    """

    url: str
    token: str
    is_given: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the database and the token: `AICHAT_STATE_DIR`, else the user's data folder."""
    chosen = environ.get("AICHAT_STATE_DIR")
    return Path(chosen).expanduser() if chosen else user_data_path("aichat", False)


def find_server(url: str = "", token_file: str = "", environ: Mapping[str, str] = os.environ) -> Address:
    """The server to talk to: an option, else `AICHAT_URL`, else this machine's.

    The token comes from the file named, else `AICHAT_TOKEN`, else, for a server on this machine, from the
    state folder. It is never taken from the command line or the URL, where others could read it.
    Errors: OSError if a token file was named and cannot be read.
    """
    url = url or environ.get("AICHAT_URL", "") or DEFAULT_URL
    if token_file:
        token = Path(token_file).expanduser().read_text(encoding="ascii", errors="replace").strip()
        return Address(url, token, is_given=True)
    if environ.get("AICHAT_TOKEN"):
        return Address(url, environ["AICHAT_TOKEN"], is_given=True)
    if Address(url, "").is_local:
        try:
            return Address(url, (state_dir(environ) / TOKEN_FILE).read_text("ascii", "replace").strip())
        except OSError:
            pass
    return Address(url, "")
