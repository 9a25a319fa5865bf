"""The app as it is started, which quits by itself in one of its states: `python -m tests.qt.quitting STATE …`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import aichat_qt.__main__ as app
from aichat_qt.desktop import Desktop
from aichat_qt.main_window import MainWindow
from aichat_qt.shortcuts_sheet import ShortcutsSheet
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from aichat.protocol.session import State
from tests.qt.slow_keyring import ASKED, LEFT

Step = Callable[[], bool]
"""Does something once it can -> whether it did."""


def is_live(window: MainWindow) -> bool:
    return window.model.state is State.LIVE and window.model.persona is not None


def asks(window: MainWindow) -> bool:
    """A slow question, in a conversation of its own."""
    if not is_live(window):
        return False
    window.chat.new_conversation()
    window.model.post("!slow " + "word " * 40)
    return True


def streams(window: MainWindow) -> bool:
    running = window.model.running()
    return running is not None and bool(running.content)


def is_open(kind: type[QObject]) -> bool:
    return isinstance(QApplication.activeModalWidget(), kind)


def begins(what: Callable[[], object]) -> bool:
    """A dialog, which runs an event loop of its own."""
    QTimer.singleShot(0, what)
    return True


def steps(state: str, window: MainWindow, desktop: Desktop) -> list[Step]:
    """The way to a state; the app quits behind the last step."""
    live = lambda: is_live(window)  # noqa: E731
    opened: dict[str, list[Step]] = {
        "persona": [lambda: begins(window.create_persona), lambda: QApplication.activeModalWidget() is not None],
        "sheet": [lambda: begins(window.show_shortcuts), lambda: is_open(ShortcutsSheet)],
    }
    match state:
        case "at once":
            return []
        case "connecting":
            return [lambda: window.model.link.connecting]
        case "waiting":
            return [lambda: window.model.link.seconds_left > 0]
        case "keyring":
            return [ASKED.is_set]
        case "login":
            return [lambda: window.model.state is State.REFUSED]
        case "live":
            return [live]
        case "asked":
            return [lambda: asks(window)]
        case "streaming":
            return [lambda: asks(window), lambda: streams(window)]
        case "streaming with a dialog":
            return [lambda: asks(window), lambda: streams(window), *opened["sheet"]]
        case "quick question":
            return [live, lambda: desktop.quick_ask() is None, lambda: desktop.quick is not None]
        case "palette":
            return [live, lambda: window.palette_.open() is None]
        case "menu":
            return [live, lambda: window.show_menu() is None]
    return [live, *opened[state]]


class Quitter(Desktop):
    """Goes to the state, then does what Ctrl+Q does."""

    def __init__(self, window: MainWindow, *more: object) -> None:
        super().__init__(window, *more)  # type: ignore[arg-type]
        self._steps = steps(sys.argv.pop(1), window, self)
        self._tick = QTimer(self, interval=5)
        self._tick.timeout.connect(self._go)
        self._tick.start()

    def _go(self) -> None:
        if not self._steps:
            self._tick.stop()
            self._window.quit()
            LEFT.set()
        elif self._steps[0]():
            del self._steps[0]


if __name__ == "__main__":
    state = sys.argv[1]
    arguments = sys.argv[2:]
    parsed = app.options(arguments)
    app.options = lambda: parsed  # type: ignore[assignment, misc]
    app.Desktop = Quitter  # type: ignore[misc]
    sys.exit(app.main())
