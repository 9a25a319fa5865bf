"""Loggers whose level one setting sets, whatever program (twistd, twist) takes the lines; and the form of the lines.

Every event that leaves the process, Twisted's own too, goes through `redact`: as text as Twisted writes it, or as
JSON, one object a line: {"time", "level", "namespace", "event", "fields"} and, for a fault, "trace".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from twisted.internet.protocol import Factory
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LimitedHistoryLogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogPublisher,
)
from twisted.web.client import _HTTP11ClientFactory
from zope.interface import implementer

from aichat import redact

_levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
_FAULTS = (LogLevel.error, LogLevel.critical)
_observer = FilteringLogObserver(globalLogPublisher, [_levels])


def make_logger(namespace: str) -> Logger:
    """A logger of this project. Errors on it fail the test that caused them."""
    return Logger(namespace=namespace, observer=_observer)


def quieten_twisted() -> None:
    """No lines about factories that come and go, and none for each request."""
    Factory.noisy = False
    _HTTP11ClientFactory.noisy = False


def set_level(name: str) -> None:
    """debug, info, warn, error or critical, for all of them."""
    _levels.setLogLevelForNamespace("aichat", LogLevel.levelWithName(name))


def take_over(form: str) -> None:
    """Stand before every observer that writes events away, now and later; `form` is "text" or "json".

    twist and twistd choose their observers by themselves, after they have made the service, so there is no public
    way to stand before them.
    """
    observers = _Observers(form)
    for observer in globalLogPublisher._observers:
        observers.append(observer)
    globalLogPublisher._observers = observers


class _Observers(list[Any]):
    """A publisher's observers, each behind a `_Clean`."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def append(self, observer: Any) -> None:
        """Called for each that is added. What only keeps events to hand them on later gets them as they are."""
        keeps = isinstance(observer, _Clean | LimitedHistoryLogObserver)
        super().append(observer if keeps else _Clean(observer, self._form))


@implementer(ILogObserver)
class _Clean:
    """Hands a clean copy of each event to an observer; our own events, whose level we set, pass its filter."""

    def __init__(self, observer: Any, form: str) -> None:
        self._observer = self._last = observer
        while isinstance(self._last, FilteringLogObserver):
            self._last = self._last._observer
        if form == "json" and isinstance(self._last, FileLogObserver):
            self._last.formatEvent = lambda event: event["json"]

    def __call__(self, event: LogEvent) -> None:
        """One event."""
        namespace = str(event.get("log_namespace", ""))
        if namespace.startswith(("autobahn.", "twisted.conch")) and event.get("log_level") not in _FAULTS:
            return  # what a stranger sent, in the stranger's words
        ours = namespace.startswith("aichat")
        (self._last if ours else self._observer)(clean_event(event))

    def __eq__(self, other: object) -> bool:
        """Whoever added the observer can take it away."""
        return other is self or other is self._observer

    __hash__ = None  # type: ignore[assignment]


def clean_event(event: LogEvent) -> LogEvent:
    """An event that any observer may write: its text is clean and there is nothing else in it to be shown."""
    failure = event.get("log_failure") or event.get("failure")
    shown = redact.fields(event)
    if "isError" in event and "why" in event:  # twisted.python.log.err, whose text has the traceback in it
        text = redact.clean(str(event["why"] or "Unhandled Error"))
    else:
        hidden = {k: v for k, v in shown.items() if v == redact.HIDDEN or isinstance(event.get(k), BaseException)}
        text = redact.clean(formatEvent({**event, **hidden}))
    trace = redact.trace(failure) if failure is not None else []
    level, when = event.get("log_level"), event.get("log_time")
    clean: LogEvent = {
        key: event[key] for key in ("log_level", "log_time", "isError", "time") if event.get(key) is not None
    }
    clean["log_namespace"] = redact.clean(str(event.get("log_namespace", "-")))
    if event.get("log_system") is not None:
        clean["log_system"] = redact.clean(str(event["log_system"]))
    line = {
        "time": datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds") if when is not None else "",
        "level": level.name if level is not None else "info",
        "namespace": clean["log_namespace"],
        "event": text,
        "fields": shown,
    }
    if trace:
        line["trace"] = trace
    clean["json"] = msgspec.json.encode(line).decode() + "\n"
    clean["log_format"], clean["line"] = "{line}", "\n".join([text, *trace])
    return clean
