"""One app a user and server: a second start says to the first what it wants, and ends."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

CONNECT_MS, ANSWER_MS = 500, 3000
MOST_BYTES = 4096
SHOW, QUICK_ASK = "show", "quick-ask"


def name_for(*what: str) -> str:
    """The name under which the app with these arguments can be found, by this user only."""
    mine = "\0".join([str(Path.home()), os.environ.get("XDG_SESSION_ID", ""), *what])
    return "aichat-qt-" + hashlib.sha256(mine.encode()).hexdigest()[:16]


class SingleInstance(QObject):
    """`wanted` comes from later starts: SHOW or QUICK_ASK."""

    wanted = Signal(str)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._come)

    def ask_first(self, want: str) -> bool:
        """Tell the app that runs already what is wanted; False: none runs, or it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(CONNECT_MS):
            return False
        token = os.environ.get("XDG_ACTIVATION_TOKEN", "")  # by which Wayland lets the first window come forward
        socket.write(json.dumps({"want": want, "token": token}).encode() + b"\n")
        while not socket.canReadLine():
            if not socket.waitForReadyRead(ANSWER_MS):
                return False
        return bytes(socket.readLine().data()) == b"ok\n"

    def be_first(self) -> bool:
        """Listen for later starts; False: it cannot be done here, and the app runs without."""
        if self._server.listen(self._name):
            return True
        QLocalServer.removeServer(self._name)  # left by an app that was killed: it did not answer
        return self._server.listen(self._name)

    def close(self) -> None:
        self._server.close()

    def _come(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > MOST_BYTES:
                socket.abort()
            return
        try:
            told = json.loads(bytes(socket.readLine().data()))
            want, token = str(told["want"]), str(told["token"])
        except (ValueError, KeyError, TypeError):
            socket.abort()
            return
        socket.write(b"ok\n")
        socket.flush()
        socket.disconnectFromServer()
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token
        self.wanted.emit(want)
