"""Conversations on a real service: search across everything, pins, tags, archive, undo, unread, dropping, export."""

from __future__ import annotations

import json
from pathlib import Path

from aichat_qt.history_filters import ALL, ARCHIVE, DRAGGED, PIN
from aichat_qt.history_rows import Row
from aichat_qt.main_window import MainWindow
from aichat_qt.persona_item_widget import PersonaItemWidget
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QMenu
from pytestqt.qtbot import QtBot

from aichat.protocol.values import ConversationChanges
from tests.qt.conftest import Open
from tests.qt.test_chat import say
from tests.qt.test_service import WAIT, settled, visit
from tests.service import RunningService


def talk(window: MainWindow, qtbot: QtBot, *words: str) -> list[int]:
    """A conversation for each of the words -> their numbers."""
    numbers = []
    for each in words:
        window.chat.new_conversation()
        say(window, qtbot, each)
        qtbot.waitUntil(lambda: window.model.conversation is not None and settled(window), timeout=WAIT)
        qtbot.waitUntil(lambda: len(window.model.messages()) == 2, timeout=WAIT)
        numbers.append(window.model.conversation_id or 0)
    return numbers


def opened(window: MainWindow) -> None:
    if not window.chat.history.panel.isVisible():
        window.chat.history.toggle()


def rows(window: MainWindow) -> list[Row]:
    return window.chat.history.panel.rows()


def titles(window: MainWindow) -> list[str]:
    return [row.title for row in rows(window)]


def change(window: MainWindow, number: int, qtbot: QtBot, **changes: object) -> None:
    window.model.change_conversation(number, ConversationChanges(**changes))  # type: ignore[arg-type]
    name, value = next(iter(changes.items()))
    known = window.model.timeline.conversations
    qtbot.waitUntil(lambda: getattr(known[number], name) == value, timeout=WAIT)


def drop(window: MainWindow, number: int, key: str) -> None:
    data = QMimeData()
    data.setData(DRAGGED, str(number).encode())
    chip = window.chat.history.panel.filters.chips[key]
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    chip.dropEvent(QDropEvent(QPointF(4, 4), Qt.DropAction.CopyAction, data, left, none))


def test_search_finds_what_was_said_in_chinese_too(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "search")
    sea, tea = talk(window, qtbot, "周末想去海边看日落", "zebra tea")
    other = visit(open_window, service, qtbot, "search elsewhere")
    opened(other)
    panel = other.chat.history.panel
    panel.look_for("海边看")
    qtbot.waitUntil(lambda: any(row.message_id for row in rows(other)), timeout=WAIT)
    found = [row for row in rows(other) if row.message_id]
    assert {row.conversation_id for row in found} == {sea}
    begin, end = found[0].matches[0]
    assert found[0].detail[begin:end] == "海边看"
    qtbot.keyClick(other.focusWidget(), Qt.Key.Key_Down)
    row = next(i for i, each in enumerate(rows(other)) if each.message_id)
    listed = panel.findChild(QListWidget)
    listed.setCurrentRow(row)
    qtbot.keyClick(listed, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: other.model.conversation_id == sea, timeout=WAIT)
    assert other.model.persona is not None and other.model.persona.name == "search"
    assert other.chat.display.finder.bar.needle == "海边看"
    opened(other)
    panel.look_for("ZEBRA")
    qtbot.waitUntil(lambda: tea in [row.conversation_id for row in rows(other)], timeout=WAIT)
    panel.look_for("nothing like that")
    qtbot.waitUntil(lambda: rows(other) == [] and "Nothing was said" in panel.nothing_words, timeout=WAIT)


def test_pinned_come_first_and_archived_go_away(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "pin")
    first, second, third = talk(window, qtbot, "one", "two", "three")
    opened(window)
    assert [row.conversation_id for row in rows(window)] == [third, second, first]
    change(window, first, qtbot, pinned=True)
    change(window, second, qtbot, archived=True)
    qtbot.waitUntil(lambda: [row.conversation_id for row in rows(window)] == [first, third], timeout=WAIT)
    assert rows(window)[0].pinned
    window.chat.history.panel.filters.choose(ARCHIVE)
    assert [row.conversation_id for row in rows(window)] == [second]
    change(window, third, qtbot, archived=True)
    others = next(p for p in window.model.timeline.personas if p != window.model.persona_id)
    mine = window.model.persona_id
    window.model.select_persona(others)
    window.model.select_persona(mine)
    assert window.model.conversation_id == first, "what is archived does not come up by itself"


def test_a_conversation_is_dropped_on_a_tag_the_archive_and_the_pin(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    window = visit(open_window, service, qtbot, "drop")
    first, second = talk(window, qtbot, "one", "two")
    change(window, first, qtbot, tags=["旅行"])
    opened(window)
    panel, known = window.chat.history.panel, window.model.timeline.conversations
    assert list(panel.filters.chips) == [ALL, "旅行"]
    panel.findChild(QListWidget).drag_began.emit()
    assert list(panel.filters.chips) == [ALL, PIN, "旅行", ARCHIVE]
    drop(window, second, "旅行")
    qtbot.waitUntil(lambda: known[second].tags == ["旅行"], timeout=WAIT)
    drop(window, first, PIN)
    qtbot.waitUntil(lambda: known[first].pinned, timeout=WAIT)
    drop(window, second, ARCHIVE)
    qtbot.waitUntil(lambda: known[second].archived, timeout=WAIT)
    panel.findChild(QListWidget).drag_ended.emit()
    panel.filters.choose("旅行")
    assert [row.conversation_id for row in rows(window)] == [first]


def test_a_deleted_conversation_comes_back_with_its_messages(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    window = visit(open_window, service, qtbot, "undo")
    kept, gone = talk(window, qtbot, "stays", "goes")
    window.chat.history.delete(gone)
    qtbot.waitUntil(lambda: window.model.conversation_id == kept, timeout=WAIT)
    undo = window.chat.undo
    assert undo.isVisible() and "goes" in undo.words
    assert undo.geometry().bottom() < window.chat.input.y()
    qtbot.mouseClick(undo.button, Qt.MouseButton.LeftButton)
    assert not undo.isVisible()
    qtbot.waitUntil(lambda: window.model.conversation_id == gone, timeout=WAIT)
    qtbot.waitUntil(lambda: [m.content for m in window.model.messages()] == ["goes", "你说：goes"], timeout=WAIT)


def test_a_title_is_renamed_in_place_and_esc_keeps_the_old_one(
    open_window: Open, service: RunningService, qtbot: QtBot
) -> None:
    window = visit(open_window, service, qtbot, "rename")
    (number,) = talk(window, qtbot, "before")
    window.chat.history.rename(number)
    panel = window.chat.history.panel
    editor = panel.findChild(QListWidget).findChild(QLineEdit)
    editor.setText("thrown away")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert panel.isVisible() and titles(window) == [window.model.conversation.title]  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: panel.findChild(QListWidget).findChild(QLineEdit) is None)
    panel.edit(number)
    editor = panel.findChild(QListWidget).findChild(QLineEdit)
    editor.setText("去海边 <b>")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.model.timeline.conversations[number].title == "去海边 <b>", timeout=WAIT)
    qtbot.waitUntil(lambda: titles(window) == ["去海边 <b>"])


def test_unread_is_shown_until_it_is_looked_at(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "unread")
    first, second = talk(window, qtbot, "one", "two")
    known = window.model.timeline.conversations
    qtbot.waitUntil(lambda: not known[first].unread and not known[second].unread, timeout=WAIT)
    elsewhere = open_window(service.url, service.token)
    elsewhere.model.open_conversation(first)
    elsewhere.model.post("said on another device")
    window.activateWindow()
    elsewhere.hide()
    qtbot.waitUntil(lambda: known[first].unread and window.model.timeline.running(first) is None, timeout=WAIT)
    qtbot.waitUntil(lambda: badge(window) == 1, timeout=WAIT)
    opened(window)
    assert [row.unread for row in rows(window) if row.conversation_id == first] == [True]
    window.model.open_conversation(first)
    qtbot.waitUntil(lambda: not known[first].unread, timeout=WAIT)
    qtbot.waitUntil(lambda: badge(window) == 0, timeout=WAIT)


def badge(window: MainWindow) -> int:
    found = window.personas.findChild(QListWidget)
    for i in range(found.count()):
        if found.item(i).data(Qt.ItemDataRole.UserRole) == window.model.persona_id:
            widget = found.itemWidget(found.item(i))
            assert isinstance(widget, PersonaItemWidget)
            return widget.unread
    raise AssertionError("the persona is not listed")


def test_a_conversation_is_exported_whole(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    window = visit(open_window, service, qtbot, "export 小雨")
    (number,) = talk(window, qtbot, "你好 **there**")
    window.model.rename_conversation(number, "a/b: 第一次")
    qtbot.waitUntil(lambda: window.model.timeline.conversations[number].title == "a/b: 第一次", timeout=WAIT)
    for kind in ("md", "json"):
        window.chat.history.export(number, kind, str(tmp_path / f"out.{kind}"))
        qtbot.waitUntil(lambda kind=kind: (tmp_path / f"out.{kind}").exists(), timeout=WAIT)
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert text.startswith("# a/b: 第一次\n\n## owner · ") and "你好 **there**" in text
    assert "## export 小雨 · " in text and text.endswith("你说：你好 **there**\n")
    value = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [m["content"] for m in value["messages"]] == ["你好 **there**", "你说：你好 **there**"]
    window.chat.history.export(number, "md", str(tmp_path / "no" / "such" / "folder.md"))
    qtbot.waitUntil(lambda: "could not be written" in window.chat.notice_words, timeout=WAIT)


def test_the_menu_offers_what_can_be_done(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "menu")
    (number,) = talk(window, qtbot, "one")
    change(window, number, qtbot, tags=["工作"], pinned=True)
    menu = window.chat.history.menu_for(number)
    said = [action.text() for action in menu.actions() if action.text()]
    assert said == ["Rename", "Unpin", "Archive", "Tags", "Export", "Delete"]
    tags = menu.findChildren(QMenu)[0]
    assert next((a.text(), a.isChecked()) for a in tags.actions() if a.text()) == ("工作", True)
    tags.actions()[0].trigger()
    qtbot.waitUntil(lambda: window.model.timeline.conversations[number].tags == [], timeout=WAIT)
    menu.deleteLater()
