"""Who is asking: the owner and the owner's token file, in their first form."""

from __future__ import annotations

import os
from pathlib import Path

from aichat.metrics import counts
from aichat.protocol.address import TOKEN_FILE
from aichat.protocol.errors import AichatError
from aichat.redact import keep_secret
from aichat.store import Store
from aichat.store.users import User


class Accounts:
    """Recognises users. `trust_local`: whoever is on this machine is the owner, without a token."""

    def __init__(self, store: Store, state_dir: Path, *, trust_local: bool) -> None:
        self._store = store
        self._token_file = state_dir / TOKEN_FILE
        self._trust_local = trust_local
        self.owner: User

    async def open(self) -> None:
        """Make the owner and the token file (mode 0600) at the first start. Errors: OSError."""
        try:
            kept = self._token_file.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            kept = ""
        self.owner, token = await self._store.users.owner(kept)
        keep_secret(token)
        if token != kept:
            _write_private(self._token_file, token + "\n")

    def knows_unasked(self, *, local: bool) -> bool:
        """Whether somebody without a token may come in."""
        return local and self._trust_local

    async def recognise(self, token: str, *, local: bool) -> User:
        """The user of a token, or, without one, the owner on this machine. Errors: AichatError unauthorized."""
        if token:
            user = await self._store.users.by_token(token)
            counts.logins["refused" if user is None else "token"] += 1
            if user is None:
                raise AichatError("unauthorized", "This token is not known here (any more).")
            return user
        if self.knows_unasked(local=local):
            return self.owner
        raise AichatError("unauthorized", "This server wants a token; its owner finds one in the file owner.token.")


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    os.replace(temporary, path)
