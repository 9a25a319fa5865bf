"""Several servers: added, switched, renamed, removed, against two real services; each keeps its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from aichat_qt.__main__ import build, named_server, options
from aichat_qt.main_window import MainWindow
from aichat_qt.server_dialogs import AddServerDialog, remove_server
from aichat_qt.servers import Servers
from aichat_qt.unsent_dialog import UnsentDialog
from aichat_qt.window_actions import entries
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from aichat.protocol.address import server_url
from aichat.protocol.session import State
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_chat import say, texts
from tests.qt.test_login import is_in, log_in
from tests.qt.test_service import WAIT, settled, visit
from tests.service import PASSWORD, RunningService, Upstream, running_service


@pytest.fixture
def other(upstream: Upstream) -> Iterator[RunningService]:
    """A second service."""
    with running_service(upstream=upstream) as running:
        yield running


def start(qtbot: QtBot, folder: Path) -> MainWindow:
    """The app as it starts without a server on its command line."""
    window = build(None, folder=folder)
    qtbot.addWidget(window, before_close_func=lambda each: each.model.servers.close())
    window.show()
    window.model.servers.start()
    return window


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server and no token in the environment: whoever is on the service's own machine is its owner."""
    for name in [name for name in os.environ if name.startswith("AICHAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AICHAT_STATE_DIR", str(tmp_path / "no server's"))


def offered(window: MainWindow) -> list[str]:
    menu = window.personas.corner.make_menu()
    result = [action.text() for action in menu.actions() if action.text()]
    menu.deleteLater()
    return result


def answer(qtbot: QtBot, verb: str) -> None:
    """Press a button of the next dialog."""

    def press() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        next(b for b in (dialog.yes, dialog.no) if b.text() == verb).click()  # type: ignore[attr-defined]

    QTimer.singleShot(0, press)


def test_each_server_keeps_its_own(
    open_window: Open, service: RunningService, other: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(lambda url, token: open_window(url, token, folder=tmp_path), service, qtbot, "first server")
    servers = window.model.servers
    say(window, qtbot, "on the first")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    window.chat.input.set_text("a draft for the first")
    first = servers.entry.id
    assert window.personas.corner.text() == "This computer"

    servers.add(other.url, "Second")
    assert window.chat.input.text() == "" and texts(window) == []
    qtbot.waitUntil(lambda: window.model.state is State.LIVE and window.model.persona is not None, timeout=WAIT)
    assert window.personas.corner.text() == "Second"
    assert "first server" not in [persona.name for persona in window.model.personas()]
    say(window, qtbot, "on the second")
    qtbot.waitUntil(
        lambda: texts(window) == ["on the second", "你说：on the second"] and settled(window), timeout=WAIT
    )
    assert offered(window)[:2] == ["This computer — connected", "Second — connected"]

    servers.show(first)
    qtbot.waitUntil(lambda: texts(window) == ["on the first", "你说：on the first"])
    assert window.chat.input.text() == "a draft for the first"
    assert window.model.persona is not None and window.model.persona.name == "first server"
    servers.rename(first, "Home")
    assert window.personas.corner.text() == "Home"
    window.chat.input.set_text("")
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: window.model.running() is not None, timeout=WAIT)
    servers.show(servers.entries[1].id)
    away = servers.opened(first)
    assert away is not None
    number = away.selection.conversation_id or 0
    qtbot.waitUntil(lambda: away.session.timeline.running(number) is None, timeout=60_000)  # it comes in meanwhile
    window.close()

    again = start(qtbot, tmp_path)  # the last one comes up, at once from what was kept
    qtbot.waitUntil(lambda: texts(again) == ["on the second", "你说：on the second"])
    assert [entry.name for entry in again.model.servers.entries] == ["Home", "Second"]
    again.model.servers.show(first)
    qtbot.waitUntil(lambda: len(texts(again)) == 4 and texts(again)[-1].count("word") == 20)


def test_a_server_that_is_not_shown_sends_what_waits(
    open_window: Open, service: RunningService, other: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(lambda url, token: open_window(url, token, folder=tmp_path), other, qtbot, "waits")
    say(window, qtbot, "x")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    first = window.model.servers.entry.id
    other.kill()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE, timeout=WAIT)
    say(window, qtbot, "later")
    qtbot.waitUntil(lambda: window.personas.corner.state_words == "offline, 1 to send")
    assert "Not sent yet (1)…" in offered(window)
    window.model.servers.add(service.url, "Shown")
    window.close()

    again = start(qtbot, tmp_path)
    assert again.model.servers.entry.name == "Shown"
    waiting = again.model.servers.opened(first)
    assert waiting is not None and len(waiting.session.outbox) == 1
    other.start()
    waiting.link.connect_now()
    qtbot.waitUntil(lambda: not waiting.session.outbox, timeout=60_000)
    again.model.servers.show(first)
    qtbot.waitUntil(lambda: texts(again)[2:] == ["later", "你说：later"] and settled(again), timeout=WAIT)


def test_a_removed_server_leaves_nothing(
    open_window: Open,
    service: RunningService,
    guarded: RunningService,
    keyring_file: Path,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "app"
    window = open_window(service.url, service.token, folder=folder)
    assert "Remove this server…" in offered(window)
    menu = window.personas.corner.make_menu()
    assert not next(a for a in menu.actions() if a.text() == "Remove this server…").isEnabled(), "the only one"
    menu.deleteLater()
    window.model.servers.add(guarded.url)
    log_in(window, qtbot, "wei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "wei"), timeout=WAIT)
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) is not None, timeout=WAIT)
    window.model.server.keep()
    gone = window.model.servers.entry.id
    assert (folder / gone).exists()
    answer(qtbot, "Cancel")
    remove_server(window, window.model)
    assert window.model.servers.entry.id == gone
    answer(qtbot, "Remove")
    remove_server(window, window.model)
    assert not (folder / gone).exists() and len(window.model.servers.entries) == 1
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) is None, timeout=WAIT)
    qtbot.waitUntil(lambda: window.model.state is State.LIVE and window.model.persona is not None, timeout=WAIT)


def test_the_dialog_says_what_it_will_connect_to(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    dialog = AddServerDialog(window, window.model.servers)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.yes.isEnabled()
    for typed, role, words in (
        ("chat.example.org", "muted", "wss://chat.example.org/ws, encrypted"),
        ("http://10.0.0.2:8765", "warn", "ws://10.0.0.2:8765/ws, not encrypted: whoever"),
        ("localhost:9999", "muted", "ws://localhost:9999/ws, on this computer"),
        ("what is this?", "danger", "This is no address"),
    ):
        dialog.address.setText(typed)
        assert (dialog.hint.property("role"), dialog.hint.text()[: len(words)]) == (role, words)
        assert dialog.yes.isEnabled() == (role != "danger")
    dialog.address.setText("localhost:1")
    dialog.name.setText("Nobody there")
    dialog.yes.click()
    assert window.model.servers.entry.name == "Nobody there"
    qtbot.waitUntil(lambda: "Nothing answers at localhost:1" in window.chat.connection.words, timeout=WAIT)
    assert window.chat.connection.other.isVisible()


def test_the_way_back_of_a_deletion_is_not_offered_on_another_server(open_window: Open, server: FakeServer) -> None:
    server.add_conversation("p1", "goes")
    window = open_window()
    window.chat.history.delete(next(iter(window.model.timeline.conversations)))
    assert window.chat.undo.isVisible()
    window.model.servers.add("localhost:1", "Elsewhere")
    assert not window.chat.undo.isVisible()


def test_the_palette_goes_to_another_server(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    home = window.model.servers.entry.id
    window.model.servers.add("localhost:1", "Elsewhere")
    found = {entry.words: entry for entry in entries(window, window.deeds) if entry.detail == "Server"}
    assert list(found) == ["This computer"]
    found["This computer"].run()
    assert window.model.servers.entry.id == home
    assert "Add a server…" in [entry.words for entry in entries(window, window.deeds)]


def test_words_for_a_conversation_that_is_gone_have_a_way_out(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(lambda url, token: open_window(url, token, folder=tmp_path), service, qtbot, "gone")
    say(window, qtbot, "x")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    number = window.model.conversation_id
    assert number is not None
    window.close()
    elsewhere = open_window(service.url, service.token)
    elsewhere.model.delete_conversation(number)
    qtbot.waitUntil(lambda: number not in elsewhere.model.timeline.conversations, timeout=WAIT)
    again = build(lambda: window.model.link.address._replace(url=service.url), folder=tmp_path)  # not connected yet
    qtbot.addWidget(again, before_close_func=lambda each: each.model.servers.close())
    qtbot.waitUntil(lambda: again.model.conversation_id == number)
    lost = again.model.post("for a conversation that is gone")
    again.model.servers.start()
    qtbot.waitUntil(lambda: again.model.session.outbox[lost].failure is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: again.model.conversation_id != number, timeout=WAIT)
    assert any(words.startswith("Not sent yet (1)") for words in offered(again))
    dialog = UnsentDialog(again.model, again)
    dialog.show()
    assert "for a conversation that is gone" in dialog.words and "in a conversation that is gone" in dialog.words
    assert again.model.session.outbox[lost].failure.message in dialog.words  # type: ignore[union-attr]
    assert set(dialog.verbs(lost)) == {"Say it in a new conversation", "Copy", "Discard"}
    dialog.verbs(lost)["Say it in a new conversation"].click()
    qtbot.waitUntil(lambda: "Everything is sent." in dialog.words, timeout=WAIT)
    dialog.accept()
    gone = again.model.persona_id
    qtbot.waitUntil(lambda: bool(again.model.timeline.conversations_with(gone)), timeout=WAIT)


def test_a_token_of_the_environment_is_shown_to_the_named_server_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dressed: QApplication
) -> None:
    monkeypatch.setenv("AICHAT_TOKEN", "secret")
    monkeypatch.setenv("AICHAT_URL", "wss://named.example.org/ws")
    monkeypatch.setenv("AICHAT_STATE_DIR", str(tmp_path))
    servers = Servers("test", named=named_server(options([])), folder=None)
    assert servers.current.link.address.token == "secret"
    servers.add("other.example.org")
    assert servers.current.link.address == ("wss://other.example.org/ws", "", False)
    servers.close()


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("chat.example.org", "wss://chat.example.org/ws"),
        (" https://chat.example.org/test ", "wss://chat.example.org/ws"),
        ("chat.example.org:8765", "wss://chat.example.org:8765/ws"),
        ("wss://example.org/chat/ws", "wss://example.org/chat/ws"),
        ("localhost", "ws://localhost:8765/ws"),
        ("127.0.0.1:9000", "ws://127.0.0.1:9000/ws"),
        ("[::1]:9000", "ws://[::1]:9000/ws"),
        ("ws://192.168.1.20:8765/ws", "ws://192.168.1.20:8765/ws"),
        ("CHAT.Example.org", "wss://chat.example.org/ws"),
        ("wss://[2001:db8::1]/", "wss://[2001:db8::1]/ws"),
    ],
)
def test_what_a_person_types_for_a_server(typed: str, url: str) -> None:
    assert server_url(typed) == url
    assert server_url(url) == url


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "a b", "ftp://x", "://x", "wei:secret@x", "wss://", "x:port", "x:99999", "http:/x", "ws://[::1"],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\w{4,}"):
        server_url(typed)
