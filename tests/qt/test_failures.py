"""What the server says in English is said in the reader's language, and its own words are not lost."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from aichat_qt.failures import MEANINGS, SENTENCES, said
from aichat_qt.languages import languages
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import aichat
from aichat.protocol.errors import ERRORS
from tests.qt.conftest import Open
from tests.qt.test_chat import say, words
from tests.qt.test_service import WAIT, visit
from tests.service import RunningService

CHINESE = re.compile("[\u4e00-\u9fff]")


def literals() -> set[str]:
    """Every string in the server's code; what is filled in stands as {0}, {1}."""
    result = set()
    for path in Path(aichat.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                result.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                holes = iter(range(9))
                result.add(
                    "".join(v.value if isinstance(v, ast.Constant) else f"{{{next(holes)}}}" for v in node.values)
                )
    return result


def test_the_lists_are_the_servers() -> None:
    assert set(MEANINGS) == {kind.meaning for kind in ERRORS.values()}
    assert not set(SENTENCES) - literals(), "the server says these in other words now"


def test_every_code_and_sentence_is_translated(dressed: QApplication) -> None:
    for code, kind in ERRORS.items():
        assert said(kind.meaning, code) == kind.meaning
    languages().choose("zh_CN")
    for code, kind in ERRORS.items():
        assert CHINESE.search(said(kind.meaning, code)), code
    for source in SENTENCES:
        filled = source.format("Q1", "Q2")
        text = said(filled)
        assert CHINESE.search(text) and [q in text for q in ("Q1", "Q2")] == [q in filled for q in ("Q1", "Q2")]


def test_the_servers_own_words_stay(dressed: QApplication) -> None:
    words = "The model service failed or is overloaded. It says: fake 500"
    assert said(words, "upstream_unavailable") == words
    languages().choose("zh_CN")
    assert said(words, "upstream_unavailable") == "模型服务出错或过载。（fake 500）"
    assert said("The model service failed or is overloaded. (HTTP 502)", "upstream_unavailable").endswith(
        "（HTTP 502）"
    )
    assert said("Something new.", "conflict") == "当前状态不允许这样做。（Something new.）"
    assert said("Something new.", "of_tomorrow") == said("Something new.") == "Something new."


def test_an_answer_that_failed_in_a_chinese_window(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "failed in Chinese")
    languages().choose("zh_CN")
    say(window, qtbot, "!status 500")
    qtbot.waitUntil(lambda: [m.status for m in window.model.messages()][1:] == ["failed"], timeout=WAIT)
    qtbot.waitUntil(lambda: "模型服务出错或过载" in words(window.chat.display.rows()[-1]))
