"""Where a client finds the server and its token on this machine, and where the server leaves them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from platformdirs import user_data_path

DEFAULT_PORT = 8765
DEFAULT_URL = f"ws://127.0.0.1:{DEFAULT_PORT}/ws"
TOKEN_FILE = "owner.token"  # noqa: S105 - a file's name
TICKETS_VARIABLE = "AICHAT_TICKETS"
_SCHEMES = {"": "?", "ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(?:%\w+)?")
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


def server_url(typed: str) -> str:
    """What a person types for a server -> its WebSocket URL.

    "chat.example.org" is wss, an address of this machine is ws; http and https are taken for ws and wss; the path is
    /ws unless one is given. Errors: ValueError with words for a person.
    """
    text = typed.strip()
    if not text:
        raise ValueError("Where is the server? For example chat.example.org")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    scheme = _SCHEMES.get(scheme.lower(), "") if scheme or not separator else ""
    if not scheme:
        raise ValueError("The address of a server begins with wss:// or ws://, or is a name alone.")
    if not host or not _HOST.fullmatch(host) or parts.netloc.endswith(":"):
        raise ValueError("This is no address. For example chat.example.org or 192.168.1.20:8765")
    if "@" in parts.netloc:
        raise ValueError("A name or a password does not belong in the address; you are asked for them.")
    is_home = host in LOOPBACK
    if scheme == "?":
        scheme = "ws" if is_home else "wss"
    if port is None and is_home:
        port = DEFAULT_PORT
    shown = f"[{host}]" if ":" in host else host
    path = parts.path if parts.path not in ("", "/", "/test", "/test/") else "/ws"
    return f"{scheme}://{shown}{'' if port is None else f':{port}'}{path}"


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the database and the token: `AICHAT_STATE_DIR`, else the user's data folder."""
    chosen = environ.get("AICHAT_STATE_DIR")
    return Path(chosen).expanduser() if chosen else user_data_path("aichat", False)


def find_server(url: str = "", token_file: str = "", environ: Mapping[str, str] = os.environ) -> Address:
    """The server to talk to: an option, else `AICHAT_URL`, else this machine's.

    The token comes from the file named, else `AICHAT_TOKEN`, else, for a server on this machine, from the
    state folder. It is never taken from the command line or the URL, where others could read it.
    Errors: OSError if a token file was named and cannot be read.

    Behind the SSH door (AICHAT_TICKETS names a socket to it) there is that server and no other, and a ticket that is
    good for one connection, asked for anew each time. Errors: OSError, ValueError.
    """
    if environ.get(TICKETS_VARIABLE):
        if url or token_file:
            raise ValueError("over SSH there is this server only, and you are known already")
        return Address(environ["AICHAT_URL"], _next_ticket(int(environ[TICKETS_VARIABLE])), is_given=True)
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


def _next_ticket(socket: int) -> str:
    """Ask whoever started this process -> a line."""
    os.write(socket, b"\n")
    ticket = b""
    while not ticket.endswith(b"\n"):
        piece = os.read(socket, 200)
        if not piece:
            raise OSError("the SSH session is over")
        ticket += piece
    return ticket.decode("ascii").strip()
