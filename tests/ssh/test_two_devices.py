"""One conversation on two devices: the desktop app on one side, the terminal app over SSH on the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from pyte.screens import Char
from pytestqt.qtbot import QtBot

from tests.qt import conftest as qt
from tests.qt.test_chat import say as say_in_window
from tests.qt.test_chat import texts
from tests.service import admin
from tests.ssh.conftest import House
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import say

dressed, server, open_window = qt.dressed, qt.server, qt.open_window
WAIT = 30_000
CELL = (9, 19)


def test_one_conversation_live_on_both(
    open_window: qt.Open, open_ssh: Callable[..., Terminal], house: House, qtbot: QtBot, tmp_path: Path
) -> None:
    token = admin(house.service, "token", "add", "wei", "desktop").strip()
    window = open_window(house.service.url, token)
    qtbot.waitUntil(lambda: window.model.timeline.personas_known, timeout=WAIT)
    window.model.select_persona("mara")
    window.chat.new_conversation()
    say_in_window(window, qtbot, "从桌面说 from the desktop")
    qtbot.waitUntil(lambda: texts(window)[-1:] == ["你说：从桌面说 from the desktop"], timeout=WAIT)

    terminal = open_ssh(columns=100, lines=36)
    with_window(terminal, window, lambda: "你说：从桌面说 from the desktop" in terminal.text, qtbot)
    say(terminal, "从终端说 from the terminal")
    with_window(terminal, window, lambda: texts(window)[-1:] == ["你说：从终端说 from the terminal"], qtbot)

    say_in_window(window, qtbot, "!slow " + "词 " * 60)
    with_window(terminal, window, lambda: "慢慢地" in terminal.text and "慢慢地" in texts(window)[-1], qtbot)
    picture = together(window.grab().toImage(), terminal)
    assert picture.save(str(tmp_path / "two-devices.png"))
    terminal.send("\x1b")  # stopped here, seen there
    with_window(terminal, window, lambda: window.model.messages()[-1].status == "stopped", qtbot)
    with_window(terminal, window, lambda: "■ stopped" in terminal.text, qtbot)


def with_window(terminal: Terminal, window: object, seen: Callable[[], bool], qtbot: QtBot) -> None:
    """Let both devices go on until it is seen."""

    def both() -> bool:
        terminal.read(0.01)
        return seen()

    qtbot.waitUntil(both, timeout=WAIT)


def together(desktop: QImage, terminal: Terminal) -> QImage:
    """Both screens side by side, as they are at one moment."""
    wide, high = terminal.screen.columns * CELL[0], terminal.screen.lines * CELL[1]
    image = QImage(desktop.width() + wide + 20, max(desktop.height(), high), QImage.Format.Format_RGB32)
    image.fill(QColor("#808080"))
    painter = QPainter(image)
    painter.drawImage(0, 0, desktop)
    font = QFont("DejaVu Sans Mono")
    font.setPixelSize(15)
    painter.setFont(font)
    for y in range(terminal.screen.lines):
        row = terminal.screen.buffer[y]
        for x in range(terminal.screen.columns):
            cell = row[x]
            is_wide = x + 1 < terminal.screen.columns and row[x + 1].data == ""
            place = QRect(desktop.width() + 20 + x * CELL[0], y * CELL[1], CELL[0] * (2 if is_wide else 1), CELL[1])
            paint(painter, place, cell)
    painter.end()
    return image


def paint(painter: QPainter, place: QRect, cell: Char) -> None:
    """One cell of the terminal."""
    colours = [colour(cell.fg, "#d0d0d0"), colour(cell.bg, "#101014")]
    fg, bg = reversed(colours) if cell.reverse else colours
    if cell.data:
        painter.fillRect(place, bg)
        painter.setPen(fg)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cell.data)


def colour(name: str, default: str) -> QColor:
    """A colour as pyte names it."""
    return QColor(default if name == "default" else f"#{name}" if len(name) == 6 else name)
