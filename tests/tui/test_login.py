"""Logging in and out in a terminal: the real service, the app under a pty, a keyring that is a file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest

from tests.service import PASSWORD, RunningService, admin
from tests.tui.conftest import Run
from tests.tui.terminal import Terminal

Elsewhere = dict[str, str]
Open = Callable[..., Terminal]


@pytest.fixture
def elsewhere(guarded: RunningService, tmp_path: Path) -> Elsewhere:
    """What the environment says to somebody who has not the service's state folder, and so no token."""
    return {"AICHAT_URL": guarded.url, "AICHAT_STATE_DIR": str(tmp_path / "nothing")}


@pytest.fixture
def open_it(guarded: RunningService, elsewhere: Elsewhere) -> Iterator[Open]:
    """Starts `aichat-tui ...` under a pty."""
    opened: list[Terminal] = []

    def start(*args: str, **more: int) -> Terminal:
        opened.append(Terminal(*args, env={**guarded.environment(), **elsewhere}, **more))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.end()


def fill_in(terminal: Terminal, name: str, password: str) -> None:
    """Both fields, and Enter after each."""
    terminal.until_marked("User name")
    terminal.send(name + "\r")
    terminal.until_marked("Password")
    terminal.send(password + "\r")


def test_the_form_then_the_keyring_then_out(
    open_it: Open, guarded: RunningService, keyring_file: Path, run: Run, elsewhere: Elsewhere
) -> None:
    terminal = open_it()
    terminal.until("This server wants a token or a login")
    fill_in(terminal, "wei", "not it")
    terminal.until("The name or the password is wrong.")
    assert "▌ wei" in terminal.text
    terminal.until_marked("Password")
    terminal.send(PASSWORD + "\r")
    terminal.until("● live · wei")
    assert "User name" not in terminal.text
    terminal.wait(lambda: keyring.get_password("aichat", guarded.url) is not None, "the keyring", 30)
    token = str(keyring.get_password("aichat", guarded.url))
    for secret in (PASSWORD, token):
        assert secret.encode() not in terminal.raw and not any(secret in line for line in guarded.log)

    again = open_it()
    again.until("● live · wei")
    assert b"Captain Mara" in run("list", env=elsewhere).stdout
    again.send("\x10")
    again.until("Search")
    again.send("Log out")
    again.until("The keyring forgets you")
    again.send("\r")
    again.until("User name")
    again.wait(lambda: keyring.get_password("aichat", guarded.url) is None, "the keyring is empty", 30)
    again.send("\x1b")
    assert "Captain Mara" not in again.until("You are not logged in at")


def test_a_revoked_login_is_asked_for_anew(open_it: Open, guarded: RunningService, keyring_file: Path) -> None:
    terminal = open_it()
    fill_in(terminal, "mei", PASSWORD)
    terminal.until("● live · mei")
    terminal.wait(lambda: keyring.get_password("aichat", guarded.url) is not None, "the keyring", 30)
    admin(guarded, "user", "disable", "mei")
    terminal.until("User name")
    terminal.wait(lambda: keyring.get_password("aichat", guarded.url) is None, "the keyring is empty", 30)
    admin(guarded, "user", "enable", "mei")
    fill_in(terminal, "mei", PASSWORD)
    terminal.until("● live · mei")


def test_without_a_keyring_it_is_said(open_it: Open) -> None:
    terminal = open_it()
    fill_in(terminal, "wei", PASSWORD)
    terminal.until("There is no keyring here")
    terminal.until("● live · wei")


def test_the_commands(
    open_it: Open, guarded: RunningService, keyring_file: Path, run: Run, elsewhere: Elsewhere
) -> None:
    def cli(*args: str) -> subprocess.CompletedProcess[bytes]:
        return run(*args, env=elsewhere)

    refused = cli("list")
    assert refused.returncode == 3 and b"to log in: aichat-tui login" in refused.stderr
    assert cli("login").returncode == 2, "not at a terminal"
    for password, words in (("not it", "The name or the password is wrong."), (PASSWORD, "Logged in as 林小雨.")):
        terminal = open_it("login")
        terminal.until("User name:")
        terminal.send("林小雨\n")
        terminal.until("Password:")
        terminal.send(password + "\n")
        terminal.until(words)
        assert password.encode() not in terminal.raw
    assert b"Captain Mara" in cli("list").stdout
    assert cli("ask", "mara", "hi", "--new").stdout.decode() == "你说：hi\n"
    admin(guarded, "user", "disable", "林小雨")
    assert cli("list").returncode == 3
    admin(guarded, "user", "enable", "林小雨")
    assert keyring.get_password("aichat", guarded.url) is None
    keyring.set_password("aichat", guarded.url, "left from somewhere")
    assert b"Logged out of" in cli("logout").stdout
    assert b"Nobody was logged in" in cli("logout").stdout


def test_the_command_without_a_keyring(open_it: Open) -> None:
    terminal = open_it("login")
    terminal.until("no keyring here")
    assert "Password" not in terminal.text
