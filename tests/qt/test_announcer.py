"""What a screen reader is told while an answer comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aichat_qt.announcer import Announcer, audible, finished
from aichat_qt.main_window import MainWindow
from PySide6.QtGui import QAccessible
from pytestqt.qtbot import QtBot

from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_chat import say
from tests.qt.test_service import settled, visit
from tests.service import RunningService


@pytest.fixture
def listening() -> Iterator[None]:
    """A screen reader is there."""
    QAccessible.setActive(True)
    yield
    QAccessible.setActive(False)


def heard(window: MainWindow) -> list[str]:
    said: list[str] = []
    window.announcer.announced.connect(said.append)
    return said


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("你好。再", 3),
        ("Hello. Wor", 6),
        ("3.14 is", 0),
        ("Is it? Yes!", 11),
        ("他说：“走。”然后", 7),
        ("", 0),
        ("line\nnext", 5),
    ],
)
def test_sentences(text: str, end: int) -> None:
    assert finished(text) == end


def test_code_is_not_read_out() -> None:
    text = "See **this**:\n\n```python\nprint(1)\n```\nDone.\n\n```\nx = 1"
    assert audible(text, "Code.", whole=False) == "See this:\n\nCode.\nDone.\n\n"
    assert audible(text, "Code.", whole=True) == "See this:\n\nCode.\nDone.\n\nCode."


def test_whole_sentences_without_flooding(
    window: MainWindow, server: FakeServer, qtbot: QtBot, listening: None
) -> None:
    said = heard(window)
    say(window, qtbot, "hi")
    qtbot.waitUntil(server.is_running)
    for piece in ("First sen", "tence. Sec", "ond one. ", "Third", " one. And", " half"):
        with qtbot.waitSignal(window.model.live_grew):
            server.delta(piece)
    assert said == ["First sentence."], "the second and third wait until the first was heard"
    server.finish()
    qtbot.waitUntil(lambda: len(said) == 2)
    assert said[1] == "Second one. Third one. And half"


def test_nothing_is_done_while_nobody_listens(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    said = heard(window)
    say(window, qtbot, "hi")
    qtbot.waitUntil(server.is_running)
    with qtbot.waitSignal(window.model.live_grew):
        server.delta("One. Two. ")
    assert not said


def test_who_falls_behind_hears_the_newest(window: MainWindow, qtbot: QtBot) -> None:
    announcer = Announcer(window.model, window)
    said: list[str] = []
    announcer.announced.connect(said.append)
    announcer._say("Now. ")
    announcer._say("Old sentence. " * 100 + "The newest.")
    qtbot.waitUntil(lambda: len(said) == 2)
    assert len(said[1]) <= 600 and said[1].startswith("Old sentence.") and said[1].endswith("The newest.")


def test_on_the_real_service(open_window: Open, service: RunningService, qtbot: QtBot, listening: None) -> None:
    window = visit(open_window, service, qtbot, "read to me")
    said = heard(window)
    say(window, qtbot, "你好")
    qtbot.waitUntil(lambda: len(window.model.messages()) == 2 and settled(window), timeout=20_000)
    qtbot.waitUntil(lambda: " ".join(said) == "你说：你好", timeout=20_000)
