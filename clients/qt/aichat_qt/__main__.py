"""Starts the Qt client: `python -m aichat_qt`, or `aichat-qt`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from platformdirs import user_data_path
from PySide6.QtCore import QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from aichat.protocol.address import DEFAULT_URL, Address, find_server
from aichat_qt.cursor_rest import cursor_rest
from aichat_qt.desktop import Desktop
from aichat_qt.icons import app_icon
from aichat_qt.installing import install
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.model import Model
from aichat_qt.servers import Servers
from aichat_qt.single_instance import QUICK_ASK, SHOW, SingleInstance, name_for
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
    parser.add_argument(
        "--quick-ask", action="store_true", help="open the small window for one question; bind this to a key"
    )
    parser.add_argument(
        "--install-desktop", action="store_true", help="put aichat into this user's menu, with its icons, and end"
    )
    parser.add_argument("--version", action="version", version=f"aichat-qt {our_version()}")
    return parser.parse_args(arguments)


def dress(app: QApplication, settings: QSettings | None = None) -> None:
    """Style, font, icon, language, colours and cursor."""
    memory = WindowState(settings)
    app.setApplicationName("aichat")
    app.setDesktopFileName("aichat")
    app.setStyle("Fusion")
    app.setFont(body_font())
    app.setWindowIcon(app_icon())
    languages().choose(memory.text("language"))
    theme().choose(memory.text("appearance"))
    cursor_rest()


def build(
    named: Callable[[], Address] | None, settings: QSettings | None = None, folder: Path | None = None
) -> MainWindow:
    """The window with all that stands behind it, not connected yet: on the server `named`, else on the last one.

    `folder` is where the servers, what was read and what was not sent are kept; without one nothing is.
    Errors: those of `named`.
    """
    servers = Servers(f"aichat-qt {our_version()}", named=named, folder=folder)
    model = Model(servers)
    window = MainWindow(model, settings)
    servers.setParent(window)
    model.setParent(window)
    return window


def settle() -> None:
    """All that was loaded stays: the collector need not look through it in the midst of an answer, for 40 ms."""
    gc.freeze()


def named_server(arguments: argparse.Namespace) -> Callable[[], Address] | None:
    """The server that the command line or the environment names; None if neither does."""
    if arguments.url or arguments.token_file or {"AICHAT_URL", "AICHAT_TOKEN"} & os.environ.keys():
        return partial(find_server, arguments.url, arguments.token_file)
    return None


def install_desktop() -> int:
    """Says what was written."""
    try:
        written = install()
    except (OSError, LookupError) as error:
        sys.stderr.write(f"aichat-qt: {error}\n")
        return 1
    sys.stdout.writelines(f"{path}\n" for path in written)
    return 0


def main() -> int:
    arguments = options()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    if arguments.install_desktop:
        return install_desktop()
    named = named_server(arguments)
    try:
        if named is not None:
            named()
    except (OSError, UnicodeError) as error:
        sys.stderr.write(f"aichat-qt: the token file cannot be read: {error}\n")
        return 2
    QGuiApplication.setDesktopFileName("aichat")
    app = QApplication(sys.argv[:1])
    instance = SingleInstance(name_for(arguments.url, arguments.token_file))
    if instance.ask_first(QUICK_ASK if arguments.quick_ask else SHOW):
        return 0
    instance.be_first()
    app.setQuitOnLastWindowClosed(False)  # the window says when, since it may stay in the tray
    settings = QSettings("aichat", "aichat-qt")
    dress(app, settings)
    window = build(named, settings, user_data_path("aichat-qt", False))
    app.aboutToQuit.connect(window.model.servers.close)  # also when the session ends, with the window in the tray
    desktop = Desktop(window, instance)
    if not arguments.quick_ask:
        window.show()
    window.model.servers.start()
    if arguments.quick_ask:
        desktop.quick_ask()
    settle()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
