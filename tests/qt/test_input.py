"""The composer, input methods, and the whole app by keyboard alone."""

from __future__ import annotations

from aichat_qt.main_window import MainWindow
from aichat_qt.message_input_widget import MOST_CHARACTERS, Composer, MessageInputWidget
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QInputMethodEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_service import visit
from tests.service import RunningService


def preedit(composer: Composer, text: str, commit: str = "") -> None:
    event = QInputMethodEvent(text, [])
    if commit:
        event.setCommitString(commit)
    QApplication.sendEvent(composer, event)


def test_enter_belongs_to_the_input_method_while_it_composes(
    window: MainWindow, server: FakeServer, qtbot: QtBot
) -> None:
    composer = window.chat.input.composer
    qtbot.keyClicks(composer, "ok ")
    preedit(composer, "ni hao")
    qtbot.keyClick(composer, Qt.Key.Key_Return)
    assert window.model.drafts() == [] and window.chat.input.text() == "ok "
    preedit(composer, "", commit="你好")
    assert window.chat.input.text() == "ok 你好" and window.model.drafts() == []
    qtbot.keyClick(composer, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [c.content for c in server.told(frames.Chat)] == ["ok 你好"])


def test_shift_enter_begins_a_line(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.resize(500, 100)
    widget.show()
    sent: list[str] = []
    widget.submitted.connect(sent.append)
    qtbot.keyClicks(widget.composer, "a")
    qtbot.keyClick(widget.composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(widget.composer, "b")
    assert widget.text() == "a\nb" and not sent
    qtbot.keyClick(widget.composer, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    assert sent == ["a\nb"]


def test_nothing_is_not_sent(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    sent: list[str] = []
    widget.submitted.connect(sent.append)
    assert not widget.button.isEnabled()
    widget.set_text("  \n ")
    assert not widget.button.isEnabled()
    qtbot.keyClick(widget.composer, Qt.Key.Key_Return)
    assert not sent


def test_the_field_grows_to_eight_lines(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.resize(600, 300)
    widget.show()
    heights = []
    for lines in (1, 2, 8, 9, 30):
        widget.set_text("\n".join("x" * lines))
        heights.append(widget.sizeHint().height())
    assert heights[0] < heights[1] < heights[2] == heights[3] == heights[4]


def test_pasted_text_is_plain(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    rich = QMimeData()
    rich.setHtml("<b>bold</b><img src='file:///etc/passwd'>")
    rich.setText("bold")
    widget.composer.insertFromMimeData(rich)
    assert widget.text() == "bold"


def test_a_click_on_send_does_not_send_half_a_word(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.show()
    sent: list[str] = []
    widget.submitted.connect(sent.append)
    widget.set_text("我想")
    preedit(widget.composer, "ni hao")
    widget.button.click()
    assert not sent and widget.composer.is_composing
    preedit(widget.composer, "", commit="你好")
    widget.button.click()
    assert sent == ["我想你好"]


def test_a_paste_of_many_lines(dressed: QApplication, qtbot: QtBot) -> None:
    """Line ends of every system, nothing invisible, the end in sight, one undo for all of it."""
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.resize(600, 300)
    widget.show()
    qtbot.keyClicks(widget.composer, "before ")
    pasted = QMimeData()
    pasted.setText("\r\n".join(f"line {i}" for i in range(500)) + "\rlast\u202e")
    widget.composer.insertFromMimeData(pasted)
    lines = widget.text().split("\n")
    assert len(lines) == 501 and lines[0] == "before line 0" and lines[-1] == "last"
    bar = widget.composer.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    widget.composer.undo()
    assert widget.text() == "before "


def test_words_too_long_say_so(dressed: QApplication, qtbot: QtBot) -> None:
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.show()
    sent: list[str] = []
    widget.submitted.connect(sent.append)
    widget.set_text("字" * (MOST_CHARACTERS + 3))
    note = next(found for found in widget.findChildren(QLabel) if found.isVisible())
    assert note.text() == "3 characters too long to be sent." and not widget.button.isEnabled()
    qtbot.keyClick(widget.composer, Qt.Key.Key_Return)
    assert not sent
    widget.set_text("字" * MOST_CHARACTERS)
    assert note.isHidden() and widget.button.isEnabled()


def test_while_an_answer_is_written(dressed: QApplication, qtbot: QtBot) -> None:
    """The button stops; with words it sends them to follow, and stopping has a button of its own."""
    widget = MessageInputWidget()
    qtbot.addWidget(widget)
    widget.show()
    told: list[str] = []
    widget.submitted.connect(told.append)
    widget.stop_requested.connect(lambda: told.append("stop"))
    widget.set_running(True)
    assert widget.button.accessibleName() == "Stop (Esc)" and widget.stop.isHidden()
    widget.button.click()
    widget.set_text("and then?")
    assert widget.button.accessibleName() == "Send after this answer (Enter)" and widget.stop.isVisible()
    widget.button.click()
    widget.stop.click()
    assert told == ["stop", "and then?", "stop"]
    widget.set_running(False)
    assert widget.button.accessibleName() == "Send (Enter)" and widget.stop.isHidden()


def test_chinese_typed_on_the_real_service(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    """As pinyin comes: letter by letter, chosen with Enter and with the mouse, then sent once."""
    window = visit(open_window, service, qtbot, "pinyin")
    composer = window.chat.input.composer
    composer.setFocus()
    for part in ("n", "ni", "ni h", "ni ha", "ni hao"):
        preedit(composer, part)
        qtbot.keyClick(composer, Qt.Key.Key_Return)
    assert not window.model.drafts() and window.chat.input.text() == ""
    preedit(composer, "", commit="你好")
    preedit(composer, "shi jie")
    preedit(composer, "", commit="世界")
    qtbot.keyClick(composer, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: [m.content for m in window.model.messages()] == ["你好世界", "你说：你好世界"], timeout=20_000
    )


def focused(window: MainWindow) -> QWidget:
    found = window.focusWidget()
    assert found is not None
    return found


def test_a_conversation_by_keyboard_alone(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    """Choose the second persona, say something, stop it, look at it, begin anew, without the mouse."""
    window.activateWindow()
    qtbot.waitUntil(window.chat.input.composer.hasFocus)
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert isinstance(focused(window), QListWidget)
    first = window.model.persona_id
    qtbot.keyClick(focused(window), Qt.Key.Key_Down)
    assert window.model.persona_id != first
    for _ in range(40):
        if focused(window) is window.chat.input.composer:
            break
        qtbot.keyClick(focused(window), Qt.Key.Key_Tab)
    assert focused(window) is window.chat.input.composer
    qtbot.keyClicks(focused(window), "hi")
    qtbot.keyClick(focused(window), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("an answer")
    qtbot.waitUntil(lambda: window.model.running() is not None)
    qtbot.keyClick(focused(window), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.model.running() is None and len(window.chat.display.rows()) == 2)
    window.chat.display.setFocus()
    qtbot.keyClick(window.chat.display, Qt.Key.Key_Up)
    assert window.chat.display.rows()[-1].is_current
    qtbot.keySequence(window.chat.display, QKeySequence(QKeySequence.StandardKey.Copy))
    assert QApplication.clipboard().text() == "an answer"
    qtbot.keyClick(window.chat.display, Qt.Key.Key_Up)
    assert window.chat.display.rows()[0].is_current
    qtbot.keySequence(window, QKeySequence(QKeySequence.StandardKey.New))
    assert window.model.conversation_id is None and window.chat.input.composer.hasFocus()
    qtbot.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert window.chat.history.panel.isVisible()
    qtbot.keyClick(focused(window), Qt.Key.Key_Escape)
    assert not window.chat.history.panel.isVisible()


def test_a_narrow_window_has_a_drawer(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(600, 600)
    qtbot.waitUntil(lambda: not window.personas.isVisible())
    window.chat.header.drawer.click()
    assert window.personas.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.personas.isVisible()
    window.resize(1000, 600)
    qtbot.waitUntil(lambda: window.personas.isVisible() and not window.chat.header.drawer.isVisible())
