"""Every screen at two sizes, compared with what it looked like: `AICHAT_TUI_UPDATE=1 pytest ...` writes anew.

A capture that changes is not a fault by itself: look at it, then update it.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aichat_tui import clock, i18n

from tests.tui import pictures
from tests.tui.pictures import Play
from tests.tui.stage import Stage, screen_text

CAPTURES = Path(__file__).parent / "screens"
PLAYS: dict[str, Play] = {
    "chat": pictures.chat,
    "streaming": pictures.streaming,
    "empty": pictures.empty,
    "offline": pictures.offline,
    "broken": pictures.broken,
    "history": pictures.history,
    "persona": pictures.persona,
    "delete": pictures.delete,
    "help": pictures.help_page,
    "login": pictures.login,
    "lost": pictures.lost,
    "settings": pictures.settings,
    "search": pictures.search,
    "chat-zh": pictures.chinese(pictures.chat),
    "settings-zh": pictures.chinese(pictures.settings),
    "history-zh": pictures.chinese(pictures.history),
    "help-zh": pictures.chinese(pictures.help_page),
}
SIZES = [(80, 24), (120, 40)]


async def capture(play: Play, size: tuple[int, int]) -> str:
    stage = Stage(pictures.world(), reachable=play is not pictures.lost)
    async with stage.app.run_test(size=size) as pilot:
        await play(stage, pilot)
        await pilot.pause()
        text = screen_text(stage.app)
    for line in text.splitlines():
        assert len(line) <= size[0]
    # The bar's thumb ends in parts of a cell that depend on rounding, the seconds on the clock.
    return re.sub(r"[▁▂▃▄▅▆▇█]", "", re.sub(r"in \d+ s", "in N s", text)) + "\n"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is always the same noon, in the same zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        i18n.speak("en")
        patch.setattr(clock, "now", lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
        yield
    i18n.speak("en")
    time.tzset()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", PLAYS)
def test_screen(name: str, size: tuple[int, int]) -> None:
    text = "\n".join(line.rstrip() for line in asyncio.run(capture(PLAYS[name], size)).splitlines()) + "\n"
    known = CAPTURES / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("AICHAT_TUI_UPDATE"):
        CAPTURES.mkdir(exist_ok=True)
        known.write_text(text, "utf-8")
    assert text == known.read_text("utf-8")
