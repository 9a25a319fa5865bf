"""What can be done with a message, and search inside a conversation: on the real service."""

from __future__ import annotations

from pathlib import Path

import pytest
from aichat_qt.answer_row import AnswerRow
from aichat_qt.icons import IconButton
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.message_row import Row
from aichat_qt.text_view import TextView
from aichat_qt.theme import LINE_PX
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QEnterEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from tests.qt.conftest import Open
from tests.qt.test_chat import rows, say, texts
from tests.qt.test_service import WAIT, settled, visit
from tests.service import RunningService


def talk(window: MainWindow, qtbot: QtBot, *said: str) -> None:
    """Say things, each after the answer to the one before."""
    for text in said:
        count = len(texts(window))
        window.chat.input.submitted.emit(text)
        qtbot.waitUntil(lambda count=count: len(texts(window)) == count + 2 and settled(window), timeout=WAIT)


def shown_buttons(row: Row) -> list[str]:
    return [b.accessibleName() for b in row.findChildren(IconButton) if b.parent() is row and not b.isHidden()]


def menu_of(window: MainWindow, row: Row, qtbot: QtBot) -> QMenu:
    """The menu that a right click on a message opens."""
    view = row.text_views[0].viewport()
    place = QPoint(4, 4)
    QApplication.sendEvent(view, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.mapToGlobal(place)))
    qtbot.waitUntil(lambda: any(menu.isVisible() for menu in row.findChildren(QMenu)))
    return next(menu for menu in row.findChildren(QMenu) if menu.isVisible())


def test_actions_come_with_the_pointer_and_move_nothing(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    window = visit(open_window, service, qtbot, "hover")
    talk(window, qtbot, "one", "two")
    first, last = rows(window)[1], rows(window)[3]
    before = [(row.geometry(), row.text_views[0].geometry()) for row in rows(window)]
    assert shown_buttons(last) == []
    QApplication.sendEvent(last, QEnterEvent(QPointF(9, 9), QPointF(9, 9), QPointF(9, 9)))
    last.set_current(True)  # an offscreen pointer is nowhere
    assert shown_buttons(last) == ["Quote (Q)", "Copy (C)", "Answer anew (R)", "More"]
    assert [(row.geometry(), row.text_views[0].geometry()) for row in rows(window)] == before
    first.set_current(True)
    assert shown_buttons(first) == ["Quote (Q)", "Copy (C)", "Answer anew (R)", "More"]
    last.set_current(False)
    QApplication.sendEvent(last, QEvent(QEvent.Type.Leave))
    assert shown_buttons(last) == []


def test_keys_of_a_message(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "keys")
    talk(window, qtbot, "one\ntwo")
    display = window.chat.display
    display.setFocus()
    qtbot.keyClick(display, Qt.Key.Key_C)
    assert texts(window)[1] == "你说：one\ntwo"
    qtbot.keyClick(display, Qt.Key.Key_Up)
    qtbot.keyClick(display, Qt.Key.Key_C)
    assert QGuiApplication.clipboard().text() == "你说：one\ntwo"
    qtbot.keyClick(display, Qt.Key.Key_Up)
    qtbot.keyClick(display, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "one\ntwo"
    qtbot.keyClick(display, Qt.Key.Key_Q)
    assert window.chat.input.text() == "> one\n> two\n\n"
    assert window.focusWidget() is window.chat.input.composer
    display.setFocus()
    qtbot.keyClick(display, Qt.Key.Key_Down)
    answer = window.model.messages()[1].id
    qtbot.keyClick(display, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: settled(window) and window.model.messages()[1].id != answer, timeout=WAIT)
    assert texts(window) == ["one\ntwo", "你说：one\ntwo"]


def test_the_menu_tells_time_model_and_thought(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "menu")
    talk(window, qtbot, "!think")
    menu = menu_of(window, rows(window)[1], qtbot)
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert words[:5] == ["Copy\tC", "Quote\tQ", "Edit\tE", "Answer anew\tR", "Delete…\tDel"]
    facts = [action.text() for action in menu.actions() if action.text() and not action.isEnabled()]
    assert facts[1:] == ["fake-1", "Thought for 1 s"] and "2" in facts[0]
    menu.actions()[1].trigger()
    menu.close()
    assert window.chat.input.text() == "> 42\n\n"


def test_what_is_selected_is_quoted_and_copied(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "selected")
    talk(window, qtbot, "some words")
    row = rows(window)[1]
    view = row.text_views[0]
    cursor = view.document().find("words")
    view.setTextCursor(cursor)
    menu = menu_of(window, row, qtbot)
    assert menu.actions()[0].text() == "Copy selection"
    menu.actions()[0].trigger()
    menu.close()
    assert QGuiApplication.clipboard().text() == "words"
    row.asked.emit("quote")
    assert window.chat.input.text() == "> words\n\n"


def test_a_stopped_answer_goes_on_by_key(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "continue")
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and len(texts(window)[1]) > 5, timeout=WAIT)
    window.model.stop()
    qtbot.waitUntil(lambda: window.model.running() is None, timeout=WAIT)
    kept = texts(window)[1]
    display = window.chat.display
    display.setFocus()
    qtbot.keyClick(display, Qt.Key.Key_Up)
    qtbot.keyClick(display, Qt.Key.Key_G)
    qtbot.waitUntil(lambda: texts(window)[1] == kept + "四 five 😀。" and settled(window), timeout=WAIT)


def at(window: MainWindow, number: int, qtbot: QtBot) -> None:
    """Put the keyboard on a message."""
    display = window.chat.display
    display.setFocus()
    display.current.go(display.shown_keys[number])
    assert rows(window)[number].is_current


def count(window: MainWindow, number: int) -> str:
    """What the switcher of a message says."""
    switcher = rows(window)[number].switcher
    return "" if switcher is None else switcher.count.text()


def key(window: MainWindow, qtbot: QtBot, which: Qt.Key) -> None:
    qtbot.keyClick(window.chat.display, which)


def test_answers_stand_beside_each_other(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "swipe")
    talk(window, qtbot, "one", "two")
    at(window, 1, qtbot)
    key(window, qtbot, Qt.Key.Key_R)  # of an earlier answer: what came after it belongs to the other version
    qtbot.waitUntil(lambda: texts(window) == ["one", "你说：one"] and settled(window), timeout=WAIT)
    qtbot.waitUntil(lambda: count(window, 1) == "2/2", timeout=WAIT)
    at(window, 1, qtbot)
    key(window, qtbot, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and count(window, 1) == "1/2", timeout=WAIT)
    assert rows(window)[1].is_current, "the keyboard stays where it was"
    key(window, qtbot, Qt.Key.Key_Left)  # there is none
    key(window, qtbot, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and count(window, 1) == "2/2", timeout=WAIT)
    switcher = rows(window)[1].switcher
    assert switcher is not None
    qtbot.mouseClick(switcher.before, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and count(window, 1) == "1/2", timeout=WAIT)


def test_own_words_are_edited(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "edit")
    talk(window, qtbot, "one", "two")
    chat = window.chat
    chat.input.set_text("half a thought")
    at(window, 2, qtbot)
    key(window, qtbot, Qt.Key.Key_E)
    assert chat.bar.isVisible() and chat.bar.words == "Editing: two" and chat.input.text() == "two"
    assert window.focusWidget() is chat.input.composer
    qtbot.keyClick(chat.input.composer, Qt.Key.Key_Escape)
    assert not chat.bar.isVisible() and chat.input.text() == "half a thought"
    chat.display.setFocus()
    key(window, qtbot, Qt.Key.Key_E)
    chat.input.set_text("three")
    qtbot.keyClick(chat.input.composer, Qt.Key.Key_Return)
    assert chat.input.text() == "half a thought"
    want = ["one", "你说：one", "three", "你说：three"]
    qtbot.waitUntil(lambda: texts(window) == want and settled(window), timeout=WAIT)
    assert count(window, 2) == "2/2"
    at(window, 3, qtbot)
    key(window, qtbot, Qt.Key.Key_E)
    chat.input.set_text("my own answer")
    qtbot.keyClick(chat.input.composer, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: texts(window) == [*want[:3], "my own answer"], timeout=WAIT)
    assert count(window, 3) == "2/2" and window.model.running() is None


def test_a_branch_begins_below_an_answer(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "branch")
    talk(window, qtbot, "one", "two")
    at(window, 1, qtbot)
    key(window, qtbot, Qt.Key.Key_B)
    assert window.chat.bar.words == "New branch after: 你说：one"
    window.chat.input.set_text("another way")
    qtbot.keyClick(window.chat.input.composer, Qt.Key.Key_Return)
    want = ["one", "你说：one", "another way", "你说：another way"]
    qtbot.waitUntil(lambda: texts(window) == want and settled(window), timeout=WAIT)
    assert count(window, 2) == "2/2" and window.chat.input.text() == ""


def test_a_message_is_deleted_after_a_question(
    open_window: Open, service: RunningService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = visit(open_window, service, qtbot, "delete")
    talk(window, qtbot, "one", "two")
    asked: list[str] = []
    answer = False

    def ask(_window: object, title: str, _words: str) -> bool:
        asked.append(title)
        return answer

    monkeypatch.setattr("aichat_qt.message_actions.ask_delete", ask)
    at(window, 2, qtbot)
    key(window, qtbot, Qt.Key.Key_Delete)
    assert asked == ["Delete this message?"] and len(texts(window)) == 4
    answer = True
    key(window, qtbot, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: texts(window) == ["one", "你说：one"], timeout=WAIT)


def test_a_refused_edit_comes_back(
    open_window: Open, service: RunningService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = visit(open_window, service, qtbot, "refused")
    talk(window, qtbot, "one")
    other = open_window(service.url, service.token)
    other.model.select_persona(window.model.persona_id)
    qtbot.waitUntil(lambda: texts(other) == texts(window), timeout=WAIT)
    at(window, 0, qtbot)
    key(window, qtbot, Qt.Key.Key_E)
    other.model.delete_message(other.model.messages()[0].id)
    qtbot.waitUntil(lambda: texts(window) == [], timeout=WAIT)
    window.chat.input.submitted.emit("too late")
    qtbot.waitUntil(lambda: window.chat.input.text() == "too late" and window.chat.bar.isVisible(), timeout=WAIT)
    assert window.chat.notice_words


def test_links_are_opened_after_a_question_only(
    open_window: Open, service: RunningService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    asked: list[str] = []
    monkeypatch.setattr("aichat_qt.dialogs.QDesktopServices.openUrl", lambda url: opened.append(url.toString()))

    def answer(yes: bool) -> None:
        def run(dialog: object) -> bool:
            asked.append(dialog.body.text().replace("\u200b", ""))  # type: ignore[attr-defined]
            return yes

        monkeypatch.setattr("aichat_qt.dialogs.Question.exec", run)

    window = visit(open_window, service, qtbot, "links")
    talk(window, qtbot, "[here](https://example.org/a) and [there](file:///etc/passwd)")
    view = rows(window)[1].text_views[0]
    answer(False)
    view.anchorClicked.emit(QUrl("https://example.org/a"))
    assert asked == ["https://example.org/a"] and not opened
    answer(True)
    view.anchorClicked.emit(QUrl("https://example.org/a"))
    assert opened == ["https://example.org/a"]
    view.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert len(opened) == 1 and QGuiApplication.clipboard().text() == "file:///etc/passwd"


def test_search_inside_the_conversation(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "find")
    talk(window, qtbot, "a needle in `code needle` and **ne**edle", "春眠不觉晓", "NEEDLE", "nothing here")
    window.chat.find_words()
    bar = window.chat.display.finder.bar
    assert bar.isVisible() and window.focusWidget() is bar.field
    qtbot.keyClicks(bar.field, "needle")
    qtbot.waitUntil(lambda: bar.count.text() == "4 / 4")
    marked = [view.extraSelections() for row in rows(window) for view in row.text_views]
    assert [len(marks) for marks in marked] == [2, 3, 0, 0, 1, 1, 0, 0]  # own words as they are, answers as shown
    for expected in ("3 / 4", "2 / 4", "2 / 4", "2 / 4", "1 / 4", "1 / 4", "4 / 4"):
        qtbot.keyClick(bar.field, Qt.Key.Key_Return)
        assert bar.count.text() == expected
    qtbot.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert bar.count.text() == "1 / 4"
    bar.field.setText("不觉")
    qtbot.waitUntil(lambda: bar.count.text() == "2 / 2")
    bar.field.setText("no such words")
    qtbot.waitUntil(lambda: bar.count.text() == "Nothing found")
    bar.field.setText("needle")
    qtbot.waitUntil(lambda: bar.count.text() == "4 / 4")
    talk(window, qtbot, "one more needle")
    assert bar.count.text().endswith(" / 6")
    window.chat.find_words()
    qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert not any(view.extraSelections() for row in rows(window) for view in row.text_views)


def test_search_reaches_what_is_not_loaded(
    open_window: Open, service: RunningService, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 100 messages of each page, and rows for few: here with pages of 4."""
    monkeypatch.setattr("aichat_qt.message_finder.FIND_PAGE", 4)
    monkeypatch.setattr("aichat_qt.message_display_widget.OLDER_PAGE", 4)
    window = visit(open_window, service, qtbot, "deep")
    talk(window, qtbot, "the first needle", *(f"straw {n}\n" + "hay\n" * 20 for n in range(8)), "last")
    number = window.model.conversation_id
    assert number is not None
    other = open_window(service.url, service.token)
    from msgspec.structs import replace

    from aichat.protocol import frames

    write = other.model.session._write
    monkeypatch.setattr(
        other.model.session,
        "_write",
        lambda f: write(replace(f, limit=4) if isinstance(f, frames.HistoryRequest) else f),
    )
    other.model.select_persona(window.model.persona_id)
    qtbot.waitUntil(lambda: other.model.conversation_id == number and bool(texts(other)), timeout=WAIT)
    other.chat.find_words()
    bar = other.chat.display.finder.bar
    qtbot.keyClicks(bar.field, "needle")
    qtbot.waitUntil(lambda: bar.count.text() == "2 / 2", timeout=WAIT)
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    assert bar.count.text() == "1 / 2"
    display = other.chat.display
    row = display.row(display.shown_keys[0])
    assert row is not None and row.content == "the first needle"
    top = row.text_views[0].mapTo(display.viewport(), QPoint(0, 0)).y()
    assert 0 <= top < display.viewport().height() and not display.attached


def test_hostile_answers_stay_harmless(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    """Through the whole app: no picture is loaded, and a big table or block of code holds up nothing for long."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG canary")
    window = visit(open_window, service, qtbot, "hostile")
    table = "| a | b |\n|---|---|\n" + "".join(f"| {n} | x |\n" for n in range(1000))
    code = "```python\n" + "x = (1, 2, '三')\n" * 3000 + "```"
    for text in (f"![x](file://{secret}) <img src='file://{secret}'>", table, code):
        talk(window, qtbot, f"!pace 0 {text}")
        row = rows(window)[-1]
        assert isinstance(row, AnswerRow) and row.content == text
        row.grab()
    views = [view for row in rows(window) for view in row.findChildren(TextView)]
    resources = [bytes(v.document().resource(2, QUrl(f"file://{secret}")) or b"") for v in views]
    assert not any(b"canary" in each for each in resources)


def test_short_words_stay_on_one_line(
    open_window: Open, service: RunningService, qtbot: QtBot, dressed: QApplication
) -> None:
    """Also where the rows were made and laid out before they were shown: the window is made anew for a language."""
    window = visit(open_window, service, qtbot, "narrow")
    talk(window, qtbot, "怎么写快速排序？", "How fast is it?")
    here, other = window.model.persona_id, next(p.id for p in window.model.personas() if p.greeting != "Hello.")
    try:
        languages().choose("zh_CN")
        QApplication.processEvents()
        for persona in (other, here):
            window.model.select_persona(persona)
            QApplication.processEvents()
        qtbot.waitUntil(lambda: len(rows(window)) == 4, timeout=WAIT)
        QApplication.processEvents()
        assert [row.text_views[0].height() for row in rows(window)[::2]] == [LINE_PX, LINE_PX]
    finally:
        languages().choose("en")
