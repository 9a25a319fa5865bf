"""Makes the pictures in docs/images/tui: `python tests/tui/pictures.py [NAME ...]` (needs chromium).

Each picture is the real app on the fake world: its screen, cell by cell, as an SVG that a browser draws.
"""

from __future__ import annotations

import asyncio
import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from pathlib import Path

from aichat_tui import clock
from msgspec.structs import replace
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual._ansi_theme import MONOKAI
from textual.pilot import Pilot
from textual.strip import Strip

from aichat.protocol.values import AI, USER, Failure
from tests.tui.stage import Stage, until
from tests.tui.world import World

OUT = Path(__file__).parents[2] / "docs/images/tui"

SKY = """\
## 结论

天空是蓝色的，因为大气分子对**短波长的光**散射得更强，这叫做“瑞利散射”。

1. **阳光是混合光**：红、橙、黄、绿、蓝、紫，各有各的波长。
2. **空气分子很小**：比可见光的波长小得多，散射强度与波长的四次方成反比。
3. **蓝光被散射得多**：波长约 450 nm 的蓝光，散射强度大约是 700 nm 红光的 5.9 倍。

| 颜色 | 波长 | 相对散射 |
|---|---:|---:|
| 红 | 700 nm | 1.0 |
| 绿 | 550 nm | 2.6 |
| 蓝 | 450 nm | 5.9 |

```python
def scattering(nm: float) -> float:
    \"\"\"Relative to red light.\"\"\"
    return (700 / nm) ** 4  # about 5.9 for blue
```

> 小题：傍晚的太阳为什么是红色的？
"""
MEAN = """\
1. **bug** · line 1: an empty list raises `ZeroDivisionError`. Say what you want instead, or use `statistics.mean`.
2. **risk** · no type hints: a generator would fail at `len(xs)`.

```diff
-def mean(xs): return sum(xs) / len(xs)
+def mean(xs: Sequence[float]) -> float:
+    if not xs:
+        raise ValueError("mean of nothing")
+    return sum(xs) / len(xs)
```
"""
STORM = """\
The wind had dropped to nothing, mate, and that was the worst of it. The *Grey Heron* lay on a sea like slate, and \
somewhere under the keel I heard a sound like a door closing.

Then it came out of the north"""


BROKE_OFF = "The answer broke off before its end; what came is kept."


def world() -> World:
    now = clock.now().astimezone(UTC)

    def at(minutes: float) -> str:
        return f"{now - timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"

    w = World()
    w.time = at(0)
    for title, age in (("Knots for beginners", 30000), ("A letter to the harbour master", 9000)):
        w.add_message(w.add_conversation("mara", title, at(age)), USER, title, send_time=at(age))
    old = w.add_conversation("mara", "The island that was not on the chart", at(3000))
    w.add_message(old, USER, "What is the strangest thing you saw at sea?", send_time=at(3000))
    w.add_message(old, AI, "An island, and no island on the chart.", send_time=at(2999))
    rain = w.add_conversation("xiaoyu", "今天这场雨", at(1500))
    w.add_message(rain, USER, "把今天这场雨写成一篇小日记", send_time=at(1500))
    review = w.add_conversation("reviewer", "def mean(xs)", at(200))
    w.add_message(review, USER, "Review: def mean(xs): return sum(xs) / len(xs)", send_time=at(200))
    w.add_message(review, AI, MEAN, send_time=at(199), model=w.model)
    sky = w.add_conversation("xueba", "为什么天空是蓝色的？", at(9))
    w.add_message(sky, USER, "为什么天空是蓝色的？请分步讲给我听", send_time=at(9), request_id="q1")
    w.add_message(sky, AI, SKY, send_time=at(8), model=w.model, reasoning="先说结论，再分步。", reasoning_ms=6000)
    return w


async def chat(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")


async def code(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.desk.choose_persona("reviewer")
    stage.app.on_state()
    await until(pilot, "diff")


async def streaming(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.desk.choose_persona("mara")
    stage.app.on_state()
    await until(pilot, "no island")
    stage.desk.say("Tell me about the worst storm you ever met")
    answer = stage.world.running()[0]
    stage.world.grow(answer, reasoning="A storm story. Start inside the scene.")
    stage.world.grow(answer, STORM)
    await until(pilot, "out of the north")


async def empty(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.desk.choose_persona("xiaoyu")
    await pilot.press("ctrl+n")
    await pilot.press("down")
    await until(pilot, "陪我说说话")


async def offline(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.link.reachable = False
    stage.link.drop()
    await pilot.press(*"What about sunsets?")
    await pilot.press("enter")
    await until(pilot, "sending")


async def broken(stage: Stage, pilot: Pilot[None]) -> None:
    await streaming(stage, pilot)
    stage.world.finish(stage.world.running()[0], "interrupted",
                       Failure(code="upstream_interrupted", message=BROKE_OFF), ms=4000)  # fmt: skip
    await until(pilot, "broke off")


async def history(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.desk.choose_persona("mara")
    stage.app.on_state()
    await until(pilot, "no island")
    await pilot.press("ctrl+o")
    await until(pilot, "Knots")


async def persona(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("ctrl+b", "e")
    await until(pilot, "Starter")


async def delete(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("ctrl+b", "d")
    await until(pilot, "cannot be undone")


async def help_page(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("f1")
    await until(pilot, "Continue the answer")


async def login(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    stage.app.action_log_out()
    await until(pilot, "User name")
    await pilot.press(*"wei", "enter", *"secret", "enter")
    await until(pilot, "The name or the password is wrong.")


async def lost(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "Nobody answers")


async def settings(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("f2")
    await pilot.pause(0.1)


async def palette(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("ctrl+k")
    await until(pilot, "Captain Mara  ")
    await pilot.pause(0.2)


async def search(stage: Stage, pilot: Pilot[None]) -> None:
    await until(pilot, "小题")
    await pilot.press("ctrl+f", *"the")
    await until(pilot, "harbour")


async def three(stage: Stage, pilot: Pilot[None]) -> None:
    for number, conversation in enumerate(list(stage.world.conversations.values())):
        tags = {"Knots for beginners": ["knots"], "def mean(xs)": ["python"]}.get(conversation.title, [])
        changed = replace(conversation, tags=tags, pinned=number == 0)
        stage.world.conversations[conversation.id] = changed
    await until(pilot, "小题")
    stage.desk.choose_persona("mara")
    stage.app.on_state()
    await until(pilot, "no island")


def chinese(play: Play) -> Play:
    """The same, in Chinese."""

    async def speaking(stage: Stage, pilot: Pilot[None]) -> None:
        await play(stage, pilot)
        stage.app.speak("zh_CN")
        await pilot.pause(0.1)

    return speaking


Play = Callable[[Stage, Pilot[None]], Awaitable[None]]
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
PICTURES: dict[str, tuple[Play, tuple[int, int], str]] = {
    "chat-120x40-dark": (chat, MIDDLE, "aichat-dark"),
    "chat-120x40-light": (chat, MIDDLE, "aichat-light"),
    "chat-80x24-dark": (chat, SMALL, "aichat-dark"),
    "chat-200x60-dark": (chat, LARGE, "aichat-dark"),
    "code-120x40-dark": (code, MIDDLE, "aichat-dark"),
    "streaming-120x40-dark": (streaming, MIDDLE, "aichat-dark"),
    "streaming-80x24-light": (streaming, SMALL, "aichat-light"),
    "empty-120x40-dark": (empty, MIDDLE, "aichat-dark"),
    "empty-80x24-light": (empty, SMALL, "aichat-light"),
    "offline-120x40-dark": (offline, MIDDLE, "aichat-dark"),
    "broken-120x40-dark": (broken, MIDDLE, "aichat-dark"),
    "history-120x40-dark": (history, MIDDLE, "aichat-dark"),
    "history-80x24-light": (history, SMALL, "aichat-light"),
    "persona-120x40-dark": (persona, MIDDLE, "aichat-dark"),
    "persona-80x24-light": (persona, SMALL, "aichat-light"),
    "delete-120x40-light": (delete, MIDDLE, "aichat-light"),
    "help-120x40-dark": (help_page, MIDDLE, "aichat-dark"),
    "help-80x24-light": (help_page, SMALL, "aichat-light"),
    "drawer-60x24-dark": (persona, (60, 24), "aichat-dark"),
    "login-120x40-dark": (login, MIDDLE, "aichat-dark"),
    "login-80x24-light": (login, SMALL, "aichat-light"),
    "lost-80x24-dark": (lost, SMALL, "aichat-dark"),
    "settings-100x30-dark": (settings, (100, 30), "aichat-dark"),
    "settings-100x30-terminal": (settings, (100, 30), "terminal-dark"),
    "search-120x40-light": (search, MIDDLE, "aichat-light"),
    "palette-120x40-dark": (palette, MIDDLE, "aichat-dark"),
    "three-200x60-dark": (three, LARGE, "aichat-dark"),
    "chinese-120x40-dark": (chinese(chat), MIDDLE, "aichat-dark"),
    "chinese-120x40-light": (chinese(settings), MIDDLE, "aichat-light"),
}


CELL, LINE = 9.0, 20
MONO, WIDE = "DejaVu Sans Mono", "Noto Sans CJK SC"


async def strips(play: Play, size: tuple[int, int], theme: str) -> list[Strip]:
    stage = Stage(world(), theme=theme, reachable=play is not lost)
    async with stage.app.run_test(size=size) as pilot:
        await play(stage, pilot)
        await pilot.pause()
        return stage.app.screen._compositor.render_strips()


def svg(lines: list[Strip], size: tuple[int, int]) -> str:
    """Every character in its cell, as a terminal does it (Textual's own export is blind to wide ones)."""
    width, height = round(size[0] * CELL), size[1] * LINE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">']
    for row, strip in enumerate(lines):
        column = 0
        for text, style, _control in strip:
            out.append(run(text, style or Style(), column * CELL, row * LINE))
            column += cell_len(text)
    return "".join(out) + "</svg>"


def run(text: str, style: Style, x: float, y: float) -> str:
    """A run of one style: its ground, and its characters."""
    fore, back = style.color or Color.parse("white"), style.bgcolor or Color.parse("black")
    if style.reverse:
        fore, back = back, fore
    colour = fore.get_truecolor(MONOKAI).hex
    ground = back.get_truecolor(MONOKAI, foreground=False).hex
    looks = f'fill="{colour}"' + (' font-weight="bold"' if style.bold else "")
    looks += ' font-style="italic"' if style.italic else ""
    looks += ' text-decoration="underline"' if style.underline else ""
    looks += ' text-decoration="line-through"' if style.strike else ""
    width = cell_len(text) * CELL + 0.5
    out = [f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LINE + 0.5}" fill="{ground}"/>']
    for piece in re.finditer(r"[\x21-\x7e]+|[^\x20-\x7e]", text):
        at = x + cell_len(text[: piece.start()]) * CELL
        out.append(glyphs(piece[0], at, y, colour, looks))
    return "".join(out)


def glyphs(piece: str, x: float, y: float, colour: str, looks: str) -> str:
    """A run of Latin, or one other character; lines and blocks are drawn, so that they join."""
    half = CELL / 2
    boxes = {
        "│": (half, 0, 1, LINE),
        "─": (0, LINE / 2, CELL, 1),
        "▌": (0, 0, half, LINE),
        "▐": (half, 0, half, LINE),
        "▎": (0, 0, CELL / 4, LINE),
        "▍": (0, 2, CELL / 3, LINE - 4),
    }
    if piece in boxes:
        left, top, width, height = boxes[piece]
        return f'<rect x="{x + left:.1f}" y="{y + top}" width="{width:.1f}" height="{height}" fill="{colour}"/>'
    if cell_len(piece) == 2 and len(piece) == 1:
        looks += f' font-family="{WIDE}" font-size="17"'
    else:
        looks += f' font-family="{MONO}" font-size="15" textLength="{cell_len(piece) * CELL:.1f}"'
    return f'<text x="{x:.1f}" y="{y + 15}" {looks}>{html.escape(piece)}</text>'


def png(drawing: str, size: tuple[int, int], target: Path) -> None:
    """Draw an SVG with the browser, at its own size."""
    width, height = round(size[0] * CELL), size[1] * LINE
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(f"<meta charset=utf-8><style>body{{margin:0}}svg{{display:block}}</style>{drawing}", "utf-8")
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={target}",
             f"--window-size={width},{height}", f"file://{page}"],
            check=True, capture_output=True,
        )  # fmt: skip


def main(names: list[str], out: Path = OUT) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, (play, size, theme) in PICTURES.items():
        if not names or any(name.startswith(wanted) for wanted in names):
            png(svg(asyncio.run(strips(play, size, theme)), size), size, out / f"{name}.png")
            print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
