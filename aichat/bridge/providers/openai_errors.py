"""What goes wrong with an OpenAI-compatible upstream, as one of our errors, in words for a person."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from httptools import HttpParserError
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.iweb import IResponse

from aichat.bridge.body import TooSlow
from aichat.protocol.errors import AichatError

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

CODES = {
    401: "upstream_unauthorized",
    402: "upstream_no_balance",
    403: "upstream_unauthorized",
    408: "upstream_timeout",
    429: "upstream_rate_limited",
}


class _Detail(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


def refusal(response: IResponse, body: bytes, secret: str = "") -> AichatError:
    """What a status other than 200 means; `body` is its beginning. `secret` stays out of the words."""
    if 300 <= response.code < 400:
        return AichatError(
            "upstream_rejected", "The model service redirects elsewhere; set its final address instead."
        )
    try:
        raw = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("error", msgspec.Raw()))
    except UNDECODABLE:
        raw = b""
    error = upstream_error(response.code, raw, secret)
    asked = (response.headers.getRawHeaders("retry-after") or [""])[0]
    error.retry_after = _seconds(asked.strip())
    if error.retry_after:
        error.message += f" It asks to wait {max(1, round(error.retry_after))} s."
    return error


def upstream_error(status: int, raw: bytes, secret: str = "") -> AichatError:
    """The error object that an upstream sent, as JSON, with the status it came with."""
    try:
        detail = msgspec.json.decode(raw, type=_Detail)
    except UNDECODABLE:
        try:
            detail = _Detail(message=msgspec.json.decode(raw, type=str))
        except UNDECODABLE:
            detail = _Detail()
    said = detail.message.replace(secret, "(the key)") if secret else detail.message
    words = " ".join(said.split())[:300]
    if {"exceed_context_size_error", "context_length_exceeded"} & {str(detail.type), str(detail.code)}:
        return AichatError("context_exceeded")
    code = CODES.get(status) or ("upstream_rejected" if 400 <= status < 500 else "upstream_unavailable")
    meaning = AichatError(code).message
    return AichatError(code, f"{meaning} It says: {words}" if words else f"{meaning} (HTTP {status})")


def lost(error: Exception, started: bool, url: str) -> AichatError:
    """What a broken connection means: before the first delta one may try again, after it the text is kept."""
    if started:
        return AichatError("upstream_interrupted")
    reasons = error.reasons if isinstance(error, ResponseFailed) else [Failure(error)]
    if any(r.check(TooSlow, CancelledError) for r in reasons):
        return AichatError("upstream_timeout")
    said = reasons[0].getErrorMessage()
    if any(r.check(HttpParserError) for r in reasons):
        said = f"{said}. Is its address right, and does it begin with http or with https?"
        return AichatError("upstream_unreachable", f"What answers at {url} does not speak HTTP as it should: {said}")
    if any(r.check(DNSLookupError) for r in reasons):
        why = "its name is not known. Is it spelled right, and is this machine online?"
    elif any(r.check(ConnectionRefusedError) for r in reasons):
        why = "nothing listens there. Is it running?"
    elif any(r.check(TimeoutError) for r in reasons):
        why = "it did not take the connection in time."
    elif any(r.check(ConnectError) for r in reasons):
        why = said
    elif any(r.check(TLSError, VerificationError) for r in reasons):
        why = f"{_unsafe(reasons[0].value)}. Does it speak https, and does this machine trust its certificate?"
    else:
        return AichatError("upstream_unreachable", f"The model service at {url} broke off: {said}")
    return AichatError("upstream_unreachable", f"The model service at {url} could not be reached: {why}")


def _unsafe(error: Any) -> str:
    """What TLS has against a connection."""
    if isinstance(error, VerificationError):
        return "its certificate is for another name"
    try:
        return f"no safe connection ({error.args[0][0][-1]})"
    except (IndexError, TypeError):
        return "no safe connection"


def _seconds(retry_after: str) -> float | None:
    """Retry-After as seconds from now: a number, or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
