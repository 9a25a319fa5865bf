"""English and Chinese: everything said is translated, and the window changes while it runs."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import linguist
import pytest
from aichat_qt import languages as languages_module
from aichat_qt.__main__ import build
from aichat_qt.languages import FOLDER, NAMES, languages, of_system
from aichat_qt.main_window import MainWindow
from aichat_qt.shortcuts_sheet import ShortcutsSheet
from PySide6.QtCore import QLocale, QSettings
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from aichat.protocol.address import Address
from tests.qt.conftest import Open
from tests.qt.fake_server import FakeServer
from tests.qt.test_chat import say
from tests.qt.test_service import settled, visit
from tests.service import RunningService

CODE = Path(linguist.__file__).parent / "aichat_qt"
HOLES = re.compile(r"\{\w*\}|%n|%\d")
SAYS = {
    "setText", "setToolTip", "setPlaceholderText", "setAccessibleName", "setAccessibleDescription", "setWindowTitle",
    "addAction", "addMenu", "addTab", "setTitle", "say", "notice", "button", "label", "IconButton", "Question",
    "setStatusTip", "setWhatsThis", "addItem", "ask_line", "ask_delete", "emit", "set_placeholder", "setLabelText",
}  # fmt: skip
"""What shows its literal arguments to a person."""
OWN_NAMES = {"aichat"}


def test_the_ts_is_in_step_with_the_code(tmp_path: Path) -> None:
    """`make translations` does it."""
    for language in linguist.LANGUAGES:
        kept = FOLDER / f"aichat_{language}.ts"
        fresh = tmp_path / kept.name
        shutil.copy(kept, fresh)
        linguist.update(fresh)
        lost = linguist.said(fresh).keys() ^ linguist.said(kept).keys()
        assert not lost, f"run `make translations`: {sorted(lost)}"


@pytest.mark.parametrize("language", linguist.LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    assert not linguist.missing(FOLDER / f"aichat_{language}.ts")


@pytest.mark.parametrize("language", linguist.LANGUAGES)
def test_what_is_filled_in_stays(language: str) -> None:
    """`{0}` of the source is in the translation too, as often."""
    for (_, source), text in linguist.said(FOLDER / f"aichat_{language}.ts").items():
        assert sorted(HOLES.findall(source)) == sorted(HOLES.findall(text)), (source, text)


@pytest.mark.parametrize("language", linguist.LANGUAGES)
def test_the_compiled_file_is_that_of_the_ts(language: str, tmp_path: Path) -> None:
    ts = FOLDER / f"aichat_{language}.ts"
    linguist.compile_(ts, tmp_path / "fresh.qm")
    assert (tmp_path / "fresh.qm").read_bytes() == ts.with_suffix(".qm").read_bytes(), "run `make translations`"


def literals(call: ast.Call) -> Iterator[str]:
    """Strings that a call shows as they are: not inside another call, which may be `tr`."""
    for argument in [*call.args, *(k.value for k in call.keywords if k.arg in {"words", "title", "verb"})]:
        parts = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value
            elif isinstance(part, ast.JoinedStr):
                yield "".join(
                    v.value for v in part.values if isinstance(v, ast.Constant) and isinstance(v.value, str)
                )


def is_prose(text: str) -> bool:
    """Words for a person: with a capital and a small letter or a blank, and no name of ours."""
    return bool(re.search(r"[A-Z][a-z]|[a-z] [a-z]", text)) and text not in OWN_NAMES and "{" not in text


def test_nothing_is_said_that_is_not_extracted() -> None:
    found = []
    for path in sorted(CODE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in SAYS:
                    found += [f"{path.name}:{node.lineno}: {text!r}" for text in literals(node) if is_prose(text)]
    assert not found, "wrap these in self.tr or _tr"


def test_tr_is_called_so_that_it_is_found() -> None:
    """By `self.tr` or `_tr` with a literal: anything else has a context that the app does not look in."""
    wrong = []
    for path in sorted(CODE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            by_self = isinstance(node.func, ast.Attribute) and node.func.attr == "tr"
            if by_self or (isinstance(node.func, ast.Name) and node.func.id == "_tr"):
                literal = bool(node.args) and isinstance(node.args[0], ast.Constant)
                on_self = not by_self or ast.unparse(node.func).startswith("self.")
                if not (literal and on_self):
                    wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong


def shown(window: QWidget) -> set[str]:
    """Everything that a window and what is in it says, to eyes and to screen readers."""
    result = set()
    for widget in [window, *window.findChildren(QWidget)]:
        result |= {widget.accessibleName(), widget.toolTip()}
        if isinstance(widget, QLabel | QAbstractButton):
            result.add(widget.text())
        if isinstance(widget, QLineEdit | QPlainTextEdit):
            result.add(widget.placeholderText())
        result |= {action.text() for action in widget.actions()}
    return result


def english(texts: set[str]) -> list[str]:
    """Those with an English word, apart from keys and names."""
    bare = {re.sub(r"Ctrl|Shift|Alt|Enter|Esc|F\d+|Del|Home|End|Tab|PgUp|PgDown|<[^>]*>", "", text) for text in texts}
    names = ("aichat", "English", "Captain Mara", "Language", "Markdown")
    for name in names:
        bare = {text.replace(name, "") for text in bare}
    return sorted(text for text in bare if re.search(r"[A-Za-z]{3,}", text))


def test_the_window_changes_its_language_while_it_runs(window: MainWindow, server: FakeServer, qtbot: QtBot) -> None:
    say(window, qtbot, "hi")
    qtbot.waitUntil(lambda: server.is_running() and len(window.chat.display.rows()) == 2)
    window.chat.input.set_text("half a thou")
    assert "New persona" in shown(window)
    languages().choose("zh_CN")
    assert "新建人设" in shown(window)
    assert not english(shown(window) - {"hi"})
    assert window.chat.input.text() == "half a thou"
    assert window.chat.display.isVisible() and [r.content for r in window.chat.display.rows()] == ["hi", ""]
    server.delta("an answer")
    qtbot.waitUntil(lambda: window.chat.display.rows()[-1].content == "an answer")
    languages().choose("en")
    assert "New persona" in shown(window) and "新建人设" not in shown(window)
    assert window.chat.display.rows()[-1].content == "an answer"


def test_the_sheet_and_the_menu_are_chinese_too(window: MainWindow, qtbot: QtBot) -> None:
    languages().choose("zh_CN")
    sheet = ShortcutsSheet(window.deeds, window)
    qtbot.addWidget(sheet)
    assert not english(shown(sheet))
    assert not english({action.text() for action in window.menu.actions()} - {"语言 (Language)"})


def test_qt_speaks_it_too_and_so_do_dates(dressed: QApplication) -> None:
    languages().choose("zh_CN")
    assert dressed.translate("QPlatformTheme", "Cancel") == "取消"
    assert QLocale().dayName(1) == "星期一"
    languages().choose("en")
    assert dressed.translate("QPlatformTheme", "Cancel") == "Cancel"
    assert QLocale().dayName(1) == "Monday"


def test_a_choice_is_remembered(dressed: QApplication, server: FakeServer, tmp_path: Path, qtbot: QtBot) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    window = build(lambda: Address(server.url, ""), settings)
    qtbot.addWidget(window)
    window.menu.choose_language("zh_CN")
    assert settings.value("language") == "zh_CN" and languages().current == "zh_CN"
    assert [a.text() for a in window.menu.languages.actions() if a.isChecked()] == [NAMES["zh_CN"]]
    window.menu.choose_language("")
    assert settings.value("language") == "" and languages().current == of_system()


@pytest.mark.parametrize(
    ("preferred", "expected"), [(["zh-Hans-CN"], "zh_CN"), (["fr-FR", "zh"], "zh_CN"), (["fr"], "en"), ([], "en")]
)
def test_the_systems_language(monkeypatch: pytest.MonkeyPatch, preferred: list[str], expected: str) -> None:
    class System:
        @staticmethod
        def system() -> System:
            return System()

        def uiLanguages(self) -> list[str]:
            return preferred

        Language = QLocale.Language

        def __new__(cls, name: str = "") -> object:  # type: ignore[misc]
            return QLocale(name) if name else object.__new__(cls)

    monkeypatch.setattr(languages_module, "QLocale", System)
    assert of_system() == expected


def test_on_the_real_service(open_window: Open, service: RunningService, qtbot: QtBot) -> None:
    window = visit(open_window, service, qtbot, "语言")
    say(window, qtbot, "hello")
    qtbot.waitUntil(lambda: len(window.model.messages()) == 2 and settled(window), timeout=20_000)
    languages().choose("zh_CN")
    assert window.chat.input.composer.placeholderText() == "发消息给 语言"
    qtbot.waitUntil(lambda: [r.content for r in window.chat.display.rows()] == ["hello", "你说：hello"])
    say(window, qtbot, "再来")
    qtbot.waitUntil(lambda: len(window.model.messages()) == 4 and settled(window), timeout=20_000)
