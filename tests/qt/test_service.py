"""The window against the real service: one whole visit, and a service that dies in mid-answer."""

from __future__ import annotations

from aichat_qt.answer_row import AnswerRow
from aichat_qt.main_window import MainWindow
from pytestqt.qtbot import QtBot

from aichat.protocol.session import State
from aichat.protocol.values import PersonaConfig
from tests.qt.conftest import Open
from tests.qt.test_chat import press, say, texts, verbs, words
from tests.service import RunningService

WAIT = 20_000


def visit(open_window: Open, service: RunningService, qtbot: QtBot, name: str) -> MainWindow:
    """A window on the service, with a persona of this test alone."""
    window = open_window(service.url, service.token)
    made: list[str] = []
    config = PersonaConfig(name=name, prompt="Be short.", greeting="Hello.", starters=["Who?"])
    request = window.model.create_persona(config)
    window.model.acknowledged.connect(lambda id_, ack: made.append(ack.persona_id) if id_ == request else None)
    qtbot.waitUntil(lambda: bool(made) and made[0] in window.model.timeline.personas, timeout=WAIT)
    window.model.select_persona(made[0])
    return window


def settled(window: MainWindow) -> bool:
    return window.model.running() is None and all(not words(row) for row in window.chat.display.rows())


def test_a_whole_visit(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "visit")
    assert window.chat.pages.currentWidget() is window.chat.welcome
    say(window, qtbot, "你好 hello")
    qtbot.waitUntil(lambda: texts(window) == ["你好 hello", "你说：你好 hello"] and settled(window), timeout=WAIT)
    say(window, qtbot, "!think")
    qtbot.waitUntil(lambda: texts(window)[-1] == "42" and settled(window), timeout=WAIT)
    row = window.chat.display.rows()[-1]
    assert isinstance(row, AnswerRow) and row.thoughts is not None and row.thoughts.title.startswith("Thought")
    assert len(window.model.conversations()) == 1
    say(window, qtbot, "!status 500")
    qtbot.waitUntil(lambda: window.model.messages()[-1].status == "failed", timeout=WAIT)
    qtbot.waitUntil(lambda: "Retry" in verbs(window.chat.display.rows()[-1]))
    assert words(window.chat.display.rows()[-1])
    window.chat.new_conversation()
    say(window, qtbot, "anew")
    qtbot.waitUntil(lambda: len(window.model.conversations()) == 2 and settled(window), timeout=WAIT)
    number = window.model.conversation_id
    assert number is not None
    window.model.rename_conversation(number, "Another title")
    qtbot.waitUntil(
        lambda: window.model.conversation is not None and window.model.conversation.title == "Another title",
        timeout=WAIT,
    )
    window.model.delete_conversation(number)
    qtbot.waitUntil(lambda: len(window.model.conversations()) == 1, timeout=WAIT)
    qtbot.waitUntil(lambda: len(texts(window)) == 6, timeout=WAIT)


def test_stop_go_on_and_answer_anew(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "stop")
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and len(texts(window)[1]) > 5, timeout=WAIT)
    assert window.chat.escape()
    qtbot.waitUntil(lambda: words(window.chat.display.rows()[-1]) == "Stopped.", timeout=WAIT)
    kept = texts(window)[1]
    assert kept.startswith("慢慢地") and not kept.endswith("word ")
    press(window.chat.display.rows()[-1], "Continue")
    qtbot.waitUntil(lambda: texts(window)[1:] == [kept + "四 five 😀。"] and settled(window), timeout=WAIT)
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and len(texts(window)[3]) > 5, timeout=WAIT)
    window.model.stop()
    qtbot.waitUntil(lambda: words(window.chat.display.rows()[-1]) == "Stopped.", timeout=WAIT)
    press(window.chat.display.rows()[-1], "Retry")
    qtbot.waitUntil(lambda: window.model.running() is not None, timeout=WAIT)
    window.model.stop()
    qtbot.waitUntil(lambda: window.model.running() is None, timeout=WAIT)
    assert len(texts(window)) == 4


def test_words_during_an_answer_follow_it(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "queue")
    say(window, qtbot, "!slow x")
    qtbot.waitUntil(lambda: window.model.running() is not None, timeout=WAIT)
    say(window, qtbot, "second")
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and settled(window), timeout=WAIT)
    assert texts(window)[2:] == ["second", "你说：second"]


def test_a_service_killed_in_mid_answer(open_window: Open, fresh_service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, fresh_service, qtbot, "kill")
    say(window, qtbot, "!slow")
    qtbot.waitUntil(lambda: len(texts(window)) == 2 and len(texts(window)[1]) > 20, timeout=WAIT)
    fresh_service.kill()
    qtbot.waitUntil(lambda: window.model.state is State.OFFLINE, timeout=WAIT)
    say(window, qtbot, "said while it was away")
    qtbot.waitUntil(lambda: words(window.chat.display.rows()[-1]) == "goes out when the connection is back")
    fresh_service.start()
    qtbot.waitUntil(lambda: window.model.state is State.LIVE, timeout=60_000)
    qtbot.waitUntil(lambda: len(texts(window)) == 4 and window.model.running() is None, timeout=WAIT)
    broken, answer = window.model.messages()[1], window.model.messages()[3]
    assert broken.status == "interrupted" and broken.content.startswith("慢慢地")
    assert answer.content == "你说：said while it was away"
    qtbot.waitUntil(lambda: texts(window)[1] == broken.content, timeout=WAIT)


def test_a_wrong_token(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = open_window(service.url, "wrong", live=False)
    qtbot.waitUntil(lambda: window.model.state is State.REFUSED, timeout=WAIT)
    qtbot.waitUntil(lambda: "This token is not known here" in window.chat.connection.words, timeout=WAIT)
    window.model.link.use_token(service.token)
    qtbot.waitUntil(lambda: window.model.state is State.LIVE, timeout=WAIT)
