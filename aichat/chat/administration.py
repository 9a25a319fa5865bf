"""What an owner does with users, tokens and keys: the verbs of `aichat-admin`, as data.

The running service carries them out (through its private socket), so that who is shut out is out at once; without a
running service `aichat-admin` does, on the same store.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from twisted.internet.threads import deferToThread

from aichat.chat.accounts import Accounts
from aichat.chat.passwords import Passwords
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import Push
from aichat.store import Store
from aichat.store.bundle import read_bundle

UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s/:@\x00-\x1f\x7f]+$")]


def _tag(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", class_name).lower()


class Verb(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag=_tag):
    """One thing to do."""


class UserAdd(Verb, frozen=True):
    """Make a user; without a password they come in by token or SSH key only."""

    name: UserName
    role: Literal["member", "owner"] = "member"
    password: str = ""


class UserList(Verb, frozen=True):
    """Every user."""


class UserDisable(Verb, frozen=True):
    """Shut a user out: every connection closes, running answers stop, nothing is deleted."""

    name: str


class UserEnable(Verb, frozen=True):
    """Let a user in again."""

    name: str


class UserPassword(Verb, frozen=True):
    """Give a user another password; clients that logged in with the old one are out."""

    name: str
    password: str


class TokenAdd(Verb, frozen=True):
    """Make a token for a program of a user's."""

    user: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class TokenList(Verb, frozen=True):
    """A user's tokens."""

    user: str


class TokenRevoke(Verb, frozen=True):
    """Take a token back; what came in with it is out."""

    user: str
    which: str


class KeyAdd(Verb, frozen=True):
    """Let a user in by an SSH public key: a line as in authorized_keys."""

    user: str
    line: Annotated[str, msgspec.Meta(max_length=20_000)]


class KeyList(Verb, frozen=True):
    """A user's SSH keys."""

    user: str


class KeyRevoke(Verb, frozen=True):
    """Take a key back; what came in with it is out."""

    user: str
    which: str


class Import(Verb, frozen=True):
    """Add what an export has in it to a user's. `path` is absolute, and read by whoever carries it out."""

    user: str
    path: str


AnyVerb = (
    UserAdd | UserList | UserDisable | UserEnable | UserPassword
    | TokenAdd | TokenList | TokenRevoke | KeyAdd | KeyList | KeyRevoke | Import
)  # fmt: skip


class Administration:
    """Carries verbs out. `on_disabled` hears of a user who is shut out, by id; `publish` tells a user's clients."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        passwords: Passwords,
        on_disabled: Callable[[int], None] = lambda user_id: None,
        publish: Callable[[int, Push], None] = lambda user_id, event: None,
    ) -> None:
        self._bundles = store.bundles
        self._publish = publish
        self._users = store.users
        self._accounts = accounts
        self._passwords = passwords
        self._on_disabled = on_disabled

    async def do(self, verb: Verb) -> Any:
        """Carry a verb out -> plain data for whoever asked. Errors: AichatError not_found, conflict, bad_frame."""
        return await HANDLERS[type(verb)](self, verb)

    async def user_add(self, verb: UserAdd) -> Any:
        stored = await self._passwords.hash(verb.password) if verb.password else ""
        user = await self._users.add(unicodedata.normalize("NFC", verb.name), verb.role, stored)
        return user._asdict()

    async def user_list(self, verb: UserList) -> Any:
        return [account._asdict() for account in await self._users.all()]

    async def user_disable(self, verb: UserDisable) -> Any:
        user = await self._users.set_disabled(verb.name, True)
        out = self._accounts.revoked(user_id=user.id, why="This account was disabled.")
        self._on_disabled(user.id)
        return {"name": user.name, "closed": out}

    async def user_enable(self, verb: UserEnable) -> Any:
        return {"name": (await self._users.set_disabled(verb.name, False)).name}

    async def user_password(self, verb: UserPassword) -> Any:
        user, out = await self._users.set_password(verb.name, await self._passwords.hash(verb.password))
        out.append(f"password:{user.id}")  # who came in by it through the SSH door
        closed = self._accounts.revoked(credentials=tuple(out), why="The password was changed: log in again.")
        return {"name": user.name, "closed": closed}

    async def token_add(self, verb: TokenAdd) -> Any:
        _, token = await self._users.add_token(verb.user, verb.name, "api")
        return {"token": token}

    async def token_list(self, verb: TokenList) -> Any:
        return [token._asdict() for token in await self._users.tokens(verb.user)]

    async def token_revoke(self, verb: TokenRevoke) -> Any:
        credentials = await self._users.revoke_token(verb.user, verb.which)
        out = self._accounts.revoked(credentials=tuple(credentials), why="This token was revoked.")
        return {"revoked": len(credentials), "closed": out}

    async def key_add(self, verb: KeyAdd) -> Any:
        kind, key, name, fingerprint = parse_key(verb.line)
        await self._users.add_key(verb.user, name, kind, key, fingerprint)
        return {"fingerprint": fingerprint, "name": name}

    async def key_list(self, verb: KeyList) -> Any:
        return [key._asdict() for key in await self._users.keys(verb.user)]

    async def key_revoke(self, verb: KeyRevoke) -> Any:
        credentials = await self._users.revoke_key(verb.user, verb.which)
        out = self._accounts.revoked(credentials=tuple(credentials), why="This key was revoked.")
        return {"revoked": len(credentials), "closed": out}

    async def import_(self, verb: Import) -> Any:
        try:
            bundle, digest = await deferToThread(read_bundle, Path(verb.path))
        except OSError as error:
            raise AichatError("not_found", f"{verb.path} cannot be read: {error.strerror}.") from None
        taken = await self._bundles.take_in(verb.user, bundle, digest)
        for event in taken.events:
            self._publish(taken.user_id, event)
        return {"personas": taken.personas, "conversations": taken.conversations, "messages": taken.messages}


Handler = Callable[[Administration, Any], Awaitable[Any]]

HANDLERS: dict[type[Verb], Handler] = {
    verb: getattr(Administration, verb.__struct_config__.tag.replace(" ", "_").replace("import", "import_"))
    for verb in get_args(AnyVerb)
}


def parse_key(line: str) -> tuple[str, str, str, str]:
    """A line of authorized_keys -> (type, base64, comment, fingerprint). Errors: AichatError bad_frame."""
    parts = line.strip().split(None, 2)
    try:
        load_ssh_public_key(" ".join(parts[:2]).encode())
        fingerprint = hashlib.sha256(base64.b64decode(parts[1])).digest()
    except (ValueError, IndexError, UnsupportedAlgorithm):
        words = "That is no SSH public key: give a line as in id_ed25519.pub (ssh-ed25519 AAAA… comment)."
        raise AichatError("bad_frame", words) from None
    printed = "SHA256:" + base64.b64encode(fingerprint).decode().rstrip("=")
    return parts[0], parts[1], parts[2] if len(parts) > 2 else printed[:20], printed
