"""One child process of the embedded model, from its start to its end, as the service sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from aichat.bridge.llama_child import Ready, Settings
from aichat.bridge.providers.base import Finish, Provider
from aichat.protocol.errors import AichatError

_log = Logger()
_LONGEST_LINE = 4096  # bytes of one line of the child's log
_SIGNALS = {4: "this processor lacks instructions that xllamacpp needs: AVX2", 9: "killed, perhaps for its memory"}


class LlamaProcess(ProcessProtocol):
    """Sends the settings, hears where the server is, keeps the last log lines, and says when it is over.

    `url` fires once with the server's address, or errs with `model_unavailable`. `upstream` is set by the owner
    when the server is ready. Answers in `running` are cancelled when the process ends, and are then in `cut_off`.
    `on_end(self, how)` is called once, at the end; the Deferred it returns is waited for by `when_gone`.
    """

    def __init__(self, settings: Settings, on_end: Callable[[LlamaProcess, str], Deferred[object]]) -> None:
        self.url: Deferred[str] = Deferred()
        self.upstream: Provider | None = None
        self.running: set[Deferred[Finish]] = set()
        self.cut_off: set[Deferred[Finish]] = set()
        self.error = ""  # the child's own word on why it did not start
        self._settings = settings
        self._on_end = on_end
        self._answered = self._gone = False
        self._waiting: list[Deferred[None]] = []
        self._output = self._log_rest = b""
        self._lines: deque[str] = deque(maxlen=20)

    def last_lines(self) -> str:
        """The end of the child's log, in one line: what a person needs to see when it does not start."""
        return " | ".join(list(self._lines)[-4:])

    def when_gone(self) -> Deferred[None]:
        """Fires when the process and the sockets to it are gone."""
        waiter: Deferred[None] = Deferred()
        if self._gone:
            waiter.callback(None)
        else:
            self._waiting.append(waiter)
        return waiter

    def leave(self) -> None:
        """Ask it to end. While it loads it cannot hear that, and has nothing to lose."""
        if self.upstream is None:
            self.kill()
        elif self.transport is not None:
            self.transport.closeStdin()

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessExitedAlready):
            if self.transport is not None:
                self.transport.signalProcess("KILL")

    # What the reactor calls.

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(msgspec.json.encode(self._settings) + b"\n")

    def outReceived(self, data: bytes) -> None:
        self._output += data
        if self._answered or b"\n" not in self._output:
            return
        self._answered = True
        ready = msgspec.json.decode(self._output, type=Ready)
        self.error = ready.error
        if ready.url:
            self.url.callback(ready.url)
        else:
            self.url.errback(AichatError("model_unavailable", ready.error))

    def errReceived(self, data: bytes) -> None:
        *lines, self._log_rest = (self._log_rest + data).split(b"\n")
        self._log_rest = self._log_rest[-_LONGEST_LINE:]
        for line in lines:
            text = line[-_LONGEST_LINE:].decode("utf-8", "replace")
            self._lines.append(text)
            _log.debug("llama.cpp: {line}", line=text)

    def processEnded(self, reason: Failure) -> None:
        signal = reason.value.signal if isinstance(reason.value, ProcessTerminated) else None
        if signal:
            how = f"signal {signal}{': ' if signal in _SIGNALS else ''}{_SIGNALS.get(signal, '')}"
        else:
            how = f"exit code {getattr(reason.value, 'exitCode', None)}"
        self.error = self.error or how
        if not self._answered:
            self._answered = True
            self.url.errback(AichatError("model_unavailable", how))
        self.cut_off |= self.running
        for answer in list(self.running):
            answer.cancel()
        self._on_end(self, how).addBoth(self._announce_gone)

    def _announce_gone(self, _: object) -> None:
        self._gone = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)
