"""What every HTTP door checks before it opens: Host, Origin, token, size, content type; and the one error form.

A page of another site can reach a server on this machine through the visitor's browser. Two facts keep it out:
a browser names the page's Origin, and a name rebound to 127.0.0.1 still stands in the Host header. So the Origin,
where there is one, must be the address that was asked, and the Host must be an address literal, this machine, or
a name from the settings.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from klein import Klein
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.iweb import IRequest
from twisted.web.server import Request, Site
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from aichat.log import make_logger
from aichat.metrics import counts
from aichat.protocol.errors import AichatError

T = TypeVar("T")

MAX_BODY_BYTES = 4 * 1_048_576
DRAINED_MOST = 64 * 1_048_576
"""Of a body that is too large this much is read and thrown away, so that its sender hears why; then it is cut."""

HEADERS_SECONDS, BODY_SECONDS = 7.0, 120.0
"""How long the headers of a request may take, from its first byte or from the connection, and its body after them."""

FORWARDED = (
    b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via",
    b"cf-connecting-ip",
)  # fmt: skip
"""Headers of a reverse proxy: then the peer's address says nothing of who is asking."""


class Gate:
    """Which Host and Origin may come in. `hosts` are names besides localhost; `origins` full extra origins."""

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._origins = {origin.lower().rstrip("/") for origin in origins}

    def check(self, host: str | None, origin: str | None) -> None:
        """Errors: AichatError forbidden, with the setting that would allow it."""
        name = _host_name(host or "")
        if not (_is_address(name) or name in self._hosts):
            raise AichatError("forbidden", f"The Host {host!r} is not served here: add it to the setting `hosts`.")
        if origin is None:
            return  # not a browser, or a page of this very server fetching from it
        asked = origin.lower().rstrip("/")
        if asked not in self._origins and not _is_of(asked, (host or "").lower()):
            raise AichatError("forbidden", f"Pages of {origin!r} may not use this server: see the setting `origins`.")

    def check_request(self, request: IRequest) -> None:
        """The same for an HTTP request."""
        self.check(header(request, "host"), header(request, "origin"))


@lru_cache(maxsize=1_000)
def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_of(origin: str, host: str) -> bool:
    """Whether an origin is the address that was asked."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


@lru_cache(maxsize=1_000)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local(peer: IAddress, headers: Iterable[bytes]) -> bool:
    """Whether somebody on this machine is asking: a loopback or Unix peer, and no proxy in between."""
    if any(name.lower() in FORWARDED for name in headers):
        return False
    if isinstance(peer, IPv4Address | IPv6Address):
        return _is_loopback(peer.host)
    return True


@lru_cache(maxsize=1_000)
def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def is_local_request(request: IRequest) -> bool:
    """`is_local` of an HTTP request."""
    return is_local(request.getClientAddress(), (name for name, _ in request.requestHeaders.getAllRawHeaders()))


def header(request: IRequest, name: str) -> str | None:
    """A request header as text, the first if there are several."""
    value = request.getHeader(name)
    return value.decode("latin-1") if isinstance(value, bytes) else value


def bearer(request: IRequest) -> str:
    """The token of `Authorization: Bearer …`, or ""."""
    scheme, _, token = (header(request, "authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def same_secret(given: str, wanted: str) -> bool:
    """Compare without telling by the time how much was right."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def json_body(request: IRequest, shape: type[T]) -> T:
    """The body of a request as a typed value. Errors: AichatError bad_frame, too_large."""
    kind = (header(request, "content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a form or plain text could be sent by a page of another site unasked
        raise AichatError("bad_frame", "Send the body as `Content-Type: application/json`.")
    content = request.content
    data = content.read(MAX_BODY_BYTES + 1) if content is not None else b""
    if len(data) > MAX_BODY_BYTES:
        raise AichatError("too_large", f"A body may have {MAX_BODY_BYTES} bytes.")
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise AichatError("bad_frame", f"The body does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AichatError("bad_frame", f"The body is not JSON: {error}") from None


def write_json(request: IRequest, value: object, status: int = 200) -> bytes:
    """Set the headers for a JSON answer -> its bytes, to be returned by the handler."""
    request.setResponseCode(status)
    request.setHeader("content-type", "application/json; charset=utf-8")
    request.setHeader("x-content-type-options", "nosniff")
    request.setHeader("cache-control", "no-store")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def error_body(error: AichatError) -> dict[str, object]:
    """The one JSON error form of the HTTP doors that are the seed's."""
    detail: dict[str, object] = {"code": error.code, "message": error.message, "retryable": error.retryable}
    if error.retry_after is not None:
        detail["retry_after"] = error.retry_after
    return {"success": False, "error": detail}


Form = Callable[[AichatError], dict[str, object]]


def write_error(request: IRequest, error: AichatError, form: Form = error_body) -> bytes:
    """Answer a request with an error in a JSON form -> its bytes."""
    counts.refusals[error.code] += 1
    if error.retry_after is not None:
        request.setHeader("retry-after", str(max(1, round(error.retry_after))))
    if error.code == "unauthorized":
        request.setHeader("www-authenticate", 'Bearer realm="aichat"')
    return write_json(request, form(error), error.kind.http_status)


def nobody_is_there(failure: Failure) -> bytes:
    """An errback for handlers that are cancelled because whoever asked has left."""
    failure.trap(CancelledError)
    return b""


def answer_errors(
    app: Klein, namespace: str, not_found: str, form_for: Callable[[IRequest], Form] = lambda _: error_body
) -> None:
    """Have a Klein application answer every error in a JSON form; faults go to the log."""
    log = make_logger(namespace)

    @app.handle_errors(AichatError)  # type: ignore[arg-type]
    def on_error(door: object, request: IRequest, failure: Failure) -> bytes:
        assert isinstance(failure.value, AichatError)
        return write_error(request, failure.value, form_for(request))

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]
    def on_http_error(door: object, request: IRequest, failure: Failure) -> bytes:
        if isinstance(failure.value, MethodNotAllowed):
            request.setHeader("allow", ", ".join(sorted(failure.value.valid_methods or ())))
            return write_error(request, AichatError("method_not_allowed"), form_for(request))
        return write_error(request, AichatError("not_found", not_found), form_for(request))

    @app.handle_errors(Exception)  # type: ignore[arg-type]
    def on_fault(door: object, request: IRequest, failure: Failure) -> bytes:
        log.failure("a request failed", failure=failure)
        return write_error(request, AichatError("internal"), form_for(request))


class QuietSite(Site):
    """A site that logs no line per request and shows nobody a traceback."""

    noisy = False
    displayTracebacks = False

    def __init__(self, app: Klein) -> None:
        super().__init__(app.resource(), requestFactory=LimitedRequest)  # type: ignore[no-untyped-call]
        self.protocol = PunctualChannel  # type: ignore[method-assign, assignment]

    def acceptableProtocols(self) -> list[bytes]:
        """What is spoken under TLS: a WebSocket opens from HTTP/1.1."""
        return [b"http/1.1"]

    def log(self, request: HTTPRequest) -> None:
        """Addresses and paths of people are nobody's business."""


class PunctualChannel(HTTPChannel):
    """An HTTP/1.1 connection whose requests must come in time; twisted.web's own limit is for silence only."""

    _due: IDelayedCall | None = None
    _spoke = False

    def connectionMade(self) -> None:
        """Somebody is here."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._expect("headers", HEADERS_SECONDS)

    def dataReceived(self, data: bytes) -> None:
        """Called with each piece that comes."""
        self._spoke = True
        if self._due is None and not self._handlingRequest:  # the next request on this connection begins
            self._expect("headers", HEADERS_SECONDS)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def allHeadersReceived(self) -> None:
        """The headers are here."""
        self._expect("body", BODY_SECONDS)
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def allContentReceived(self) -> None:
        """The request is here, and is carried out."""
        self._came()
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def requestDone(self, request: HTTPRequest) -> None:
        """An answer is written, though perhaps not read.

        twisted.web would answer at once all the requests that came in one read: 1,000 pages, for somebody who does
        not read the first one. Here they are dropped with the connection.
        """
        if self._waitingForTransport and (self._buffer or self._dataBuffer):
            self.persistent = 0
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if not self.persistent:
            self.setTimeout(self.timeOut)  # type: ignore[no-untyped-call]  # for the last answer to be read

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whoever it was has left."""
        self._came()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _expect(self, what: str, seconds: float) -> None:
        self._came()
        self._due = self.callLater(seconds, self._too_late, what)  # type: ignore[no-untyped-call, call-arg]

    def _came(self) -> None:
        due, self._due = self._due, None
        if due is not None and due.active():
            due.cancel()

    def _too_late(self, what: str) -> None:
        self._due = None
        if self.transport is None:
            return
        if not self._spoke:  # nobody to tell, and under TLS perhaps no way to: its handshake is in this time too
            self.forceAbortClient()  # type: ignore[no-untyped-call]
        else:
            words = f"The {what} took too long.\n".encode()
            head = f"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: {len(words)}\r\n\r\n"
            self.transport.write(head.encode() + words)
            self.timeoutConnection()  # type: ignore[no-untyped-call]


class LimitedRequest(Request):
    """A twisted.web request whose body is thrown away past the limit, and answered with 413 when it is over.

    Answering sooner would close the socket on a client that is still sending, which then never reads the answer.
    """

    _received = 0
    _too_large = False

    def gotLength(self, length: int | None) -> None:
        """Called with the announced length, None if chunked."""
        self._too_large = length is not None and length > MAX_BODY_BYTES
        super().gotLength(0 if self._too_large else length)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        """Called with each piece of the body."""
        self._received += len(data)
        self._too_large = self._too_large or self._received > MAX_BODY_BYTES
        if not self._too_large:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]
        elif self._received > DRAINED_MOST and self.channel is not None:
            self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """As twisted.web's own, but a body is not taken for a form: nobody reads one here, and to learn from the
        content type that it is none takes 0.27 ms."""
        assert self.content is not None
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, query = path.partition(b"?")
        self.args = parse_qs(query, keep_blank_values=True)
        self.process()

    def process(self) -> None:
        """Called when the body is here."""
        if not self._too_large:
            super().process()  # type: ignore[no-untyped-call]
            return
        error = AichatError("too_large", f"A body may have {MAX_BODY_BYTES} bytes.")
        self.setHeader(b"connection", b"close")  # type: ignore[no-untyped-call]
        self.write(write_error(self, error))  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]
