"""Whatever the app is at when it is told to quit: it ends at once, with status 0 and without a word."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import ROOT, RunningService, clean_environment, free_port

NOISE = "This plugin does not support "
"""Qt's offscreen display begins so what it says of windows that are raised, or of a fixed size."""
LONG = 60.0


@pytest.fixture
def deaf() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"


def quit_in(state: str, home: Path, url: str, token: str = "") -> None:
    """Start the app, have it quit in a state."""
    folders = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_DATA_HOME": home / "data", "TMPDIR": home}
    environment = {
        **clean_environment(),
        **{name: str(folder) for name, folder in folders.items()},
        "QT_QPA_PLATFORM": "offscreen",
        "DBUS_SESSION_BUS_ADDRESS": "",
        "PYTHON_KEYRING_BACKEND": "tests.qt.slow_keyring.Slow"
        if state == "keyring"
        else "keyring.backends.fail.Keyring",
        "PYTHONFAULTHANDLER": "1",
    }
    arguments = [sys.executable, "-m", "tests.qt.quitting", state, "--url", url]
    if token:
        (home / "token").write_text(token)
        arguments += ["--token-file", str(home / "token")]
    done = subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONG, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(NOISE)]
    assert (done.returncode, said) == (0, [])


LIVE = (
    "live", "asked", "streaming", "streaming with a dialog", "persona", "sheet", "quick question", "palette", "menu"
)  # fmt: skip


@pytest.mark.parametrize("state", ["at once", *LIVE])
def test_with_a_connection(state: str, service: RunningService, tmp_path: Path) -> None:
    quit_in(state, tmp_path, service.url, service.token)


def test_while_it_connects(deaf: str, tmp_path: Path) -> None:
    quit_in("connecting", tmp_path, deaf)


def test_while_it_waits_for_the_next_try(tmp_path: Path) -> None:
    quit_in("waiting", tmp_path, f"ws://127.0.0.1:{free_port()}/ws")


def test_while_a_keyring_asks(tmp_path: Path) -> None:
    quit_in("keyring", tmp_path, "wss://chat.invalid/ws")


def test_at_the_login(guarded: RunningService, tmp_path: Path) -> None:
    quit_in("login", tmp_path, guarded.url)
