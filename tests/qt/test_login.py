"""Logging in and out, against the real service and a keyring that is a file."""

from __future__ import annotations

import logging
from pathlib import Path

import keyring
import pytest
from aichat_qt.main_window import MainWindow
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from aichat.protocol.session import State
from tests.qt.conftest import Open
from tests.qt.test_chat import say, texts
from tests.qt.test_personas import dialog_on
from tests.qt.test_service import WAIT, settled
from tests.service import PASSWORD, RunningService, admin


def log_in(window: MainWindow, qtbot: QtBot, name: str, password: str) -> None:
    """Type both and press Enter."""
    form = window.chat.connection.form
    qtbot.waitUntil(form.isVisible, timeout=WAIT)
    form.name.setText(name)
    form.password.setFocus()
    form.password.insert(password)
    qtbot.keyClick(form.password, Qt.Key.Key_Return)


def is_in(window: MainWindow, name: str) -> bool:
    state = window.model.state is State.LIVE and window.model.session.user == name
    return state and window.chat.pages.currentWidget() is not window.chat.connection


def choose(window: MainWindow, verb: str) -> list[str]:
    """Open the user's menu and choose -> what it offered."""
    offered: list[str] = []

    def click() -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        offered.extend(action.text() for action in menu.actions())
        next(action for action in menu.actions() if action.text() == verb).trigger()
        menu.close()

    QTimer.singleShot(0, click)
    window.personas.corner.click()
    return offered


def test_a_wrong_password_then_the_right_one(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    window = open_window(guarded.url, live=False)
    form = window.chat.connection.form
    log_in(window, qtbot, "wei", "not it")
    assert form.password.text() == "not it" and not form.go.isEnabled(), "while it is on its way"
    qtbot.waitUntil(lambda: "The name or the password is wrong." in window.chat.connection.words, timeout=WAIT)
    assert (form.name.text(), form.password.text()) == ("wei", "")
    log_in(window, qtbot, "wei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "wei"), timeout=WAIT)
    assert form.password.text() == ""
    assert window.personas.corner.state_words == "connected as wei"
    token = window.model.session.token
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) == token, timeout=WAIT)
    for line in [*guarded.log, caplog.text]:
        assert PASSWORD not in line and token not in line

    window.close()
    again = open_window(guarded.url, live=False)  # the next start
    qtbot.waitUntil(lambda: is_in(again, "wei"), timeout=WAIT)
    assert again.model.session.token == token


def test_another_user_sees_nothing_of_the_first(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    window = open_window(guarded.url, live=False)
    log_in(window, qtbot, "mei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "mei"), timeout=WAIT)
    say(window, qtbot, "mine alone")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and settled(window), timeout=WAIT)
    window.chat.input.set_text("half a thought")
    assert choose(window, "Log out…")[-2:] == ["mei", "Log out…"]
    assert window.model.state is State.REFUSED and window.chat.connection.form.isVisible()
    assert window.chat.connection.form.name.text() == ""
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) is None, timeout=WAIT)
    assert texts(window) == []
    log_in(window, qtbot, "林小雨", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "林小雨"), timeout=WAIT)
    qtbot.waitUntil(lambda: window.model.timeline.conversations_known, timeout=WAIT)
    assert window.model.conversations() == [] and texts(window) == []
    assert window.chat.input.text() == ""


def test_a_revoked_login_is_asked_for_anew_and_leaves_the_keyring(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    window = open_window(guarded.url, live=False)
    log_in(window, qtbot, "mei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "mei"), timeout=WAIT)
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) is not None, timeout=WAIT)
    admin(guarded, "user", "disable", "mei")
    qtbot.waitUntil(window.chat.connection.form.isVisible, timeout=WAIT)
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) is None, timeout=WAIT)
    admin(guarded, "user", "enable", "mei")
    log_in(window, qtbot, "mei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "mei"), timeout=WAIT)


def test_without_a_keyring_it_is_said(open_window: Open, guarded: RunningService, qtbot: QtBot) -> None:
    window = open_window(guarded.url, live=False)
    log_in(window, qtbot, "wei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "wei"), timeout=WAIT)
    qtbot.waitUntil(lambda: "No keyring was found here" in window.chat.notice_words, timeout=WAIT)


def test_the_owner_at_home_has_no_name_and_may_become_another(
    open_window: Open, service: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    window = open_window(service.url)
    assert window.personas.corner.state_words == "connected"
    assert choose(window, "Log in as another user…")[-2:] == ["owner", "Log in as another user…"]
    page = window.chat.connection
    assert page.form.isVisible() and page.connect_button.text() == "Connect without a login"
    page.connect_button.click()
    qtbot.waitUntil(lambda: is_in(window, "owner"), timeout=WAIT)
    assert not keyring_file.exists()


def test_a_persona_is_shared_and_taken_back(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    owners, others = (open_window(guarded.url, live=False) for _ in range(2))
    log_in(owners, qtbot, "wei", PASSWORD)
    log_in(others, qtbot, "林小雨", PASSWORD)
    qtbot.waitUntil(lambda: is_in(owners, "wei") and is_in(others, "林小雨"), timeout=WAIT)
    dialog = dialog_on(owners, qtbot)
    dialog.name.setText("Ada")
    dialog.prompt.setPlainText("You are Ada.")
    dialog.shared.setChecked(True)
    dialog.save.click()
    qtbot.waitUntil(lambda: bool(dialog.saved_id), timeout=WAIT)
    ada = dialog.saved_id
    qtbot.waitUntil(lambda: ada in others.model.timeline.personas, timeout=WAIT)
    assert others.model.timeline.personas[ada].owner == "wei"
    others.model.select_persona(ada)
    say(others, qtbot, "hello")
    qtbot.waitUntil(lambda: len(texts(others)) == 2 and settled(others), timeout=WAIT)
    others.edit_persona(ada)
    assert "This persona is wei's" in others.chat.notice_words
    menu = others.chat.history.menu
    menu.aboutToShow.emit()
    offered = {action.text(): action.isEnabled() for action in menu.actions()}
    assert not offered["Edit persona…"] and not offered["Delete persona…"]
    assert "This persona is wei's: only they can change it." in offered

    dialog = dialog_on(owners, qtbot, ada)
    assert dialog.shared.isChecked()
    dialog.shared.setChecked(False)
    dialog.save.click()
    closed = "wei no longer shares this persona; you can read on."
    qtbot.waitUntil(lambda: others.chat.input.composer.placeholderText() == closed, timeout=WAIT)
    assert others.chat.input.composer.isReadOnly() and texts(others) == ["hello", "你说：hello"]
    assert owners.chat.input.composer.isReadOnly() is False
    owners.model.delete_persona(ada)
    qtbot.waitUntil(lambda: ada not in owners.model.timeline.personas, timeout=WAIT)


def test_who_does_not_want_to_stay_leaves_no_token(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    window = open_window(guarded.url, live=False)
    qtbot.waitUntil(window.chat.connection.form.isVisible, timeout=WAIT)
    window.chat.connection.form.stay.setChecked(False)
    log_in(window, qtbot, "mei", PASSWORD)
    qtbot.waitUntil(lambda: is_in(window, "mei"), timeout=WAIT)
    say(window, qtbot, "for now")
    qtbot.waitUntil(lambda: settled(window), timeout=WAIT)
    assert not keyring_file.exists() and window.chat.notice_words == ""


def test_a_token_that_was_typed_is_kept_once_the_server_took_it(
    open_window: Open, guarded: RunningService, keyring_file: Path, qtbot: QtBot
) -> None:
    window = open_window(guarded.url, live=False)
    form = window.chat.connection.form
    qtbot.waitUntil(form.isVisible, timeout=WAIT)
    form.other.click()
    for token, taken in (("wrong", False), (guarded.token, True)):
        form.token.setText(token)
        qtbot.keyClick(form.token, Qt.Key.Key_Return)
        if taken:
            qtbot.waitUntil(lambda: is_in(window, "owner"), timeout=WAIT)
        else:
            qtbot.waitUntil(lambda: bool(form.error.text()), timeout=WAIT)
            assert not keyring_file.exists()
    qtbot.waitUntil(lambda: keyring.get_password("aichat", guarded.url) == guarded.token, timeout=WAIT)
    window.close()
    again = open_window(guarded.url, live=False)
    qtbot.waitUntil(lambda: is_in(again, "owner"), timeout=WAIT)


def test_what_is_typed_can_be_looked_at(open_window: Open, guarded: RunningService, qtbot: QtBot) -> None:
    window = open_window(guarded.url, live=False)
    form = window.chat.connection.form
    qtbot.waitUntil(form.isVisible, timeout=WAIT)
    [eye] = form.password.actions()
    form.password.setText("secret")
    assert form.password.echoMode() is QLineEdit.EchoMode.Password
    eye.trigger()
    assert form.password.echoMode() is QLineEdit.EchoMode.Normal
    form.answered("wrong")
    assert form.password.echoMode() is QLineEdit.EchoMode.Password, "the next one is hidden again"
