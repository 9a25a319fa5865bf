"""Themes, settings, command palette and help, on the whole app."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aichat_tui import i18n, theme
from aichat_tui.keys import places
from aichat_tui.prefs import Prefs, of_user
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from tests.tui import pictures
from tests.tui.stage import Stage, until


@pytest.fixture(autouse=True)
def english() -> object:
    i18n.speak("en")
    yield
    i18n.speak("en")


def test_every_theme_can_be_read() -> None:
    """Of ours that name colours, and of all of Textual's."""
    palettes = {n: p for n, p in theme.PALETTES.items() if p.window.startswith("#")}
    palettes |= {name: theme._derived(one) for name, one in BUILTIN_THEMES.items() if not one.ansi}
    for name, palette in palettes.items():
        for ink in ("text", "muted", "accent", "danger", "ok", "warn"):
            ground = Color.parse(palette.window)
            found = theme._contrast(Color.parse(getattr(palette, ink)), ground)
            assert found >= 4.5 or (ink == "text" and found > 4), (name, ink, found)
        assert theme._contrast(Color.parse(palette.on_accent), Color.parse(palette.accent)) >= 4.5, name


def test_every_theme_can_be_worn() -> None:
    """Each is put on over the settings and the chat; an unknown variable in the style sheet would raise."""

    async def play() -> None:
        stage = Stage(pictures.world())
        async with stage.app.run_test(size=(100, 30)) as pilot:
            await until(pilot, "小题")
            await pilot.press("f2")
            await until(pilot, "Appearance")
            for name in theme.titles(stage.app):
                stage.app.use_theme(name)
                await pilot.pause()
            await pilot.press("escape")
            await until(pilot, "小题")

    asyncio.run(play())


def test_the_terminals_own_colours_are_left_to_it() -> None:
    """What is drawn names the sixteen colours or none, so that nothing is turned into fixed ones."""

    async def play() -> None:
        stage = Stage(pictures.world(), theme="terminal-dark")
        async with stage.app.run_test(size=(100, 30)) as pilot:
            await until(pilot, "小题")
            assert stage.app.native_ansi_color
            styles = {s.style for strip in stage.app.screen._compositor.render_strips() for s in strip if s.style}
            colours = {c for style in styles for c in (style.color, style.bgcolor) if c is not None}
            assert not [c for c in colours if c.triplet is not None]

    asyncio.run(play())


def test_choices_are_kept(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(pictures.world())
        stage.app.prefs = Prefs(tmp_path / "aichat/tui.json")
        async with stage.app.run_test(size=(100, 30)) as pilot:
            await until(pilot, "小题")
            await pilot.press("f2")
            await until(pilot, "as the system")
            await pilot.press("right", "right")
            await until(pilot, "‹ 简体中文 ›")
            assert "外观" in await until(pilot, "设置")
            await pilot.press("j", "l")
            await until(pilot, "‹ 浅色 ›")

    asyncio.run(play())
    kept = Prefs(tmp_path / "aichat/tui.json")
    assert (kept["language"], kept["theme"]) == ("zh_CN", "aichat-light")
    assert Stage(pictures.world(), theme="").app.theme == "aichat-dark"


def test_what_is_kept_may_be_broken_or_shared(tmp_path: Path) -> None:
    (tmp_path / "tui.json").write_text("{")
    assert Prefs(tmp_path / "tui.json")["theme"] == ""
    (tmp_path / "tui.json").write_text('{"theme": 3, "language": "en"}')
    assert Prefs(tmp_path / "tui.json")["theme"] == "" and Prefs(tmp_path / "tui.json")["language"] == "en"
    confined = of_user({"AICHAT_CONFINED": "1"})
    confined["theme"] = "nord"
    assert confined._path is None


def test_the_palette_finds_what_can_be_done_and_where_to_go() -> None:
    async def play() -> None:
        stage = Stage(pictures.world())
        async with stage.app.run_test(size=(100, 30)) as pilot:
            await until(pilot, "小题")
            await pilot.press("ctrl+k")
            await until(pilot, "New conversation")
            await pilot.press(*"harbour")
            await until(pilot, "Conversation with Captain Mara")
            await pilot.press("enter")
            await until(pilot, "A letter to the harbour master")
            assert stage.desk.persona_id == "mara"
            await pilot.press("ctrl+p")
            await until(pilot, "New conversation")
            await pilot.press(*"nord")
            await until(pilot, "Colours: Nord")
            await pilot.press("enter")
            await until(pilot, lambda: stage.app.theme == "nord")

    asyncio.run(play())


def test_help_says_what_the_bindings_say() -> None:
    """Every place of a screen with all its keys, and no other words than those that are translated."""

    async def play() -> None:
        stage = Stage(pictures.world())
        async with stage.app.run_test(size=(160, 60)) as pilot:
            await until(pilot, "小题")
            found = places(stage.app.screen, stage.app)
            assert [place.title for place in found][-1] == "Everywhere"
            assert {"Chat", "Writing", "Conversation", "Personas"} < {place.title for place in found}
            await pilot.press("f1")
            text = await until(pilot, "Everywhere")
            for place in found:
                assert place.title in text
                for key in place.keys:
                    assert key.words.split()[0] in text and key.keys in text
            stage.app.speak("zh_CN")
            await until(pilot, "任何位置")

    asyncio.run(play())
