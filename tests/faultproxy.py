"""A TCP proxy between client and server that plays what networks do.

    proxy = FaultProxy(port)                       forwards faithfully; a client connects to `proxy.url`
    proxy.plan = lambda: Line(cut_down=900)        each new connection asks for its line; this one ends soon
    proxy.cut()  proxy.close()  proxy.open()       break what stands; take the port away, and give it back

Two threads a connection: enough for some hundred of them.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple


class Line(NamedTuple):
    """How one connection behaves.

    latency    seconds that each piece is held, in either direction
    rate       bytes a second from server to client, 0: as fast as it comes
    cut_up     after this many bytes from the client the line ends, and the bytes after are lost
    cut_down   the same for bytes from the server
    ending     close: both ends see an orderly end · reset: they see RST · silence: nothing is forwarded any more, and
               nobody is told
    """

    latency: float = 0.0
    rate: float = 0.0
    cut_up: int | None = None
    cut_down: int | None = None
    ending: Literal["close", "reset", "silence"] = "close"


class Pair:
    """One connection: the client's socket and ours to the server."""

    def __init__(self, line: Line, client: socket.socket, server: socket.socket, on_cut: Callable[[], None]) -> None:
        self.line = line
        self.ends = (client, server)
        self.ended = ""
        """How it ended: "" while it lives, else as `Line.ending`."""
        self._on_cut = on_cut
        self._pumping = 2
        self._lock = threading.Lock()
        up = (client, server, line.cut_up, 0.0)
        down = (server, client, line.cut_down, line.rate)
        for way in (up, down):
            threading.Thread(target=self._pump, args=way, daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to close."""
        return self._pumping == 0 and self.ended != "silence"

    def end(self, how: str) -> None:
        """End both sides; what ended otherwise before stays so, but silence can be broken."""
        with self._lock:
            if self.ended not in ("", "silence"):
                return
            self.ended = how
        for end in self.ends if how != "silence" else ():
            with contextlib.suppress(OSError):
                if how == "reset":  # a close with a linger of 0 sends RST, once nobody waits in recv()
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RD)
                    end.close()
                else:
                    end.shutdown(socket.SHUT_RDWR)
        self._close_when_over()

    def _close_when_over(self) -> None:
        if self.is_over:
            for end in self.ends:
                end.close()

    def _pump(self, source: socket.socket, sink: socket.socket, cut: int | None, rate: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536 if not rate else max(1, int(rate / 20))):
                time.sleep(self.line.latency + (len(data) / rate if rate else 0.0))
                if self.ended:
                    break  # what comes after silence stays in the kernel, so that its sender feels it too
                if cut is None or len(data) < cut:
                    sink.sendall(data)
                    cut = None if cut is None else cut - len(data)
                    continue
                if self.line.ending == "silence":  # before the last bytes: whoever has them may answer at once
                    self.end("silence")
                sink.sendall(data[:cut])
                self._on_cut()
                self.end(self.line.ending)
                break
        if self.ended != "silence":
            self.end("close")
        with self._lock:
            self._pumping -= 1
        self._close_when_over()


class FaultProxy:
    """Forwards to a port of this machine."""

    def __init__(self, port: int, plan: Callable[[], Line] = Line) -> None:
        self._target = port
        self._listening: socket.socket | None = None
        self._pairs: list[Pair] = []
        self._lock = threading.Lock()
        self.plan = plan
        self.port = 0
        self.drops = 0
        """Connections that ended by their plan."""
        self.refusing = False
        """Accept and hang up."""
        self.refused = threading.Event()
        self.open()

    @property
    def url(self) -> str:
        """Where a WebSocket client connects."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def open(self) -> None:
        """Listen, on the same port as before."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(128)
        self.port = listening.getsockname()[1]
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def close(self) -> None:
        """Listen no longer, and break what stands."""
        if self._listening is not None:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        self.cut()

    def cut(self, how: Literal["close", "reset"] = "close") -> None:
        """Break what stands."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.end(how)

    def _dropped(self) -> None:
        with self._lock:
            self.drops += 1

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                self.refused.set()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()  # the server is away: its clients are told as if there were no proxy
                continue
            with self._lock:
                self._pairs = [pair for pair in self._pairs if not pair.is_over]
                self._pairs.append(Pair(self.plan(), client, server, self._dropped))
