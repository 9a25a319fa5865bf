"""A chat with a persona, over a real socket to a server that does as the test says."""

from __future__ import annotations

from aichat_qt.answer_row import AnswerRow
from aichat_qt.main_window import MainWindow
from aichat_qt.message_row import Row
from aichat_qt.own_row import OwnRow
from aichat_qt.text_view import TextView
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat.protocol.values import AI, USER, Failure
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer


def rows(window: MainWindow) -> list[Row]:
    return window.chat.display.rows()


def texts(window: MainWindow) -> list[str]:
    return [row.content for row in rows(window)]


def words(row: Row) -> str:
    """What a row says of how its message stands."""
    assert isinstance(row, OwnRow | AnswerRow)
    return row.status_words


def verbs(row: Row) -> list[str]:
    """The buttons that a row offers."""
    return [b.text() for b in row.findChildren(QPushButton) if not b.isHidden()]


def press(row: Row, verb: str) -> None:
    found = [b for b in row.findChildren(QPushButton) if b.text() == verb and not b.isHidden()]
    assert len(found) == 1, [b.text() for b in row.findChildren(QPushButton)]
    found[0].click()


def say(window: MainWindow, qtbot: QtBot, text: str) -> None:
    window.chat.input.composer.setFocus()
    if text.isascii():
        qtbot.keyClicks(window.chat.input.composer, text)
    else:
        window.chat.input.composer.insertPlainText(text)  # QTest has keys for ASCII only
    qtbot.keyClick(window.chat.input.composer, Qt.Key.Key_Return)


def test_an_answer_streams_in(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    assert window.chat.input.text() == ""
    qtbot.waitUntil(lambda: texts(window)[:1] == ["hello"])
    qtbot.waitUntil(lambda: server.is_running() and len(rows(window)) == 2)
    assert server.told(frames.Chat)[0].new_conversation
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)))
    for piece in ("你好，", "**bold** ", "and more"):
        server.delta(piece)
        qtbot.waitUntil(lambda piece=piece: texts(window)[1].endswith(piece))
    assert "stop" in window.chat.input.button.accessibleName().lower()
    server.finish()
    qtbot.waitUntil(lambda: "send" in window.chat.input.button.accessibleName().lower())
    assert texts(window) == ["hello", "你好，**bold** and more"]
    window.model.live_grew.emit(window.model.messages()[1].id)  # a last flush must not bring the caret back
    assert not any(view.caret for view in window.chat.display.findChildren(TextView))
    assert window.model.conversation is not None and window.model.conversation.title == "hello"


def test_own_words_keep_their_row_from_typing_to_stored(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    server.deaf = True
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(texts(window)))
    row = rows(window)[0]
    assert words(row) == "sending"
    server.deaf = False
    server.drop(stay_away=False)
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE)
    window.model.link.connect_now()
    qtbot.waitUntil(lambda: len(rows(window)) == 2)
    assert rows(window)[0] is row and words(row) == ""


def test_stop_keeps_what_came(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("half an ans")
    qtbot.waitUntil(lambda: texts(window)[-1] == "half an ans")
    qtbot.keyClick(window.chat.input.composer, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: words(rows(window)[-1]) == "Stopped.")
    assert texts(window)[-1] == "half an ans"
    assert len(server.told(frames.ChatStop)) == 1
    press(rows(window)[-1], "Retry")
    qtbot.waitUntil(lambda: server.is_running() and len(server.told(frames.ChatRegenerate)) == 1)
    server.delta("a whole answer")
    server.finish()
    qtbot.waitUntil(lambda: texts(window) == ["hello", "a whole answer"])


def test_stop_by_the_button(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: window.model.running() is not None)
    qtbot.mouseClick(window.chat.input.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: words(rows(window)[-1]) == "Stopped.")


def test_a_connection_lost_in_mid_answer_comes_back_by_itself(
    window: MainWindow, server: FakeServer, qtbot: QtBot
) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("before, ")
    qtbot.waitUntil(lambda: texts(window)[-1] == "before, ")
    server.drop()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE)
    qtbot.waitUntil(lambda: window.chat.offline.isVisible() and "reconnecting in" in window.chat.offline.words)
    server.delta("meanwhile, ")
    server.listen()
    qtbot.waitUntil(lambda: window.model.state is State.LIVE, timeout=10_000)
    qtbot.waitUntil(lambda: texts(window)[-1] == "before, meanwhile, ")
    assert not window.chat.offline.isVisible()
    server.delta("after")
    server.finish()
    qtbot.waitUntil(lambda: words(rows(window)[-1]) == "" and window.model.running() is None)
    assert texts(window)[-1] == "before, meanwhile, after"


def test_an_answer_that_ended_while_away_is_there_afterwards(
    window: MainWindow, server: FakeServer, qtbot: QtBot
) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("begun")
    server.drop()
    server.delta(" and ended")
    server.finish()
    server.listen()
    window.model.link.connect_now()
    qtbot.waitUntil(lambda: texts(window) == ["hello", "begun and ended"], timeout=10_000)


def test_words_said_offline_go_out_once(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    server.drop()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE)
    say(window, qtbot, "said offline")
    qtbot.waitUntil(lambda: texts(window) == ["said offline"])
    assert words(rows(window)[0]) == "goes out when the connection is back"
    server.listen()
    window.model.link.connect_now()
    qtbot.waitUntil(lambda: server.is_running() and len(rows(window)) == 2)
    assert words(rows(window)[0]) == ""
    assert [c.content for c in server.told(frames.Chat)] == ["said offline"]


def test_a_refused_message_says_why_and_can_be_sent_again(
    window: MainWindow, server: FakeServer, qtbot: QtBot
) -> None:
    server.refuse(frames.Chat, "rate_limited", "Too many requests: wait a little.", retryable=True)
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(rows(window)) and words(rows(window)[0]) == "Too many requests: wait a little.")
    press(rows(window)[0], "Retry")
    qtbot.waitUntil(server.is_running)
    first, second = server.told(frames.Chat)
    assert first.request_id == second.request_id
    qtbot.waitUntil(lambda: words(rows(window)[0]) == "")


def test_a_refused_message_can_be_changed(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    server.refuse(frames.Chat, "bad_frame", "That cannot be read.", retryable=False)
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(rows(window)) and words(rows(window)[0]) == "That cannot be read.")
    press(rows(window)[0], "Edit")
    assert window.chat.input.text() == "hello"
    qtbot.waitUntil(lambda: rows(window) == [])
    assert window.chat.pages.currentWidget() is window.chat.welcome


def test_words_said_during_an_answer_wait_for_its_end(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "one")
    qtbot.waitUntil(lambda: window.model.running() is not None)
    say(window, qtbot, "two")
    qtbot.waitUntil(lambda: len(rows(window)) == 3 and "when the answer is finished" in words(rows(window)[2]))
    server.finish()
    qtbot.waitUntil(lambda: len(rows(window)) == 4 and server.is_running())
    assert texts(window)[2] == "two" and words(rows(window)[2]) == ""
    assert len(server.conversations) == 1


def test_a_broken_answer_says_so_where_it_stands(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("half")
    server.finish("failed", Failure(code="upstream_unavailable", message="The model service failed.", retryable=True))
    qtbot.waitUntil(lambda: words(rows(window)[-1]) == "The model service failed.")
    press(rows(window)[-1], "Retry")
    qtbot.waitUntil(lambda: len(server.told(frames.ChatRegenerate)) == 1 and server.is_running())


def test_a_stopped_answer_goes_on_in_its_place(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta("one sentence that **was")
    qtbot.waitUntil(lambda: texts(window)[-1].endswith("was"))
    window.model.stop()
    qtbot.waitUntil(lambda: verbs(rows(window)[1]) == ["Continue", "Retry"])
    row = rows(window)[1]
    press(row, "Continue")
    qtbot.waitUntil(lambda: server.is_running() and isinstance(row, AnswerRow) and row.is_running)
    assert words(row) == "" and verbs(row) == [] and server.told(frames.ChatRegenerate) == []
    server.delta(" cut** in two")
    qtbot.waitUntil(lambda: texts(window)[-1].endswith("in two"))
    assert [view.toPlainText() for view in row.findChildren(TextView) if not view.isHidden()] == [
        "one sentence that was cut in two"
    ]
    server.finish()
    qtbot.waitUntil(lambda: window.model.running() is None)
    assert rows(window) == [rows(window)[0], row] and verbs(row) == []


def test_an_answer_without_a_word_cannot_go_on(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p1", "old")
    server.add_message(number, USER, "question")
    server.add_message(number, AI, "", status="stopped")
    window = open_window()
    qtbot.waitUntil(lambda: len(rows(window)) == 2)
    assert verbs(rows(window)[1]) == ["Retry"]


def test_the_place_in_line_is_told(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    def shown() -> str:
        labels = rows(window)[1].findChildren(QLabel)
        return " ".join(one.text() for one in labels if not one.isHidden())

    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.queue(3)
    qtbot.waitUntil(lambda: len(rows(window)) == 2 and "Waiting in line, number 3" in shown())
    server.queue(1)
    qtbot.waitUntil(lambda: "Next in line" in shown())
    server.queue(0)
    qtbot.waitUntil(lambda: "line" not in shown())
    server.delta("at last")
    qtbot.waitUntil(lambda: texts(window)[1] == "at last")
    qtbot.waitUntil(lambda: shown() == "")


def test_only_the_last_answer_can_be_made_anew(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p1", "old")
    for i in range(2):
        server.add_message(number, USER, f"question {i}")
        server.add_message(number, AI, "broken", status="interrupted")
    window = open_window()
    qtbot.waitUntil(lambda: len(rows(window)) == 4)
    assert verbs(rows(window)[1]) == [] and verbs(rows(window)[3]) == ["Continue", "Retry"]


def test_thoughts_are_folded(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: bool(server.told(frames.ConversationSubscribe)) and server.is_running())
    server.delta(reasoning="let me think")
    qtbot.waitUntil(lambda: len(rows(window)) == 2)
    row = rows(window)[-1]
    assert isinstance(row, AnswerRow)
    qtbot.waitUntil(lambda: row.thoughts is not None and row.thoughts.title.startswith("Thinking"))
    server.delta("42")
    server.finish(reasoning_ms=6200)
    qtbot.waitUntil(lambda: row.thoughts is not None and row.thoughts.title == "Thought for 6 s")
    assert row.thoughts is not None and not row.thoughts.is_open
    press(row, "Thought for 6 s")
    assert row.thoughts.is_open
    assert "let me think" in [view.toPlainText() for view in row.thoughts.findChildren(TextView)]


def test_a_starter_question_is_asked_with_one_click(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    assert window.chat.pages.currentWidget() is window.chat.welcome
    chips = [b for b in window.chat.welcome.findChildren(QPushButton) if b.isVisible()]
    assert [chip.text() for chip in chips] == ["一", "二", "三"]
    qtbot.mouseClick(chips[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(server.is_running)
    assert server.told(frames.Chat)[0].content == "二"


def test_a_line_end_after_own_words_makes_no_empty_line(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p1", "c")
    server.add_message(number, USER, "one\ntwo\n\n")
    window = open_window()
    qtbot.waitUntil(lambda: len(rows(window)) == 1)
    row = rows(window)[0]
    assert isinstance(row, OwnRow)
    assert [view.toPlainText() for view in row.text_views] == ["one\ntwo"] and row.content == "one\ntwo\n\n"


def test_names_stand_in_the_greeting_and_the_questions(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    server.add_persona(
        "p0", "小雨", prompt="x", greeting="Hi {{user}}, I am {{char}}.", starters=["Who is {{Char}}?"]
    )
    window = open_window()
    window.model.select_persona("p0")
    words = [each.text() for each in window.chat.welcome.findChildren(QLabel)]
    assert "Hi owner, I am 小雨." in words
    chip = next(b for b in window.chat.welcome.findChildren(QPushButton) if b.isVisible())
    assert chip.text() == "Who is 小雨?"
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(server.is_running)
    assert server.told(frames.Chat)[0].content == "Who is 小雨?"


def test_another_device_sees_it_too(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    one, other = open_window(), open_window()
    say(one, qtbot, "hello")
    qtbot.waitUntil(lambda: server.is_running() and len(rows(one)) == 2)
    qtbot.waitUntil(lambda: len(rows(other)) == 2)
    qtbot.waitUntil(lambda: len(server.told(frames.ConversationSubscribe)) >= 2)
    server.delta("to both")
    qtbot.waitUntil(lambda: texts(one)[-1] == texts(other)[-1] == "to both")


def test_a_refused_token_is_asked_for_where_one_is(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    server.token = "right"
    window = open_window(token="wrong", live=False)
    qtbot.waitUntil(lambda: window.model.state is State.REFUSED)
    page = window.chat.connection
    assert window.chat.pages.currentWidget() is page
    qtbot.waitUntil(lambda: "This token is not known here." in page.words)
    qtbot.mouseClick(page.form.other, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.form.token, "right")
    qtbot.keyClick(page.form.token, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.chat.pages.currentWidget() is window.chat.welcome)
    assert page.form.token.text() == ""


def test_no_server_yet_is_said_in_words(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    server.drop()
    window = open_window(live=False)
    qtbot.waitUntil(lambda: "Nothing answers at 127.0.0.1" in window.chat.connection.words)
    server.listen()
    qtbot.waitUntil(lambda: window.model.state is State.LIVE, timeout=10_000)
    qtbot.waitUntil(lambda: window.chat.pages.currentWidget() is window.chat.welcome)


def test_another_store_behind_the_same_address(open_window: Open, server: FakeServer, qtbot: QtBot) -> None:
    number = server.add_conversation("p1", "old")
    server.add_message(number, USER, "of the old store")
    window = open_window()
    qtbot.waitUntil(lambda: texts(window) == ["of the old store"])
    server.drop()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE)
    server.epoch = "e2"
    server.personas.clear()
    server.conversations.clear()
    server.add_persona("q1", "New one")
    server.listen()
    window.model.link.connect_now()
    qtbot.waitUntil(lambda: window.model.persona_id == "q1")
    qtbot.waitUntil(lambda: window.model.conversation_id is None)
    qtbot.waitUntil(lambda: window.chat.pages.currentWidget() is window.chat.welcome)
