"""The host key: Ed25519, made once, in the state folder, mode 0600. Clients remember it."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.conch.ssh.keys import BadKeyError, Key

FILE = "ssh_host_ed25519_key"


def host_key(folder: Path) -> Key:
    """Read it, or make it. Errors: OSError, ValueError with words for the owner."""
    path = folder / FILE
    try:
        mode = path.stat().st_mode
        key: Key = Key.fromString(path.read_bytes())
    except FileNotFoundError:
        return _make(path)
    except (BadKeyError, ValueError):
        raise ValueError(f"{path} is no SSH key: move it away, and a new one is made") from None
    if key.isPublic() or key.type() != "Ed25519":
        raise ValueError(f"{path} is no private Ed25519 key: move it away, and a new one is made")
    if mode & 0o077:
        raise ValueError(f"{path} can be read by others: chmod 600 it, or move it away if others may have read it")
    return key


def _make(path: Path) -> Key:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    key: Key = Key.fromString(made)
    return key
