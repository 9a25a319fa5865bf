"""What the Qt app costs, each figure beside its goal: `bench/qt.py [--quick] [part…]`. Exit code 1 if one is missed.

A real service over the fake upstream of the tests runs as a process; the app runs offscreen in processes of its own,
with the Python that runs this. CPU is that of the app's whole process (imports and all threads included), a frame is
one turn of its event loop, in CPU of the thread that draws: a wall clock would measure who else uses the machine.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "clients/qt")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

MESSAGES = 10_000
TOKENS = 600
"""Of the streamed answer: 4 characters each, 10 ms apart."""
IDLE = 10.0

PIECE = """## 第 {n} 步 Step {n}

Some **bold** words and `code`, with a [link](https://example.org/{n}) 以及中文标点，读起来要舒服。

1. first, of $O(n \\log n)$
2. second
   - deeper

```python
def step_{n}(x: int) -> str:
    # 注释 comment
    return f"{{x ** 2}} and more"
```

> quoted words

| a | b |
|---|---|
| {n} | 二 |

"""


class Figure(NamedTuple):
    """One measured line; `most` 0: no goal, only told."""

    what: str
    value: float
    unit: str
    most: float

    @property
    def line(self) -> str:
        verdict = "" if not self.most else "met" if self.value <= self.most else "MISSED"
        goal = f"<= {self.most:g} {self.unit}" if self.most else ""
        return f"{self.what:<62} {self.value:>9.2f} {self.unit:<6} {goal:<12} {verdict}"


# the service's side


def fill(database: Path) -> None:
    """Give the owner a conversation of 10,000 messages and, newer, one of two."""
    with closing(sqlite3.connect(database)) as db, db:
        persona = db.execute("SELECT id FROM personas ORDER BY id LIMIT 1").fetchone()[0]
        seq = db.execute("SELECT seq FROM store").fetchone()[0]
        has_tree = any(row[1] == "parent_id" for row in db.execute("PRAGMA table_info(messages)"))
        for title, count in (("ten thousand", MESSAGES), ("two", 2)):
            seq += count + 1
            conversation = db.execute(
                "INSERT INTO conversations (persona_id, title, update_time, touched, seq) "
                "VALUES (?, ?, '2026-01-01 00:00:00', ?, ?)",
                (persona, title, seq, seq),
            ).lastrowid
            before = 0
            for n in range(count):
                text = PIECE.format(n=n) if n % 2 else f"问题 {n}: what do you think of it? " * 3
                row = {"conversation_id": conversation, "sender_type": n % 2, "content": text, "seq": seq - count + n}
                if has_tree:
                    row["parent_id"] = before
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                before = db.execute(f"INSERT INTO messages ({names}) VALUES ({marks})", tuple(row.values())).lastrowid
            if has_tree:
                db.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (before, conversation))
        db.execute("UPDATE store SET seq = ?", [seq])


# the app's side


class App:
    """The app as its `main` makes it, driven by this file; `folder` is where it keeps what was read."""

    def __init__(self, url: str, token_file: str, folder: Path) -> None:
        from functools import partial

        from aichat_qt.__main__ import build, dress, settle
        from PySide6.QtWidgets import QApplication

        from aichat.protocol.address import find_server

        self.qt = QApplication(sys.argv[:1])
        dress(self.qt)
        self.window = build(partial(find_server, url, token_file), folder=folder)
        self.window.resize(1280, 800)
        self.window.show()
        self.model = self.window.model
        self.display = self.window.chat.display
        self.model.link.connect_now()
        settle()

    def until(self, holds: Callable[[], Any], seconds: float = 120) -> None:
        """Run the event loop until something holds; it sleeps where nothing is to be done, as the app's own does."""
        from PySide6.QtCore import QEventLoop, QTimer

        ends = time.monotonic() + seconds
        loop, tick = QEventLoop(), QTimer(interval=5)
        tick.timeout.connect(lambda: loop.quit() if holds() or time.monotonic() > ends else None)
        tick.start()
        loop.exec()
        if not holds():
            raise RuntimeError("did not come")

    def rest(self, seconds: float) -> None:
        """Run the event loop for so long."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def choose(self, title: str) -> float:
        """Show a conversation -> CPU milliseconds until it is drawn."""
        number = next(c.id for c in self.model.timeline.conversations.values() if c.title == title)
        began = time.process_time()
        self.model.select_conversation(number)
        self.until(lambda: self.model.is_loaded() and self.display.rows())
        self.window.repaint()
        return (time.process_time() - began) * 1000

    @property
    def rss_mb(self) -> float:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @contextmanager
    def frames(self) -> Iterator[list[float]]:
        """CPU milliseconds of the drawing thread from one sleep of the event loop to the next."""
        from PySide6.QtCore import QAbstractEventDispatcher

        found: list[float] = []
        slept = time.thread_time()

        def sleeps() -> None:
            nonlocal slept
            now = time.thread_time()
            found.append((now - slept) * 1000)
            slept = now

        dispatcher = QAbstractEventDispatcher.instance()
        connection = dispatcher.aboutToBlock.connect(sleeps)
        yield found
        dispatcher.disconnect(connection)


def start(app: App) -> list[Figure]:
    """From the process's begin to messages one can answer, then left alone."""
    from aichat_qt.cursor_rest import REST_MS

    app.until(lambda: app.model.state.value == "live" and app.display.rows())
    usable = time.process_time()
    app.rest(REST_MS / 1000 + 2)  # the cursor blinks as long after the last key
    began = time.process_time()
    app.rest(IDLE)
    idle = 100 * (time.process_time() - began) / IDLE
    return [
        Figure("start to usable, CPU", usable, "s", 1.5),
        Figure("idle memory, RSS", app.rss_mb, "MB", 180),
        Figure("idle CPU", idle, "%", 0.1),
    ]


def reading(app: App) -> list[Figure]:
    """A conversation of 10,000 messages: opened, read back, searched."""
    app.until(lambda: app.model.state.value == "live" and app.display.rows())
    app.rest(1)
    first = app.choose("ten thousand")
    app.rest(1)
    bar = app.display.verticalScrollBar()
    with app.frames() as frames:
        while len(app.model.messages()) < 600:
            bar.setValue(bar.value() - 200)
            app.rest(0.016)
    scrolled = max(frames)
    while app.model.timeline.older[app.model.conversation_id]:
        app.model.load_older(500)
        app.until(lambda: not app.model.loading_older)
    app.rest(1)
    assert len(app.model.messages()) >= MESSAGES
    app.choose("two")
    app.rest(1)
    again = app.choose("ten thousand")
    app.rest(1)
    longest = max(say(app, "".join(PIECE.format(n=n) for n in range(4))))
    app.choose("two")  # the next start is there
    return [
        Figure(f"open {MESSAGES:,} messages, from the service, CPU", first, "ms", 100),
        Figure(f"open {MESSAGES:,} messages, all loaded before, CPU", again, "ms", 100),
        Figure("longest frame while scrolling up", scrolled, "ms", 50),
        Figure(f"longest frame, an answer below {MESSAGES:,} loaded messages", longest, "ms", 50),
        Figure(f"memory with all {MESSAGES:,} loaded, RSS", app.rss_mb, "MB", 0),
    ]


def kept(app: App) -> list[Figure]:
    """What `reading` loaded, opened from the disk after a new start; the next start begins there."""
    app.until(lambda: app.model.state.value == "live" and app.display.rows())
    app.rest(1)
    opened = app.choose("ten thousand")
    app.rest(1)
    app.model.link.close()
    app.display.hold()
    with app.frames() as frames:
        while app.model.load_older(500):
            app.rest(0.1)
    assert len(app.model.messages()) >= MESSAGES
    return [
        Figure(f"open {MESSAGES:,} messages, from the disk, CPU", opened, "ms", 100),
        Figure("longest frame, all of them read from the disk by 500", max(frames), "ms", 50),
    ]


def again(app: App) -> list[Figure]:
    """A start that begins where `kept` was."""
    app.until(lambda: app.model.state.value == "live" and app.display.rows())
    app.window.repaint()
    usable = time.process_time()
    assert app.model.conversation is not None and app.model.conversation.title == "ten thousand"
    return [Figure(f"start to {MESSAGES:,} messages from the disk, CPU", usable, "s", 1.5)]


def say(app: App, text: str, pause: int = 10) -> list[float]:
    """Have this text as an answer, a token each `pause` ms -> the frames meanwhile."""
    known = len(app.model.messages())
    with app.frames() as frames:
        app.model.post(f"!pace {pause} {text}")
        app.until(lambda: len(app.model.messages()) >= known + 2)
        frames.clear()  # of the question, which here is as long as the answer
        app.until(lambda: app.model.running() is None and not app.model.drafts())
        app.rest(0.5)
    answer = app.model.messages()[-1].content
    assert answer.strip() == text.strip(), (answer[-99:], text[-99:])
    return frames


def streaming(app: App) -> list[Figure]:
    """Answers that come at 100 tokens/s: usual, and such as a hostile or careless model gives."""
    from aichat.protocol import frames

    app.until(lambda: app.model.state.value == "live" and app.display.rows())
    app.rest(1)
    text = "".join(PIECE.format(n=n) for n in range(20))
    began, spent = time.monotonic(), time.process_time()
    usual = say(app, text[: TOKENS * 4])
    share = 100 * (time.process_time() - spent) / (time.monotonic() - began)
    table = "| a | b | c |\n|---|---|---|\n" + "".join(f"| {n} | some words {n} | 二 |\n" for n in range(1000))
    code = "```python\n" + "".join(f"def f{n}(x):\n    return x + {n}  # 注释\n" for n in range(500)) + "```\n"
    prose = "".join(
        f"Paragraph {n} of a very long answer, 一段很长的回答。" + "word " * 60 + "\n\n" for n in range(80)
    )
    costs = {}
    for what, hostile in (
        ("a table of 1,000 rows", table),
        ("1,000 lines of code", code),
        ("28,000 characters", prose),
    ):
        app.model.select_conversation(None)
        app.rest(0.3)
        costs[what] = max(say(app, hostile, pause=1))
    app.model.select_conversation(None)
    app.rest(0.3)
    app.model.post("!pace 600000 one two three four")
    app.until(lambda: app.model.running() is not None and app.model.running().content)
    message = app.model.running()
    length = len(message.content)
    grow = frames.MessageDelta(
        conversation_id=message.conversation_id, message_id=message.id, offset=length, content=text[: 4000 - length]
    )
    app.model.timeline.apply(grow)
    app.model.live_grew.emit(message.id)
    app.rest(0.5)
    flushes = []
    for n in range(60):
        at = 4000 + 16 * n
        piece = text[at - length : at - length + 16]
        app.model.timeline.apply(
            frames.MessageDelta(
                conversation_id=message.conversation_id, message_id=message.id, offset=at, content=piece
            )
        )
        began = time.thread_time()
        app.model.live_grew.emit(message.id)
        app.qt.processEvents()
        flushes.append((time.thread_time() - began) * 1000)
    app.model.stop()
    app.until(lambda: app.model.running() is None)
    return [
        Figure("one flush of live text at 4,000 characters, drawn, median", statistics.median(flushes), "ms", 8),
        Figure("the same, longest of 60", max(flushes), "ms", 0),
        Figure("longest frame at 100 tokens/s", max(usual), "ms", 50),
        Figure("CPU while streaming at 100 tokens/s", share, "%", 0),
        *(Figure(f"longest frame, {what} streams in", cost, "ms", 50) for what, cost in costs.items()),
    ]


PARTS = {"start": start, "reading": reading, "kept": kept, "again": again, "streaming": streaming}


def child(part: str, url: str, token_file: str, folder: str) -> None:
    app = App(url, token_file, Path(folder))
    figures = PARTS[part](app)
    app.window.close()
    print(json.dumps(figures))


def main() -> int:
    from tests.service import running_service

    repeats = 1 if "--quick" in sys.argv else 3
    figures: dict[str, list[Figure]] = {}
    with running_service() as service, tempfile.TemporaryDirectory() as folders:
        service.stop()
        fill(service.state_dir / "chat.db")
        service.start()
        folder = ""
        for part in [part for part in PARTS if part in sys.argv] or PARTS:
            for _ in range(1 if part == "streaming" else repeats):
                if part not in {"kept", "again"}:  # those begin where another part ended
                    folder = tempfile.mkdtemp(dir=folders)
                arguments = [part, service.url, str(service.state_dir / "owner.token"), folder, *sys.argv[1:]]
                done = subprocess.run(
                    [sys.executable, __file__, "--child", *arguments], check=True, stdout=subprocess.PIPE, text=True
                )
                for one in json.loads(done.stdout.splitlines()[-1]):
                    figures.setdefault(one[0], []).append(Figure(*one))
    found = [each[0]._replace(value=statistics.median(f.value for f in each)) for each in figures.values()]
    import PySide6

    print(f"Python {platform.python_version()} ({sys.executable}), PySide6 {PySide6.__version__}, offscreen")
    for figure in found:
        print(figure.line)
    return any(figure.most and figure.value > figure.most for figure in found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:6])
    else:
        sys.exit(main())
