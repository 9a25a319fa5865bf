"""Certificates of `ssl:` endpoints, taken anew when their files change: for new connections, the old ones live on.

Twisted reads the files of an endpoint string once. Here the same strings are read by Twisted's own parser again, with
an object in place of the reactor that takes the TLS options it would listen with.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
from calendar import timegm
from pathlib import Path
from time import strptime
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from aichat.log import make_logger

CHECK_SECONDS = 5.0
"""Between two looks at the files."""

_ARGUMENTS = ("privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain", "dhParameters")
_FILES = ("privateKey", "certKey", "extraCertChain", "dhParameters")
"""Of an `ssl:` endpoint string, after the port; in this order where no name is given."""

_log = make_logger("aichat.certificates")


class Certificates:
    """All `ssl:` endpoints of this process."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._served: list[_Served] = []
        self._loop = LoopingCall(self.check)
        self._loop.clock = reactor
        self._before: Any = None

    def endpoint(self, text: str) -> Any:
        """The endpoint of a string, of any kind. Errors: ValueError, TypeError, KeyError, OSError."""
        if not text.startswith("ssl:"):
            return serverFromString(self._reactor, text)
        served = _Served(self._reactor, text)
        self._served.append(served)
        return serverFromString(served, text)

    def start(self) -> None:
        """Look at the files from now on, and on SIGHUP; one that a closing terminal sends means the end, as ever."""
        if self._served and not self._loop.running:
            self._loop.start(CHECK_SECONDS, now=False)
            if hasattr(signal, "SIGHUP") and not (sys.stdin and sys.stdin.isatty()):
                self._before = signal.signal(signal.SIGHUP, self._on_signal)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()
        if self._before is not None:
            signal.signal(signal.SIGHUP, self._before)
            self._before = None

    def check(self) -> None:
        """Take new certificates, where there are any."""
        for served in self._served:
            served.check()

    @property
    def failed(self) -> bool:
        """Whether files are there that could not be taken."""
        return any(served.failed for served in self._served)

    @property
    def ends(self) -> dict[str, float]:
        """When each certificate in use ends, in Unix time, by its port."""
        return {served.name: served.ends for served in self._served}

    def _on_signal(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self.check)


@implementer(IOpenSSLServerConnectionCreator)
class _Served:
    """One endpoint: what Twisted takes for the reactor, and then for the TLS options."""

    def __init__(self, reactor: Any, text: str) -> None:
        self._reactor = reactor
        self._text = text
        self.name = text.split(":")[1]
        self.failed = False
        self._seen = self._digest()
        self._options = _read(text)

    def listenSSL(self, port: int, factory: Factory, contextFactory: object, *args: Any, **more: Any) -> Any:
        """Called by the endpoint: listens with this object in place of the options."""
        self._tell()
        return self._reactor.listenSSL(port, factory, self, *args, **more)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Called for each new connection."""
        return SSL.Connection(self._options.getContext(), None)

    @property
    def ends(self) -> float:
        """When the certificate in use ends, in Unix time."""
        return _ends(self._options)

    def check(self) -> None:
        """Take the certificate anew if the content of its files is another one."""
        found = self._digest()
        if found == self._seen:
            return
        self._seen = found  # what cannot be taken is not tried again before it changes once more
        try:
            self._options = _read(self._text)
        except (ValueError, OSError) as error:
            self.failed = True
            _log.warn("the new certificate of port {port} is not taken, the old one stays: {why}",
                      port=self.name, why=str(error))  # fmt: skip
        else:
            self.failed = False
            _log.info("the new certificate of port {port} is in use", port=self.name)
            self._tell()

    def _tell(self) -> None:
        """What a person compares when a client asks whether to trust it."""
        shown = self._options.certificate.digest("sha256").decode()
        _log.info("certificate of port {port}: SHA-256 {shown}", port=self.name, shown=shown)

    def _digest(self) -> list[bytes]:
        return [_digest(path) for path in _files(self._text)]


def _files(text: str) -> list[Path]:
    """The files that an `ssl:` endpoint string names."""
    values: dict[str, str] = {"privateKey": "server.pem"}
    names = iter(_ARGUMENTS)
    for part in re.split(r"(?<!\\):", text)[2:]:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(names), part
        values[name] = re.sub(r"\\(.)", r"\1", value)
    return [Path(values[name]) for name in _FILES if name in values]


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        return os.strerror(error.errno or 0).encode()


class _Taker:
    """In place of an IReactorSSL: takes the TLS options that an endpoint would listen with."""

    options: Any = None

    def listenSSL(self, port: int, factory: Factory, contextFactory: object, *args: Any, **more: Any) -> None:
        """Called by the endpoint."""
        self.options = contextFactory


def _read(text: str) -> Any:
    """The TLS options of an endpoint string, from its files as they are now; the key fits the certificate.

    Errors: ValueError, OSError.
    """
    taker = _Taker()
    try:
        serverFromString(taker, text).listen(Factory())
        taker.options.getContext()
    except (SSL.Error, crypto.Error) as error:
        reasons = ", ".join(str(part[-1]) for part in error.args[0]) if error.args else ""
        raise ValueError(reasons or "it is not a certificate with its key") from None
    except OSError:
        raise
    except Exception as error:  # Twisted's own, and those of what it parses with
        raise ValueError(str(error) or type(error).__name__) from None
    return taker.options


def _ends(options: Any) -> float:
    when: bytes | None = options.certificate.get_notAfter()
    return timegm(strptime(when.decode(), "%Y%m%d%H%M%SZ")) if when else 0.0
