"""The persona dialog on a real service: cutting the picture, the prompt's holes, the model, the test chat."""

from __future__ import annotations

import base64

from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.main_window import MainWindow
from aichat_qt.prompt_edit import unknown_in
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QTextCharFormat
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from tests.qt.conftest import Open
from tests.qt.test_service import WAIT, visit
from tests.service import RunningService, running_service


def dialog_on(window: MainWindow, qtbot: QtBot, persona_id: str = "") -> AddPersonaDialog:
    dialog = AddPersonaDialog(window.model, window, window.model.timeline.personas.get(persona_id))
    qtbot.addWidget(dialog, before_close_func=lambda _dialog: dialog.done(0))  # no question of what is not saved
    dialog.show()
    return dialog


def halves() -> QImage:
    """A wide picture, red on the left and blue on the right."""
    picture = QImage(800, 400, QImage.Format.Format_RGB32)
    picture.fill(QColor("#ff0000"))
    for x in range(400, 800):
        for y in range(400):
            picture.setPixelColor(x, y, QColor("#0000ff"))
    return picture


def colour_at(avatar: str, x: float) -> str:
    stored = QImage.fromData(base64.b64decode(avatar))
    return stored.pixelColor(round(stored.width() * x), stored.height() // 2).name()


def test_a_picture_is_dragged_and_zoomed(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    dialog = dialog_on(visit(open_window, service, qtbot, "crop"), qtbot)
    crop = dialog.form.crop
    crop.take(halves())
    assert [colour_at(dialog.form.avatar(), x) for x in (0.1, 0.9)] == ["#ff0000", "#0000ff"]
    middle = crop.rect().center()
    qtbot.mousePress(crop, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(crop, middle + QPoint(40, 0))
    qtbot.mouseRelease(crop, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
    assert [colour_at(dialog.form.avatar(), x) for x in (0.1, 0.8)] == ["#ff0000", "#ff0000"]
    crop.move_by(-10_000, 0)
    assert colour_at(dialog.form.avatar(), 0.01) == "#0000ff", "the circle stays inside the picture"
    for _ in range(40):
        qtbot.keyClick(crop, Qt.Key.Key_Plus)
    cut = crop.cropped()
    assert crop.zoom == 4.0 and cut is not None and cut.width() == 100
    dialog.use_picture("")
    assert dialog.form.avatar() == "" and crop.cropped() is None


def test_a_picture_that_is_not_touched_is_not_sent(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "untouched")
    persona_id = window.model.persona_id
    dialog = dialog_on(window, qtbot, persona_id)
    dialog.form.crop.take(halves())
    with qtbot.waitSignal(dialog.accepted, timeout=WAIT):
        dialog.save.click()
    qtbot.waitUntil(lambda: bool(window.model.timeline.personas[persona_id].avatar), timeout=WAIT)
    kept = window.model.timeline.personas[persona_id].avatar
    again = dialog_on(window, qtbot, persona_id)
    assert again.form.crop.image is not None and not again.is_changed()
    assert again.form.avatar() == kept


def test_a_picture_is_dropped(open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: object) -> None:
    path = f"{tmp_path}/a.png"
    assert halves().save(path)
    dialog = dialog_on(visit(open_window, service, qtbot, "drop"), qtbot)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    entering = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, none)
    dialog.dragEnterEvent(entering)
    assert entering.isAccepted()
    dialog.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, none))
    assert dialog.form.crop.image is not None and dialog.is_changed()


def test_what_is_filled_in_stands_out_and_what_is_not_is_said(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    dialog = dialog_on(visit(open_window, service, qtbot, "holes"), qtbot)
    dialog.prompt.setPlainText("You are {{char}}, {{date}} {{date}} and {{x}}.")
    assert unknown_in(dialog.prompt.toPlainText()) == ["{{date}}", "{{x}}"]
    assert "{{date}}, {{x}}" in dialog.form.holes_words
    formats = dialog.prompt.document().firstBlock().layout().formats()
    waved = [f for f in formats if f.format.underlineStyle() == QTextCharFormat.UnderlineStyle.WaveUnderline]
    assert len(formats) == 4 and len(waved) == 3
    dialog.prompt.clear()
    dialog.prompt.insert("{{user}}")
    assert dialog.prompt.toPlainText() == "{{user}}" and dialog.form.holes_words == ""


def test_the_test_chat_speaks_as_what_is_written_and_leaves_nothing(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    window = visit(open_window, service, qtbot, "trial")
    before = (len(window.model.timeline.personas), len(window.model.timeline.conversations))
    dialog = dialog_on(window, qtbot)
    dialog.name.setText("trial, unsaved")
    dialog.prompt.setPlainText("Unsaved.")
    dialog.trial.field.setText("你好 **x**")
    qtbot.keyClick(dialog.trial.field, Qt.Key.Key_Return)
    assert dialog.save.isEnabled(), "Enter asks there, and does not save"
    assert dialog.isVisible() and dialog.trial.field.text() == ""
    qtbot.waitUntil(lambda: dialog.trial.texts() == ["你好 **x**", "你说：你好 **x**"], timeout=WAIT)
    qtbot.waitUntil(lambda: not dialog.trial.trial.is_running, timeout=WAIT)
    dialog.trial.trial.again()
    assert dialog.trial.trial.is_running
    qtbot.waitUntil(lambda: not dialog.trial.trial.is_running, timeout=WAIT)
    assert dialog.trial.texts() == ["你好 **x**", "你说：你好 **x**"]
    assert (len(window.model.timeline.personas), len(window.model.timeline.conversations)) == before
    dialog.trial.trial.forget()
    assert dialog.trial.texts() == []
    dialog.done(QDialog.DialogCode.Rejected)


def test_the_test_chat_is_stopped_and_says_what_goes_wrong(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    dialog = dialog_on(visit(open_window, service, qtbot, "trial stop"), qtbot)
    trial = dialog.trial.trial
    assert trial.say("!slow")
    assert not trial.say("another")
    qtbot.waitUntil(lambda: len(trial.live) > 5, timeout=WAIT)
    dialog.trial.send.click()
    assert not trial.is_running and trial.messages[-1].content.startswith("慢慢地")
    assert trial.say("!status 500")
    qtbot.waitUntil(lambda: bool(trial.failure), timeout=WAIT)
    assert not trial.is_running and trial.say("on it goes")
    qtbot.waitUntil(lambda: dialog.trial.texts()[-1] == "你说：on it goes", timeout=WAIT)
    dialog.done(QDialog.DialogCode.Rejected)


def test_the_model_and_the_temperature_are_chosen_and_stored(
    open_window: Open, qtbot: QtBot, tmp_path_factory: object
) -> None:
    folder = tmp_path_factory.mktemp("config")  # type: ignore[attr-defined]
    config = folder / "aichat.toml"
    config.write_text('[providers.gpu]\nupstream_url = "http://127.0.0.1:9/v1"\nupstream_model = "qwen3-8b"\n')
    with running_service(f"--config={config}") as service:
        window = visit(open_window, service, qtbot, "model")
        persona_id = window.model.persona_id
        dialog = dialog_on(window, qtbot, persona_id)
        qtbot.waitUntil(lambda: "qwen3-8b · gpu" in dialog.form.model.shown(), timeout=WAIT)
        assert dialog.form.model.shown()[0] == "The server's choice · fake-1"
        assert not dialog.is_changed()
        dialog.form.model.choose("gpu", "")
        dialog.form.temperature.set(0.3)
        with qtbot.waitSignal(dialog.accepted, timeout=WAIT):
            dialog.save.click()
        qtbot.waitUntil(lambda: window.model.timeline.personas[persona_id].provider == "gpu", timeout=WAIT)
        assert window.model.timeline.personas[persona_id].temperature == 0.3
        again = dialog_on(window, qtbot, persona_id)
        again.form.model.choose("", "some-model")
        again.form.temperature.set(None)
        assert again.form.model.choice()[1] == "some-model"
        with qtbot.waitSignal(again.accepted, timeout=WAIT):
            again.save.click()
        qtbot.waitUntil(lambda: window.model.timeline.personas[persona_id].model == "some-model", timeout=WAIT)
        assert window.model.timeline.personas[persona_id].temperature is None
