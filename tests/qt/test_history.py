"""The conversations of a persona, and long conversations, page by page."""

from __future__ import annotations

import time

from aichat_qt.main_window import MainWindow
from aichat_qt.message_display_widget import MOST_ROWS
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from aichat.protocol.values import AI, USER
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer


def titles(window: MainWindow) -> list[str]:
    found = window.chat.history.panel.findChild(QListWidget)
    assert found is not None
    return [found.item(i).text() for i in range(found.count())]


def rename_in_place(window: MainWindow, qtbot: QtBot, number: int, title: str) -> None:
    window.chat.history.rename(number)
    editor = window.chat.history.panel.findChild(QListWidget).findChild(QLineEdit)
    assert editor is not None and editor.hasSelectedText()
    editor.setText(title)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def long_conversation(server: FakeServer, count: int) -> int:
    number = server.add_conversation("p1", "long")
    for i in range(count):
        server.add_message(
            number, AI if i % 2 else USER, f"message {i}: 一些文字 and **some** words " + "word " * (i % 40)
        )
    return number


def test_the_bar_opens_to_the_list(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    first = server.add_conversation("p1", "first")
    server.add_message(first, USER, "in the first")
    second = server.add_conversation("p1", "second")
    server.add_message(second, USER, "in the second")
    server.add_conversation("p2", "of another")
    window = open_window()
    window.model.select_persona("p1")
    qtbot.waitUntil(lambda: [r.content for r in window.chat.display.rows()] == ["in the second"])
    window.chat.history.toggle()
    assert titles(window) == ["second", "first"]
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Down)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert not window.chat.history.panel.isVisible()
    qtbot.waitUntil(lambda: [r.content for r in window.chat.display.rows()] == ["in the first"])
    assert window.model.conversation_id == first


def test_a_click_elsewhere_closes_the_list(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    server.add_message(server.add_conversation("p1", "first"), USER, "in the first")
    window = open_window()
    window.model.select_persona("p1")
    panel = window.chat.history.panel
    window.chat.history.toggle()
    qtbot.mouseClick(panel, Qt.MouseButton.LeftButton, pos=panel.rect().topLeft())
    assert panel.isVisible()
    qtbot.mouseClick(window.chat.display.viewport(), Qt.MouseButton.LeftButton)
    assert not panel.isVisible()


def test_rename_in_place_and_delete(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p1", "<b>old</b>")
    window = open_window()
    window.model.select_persona("p1")
    rename_in_place(window, qtbot, number, "new")
    qtbot.waitUntil(lambda: server.conversations[number].title == "new")
    qtbot.waitUntil(lambda: titles(window) == ["new"])
    window.chat.history.delete(number)
    qtbot.waitUntil(lambda: window.model.conversation_id is None and not window.model.conversations())
    qtbot.waitUntil(lambda: window.chat.pages.currentWidget() is window.chat.welcome)
    assert window.chat.undo.words == '"new" was deleted'


def test_unsent_words_stay_with_their_conversation(window: MainWindow, qtbot: QtBot) -> None:
    window.model.select_persona("p1")
    window.chat.input.set_text("for the first")
    window.model.select_persona("p2")
    assert window.chat.input.text() == ""
    window.model.select_persona("p1")
    assert window.chat.input.text() == "for the first"


def test_ten_thousand_messages_page_upward(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = long_conversation(server, 10_000)
    window = open_window()
    window.model.select_persona("p1")
    display = window.chat.display
    qtbot.waitUntil(lambda: bool(display.rows()) and display.rows()[-1].content.startswith("message 9999"))
    bar = display.verticalScrollBar()
    assert bar.value() == bar.maximum() and display.attached
    seen = 0
    while seen < 400:
        bar.setValue(0)
        qtbot.waitUntil(lambda: bar.value() > 0 or display.rows()[0].content.startswith("message 0:"))
        seen = max(seen, len(window.model.messages()))
        assert len(display.rows()) <= MOST_ROWS
    assert not display.attached
    held = [row.content for row in display.rows()]
    numbers = [int(text.split()[1].rstrip(":")) for text in held]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    display.to_end()
    qtbot.waitUntil(lambda: display.rows()[-1].content.startswith("message 9999"))
    assert bar.value() == bar.maximum()
    assert len(server.told(frames.HistoryRequest)) < 12 and number


def test_the_reader_never_jumps(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = long_conversation(server, 60)
    window = open_window()
    window.model.select_persona("p1")
    display = window.chat.display
    qtbot.waitUntil(lambda: bool(display.rows()) and display.rows()[-1].content.startswith("message 59"))
    window.model.post("one more")
    qtbot.waitUntil(server.is_running)
    qtbot.waitUntil(lambda: window.model.running() is not None and display.attached)
    bar = display.verticalScrollBar()
    bar.setValue(bar.maximum() - 900)
    QApplication.processEvents()
    top = next(row for row in display.rows() if row.y() + row.height() > bar.value())
    place = top.y() - bar.value()
    for _ in range(10):
        server.delta("a line of the answer\n\n")
    qtbot.waitUntil(lambda: "answer" in display.rows()[-1].content)
    server.finish()
    qtbot.waitUntil(lambda: window.model.running() is None)
    assert top.y() - bar.value() == place
    assert display.pill.isVisible() and display.pill.text() == "New"
    qtbot.mouseClick(display.pill, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum() and not display.pill.isVisible()
    assert number


def test_opening_ten_thousand_messages_costs_little(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    """The budget is 100 ms of CPU: from choosing the persona to the page of messages drawn."""
    long_conversation(server, 10_000)
    window = open_window()
    window.model.select_persona("p2")
    QApplication.processEvents()
    window.model.session.timeline.clear()
    from aichat.protocol.timeline import Change

    messages = list(server.messages[max(server.messages)].values())[-100:]
    for frame in (
        frames.PersonaList(personas=list(server.personas.values())),
        frames.ConversationListReply(conversations=list(server.conversations.values())),
    ):
        window.model.timeline.apply(frame)
    conversation = max(server.conversations)
    page = frames.HistoryResponse(
        persona_id="p1", conversations=[], messages=messages, conversation_id=conversation, more=True
    )
    window.model.select_persona("p1")
    begin = time.process_time()
    window.model.timeline.apply(page)
    window.model.link.received.emit(page, [Change("messages", conversation)])
    qtbot.waitUntil(lambda: bool(window.chat.display.rows()))
    window.chat.display.grab()
    spent = time.process_time() - begin
    assert spent < 0.1, f"{spent * 1000:.0f} ms"


def test_one_flush_of_live_text_costs_little(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    """The budget is 8 ms at 4,000 characters, drawing left out."""
    window.model.post("go")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    piece = "Some **bold** words and `code`, 以及中文。\n\n1. one\n2. two\n\n```python\nx = 1\n```\n\n"
    text = (piece * 60)[:4000]
    server.delta(text)
    qtbot.waitUntil(lambda: window.chat.display.rows()[-1].content == text)
    message = server.running()
    costs = []
    for i in range(30):
        before = len(window.model.timeline.live[message.id].content)
        window.model.timeline.apply(
            frames.MessageDelta(
                conversation_id=message.conversation_id, message_id=message.id, offset=before, content=f" word{i}"
            )
        )
        begin = time.process_time()
        window.model.live_grew.emit(message.id)
        costs.append(time.process_time() - begin)
    median = sorted(costs)[len(costs) // 2]
    assert median < 0.008, f"{median * 1000:.1f} ms"
