"""Loggers whose level one setting sets, whatever program (twistd, twist) takes the lines."""

from __future__ import annotations

from twisted.internet.protocol import Factory
from twisted.logger import (
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogPublisher,
)
from twisted.web.client import _HTTP11ClientFactory

_levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
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
