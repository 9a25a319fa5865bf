"""The command palette, the shortcuts sheet, and keys for everything."""

from __future__ import annotations

from aichat_qt.fuzzy import match
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.shortcuts_sheet import ShortcutsSheet, rows
from aichat_qt.theme import theme
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_service import visit
from tests.service import RunningService

CTRL = Qt.KeyboardModifier.ControlModifier


def best(wanted: str, *texts: str) -> str:
    found = [(hit[0], text) for text in texts if (hit := match(wanted, text))]
    return max(found)[1] if found else ""


def test_the_better_match_wins() -> None:
    assert best("nc", "Announce", "New conversation") == "New conversation"
    assert best("conv", "Covenant of verbs", "New conversation") == "New conversation"
    assert best("对话", "新对话", "对着镜子说话") == "新对话"
    assert best("mara", "Captain Mara", "A mad rat") == "Captain Mara"
    assert best("xyz", "Captain Mara") == ""
    assert best("mara cap", "Captain Mara") == "Captain Mara"


@given(st.text(min_size=1, max_size=40), st.data())
def test_any_letters_in_their_order_match_and_are_where_it_says(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(text) - 1), max_size=8)))
    wanted = "".join(text[i] for i in places)
    if len(text.casefold()) != len(text) or any(c.isspace() for c in wanted) or not wanted:
        return
    hit = match(wanted, text)
    assert hit is not None
    assert "".join(text.casefold()[i] for i in hit[1]) == wanted.casefold()


def test_commands_personas_and_conversations_by_keyboard(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p2", "Packing for Norway")
    server.add_conversation("p1", "傅里叶变换")
    window = open_window()
    window.model.select_persona("p1")
    composer = window.chat.input.composer
    composer.setFocus()
    palette = window.palette_
    qtbot.keyClick(composer, Qt.Key.Key_K, CTRL)
    assert palette.isVisible() and palette.field.hasFocus()
    assert {"New conversation", "学霸助手", "Captain Mara", "Packing for Norway"} <= set(palette.shown())
    qtbot.keyClicks(palette.field, "norw")
    assert palette.shown() == ["Packing for Norway"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible() and composer.hasFocus()
    assert (window.model.persona_id, window.model.conversation_id) == ("p2", number)
    qtbot.keyClick(composer, Qt.Key.Key_K, CTRL)
    palette.field.setText("学霸")
    assert palette.shown()[0] == "学霸助手"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.model.persona_id == "p1"
    qtbot.keyClick(composer, Qt.Key.Key_K, CTRL)
    qtbot.keyClicks(palette.field, "dark")
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Up)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert theme().scheme == "dark"
    qtbot.keyClick(composer, Qt.Key.Key_K, CTRL)
    qtbot.keyClicks(palette.field, "zzzz")
    assert palette.shown() == [] and not palette.list.isVisible()
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible() and composer.hasFocus()


def test_a_click_elsewhere_closes_the_palette(window: MainWindow, qtbot: QtBot) -> None:
    window.palette_.open()
    qtbot.mouseClick(window.chat.pages, Qt.MouseButton.LeftButton)
    assert not window.palette_.isVisible()


def test_what_cannot_be_done_is_not_offered(window: MainWindow, server: FakeServer) -> None:
    window.palette_.open()
    assert "Stop the answer" not in window.palette_.shown()
    assert "Rename conversation" not in window.palette_.shown()
    assert not server.told(frames.ChatStop)


def test_every_action_has_a_key_and_no_key_is_taken_twice(window: MainWindow) -> None:
    assert not [deed.words for deed in window.deeds.deeds if not deed.keys]
    keys = [k.toString() for deed in window.deeds.deeds for k in deed.action.shortcuts()]
    assert len(keys) == len(set(keys))
    field = window.chat.input.composer
    for sequence in (k for deed in window.deeds.deeds for k in deed.action.shortcuts()):
        key = sequence[0]
        asked = QKeyEvent(QEvent.Type.ShortcutOverride, key.key(), key.keyboardModifiers())
        asked.ignore()
        QApplication.sendEvent(field, asked)
        assert not asked.isAccepted(), f"{sequence.toString()} belongs to the text field"


def test_the_sheet_shows_every_key(window: MainWindow, qtbot: QtBot) -> None:
    sheet = ShortcutsSheet(window.deeds, window)
    qtbot.addWidget(sheet)
    shown = {found.text() for found in sheet.findChildren(QLabel)}
    for section, keys in rows(window.deeds).items():
        assert section in shown
        assert {words for words, _ in keys} <= shown
    assert {"Ctrl+K", "Enter", "F2"} <= shown


def test_places_by_f6(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.chat.input.composer.hasFocus)
    for expected in (window.personas, window.chat):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        focus = QApplication.focusWidget()
        assert focus is not None and expected.isAncestorOf(focus)
    assert window.chat.input.composer.hasFocus()


def test_on_the_real_service(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    """New conversations, from one to the other, and back by the palette, all by keys."""
    window = visit(open_window, service, qtbot, "by keys")
    composer = window.chat.input.composer
    for words in ("first words", "other words"):
        qtbot.keyClick(composer, Qt.Key.Key_N, CTRL)
        qtbot.keyClicks(composer, words)
        qtbot.keyClick(composer, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: len(window.model.messages()) == 2 and window.model.running() is None, timeout=20_000)
    second = window.model.conversation_id
    qtbot.keyClick(composer, Qt.Key.Key_PageDown, CTRL)
    qtbot.waitUntil(lambda: [m.content for m in window.model.messages()][:1] == ["first words"], timeout=20_000)
    qtbot.keyClick(composer, Qt.Key.Key_K, CTRL)
    qtbot.keyClicks(window.palette_.field, "other words")
    qtbot.keyClick(window.palette_.field, Qt.Key.Key_Return)
    assert window.model.conversation_id == second
    qtbot.keyClick(composer, Qt.Key.Key_C, CTRL | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: QApplication.clipboard().text() == "你说：other words", timeout=20_000)


def test_the_palette_speaks_chinese(window: MainWindow) -> None:
    languages().choose("zh_CN")
    window.palette_.open()
    window.palette_.field.setText("新对")
    assert window.palette_.shown() == ["新对话"]


def test_pinned_and_archived_by_keys(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "pinned")
    composer = window.chat.input.composer
    qtbot.keyClicks(composer, "keep this")
    qtbot.keyClick(composer, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.model.conversation is not None and window.model.running() is None, timeout=20_000)
    qtbot.waitUntil(lambda: len(window.model.messages()) == 2, timeout=20_000)
    for key, name in ((Qt.Key.Key_P, "pinned"), (Qt.Key.Key_A, "archived")):
        for wanted in (True, False):
            qtbot.keyClick(composer, key, CTRL | Qt.KeyboardModifier.ShiftModifier)
            qtbot.waitUntil(lambda n=name, w=wanted: getattr(window.model.conversation, n) is w, timeout=20_000)
