"""Personas: list, search, create, edit, delete; pictures from files."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.avatar import MOST_ENCODED, encode_avatar, initial, read_image
from aichat_qt.main_window import MainWindow
from aichat_qt.persona_item_widget import PersonaItemWidget
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QListWidget
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from aichat.protocol.session import State
from tests.qt.fake_server import FakeServer


def names(window: MainWindow) -> list[str]:
    found = window.personas.findChild(QListWidget)
    assert found is not None
    result = []
    for i in range(found.count()):
        item = found.item(i)
        widget = found.itemWidget(item)
        assert isinstance(widget, PersonaItemWidget)
        if not item.isHidden():
            result.append(widget.accessibleName())
    return result


def dialog_on(window: MainWindow, qtbot: QtBot, persona_id: str = "") -> AddPersonaDialog:
    dialog = AddPersonaDialog(window.model, window, window.model.timeline.personas.get(persona_id))
    qtbot.addWidget(dialog, before_close_func=lambda _dialog: dialog.done(0))  # no question of what is not saved
    dialog.show()
    return dialog


def test_a_persona_is_created(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    dialog = dialog_on(window, qtbot)
    dialog.name.setText("  小雨 ")
    dialog.prompt.setPlainText("You are gentle.")
    dialog.greeting.setPlainText("嗨")
    dialog.starters.setPlainText("one\n\n two \n")
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()
    config = server.told(frames.PersonaCreate)[0].persona_config
    assert (config.name, config.prompt, config.greeting, config.starters) == (
        "小雨",
        "You are gentle.",
        "嗨",
        ["one", "two"],
    )
    qtbot.waitUntil(lambda: "小雨" in names(window))
    assert dialog.saved_id in server.personas


def test_what_is_wrong_is_said_beside_the_field(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    dialog = dialog_on(window, qtbot)
    dialog.save.click()
    assert dialog.isVisible() and not server.told(frames.PersonaCreate)
    assert "name" in dialog.wrong("name") and dialog.wrong("prompt")
    dialog.name.setText("x")
    assert dialog.wrong("name") == ""
    dialog.prompt.setPlainText("x" * 40_000)
    dialog.starters.setPlainText("\n".join("1234567"))
    dialog.save.click()
    assert "too long" in dialog.wrong("prompt") and "At most 6" in dialog.wrong("starters")


def test_a_refusal_keeps_the_dialog_and_its_words(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    server.refuse(frames.PersonaCreate, "storage_failed", "The database refused the write.", retryable=True)
    dialog = dialog_on(window, qtbot)
    dialog.name.setText("x")
    dialog.prompt.setPlainText("y")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.error.text() == "The database refused the write.")
    assert dialog.isVisible() and dialog.save.isEnabled()
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()


def test_a_persona_made_offline_is_saved_later(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    server.drop()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE)
    dialog = dialog_on(window, qtbot)
    dialog.name.setText("later")
    dialog.prompt.setPlainText("y")
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()
    server.listen()
    window.model.link.connect_now()
    qtbot.waitUntil(lambda: "later" in names(window))


def test_an_edit_sends_only_what_changed(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    dialog = dialog_on(window, qtbot, "p1")
    dialog.name.setText("学霸")
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()
    sent = frames.encode(server.told(frames.PersonaUpdate)[0]).decode()
    assert '"persona_config":{"name":"学霸"}' in sent
    qtbot.waitUntil(lambda: "学霸" in names(window))
    assert window.windowTitle().startswith("学霸助手") or window.windowTitle().startswith("学霸")


def test_a_persona_is_deleted_after_a_question(
    window: MainWindow, server: FakeServer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = [False, True]

    def ask(_parent: object, title: str, _words: str) -> bool:
        asked.append(title)
        return answers.pop(0)

    monkeypatch.setattr("aichat_qt.main_window.ask_delete", ask)
    window.delete_persona("p1")
    assert asked == ["Delete 学霸助手?"] and not server.told(frames.PersonaDelete)
    window.delete_persona("p1")
    qtbot.waitUntil(lambda: names(window) == ["Captain Mara"])
    assert window.model.persona_id == "p2"


def test_the_search_filters_by_name(window: MainWindow, qtbot: QtBot) -> None:
    window.personas.focus_search()
    qtbot.keyClicks(window.focusWidget(), "mara")
    assert names(window) == ["Captain Mara"]


def test_a_picture_is_cut_and_scaled(window: MainWindow, server: FakeServer, qtbot: QtBot, tmp_path: Path) -> None:
    picture = QImage(900, 600, QImage.Format.Format_RGB32)
    picture.fill(QColor("#123456"))
    picture.save(str(tmp_path / "a.jpg"))
    dialog = dialog_on(window, qtbot)
    dialog.use_file(str(tmp_path / "a.jpg"))
    dialog.name.setText("x")
    dialog.prompt.setPlainText("y")
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()
    data = base64.b64decode(server.told(frames.PersonaCreate)[0].persona_config.avatar)
    stored = QImage.fromData(data)
    assert data.startswith(b"\x89PNG") and (stored.width(), stored.height()) == (256, 256)


def test_a_noisy_picture_becomes_smaller_until_it_fits(dressed: QApplication) -> None:
    noise = QImage(random.Random(1).randbytes(256 * 256 * 4), 256, 256, QImage.Format.Format_ARGB32)
    encoded = encode_avatar(noise)
    assert 10_000 < len(encoded) <= MOST_ENCODED
    assert read_image(base64.b64decode(encoded)) is not None


def test_a_file_that_is_no_picture_is_refused_in_words(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    (tmp_path / "b.png").write_bytes(
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    )
    dialog = dialog_on(window, qtbot)
    for name in ("a.png", "b.png", "missing.png"):
        dialog.form.picture_error.clear()
        dialog.use_file(str(tmp_path / name))
        assert "no picture" in dialog.form.picture_error.text()


def test_hostile_avatars_give_the_initial(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    assert read_image(b"") is None and read_image(b"\x89PNG\r\n\x1a\n" + b"\0" * 40) is None
    for i, avatar in enumerate(("!!", "aGk=", "A" * 1000)):
        persona = server.add_persona(f"h{i}", f"<b>h{i}</b>\u202e", avatar=avatar)
        server.publish(frames.PersonaSaved(persona=persona))
    qtbot.waitUntil(lambda: len(names(window)) == 5)
    assert "<b>h0</b>" in names(window)
    window.personas.grab()


def test_initials() -> None:
    assert [initial(name) for name in ("学霸", "mara", "👩\u200d🚀 x", "", "\u202e")] == [
        "学",
        "M",
        "👩\u200d🚀",
        "?",
        "?",
    ]


def test_no_persona_offers_to_make_one(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    for persona_id in list(server.personas):
        window.model.delete_persona(persona_id)
    qtbot.waitUntil(lambda: window.chat.pages.currentWidget() is window.chat.no_persona)
    window.chat.no_persona.create_requested.disconnect()  # the dialog it opens would wait for somebody
    with qtbot.waitSignal(window.chat.no_persona.create_requested):
        window.chat.no_persona.create_button.click()
    assert Qt.FocusPolicy.NoFocus != window.chat.no_persona.create_button.focusPolicy()
