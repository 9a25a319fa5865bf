"""Starts the Qt client: `python -m aichat_qt`, or `aichat-qt`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from aichat.protocol.address import DEFAULT_URL, Address, find_server
from aichat_qt.icons import app_icon
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.model import Model
from aichat_qt.server import Server
from aichat_qt.theme import body_font, theme
from aichat_qt.window_state import WindowState


def our_version() -> str:
    try:
        return version("aichat")
    except PackageNotFoundError:
        return "0"


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aichat-qt",
        description="The desktop client of aichat.",
        epilog="The token is read from the file named, from $AICHAT_TOKEN, or, for a server on this machine, "
        "from the server's state folder. It is never given on the command line, where others could read it.",
    )
    parser.add_argument("--url", default="", help=f"the server's address (default: $AICHAT_URL or {DEFAULT_URL})")
    parser.add_argument("--token-file", default="", help="a file that holds the token")
    parser.add_argument("--version", action="version", version=f"aichat-qt {our_version()}")
    return parser.parse_args(arguments)


def dress(app: QApplication, settings: QSettings | None = None) -> None:
    """Style, font, icon, language and colours."""
    memory = WindowState(settings)
    app.setApplicationName("aichat")
    app.setDesktopFileName("aichat")
    app.setStyle("Fusion")
    app.setFont(body_font())
    app.setWindowIcon(app_icon())
    languages().choose(memory.text("language"))
    theme().choose(memory.text("appearance"))


def build(find: Callable[[], Address], settings: QSettings | None = None) -> MainWindow:
    """The window with all that stands behind it, not connected yet. Errors: those of `find`."""
    server = Server(find, f"aichat-qt {our_version()}")
    model = Model(server)
    window = MainWindow(model, settings)
    server.setParent(window)
    model.setParent(window)
    return window


def main() -> int:
    arguments = options()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    find = partial(find_server, arguments.url, arguments.token_file)
    try:
        find()
    except (OSError, UnicodeError) as error:
        sys.stderr.write(f"aichat-qt: the token file cannot be read: {error}\n")
        return 2
    QGuiApplication.setDesktopFileName("aichat")
    app = QApplication(sys.argv[:1])
    settings = QSettings("aichat", "aichat-qt")
    dress(app, settings)
    window = build(find, settings)
    window.show()
    window.model.link.connect_now()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
