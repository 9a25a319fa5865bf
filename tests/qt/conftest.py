"""Fixtures: a small server in this process, and the client's window connected to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from aichat_qt.__main__ import build, dress
from aichat_qt.languages import languages
from aichat_qt.main_window import MainWindow
from aichat_qt.theme import theme
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from aichat.protocol.address import Address
from aichat.protocol.session import State
from tests.qt.fake_server import FakeServer

Open = Callable[..., MainWindow]


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[QApplication]:
    dress(qapp)
    theme().choose("light")
    languages().choose("en")
    yield qapp
    theme().choose("light")
    languages().choose("en")


@pytest.fixture
def server(dressed: QApplication) -> Iterator[FakeServer]:
    fake = FakeServer()
    fake.add_persona("p1", "学霸助手", prompt="Be exact.", greeting="你好。", starters=["一", "二", "三"])
    fake.add_persona("p2", "Captain Mara", prompt="Tell stories.")
    yield fake
    fake.end()


@pytest.fixture
def open_window(qtbot: QtBot, server: FakeServer) -> Iterator[Open]:
    """Opens windows; the first argument may name another server; `folder` is what is kept between two of them."""
    windows: list[MainWindow] = []

    def open_(url: str = "", token: str = "", *, live: bool = True, folder: Path | None = None) -> MainWindow:
        window = build(lambda: Address(url or server.url, token), folder=folder)
        windows.append(window)
        window.resize(1000, 700)
        window.show()
        window.model.link.connect_now()
        if live:
            qtbot.waitUntil(lambda: window.model.state is State.LIVE and window.model.persona is not None)
            qtbot.waitUntil(lambda: window.model.timeline.conversations_known)
        return window

    yield open_
    for window in windows:
        window.close()
        window.deleteLater()
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def window(open_window: Open) -> MainWindow:
    return open_window()
