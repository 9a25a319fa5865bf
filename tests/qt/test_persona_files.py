"""Character cards in and out, copies, sharing: with dialogs on a real service."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.avatar import read_whole
from aichat_qt.dialogs import Question
from aichat_qt.main_window import MainWindow
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from aichat.protocol import cards, frames
from aichat.protocol.values import PersonaConfig
from tests.qt.conftest import Open
from tests.qt.test_persona_dialog import halves
from tests.qt.test_service import WAIT, visit
from tests.service import RunningService

V2 = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        "name": "林小雨",
        "description": "{{char}} is a writer.",
        "personality": "gentle",
        "scenario": "A rainy day.",
        "first_mes": "你好，{{user}}。",
        "mes_example": "",
        "extensions": {"other/app": {"depth": 4}},
        "character_book": {"entries": [{"keys": ["雨"], "content": "It rains.", "extensions": {}}]},
    },
}


def shown(dialog: AddPersonaDialog | None, qtbot: QtBot) -> AddPersonaDialog:
    assert dialog is not None
    qtbot.addWidget(dialog, before_close_func=lambda _dialog: dialog.done(0))
    dialog.show()
    return dialog


def save(dialog: AddPersonaDialog, window: MainWindow, qtbot: QtBot) -> str:
    with qtbot.waitSignal(dialog.accepted, timeout=WAIT):
        dialog.save.click()
    qtbot.waitUntil(lambda: dialog.saved_id in window.model.timeline.personas, timeout=WAIT)
    return dialog.saved_id


def test_a_card_is_imported_and_goes_out_whole(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(open_window, service, qtbot, "cards")
    (tmp_path / "card.json").write_text(json.dumps(V2), encoding="utf-8")
    dialog = shown(window.files.from_card(str(tmp_path / "card.json")), qtbot)
    assert dialog.name.text() == "林小雨" and dialog.greeting.toPlainText() == "你好，{{user}}。"
    assert "{{char}} is a writer." in dialog.prompt.toPlainText()
    dialog.form.crop.take(halves())
    persona_id = save(dialog, window, qtbot)
    window.files.to_card(persona_id, str(tmp_path / "out.png"))
    qtbot.waitUntil((tmp_path / "out.png").exists, timeout=WAIT)
    qtbot.waitUntil(lambda: "out.png" in window.chat.notice_words, timeout=WAIT)
    data = (tmp_path / "out.png").read_bytes()
    again = cards.read_card(data)
    assert (again.config.name, again.config.greeting) == ("林小雨", "你好，{{user}}。")
    kept = json.loads(again.config.card)
    assert kept["extensions"]["other/app"] == {"depth": 4}
    assert kept["character_book"]["entries"][0]["content"] == "It rains."
    picture = read_whole(data)
    assert picture is not None and picture.pixelColor(2, picture.height() // 2).name() == "#ff0000"


def test_a_card_is_dropped_on_the_dialog_and_a_picture_is_only_a_picture(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(open_window, service, qtbot, "card drop")
    assert halves().save(str(tmp_path / "plain.png"))
    picture = (tmp_path / "plain.png").read_bytes()
    config = PersonaConfig(name="Mara", prompt="A captain.", greeting="Ahoy.", starters=["Where to?"])
    (tmp_path / "card.png").write_bytes(cards.write_png(config, picture))
    (tmp_path / "broken.json").write_text("{}")
    dialog = shown(AddPersonaDialog(window.model, window), qtbot)
    dialog.name.setText("kept")
    drop(dialog, tmp_path / "plain.png")
    assert dialog.name.text() == "kept" and dialog.form.crop.image is not None
    dialog.use_picture("")
    drop(dialog, tmp_path / "broken.json")
    assert "no character card" in dialog.form.picture_error.text() and dialog.name.text() == "kept"
    drop(dialog, tmp_path / "card.png")
    assert (dialog.name.text(), dialog.starters.toPlainText()) == ("Mara", "Where to?")
    assert dialog.form.crop.image is not None and base64.b64decode(dialog.form.avatar())


def test_a_card_dropped_on_a_persona_brings_its_lorebook(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(open_window, service, qtbot, "card over")
    (tmp_path / "card.json").write_text(json.dumps(V2), encoding="utf-8")
    personas, first = window.model.timeline.personas, window.model.persona_id

    def dropped(verb: str) -> AddPersonaDialog:
        dialog = shown(AddPersonaDialog(window.model, window, personas[first]), qtbot)

        def answer() -> None:
            question = next(q for q in dialog.findChildren(Question) if q.isVisible())
            getattr(question, verb).click()

        QTimer.singleShot(0, answer)
        drop(dialog, tmp_path / "card.json")
        return dialog

    def lorebook(persona_id: str) -> str:
        asked = window.model.ask(frames.PersonaCardQuery(persona_id=persona_id))
        with qtbot.waitSignal(
            window.model.replied, timeout=WAIT, check_params_cb=lambda f: f.request_id == asked
        ) as seen:
            pass
        return str(seen.args[0].card)

    left = dropped("no")
    assert left.name.text() == "card over" and not left.card
    made = save(dropped("other"), window, qtbot)
    assert made != first and personas[first].name == "card over" and "It rains." in lorebook(made)
    assert save(dropped("yes"), window, qtbot) == first
    qtbot.waitUntil(lambda: personas[first].name == "林小雨", timeout=WAIT)
    assert "It rains." in lorebook(first)


def drop(dialog: AddPersonaDialog, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    dialog.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, none))


def test_what_is_no_card_is_said(open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path) -> None:
    window = visit(open_window, service, qtbot, "no card")
    (tmp_path / "a.json").write_text("[]")
    assert window.files.from_card(str(tmp_path / "a.json")) is None
    qtbot.waitUntil(lambda: "no character card" in window.chat.notice_words)
    assert window.files.from_card(str(tmp_path / "missing.json")) is None
    qtbot.waitUntil(lambda: "could not be read" in window.chat.notice_words)


def test_a_copy_has_everything_but_the_name(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "to copy")
    personas = window.model.timeline.personas
    config = PersonaConfig(name="copied", prompt="x", temperature=0.4, card='{"name": "x", "tags": ["t"]}')
    window.model.create_persona(config)
    qtbot.waitUntil(lambda: any(p.name == "copied" for p in personas.values()), timeout=WAIT)
    persona_id = next(p.id for p in personas.values() if p.name == "copied")
    dialog = shown(window.files.duplicate(persona_id), qtbot)
    assert dialog.name.text() == "copied (copy)"
    qtbot.waitUntil(lambda: bool(dialog.card), timeout=WAIT)
    made = save(dialog, window, qtbot)
    one, two = personas[persona_id], personas[made]
    assert made != persona_id
    assert (one.prompt, one.greeting, one.starters, one.temperature) == (
        two.prompt, two.greeting, two.starters, two.temperature,
    )  # fmt: skip


def test_a_persona_is_shared_from_the_list(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "to share")
    persona_id = window.model.persona_id
    for on in (True, False):
        menu = window.personas.menu_for(persona_id)
        share = next(action for action in menu.actions() if action.isCheckable())
        assert share.isChecked() is not on
        share.trigger()
        qtbot.waitUntil(lambda on=on: window.model.timeline.personas[persona_id].shared is on, timeout=WAIT)
        menu.deleteLater()
