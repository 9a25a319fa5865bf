"""`wss` to a service with a certificate that nobody vouches for: asked once, pinned, loud when it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aichat_qt.certificate_card import CertificateDialog
from aichat_qt.main_window import MainWindow
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from aichat.protocol.session import State
from tests.e2e.test_certificates import make_certificate
from tests.qt.conftest import Open
from tests.qt.test_chat import say, texts
from tests.qt.test_login import is_in, log_in
from tests.qt.test_service import WAIT, settled
from tests.service import PASSWORD, RunningService, Upstream, admin, free_port, running_service


class Secure(NamedTuple):
    """A service that speaks TLS, and how to give it another certificate."""

    service: RunningService
    url: str
    files: Path

    def renew(self) -> None:
        key, certificate, _ = make_certificate("localhost")
        (self.files / "key.pem").write_bytes(key)
        (self.files / "cert.pem").write_bytes(certificate)

    @property
    def fingerprint(self) -> str:
        """What the service wrote when it started."""
        lines = "\n".join(self.service.log)
        found = re.findall(r"certificate of port \d+: SHA-256 ([0-9A-F:]{95})$", lines, re.MULTILINE)
        assert found, lines
        return str(found[-1])


@pytest.fixture
def secure(upstream: Upstream, tmp_path: Path) -> Iterator[Secure]:
    files, port = tmp_path / "tls", free_port()
    files.mkdir()
    made = Secure(None, f"wss://localhost:{port}/ws", files)  # type: ignore[arg-type]
    made.renew()
    listen = f"--listen=ssl:{port}:privateKey={files}/key.pem:certKey={files}/cert.pem:interface=127.0.0.1"
    with running_service(listen, upstream=upstream, env={"AICHAT_TRUST_LOCAL": "false"}) as running:
        admin(running, "user", "add", "wei", stdin=PASSWORD + "\n")
        yield made._replace(service=running)


def asked(window: MainWindow, qtbot: QtBot) -> None:
    """Wait for the question on the page of first contact."""
    qtbot.waitUntil(window.chat.connection.card.isVisible, timeout=WAIT)


def test_a_certificate_is_asked_about_once_and_then_pinned(
    open_window: Open, secure: Secure, keyring_file: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "app"
    window = open_window(secure.url, live=False, folder=folder)
    asked(window, qtbot)
    card = window.chat.connection.card
    assert "Is this your server?" in card.words and "No authority vouches for it" in card.words
    assert "another address" not in card.words
    assert card.words.replace("\n", ":").count(secure.fingerprint) == 1, "as the service says it"
    assert window.personas.corner.state_words == "certificate not trusted"
    assert not window.model.link.seconds_left, "it is not tried again and again"
    card.no.click()
    qtbot.waitUntil(window.chat.connection.connect_button.isVisible)
    window.chat.connection.connect_button.click()
    asked(window, qtbot)
    card.yes.click()
    log_in(window, qtbot, "wei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "wei"), timeout=WAIT)
    say(window, qtbot, "over TLS")
    qtbot.waitUntil(lambda: texts(window) == ["over TLS", "你说：over TLS"] and settled(window), timeout=WAIT)
    window.close()
    again = open_window(secure.url, live=False, folder=folder)
    qtbot.waitUntil(lambda: again.model.state is State.LIVE, timeout=WAIT)
    assert again.model.link.doubt is None


def test_a_changed_certificate_is_a_loud_question_and_nothing_is_sent(
    open_window: Open, secure: Secure, keyring_file: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(secure.url, live=False, folder=tmp_path / "app")
    asked(window, qtbot)
    window.chat.connection.card.yes.click()
    log_in(window, qtbot, "wei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "wei"), timeout=WAIT)
    say(window, qtbot, "before")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    before = window.model.link.certificate
    assert before == secure.fingerprint
    secure.service.kill()
    secure.renew()
    secure.service.start()

    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), CertificateDialog), timeout=60_000)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, CertificateDialog)
    words = dialog.card.words.replace("\n", ":")
    assert "has changed" in words and before in words and secure.fingerprint in words
    assert dialog.card.no.isDefault() and not dialog.card.yes.isDefault()
    dialog.card.no.click()
    assert "The server's certificate has changed" in window.chat.offline.words
    assert texts(window)[0] == "before", "what was read stays in sight"
    say(window, qtbot, "not to a stranger")
    assert window.model.unsent() == 1 and window.model.state is State.OFFLINE
    window.chat.offline.ask()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), CertificateDialog))
    second = QApplication.activeModalWidget()
    assert isinstance(second, CertificateDialog)
    second.card.yes.click()
    qtbot.waitUntil(lambda: window.model.state is State.LIVE, timeout=WAIT)
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and settled(window), timeout=WAIT)
    assert window.model.link.certificate == secure.fingerprint != before


def test_a_server_without_tls_is_said_to_have_none(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = open_window(service.url.replace("ws:", "wss:"), live=False)
    qtbot.waitUntil(lambda: "does not speak TLS" in window.chat.connection.words, timeout=WAIT)
