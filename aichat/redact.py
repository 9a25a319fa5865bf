"""What may stand in a log: no key, token or password, nothing of what people say, and no character that acts.

Fields are judged by their name, then all text by its form. An exception's own words are kept where its type says that
they quote nobody; of others there is the type, and the lines of code it came through.
"""

from __future__ import annotations

import re
import sqlite3
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.python.failure import Failure

from aichat.protocol.errors import AichatError

HIDDEN = "***"
LONGEST = 2_000
"""Characters of one text; the rest is cut off."""

MOST_LINES = 200
"""Lines of one trace."""

_SECRET_NAME = re.compile(r"key|token|passw|secret|authorization|cookie|credential", re.IGNORECASE)
_SAID = {"content", "text", "prompt", "payload", "body", "messages", "reasoning", "question", "answer_text", "delta"}
"""Names of fields that hold what people or models say."""

_QUOTES_NOBODY = (
    OSError, sqlite3.Error, AichatError, msgspec.ValidationError, TypeError, AttributeError, NameError, ImportError,
    RuntimeError, AssertionError, MemoryError,
)  # fmt: skip

_FORMS = (
    (re.compile(r"\b(bearer|basic)\s+[^\s,;'\"]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"((?<![a-z_-])[a-z_-]*?(?:(?<![a-z])key|(?<=api)key|token|secret|passw(?:or)?d|authorization|cookie)"
            r"[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"://[^/\s@:]*:[^/\s@]*@"), f"://{HIDDEN}@"),  # a password in a URL
    (re.compile(r"\bsk-[\w-]{6,}"), HIDDEN),  # OpenAI's keys, and those of many others
    (
        re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{32,}", re.ASCII),
        HIDDEN,
    ),  # as our tokens
    (re.compile(r"(It says:).*", re.DOTALL), rf"\1 {HIDDEN}"),  # an upstream may repeat what it was asked
)
_ACTS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters of C0 and C1, line separators, what turns the direction of text, and halves of characters."""

_known: set[str] = set()


def keep_secret(value: str) -> None:
    """From now on this very text stands in no log; one too short to be a secret is left alone."""
    if len(value) >= 6:
        _known.add(value)


def clean(text: str) -> str:
    """One line that may stand in a log."""
    length = len(text)
    text = text[: 4 * LONGEST]
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({length:,} characters)"
    return _ACTS.sub(_name, text)


def _name(match: re.Match[str]) -> str:
    code = ord(match[0])
    return {10: "\\n", 13: "\\r", 9: "\\t"}.get(code) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def field(name: str, value: object) -> Any:
    """The value of a field as it may be shown: a number, true, false, None or a clean line."""
    if _SECRET_NAME.search(name) or name in _SAID:
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Failure):
        value = value.value
    if isinstance(value, BaseException):
        return words_of(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return clean(str(value))


def fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a log event, without the ones that are Twisted's own."""
    return {
        clean(name): field(name, value)
        for name, value in values.items()
        if not name.startswith("log_") and name not in _TWISTEDS
    }


_TWISTEDS = {"failure", "format", "isError", "message", "system", "time", "why", "logLevel"}


def words_of(error: BaseException) -> str:
    """What an exception says, if it quotes nobody."""
    kind = type(error)
    if isinstance(error, AichatError):
        return clean(f"{error.code}: {error.message}")
    if isinstance(error, _QUOTES_NOBODY) or kind.__module__.startswith(("twisted.", "OpenSSL.", "filelock")):
        return clean(f"{kind.__name__}: {error}") if str(error) else kind.__name__
    return f"{kind.__name__} (its words are left out: they may quote a chat)"


def trace(failure: Failure) -> list[str]:
    """Where a failure came from, in clean lines, as Python writes it."""
    lines = ["Traceback (most recent call last):"]
    for entry in traceback.format_list(traceback.extract_tb(failure.getTracebackObject(), -MOST_LINES // 4)):
        lines += map(clean, entry.rstrip("\n").split("\n"))
    error = failure.value
    assert error is not None
    lines.append(words_of(error))
    while (cause := error.__cause__) is not None and len(lines) < MOST_LINES:
        lines.append(f"caused by {words_of(cause)}")
        error = cause
    return lines
