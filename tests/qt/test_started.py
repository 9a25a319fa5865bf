"""The app as a process on a real X display: one instance, keys from anywhere, what it remembers, its menu entry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aichat_qt.installing import install

from tests.service import Process, RunningService

pytestmark = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
)
DEADLINE = 30.0


class Display:
    """An X display of its own, and what a user does at it."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            self.name = f":{told.readline().strip()}"

    def do(self, *arguments: str) -> str:
        """What xdotool says; "" when it waits in vain."""
        try:
            done = subprocess.run(
                ["xdotool", *arguments],
                env={**os.environ, "DISPLAY": self.name},
                capture_output=True,
                text=True,
                check=False,
                timeout=DEADLINE / 3,
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def wait_for(self, title: str) -> str:
        """The id of the window of this title, once it is shown."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = self.do("search", "--sync", "--onlyvisible", "--name", title).split()
            if found:
                return found[0]
        raise AssertionError(f"no window {title!r}")

    def names(self) -> list[str]:
        found = self.do("search", "--onlyvisible", "--name", ".").split()
        return [self.do("getwindowname", one).strip() for one in found]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


@pytest.fixture
def display() -> Iterator[Display]:
    display = Display()
    yield display
    display.close()


class App:
    """Starts the app for one service, with a home of its own."""

    def __init__(self, display: Display, service: RunningService, home: Path) -> None:
        token = home / "token"
        token.write_text(service.token)
        self._arguments = [sys.executable, "-m", "aichat_qt", "--url", service.url, "--token-file", str(token)]
        self.environment = {
            "DISPLAY": display.name,
            "QT_QPA_PLATFORM": "xcb",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "TMPDIR": str(home),
            "DBUS_SESSION_BUS_ADDRESS": "",
            "LANG": "C.UTF-8",
        }
        self.started: list[Process] = []

    def start(self, *more: str) -> Process:
        process = Process([*self._arguments, *more], self.environment)
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            if process.child.poll() is None:
                process.child.terminate()
            process.child.wait(DEADLINE)


@pytest.fixture
def app(display: Display, service: RunningService, tmp_path: Path) -> Iterator[App]:
    app = App(display, service, tmp_path)
    yield app
    app.end()


def test_a_second_start_speaks_to_the_first(display: Display, app: App) -> None:
    first = app.start()
    display.wait_for("aichat$")
    assert app.start().child.wait(DEADLINE) == 0
    assert len([name for name in display.names() if name.endswith("aichat")]) == 1
    assert app.start("--quick-ask").child.wait(DEADLINE) == 0
    display.wait_for("^Quick question$")
    first.child.kill()
    first.child.wait(DEADLINE)
    again = app.start()
    display.wait_for("aichat$")
    assert again.child.poll() is None, "what a killed app left behind is in nobody's way"


def test_a_key_from_anywhere(display: Display, app: App) -> None:
    app.start()
    display.wait_for("aichat$")
    end = time.monotonic() + DEADLINE
    while "Quick question" not in display.names():
        assert time.monotonic() < end
        display.do("key", "ctrl+alt+space")
    display.wait_for("^Quick question$")


def test_closing_ends_it_and_the_place_is_kept(display: Display, app: App) -> None:
    first = app.start()
    window = display.wait_for("aichat$")
    display.do("windowsize", "--sync", window, "900", "620")
    display.do("windowfocus", "--sync", window)
    display.do("key", "--window", window, "ctrl+q")
    assert first.child.wait(DEADLINE) == 0, first.lines
    app.start()
    window = display.wait_for("aichat$")
    assert "Geometry: 900x620" in display.do("getwindowgeometry", window)


def test_started_for_one_question_it_ends_with_it(display: Display, app: App) -> None:
    only = app.start("--quick-ask")
    window = display.wait_for("^Quick question$")
    assert not [name for name in display.names() if name.endswith("aichat")]
    display.do("windowfocus", "--sync", window)
    display.do("key", "--window", window, "Escape")
    assert only.child.wait(DEADLINE) == 0


def test_help_needs_no_display() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}}
    done = subprocess.run(
        [sys.executable, "-m", "aichat_qt", "--help"], env=environment, capture_output=True, text=True, check=True
    )
    for word in ("--quick-ask", "--install-desktop", "--url", "--token-file"):
        assert word in done.stdout


def test_the_menu_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin with blank" / "aichat-qt"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    written = install(tmp_path / "data")
    assert all(path.is_file() for path in written)
    entry = (tmp_path / "data" / "applications" / "aichat.desktop").read_text("utf-8")
    assert f'Exec="{program}"\n' in entry and f'Exec="{program}" --quick-ask\n' in entry
    assert "Name[zh_CN]=快速提问" in entry
    sizes = {path.parts[-3] for path in written[1:]}
    assert {"16x16", "32x32", "48x48", "64x64", "128x128", "256x256", "scalable"} <= sizes
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", str(written[0])], check=True)


def test_without_an_installed_program_there_is_no_menu_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/nowhere/__main__.py"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LookupError, match="not installed"):
        install(tmp_path)
    assert not list(tmp_path.iterdir())
