"""English and Chinese: everything said is translated, and the app changes while it runs."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator

import pytest
import translate
from aichat_tui import i18n

from tests.tui.stage import Stage, until

CODE = translate.CODE
SAYS = {
    "Static", "Words", "Notice", "Button", "Check", "Question", "OneLine", "SystemCommand", "notify", "say", "_say",
    "update", "complain", "print", "write", "finish", "show", "status", "Label", "Option", "Field",
}  # fmt: skip
"""What shows its literal arguments to a person."""
KEYWORDS = {"placeholder", "help", "description", "epilog", "title", "label", "tooltip"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(CODE.rglob("*.py")):
        yield path.relative_to(CODE).as_posix(), ast.parse(path.read_text("utf-8"))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.speak("en")
    yield
    i18n.speak("en")


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_the_po_is_in_step_with_the_code(language: str) -> None:
    kept = translate.po(language).read_bytes()
    fresh = translate.as_text(translate.updated(translate.read(translate.po(language))))
    assert fresh == kept, "run `make translations`"


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    assert not translate.lacking(translate.read(translate.po(language)))


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_the_compiled_file_is_that_of_the_po(language: str) -> None:
    path = translate.po(language)
    assert path.with_suffix(".mo").read_bytes() == translate.compiled(translate.read(path)), "run `make translations`"


def literals(call: ast.Call) -> Iterator[str]:
    """Strings that a call shows as they are: not inside another call, which may be `_`."""
    named = [k.value for k in call.keywords if k.arg in KEYWORDS]
    direct = list(call.args) if getattr(call.func, "attr", getattr(call.func, "id", "")) in SAYS else []
    for argument in direct + named:
        for part in [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value
            elif isinstance(part, ast.JoinedStr):
                yield "".join(str(v.value) for v in part.values if isinstance(v, ast.Constant))


def is_prose(text: str) -> bool:
    """Words for a person: a capital and a small letter, or two words in a row."""
    return bool(re.search(r"[A-Z][a-z]{2,}|[a-z]{2,} [a-z]{2,}", text))


def test_nothing_is_said_that_is_not_extracted() -> None:
    found = [
        f"{name}:{node.lineno}: {text!r}"
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for text in literals(node)
        if is_prose(text)
    ]
    assert not found, "wrap these in _, plural or N_"


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def test_words_are_looked_up_when_they_are_said() -> None:
    """`_` where a module or a class is made would speak for ever what was spoken at the start: `N_` belongs there."""
    wrong = []
    for name, tree in sources():
        inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                  for part in (f.body if isinstance(f.body, list) else [f.body]) for n in ast.walk(part)}  # fmt: skip
        wrong += [f"{name}:{c.lineno}" for c in calls(tree, "_", "plural") if id(c) not in inside]
    assert not wrong, "mark these by N_, and say them by _ when they are drawn"


def test_what_is_marked_is_a_literal() -> None:
    """Anything else is not found by the tool."""
    wrong = []
    for name, tree in sources():
        for call in calls(tree, "N_", "plural", "_"):
            first = call.args[0]
            if isinstance(first, ast.JoinedStr | ast.BinOp) or (
                not isinstance(first, ast.Constant) and call.func.id != "_"  # type: ignore[attr-defined]
            ):
                wrong.append(f"{name}:{call.lineno}: {ast.unparse(call)}")
        for call in calls(tree, "Binding"):
            words = call.args[2] if len(call.args) > 2 else None
            if not (isinstance(words, ast.Call) and ast.unparse(words.func) == "N_") and words is not None:
                wrong.append(f"{name}:{call.lineno}: {ast.unparse(call)}")
    assert not wrong


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_SG"}, "zh_CN"),
        ({"LC_ALL": "de_DE", "AICHAT_LANG": "zh"}, "zh_CN"),
        ({"LANG": "zh-Hans-CN", "LC_ALL": ""}, "zh_CN"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_environments_language(environ: dict[str, str], expected: str) -> None:
    assert i18n.of_environment(environ) == expected
    assert i18n.speak("", environ) == expected == i18n.current()


def test_plurals_and_holes() -> None:
    assert i18n.plural("{n} message waits here", "{n} messages wait here", 1) == "1 message waits here"
    i18n.speak("zh_CN")
    assert i18n.plural("{n} message waits here", "{n} messages wait here", 3) == "3 条消息等待发送"
    assert i18n._("") == "", "gettext would give the head of its file"


def test_the_app_changes_its_language_while_it_runs() -> None:
    async def play() -> None:
        stage = Stage()
        async with stage.app.run_test(size=(120, 40)) as pilot:
            await until(pilot, "Personas")
            await pilot.press(*"half a thou")
            stage.app.speak("zh_CN")
            text = await until(pilot, "人设")
            assert "发送" in text and "half a thou" in text
            assert not re.search(r"\b(Personas|Send|Quit|Help|History|live)\b", text), text
            await pilot.press("f1")
            assert "Everywhere" not in await until(pilot, "任何位置")
            await pilot.press("escape")
            stage.app.speak("en")
            assert "人设" not in await until(pilot, "Personas")

    asyncio.run(play())
