"""`aichat-admin user|token|key|export|import`: asks the running service; when none runs, it does it itself."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import http.client
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aichat.chat import administration as verbs
from aichat.config import Settings
from aichat.doors.admin import admin_socket
from aichat.protocol.errors import AichatError
from aichat.store.bundle import write_bundle

VERBS = ("user", "token", "key", "export", "import")
PATIENCE = 30.0

Arguments = argparse.Namespace


def add_verbs(nouns: Any) -> None:
    """Adds them to the command line."""
    user = _noun(nouns, "user", "who may come in")
    add = _verb(user, "add", "make a user; asks for a password", "name")
    add.add_argument("--owner", action="store_true", help="an owner, not a member")
    add.add_argument("--no-password", action="store_true", help="they come in by token or SSH key only")
    _verb(user, "list", "every user")
    _verb(user, "disable", "shut a user out, at once; nothing is deleted", "name")
    _verb(user, "enable", "let a user in again", "name")
    _verb(user, "password", "another password; who logged in with the old one is out", "name")
    token = _noun(nouns, "token", "tokens for programs")
    _verb(token, "add", "make one and print it, this once", "user", "name")
    _verb(token, "list", "a user's tokens, and when each was used last", "user")
    _verb(token, "revoke", "take one back, by its number or name", "user", "which")
    key = _noun(nouns, "key", "SSH public keys")
    _verb(key, "add", "let a user in by the keys in FILE (- is standard input)", "user", "file")
    _verb(key, "list", "a user's keys", "user")
    _verb(key, "revoke", "take one back, by its number, name or fingerprint", "user", "which")

    for name, about in (
        ("export", "all personas and conversations of a user into FILE, while the service runs too"),
        ("import", "add what an export has in it to a user's"),
    ):
        parser = nouns.add_parser(name, help=about, description=about)
        parser.add_argument("user", metavar="USER")
        parser.add_argument("file", type=Path, metavar="FILE")


def _noun(nouns: Any, name: str, about: str) -> Any:
    return nouns.add_parser(name, help=about).add_subparsers(dest="verb", required=True)


def _verb(noun: Any, name: str, about: str, *arguments: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = noun.add_parser(name, help=about, description=about)
    for argument in arguments:
        parser.add_argument(argument, metavar=argument.upper())
    return parser


def run(options: Arguments, settings: Settings) -> int:
    """Carry the command out -> exit code. Errors: AichatError, OSError."""
    if options.noun == "export":
        conversations, size = write_bundle(settings.database_path, options.user, options.file)
        _say(f"{options.file}: {conversations} conversations, {size:,} bytes")
        return 0
    for verb, show in ASK[options.noun, getattr(options, "verb", "")](options):
        show(ask(verb, settings))
    return 0


# what each command asks for, and how the answer is shown


def _password() -> str:
    """Typed twice at a terminal, or one line of standard input; never an argument, which others could read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise AichatError("bad_frame", "The two were not the same; nothing was changed.")
    return first


Step = tuple[verbs.Verb, Callable[[Any], None]]


def _user_add(o: Arguments) -> list[Step]:
    password = "" if o.no_password else _password()
    verb = verbs.UserAdd(name=o.name, role="owner" if o.owner else "member", password=password)
    return [(verb, lambda user: _say(f"{user['name']} may come in as {user['role']}."))]


def _key_add(o: Arguments) -> list[Step]:
    text = sys.stdin.read() if o.file == "-" else Path(o.file).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [
        (verbs.KeyAdd(user=o.user, line=line), lambda key: _say(f"{key['fingerprint']} {key['name']}"))
        for line in lines
    ]


def _table(*columns: str) -> Callable[[Any], None]:
    def show(rows: list[dict[str, Any]]) -> None:
        cells = [[c.replace("_", " ") for c in columns], *([_cell(row[c]) for c in columns] for row in rows)]
        widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
        for line in cells:
            _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    return show


def _cell(value: object) -> str:
    if value is None:
        return "never"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _closed(words: str) -> Callable[[Any], None]:
    def show(result: dict[str, Any]) -> None:
        closed = result.get("closed", 0)
        _say(words.format(**result) + (f" {closed} connections were closed." if closed else ""))

    return show


def _import(o: Arguments) -> list[Step]:
    words = "{personas} personas, {conversations} conversations, {messages} messages were added."
    return [(verbs.Import(user=o.user, path=str(o.file.absolute())), _closed(words))]


ASK: dict[tuple[str, str], Callable[[Arguments], list[Step]]] = {
    ("user", "add"): _user_add,
    ("user", "list"): lambda o: [
        (verbs.UserList(), _table("name", "role", "disabled", "has_password", "create_time"))
    ],
    ("user", "disable"): lambda o: [(verbs.UserDisable(name=o.name), _closed("{name} is shut out."))],
    ("user", "enable"): lambda o: [(verbs.UserEnable(name=o.name), _closed("{name} may come in again."))],
    ("user", "password"): lambda o: [
        (verbs.UserPassword(name=o.name, password=_password()), _closed("{name} has a new password."))
    ],
    ("token", "add"): lambda o: [(verbs.TokenAdd(user=o.user, name=o.name), lambda made: _say(made["token"]))],
    ("token", "list"): lambda o: [
        (verbs.TokenList(user=o.user), _table("id", "name", "kind", "create_time", "last_used"))
    ],
    ("token", "revoke"): lambda o: [(verbs.TokenRevoke(user=o.user, which=o.which), _closed("{revoked} revoked."))],
    ("key", "add"): _key_add,
    ("import", ""): _import,
    ("key", "list"): lambda o: [
        (verbs.KeyList(user=o.user), _table("id", "name", "type", "fingerprint", "create_time", "last_used"))
    ],
    ("key", "revoke"): lambda o: [(verbs.KeyRevoke(user=o.user, which=o.which), _closed("{revoked} revoked."))],
}


# who carries it out


def ask(verb: verbs.Verb, settings: Settings) -> Any:
    """Have a verb carried out -> its result. Errors: AichatError, OSError."""
    connection = _UnixConnection(admin_socket(settings.database_path))
    try:
        connection.connect()
    except OSError:
        return _do_here(verb, settings)
    try:
        body = msgspec.json.encode(verb)
        connection.request("POST", "/", body, {"Content-Type": "application/json", "Host": "localhost"})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not answer["success"]:
        raise AichatError(answer["error"]["code"], answer["error"]["message"])
    return answer["result"]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)


def _do_here(verb: verbs.Verb, settings: Settings) -> Any:
    """No service runs: open the database ourselves. Errors: OSError if one does run and cannot be reached."""
    from twisted.internet import reactor, task  # noqa: PLC0415 - installs a reactor when imported

    from aichat.chat.accounts import Accounts  # noqa: PLC0415
    from aichat.chat.passwords import Passwords  # noqa: PLC0415
    from aichat.store import Store  # noqa: PLC0415

    outcome: list[Any] = []

    async def work(reactor: Any) -> None:
        store, passwords = Store(settings.database_path, reactor), Passwords(reactor)
        try:
            await store.open()
            accounts = Accounts(store, passwords, settings.state_path, trust_local=False, seconds=reactor.seconds)
            await accounts.open()
            outcome.append(await verbs.Administration(store, accounts, passwords).do(verb))
        except Exception as error:
            outcome.append(error)
        finally:
            passwords.close()
            await store.close()

    with contextlib.suppress(SystemExit):
        task.react(work, _reactor=reactor)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _say(words: str) -> None:
    print(words)  # noqa: T201 - a command's answer
