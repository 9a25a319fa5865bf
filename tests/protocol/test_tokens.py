"""Which token is shown when, and what becomes of the one in the keyring: a real one, that is a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import keyring
import pytest
from keyring.backends.null import Keyring as NullKeyring

from aichat.protocol import frames, tokens
from aichat.protocol.address import Address, find_server
from aichat.protocol.session import CLOSE_UNAUTHORIZED, Session, State
from aichat.protocol.tokens import Tokens

FAR = "wss://chat.example.org/ws"
NEAR = "ws://127.0.0.1:8765/ws"
T = TypeVar("T")


class Client:
    """A link that writes down what it is told; the keyring answers when the test lets it."""

    def __init__(self, address: Address) -> None:
        self.session = Session()
        self.told: list[str] = []
        self.asides: list[Callable[[], None]] = []
        self.address = address
        self.tokens = Tokens(
            self.session,
            lambda: self.address,
            self.aside,
            lambda done: self.told.append("kept" if done else "not kept"),
        )

    def aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        self.asides.append(lambda: then(work()))

    def settle(self) -> None:
        while self.asides:
            self.asides.pop(0)()

    def connect(self) -> str:
        """Connect -> the token shown."""
        self.told.clear()
        if self.session.state in (State.GREETING, State.LIVE):
            self.session.closed()
        self.tokens.prepare(lambda url: self.told.append(f"connect {url}"))
        self.settle()
        assert self.told == [f"connect {self.address.url}"]
        self.session.opened()
        return self.session.token

    def refuse(self) -> list[str]:
        """The server refuses -> what follows."""
        self.told.clear()
        self.session.closed(CLOSE_UNAUTHORIZED)
        self.tokens.refused(lambda: self.told.append("again"), lambda: self.told.append("over"))
        self.settle()
        return self.told

    def log_in(self, token: str) -> None:
        """With a name and a password, which the server takes."""
        self.tokens.log_in("wei", "secret")
        self.connect()
        self.session.received(frames.encode(frames.LoggedIn(user="wei", token=token)))
        self.tokens.logged_in()
        self.settle()


def test_a_login_is_shown_again_at_the_next_start(keyring_file: Path) -> None:
    first = Client(Address(FAR, ""))
    assert first.connect() == ""
    assert first.refuse() == ["over"]
    first.log_in("t1")
    assert first.told == [f"connect {FAR}", "kept"] and keyring.get_password("aichat", FAR) == "t1"
    assert first.connect() == "t1", "after a break too"
    assert Client(Address(FAR, "")).connect() == "t1"
    assert Client(Address("wss://other.example.org/ws", "")).connect() == "", "each server has its own"


def test_a_revoked_token_leaves_the_keyring(keyring_file: Path) -> None:
    assert tokens.keep(FAR, "t1")
    client = Client(Address(FAR, ""))
    assert client.connect() == "t1"
    assert client.refuse() == ["over"]
    assert keyring.get_password("aichat", FAR) is None


def test_a_wrong_password_does_not_cost_the_token_that_is_kept(keyring_file: Path) -> None:
    client = Client(Address(FAR, ""))
    client.log_in("t1")
    client.tokens.log_in("wei", "wrong")
    client.connect()
    assert client.refuse() == ["over"]
    assert keyring.get_password("aichat", FAR) == "t1"


def test_who_logs_out_is_forgotten(keyring_file: Path) -> None:
    client = Client(Address(FAR, ""))
    client.log_in("t1")
    client.session.post("never sent", persona_id="p")
    client.tokens.log_out()
    client.settle()
    assert keyring.get_password("aichat", FAR) is None
    assert client.session.state is State.REFUSED and not client.session.outbox
    assert client.connect() == ""


def test_the_keyring_is_asked_for_a_server_here_only_when_that_refuses(keyring_file: Path) -> None:
    assert tokens.keep(NEAR, "t1")
    client = Client(Address(NEAR, "owner's"))
    assert client.connect() == "owner's"
    assert client.refuse() == ["again"]
    assert client.connect() == "t1"
    assert client.refuse() == ["over"]


def test_a_token_that_was_named_has_the_only_say(keyring_file: Path) -> None:
    assert tokens.keep(FAR, "t1")
    client = Client(find_server(FAR, environ={"AICHAT_TOKEN": "named"}))
    assert client.connect() == "named"
    assert client.refuse() == ["over"]
    client.log_in("t2")
    assert client.told[1:] == ["not kept"], "the next start shows the named one again"
    assert keyring.get_password("aichat", FAR) == "t1"


def test_a_token_typed_in_holds_until_it_is_refused(keyring_file: Path) -> None:
    client = Client(Address(FAR, ""))
    client.connect()
    client.refuse()
    client.tokens.use("typed")
    assert client.connect() == client.connect() == "typed"
    client.refuse()
    assert client.connect() == ""
    assert not keyring_file.exists()


@pytest.mark.parametrize("backend", ["fail", "null"])
def test_without_a_keyring_it_is_told(backend: str, keyring_file: Path) -> None:
    keyring.set_keyring(NullKeyring() if backend == "null" else keyring.backends.fail.Keyring())
    client = Client(Address(FAR, ""))
    client.log_in("t1")
    assert client.told[1:] == ["not kept"]
    assert client.connect() == "t1", "for this run"
    client.tokens.log_out()
    client.settle()


def test_a_start_on_this_machine_imports_no_keyring() -> None:
    script = """
import sys
from aichat.protocol.address import Address
from aichat.protocol.session import Session
from aichat.protocol.tokens import Tokens
def aside(work, then): then(work())
for address in (Address("ws://127.0.0.1:1/ws", ""), Address("wss://far.example/ws", "named", is_given=True)):
    Tokens(Session(), lambda: address, aside, print).prepare(lambda url: None)
assert "keyring" not in sys.modules
Tokens(Session(), lambda: Address("wss://far.example/ws", ""), aside, print).prepare(lambda url: None)
assert "keyring" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
