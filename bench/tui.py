"""What the terminal app costs, each figure beside its goal: `bench/tui.py [--quick] [PART ...]`.

Exit code 1 if a goal is missed. A real service over the fake upstream of the tests runs as a process; the app runs as
a person runs it, on a pseudo-terminal of its own, with the Python that runs this. CPU is that of the app's whole
process, imports and all threads included, read from its clock from outside; a terminal emulator reads the screen.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "clients/tui")]

from qt import MESSAGES, PIECE, Figure, fill  # noqa: E402

from aichat.protocol.session import Session  # noqa: E402
from tests.service import RunningService, running_service  # noqa: E402
from tests.tui.terminal import Terminal  # noqa: E402

SIZE = (120, 40)
IDLE = 10.0
STEPS = {"4k": 12, "16k": 48}
"""How many PIECEs of an answer are that long."""
WINDOW = 6
"""PIECEs over which the cost is taken, the named length in the middle."""
SAYINGS = 20


def cpu(terminal: Terminal) -> float:
    """Seconds of CPU the app has used; the clock of another process, see clock_getcpuclockid(3)."""
    return time.clock_gettime((~terminal.pid << 3) | 2)


def rss_mb(terminal: Terminal) -> float:
    status = Path(f"/proc/{terminal.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def rest(terminal: Terminal, seconds: float) -> None:
    """Read on for so long."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        terminal.read(0.02)


def usable(service: RunningService) -> Terminal:
    """The app as it stands when one can write and be answered."""
    terminal = Terminal(env=service.environment(), columns=SIZE[0], lines=SIZE[1])
    terminal.until("● live")
    terminal.until("and more")  # of the conversation that was spoken in last
    return terminal


def fresh(terminal: Terminal) -> None:
    terminal.send("\x0e")
    terminal.until("new conversation")


def start(service: RunningService) -> list[Figure]:
    """From the process's begin to a conversation one can go on with, then left alone."""
    terminal = usable(service)
    took = cpu(terminal)
    rest(terminal, 2)
    began = cpu(terminal)
    rest(terminal, IDLE)
    found = [
        Figure("start to usable, CPU", took, "s", 0.6),
        Figure("idle memory, RSS", rss_mb(terminal), "MB", 80),
        Figure("idle CPU", 100 * (cpu(terminal) - began) / IDLE, "%", 0),
    ]
    terminal.end()
    return found


def reading(service: RunningService) -> list[Figure]:
    """A conversation of 10,000 messages: opened out of the list, read back."""
    terminal = usable(service)
    rest(terminal, 1)
    terminal.send("\x0f")
    terminal.until("ten thousand")
    terminal.send("\x1b[B")  # the other one is the newest
    rest(terminal, 1)
    began = cpu(terminal)
    terminal.send("\r")
    terminal.until(f"Step {MESSAGES - 1}")
    rest(terminal, 0.5)
    opened = cpu(terminal) - began
    terminal.send("\t\t")
    rest(terminal, 0.5)
    began, pages = cpu(terminal), 100
    for _ in range(pages):
        terminal.send("b")
        rest(terminal, 0.05)
    rest(terminal, 0.5)
    per_page = (cpu(terminal) - began) / pages
    found = [
        Figure(f"open {MESSAGES:,} messages, from the service, CPU", opened, "s", 0.5),
        Figure("a page up, what is loaded and drawn for it included, CPU", per_page * 1000, "ms", 0),
        Figure(f"memory after {pages} pages up, RSS", rss_mb(terminal), "MB", 80),
    ]
    terminal.end()
    return found


def streaming(service: RunningService) -> list[Figure]:
    """An answer of 100 tokens a second, four characters each."""
    terminal = usable(service)
    fresh(terminal)
    text = "".join(PIECE.format(n=n) for n in range(max(STEPS.values()) + WINDOW // 2 + 1))
    paste(terminal, "!pace 10 " + text)
    terminal.send("\r")
    found = []
    for name, step in STEPS.items():
        terminal.until(f"Step {step - WINDOW // 2}", timeout=120)
        spent, began = cpu(terminal), time.monotonic()
        terminal.until(f"Step {step + WINDOW // 2}", timeout=120)
        share = 100 * (cpu(terminal) - spent) / (time.monotonic() - began)
        found.append(Figure(f"streaming at 100 tokens/s, at {name} characters, CPU", share, "%", 15))
    found.append(Figure("memory then, RSS", rss_mb(terminal), "MB", 80))
    terminal.until("Esc Stop", absent=True, timeout=60)
    terminal.end()
    return found


def paste(terminal: Terminal, text: str) -> None:
    """As a terminal pastes: in brackets."""
    terminal.send(f"\x1b[200~{text}\x1b[201~")
    rest(terminal, 1)


class Other:
    """Another device of the same user."""

    def __init__(self, service: RunningService) -> None:
        from websockets.sync.client import connect

        self.session = Session(client="bench")
        self.socket = connect(service.url, legacy=True)
        self.session.opened()
        self.flush()
        self.until(lambda: self.session.timeline.conversations_known)

    def flush(self) -> None:
        for data in self.session.take():
            self.socket.send(data, text=True)

    def until(self, holds: Callable[[], object]) -> None:
        self.flush()
        while not holds():
            self.session.received(self.socket.recv(timeout=30))
            self.flush()


def both(service: RunningService) -> list[Figure]:
    """One conversation on two devices: how long until the one shows what was said on the other."""
    terminal = usable(service)
    fresh(terminal)
    terminal.send("begin\r")
    terminal.until("你说：begin")
    other = Other(service)
    newest = max(other.session.timeline.conversations)
    persona = other.session.timeline.conversations[newest].persona_id
    other.session.open_conversation(newest)
    other.until(lambda: other.session.timeline.is_loaded(newest))
    here, there = [], []
    for n in range(SAYINGS):
        rest(terminal, 0.3)
        began = time.monotonic()
        other.session.post(f"thither {n:03d}", persona_id=persona, conversation_id=newest)
        other.flush()
        terminal.until(f"thither {n:03d}")
        here.append(1000 * (time.monotonic() - began))
        terminal.until(f"你说：thither {n:03d}")
        other.until(
            lambda n=n: said(other, newest)[-1:] == [f"你说：thither {n:03d}"] and not other.session.timeline.live
        )
        terminal.send(f"hither {n:03d}")
        terminal.until(f"› hither {n:03d}")
        began = time.monotonic()
        terminal.send("\r")
        other.until(lambda n=n: f"hither {n:03d}" in said(other, newest))
        there.append(1000 * (time.monotonic() - began))
        terminal.until(f"你说：hither {n:03d}")
        other.until(lambda: not other.session.timeline.live)
    other.socket.close()
    terminal.end()
    return [
        Figure("said elsewhere, seen here, median", statistics.median(here), "ms", 0),
        Figure(f"the same, longest of {SAYINGS}", max(here), "ms", 100),
        Figure("said here, heard elsewhere, median", statistics.median(there), "ms", 0),
        Figure(f"the same, longest of {SAYINGS}", max(there), "ms", 100),
    ]


def said(other: Other, conversation_id: int) -> list[str]:
    return [message.content for message in other.session.timeline.messages(conversation_id)]


PARTS = (start, reading, streaming, both)


def main() -> int:
    quick = "--quick" in sys.argv
    wanted = [part for part in PARTS if part.__name__ in sys.argv] or list(PARTS)
    found: list[Figure] = []
    with running_service() as service:
        service.stop()
        fill(service.state_dir / "chat.db")
        service.start()
        for part in wanted:
            runs = [part(service) for _ in range(3 if part is start and not quick else 1)]
            found += [
                each[0]._replace(value=statistics.median(one.value for one in each))
                for each in zip(*runs, strict=True)
            ]
    import textual

    print(
        f"Python {platform.python_version()} ({sys.executable}), Textual {textual.__version__}, {SIZE[0]}x{SIZE[1]}"
    )
    for figure in found:
        print(figure.line)
    return any(figure.most and figure.value > figure.most for figure in found)


if __name__ == "__main__":
    sys.exit(main())
