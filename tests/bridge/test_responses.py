"""What the bridge's own HTTP client makes of the bytes of a response, right ones and wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH

from aichat.bridge.exchange import HEAD_MOST
from tests.bridge.asking import CHUNKED, OK, Asking

HEADERS = b"X-One: 1\r\nx-empty:\r\nX-Twice: a\r\nx-twice: b \t\r\n"
WHOLE: list[tuple[bytes, int, bytes, Any, type[Exception]]] = [
    (OK + HEADERS + b"Content-Length: 5\r\n\r\nhello", 200, b"hello", 5, ResponseDone),
    (OK + HEADERS + b"content-length: 0\r\n\r\n", 200, b"", 0, ResponseDone),
    (
        OK + HEADERS + b"transfer-encoding: chunked\r\n\r\n"
        b"3;a=1;b=\"c d\"\r\nhel\r\n00002\r\nlo\r\n0;end\r\nX-Trailer: t\r\nx-more:\r\n\r\n",
        200,
        b"hello",
        UNKNOWN_LENGTH,
        ResponseDone,
    ),
    (OK + HEADERS + b"\r\nhello", 200, b"hello", None, PotentialDataLoss),
    (OK + HEADERS + b"transfer-encoding: identity\r\n\r\nhello", 200, b"hello", None, PotentialDataLoss),
    (b"HTTP/1.0 200 OK\r\n" + HEADERS + b"\r\nhello", 200, b"hello", None, PotentialDataLoss),
    (b"HTTP/1.1 204 OK\r\n" + HEADERS + b"\r\n", 204, b"", None, ResponseDone),
    (b"HTTP/1.1 503 OK\r\n" + HEADERS + b"content-length: 2\r\n\r\nno", 503, b"no", 2, ResponseDone),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nx-one: early\r\n\r\n"
        + OK + HEADERS + b"content-length: 5\r\n\r\nhello",
        200,
        b"hello",
        5,
        ResponseDone,
    ),
    # odd, but clear
    (
        OK + HEADERS + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\n\r\n",
        200,
        b"hello",
        UNKNOWN_LENGTH,
        ResponseDone,
    ),
    ((OK + HEADERS + b"content-length: 5\r\n\r\n").replace(b"\r", b"") + b"hello", 200, b"hello", 5, ResponseDone),
    (
        OK + HEADERS + b"upgrade: h2,h2c\r\nconnection: Upgrade, close\r\ncontent-length: 5\r\n\r\nhello",
        200,
        b"hello",
        5,
        ResponseDone,
    ),
]  # fmt: skip
NAMES = [
    *("length", "empty", "chunked", "to the end", "identity", "HTTP 1.0", "204", "503", "hints before it"),
    *("two lengths and spaces", "bare line ends", "upgrade offered"),
]


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize(("raw", "code", "body", "length", "how"), WHOLE, ids=NAMES)
def test_a_response_is_the_same_however_it_is_cut(
    raw: bytes, code: int, body: bytes, length: Any, how: type[Exception], read: bool
) -> None:
    cuts = [[raw[:at], raw[at:]] for at in range(1, len(raw))]
    for pieces in ([raw], [raw[at : at + 1] for at in range(len(raw))], *cuts):
        asking = Asking(read=read).hear(*pieces, end=how is PotentialDataLoss)
        response = asking.response
        if not read:
            response.deliverBody(asking.reader)
            asking.clock.advance(0)
        assert (response.code, response.phrase, response.length) == (code, b"OK", length), pieces
        assert response.headers.getRawHeaders("x-one") == ["1"]
        assert response.headers.getRawHeaders("x-empty") == [""]
        assert response.headers.getRawHeaders("x-twice") == ["a", "b"]
        assert not response.headers.hasHeader("x-trailer")
        assert asking.body == body, pieces
        assert [type(end) for end in asking.reader.ends] == [how], pieces
        assert asking.peer.left
        assert not asking.clock.getDelayedCalls()


def test_the_chunks_of_one_read_are_one_piece() -> None:
    asking = Asking().hear(
        CHUNKED + b"1\r\na\r\n1\r\nb\r\n", b"1\r\nc\r\n1\r\nd\r\n2\r\ne", b"f\r\n", b"1\r\ng\r\n0\r\n\r\n"
    )
    assert asking.reader.pieces == [b"ab", b"cde", b"f", b"g"]
    assert [type(end) for end in asking.reader.ends] == [ResponseDone]


BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "another protocol": b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x05hello",
    "101 without a word": b"HTTP/1.1 101 Go\r\n\r\nhello",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "two lengths": OK + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "a length below 0": OK + b"content-length: -3\r\n\r\nabc",
    "a head without end": OK + b"x: y\r\n" * (HEAD_MOST // 6 + 1),
    "a header without end": OK + b"x: " + b"y" * HEAD_MOST,
    "no answer but hints": b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" * (HEAD_MOST // 31 + 1),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("step", [1_000_000, 4_096, 1])
def test_what_is_no_response_is_one_failure(raw: bytes, step: int) -> None:
    if step == 1 and len(raw) > 1_000:
        step = 100
    asking = Asking().hear(*(raw[at : at + step] for at in range(0, len(raw), step)))
    asking.hear(OK + b"content-length: 3\r\n\r\nabc", end=True)
    assert str(asking.error)
    assert not asking.reader.pieces
    assert "http://host does not speak HTTP as it should" in asking.words()


BROKEN_BODIES = {
    "a size that is none": b"zz\r\nabc\r\n",
    "a size beyond all": b"f" * 20 + b"\r\nabc\r\n",
    "a chunk longer than said": b"2\r\nabc\r\n",
    "trailers without end": b"0\r\n" + b"x: y\r\n" * (HEAD_MOST // 6 + 1),
    "an extension without end": b"3;" + b"x" * (HEAD_MOST + 1),
}


@pytest.mark.parametrize("raw", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_turns_wrong_keeps_what_came_before(raw: bytes) -> None:
    asking = Asking().hear(CHUNKED + b"5\r\nhello\r\n", *(raw[at : at + 8_192] for at in range(0, len(raw), 8_192)))
    asking.hear(b"1\r\nz\r\n0\r\n\r\n", end=True)
    assert asking.body.startswith(b"hello")
    assert b"z" not in asking.body
    assert str(asking.error)


@pytest.mark.parametrize("close", [b"", b"connection: close\r\n"])
@pytest.mark.parametrize("read", [True, False])
def test_a_second_response_is_nobodys(close: bytes, read: bool) -> None:
    first = OK + close + b"content-length: 3\r\n\r\nabc"
    second = b"HTTP/1.1 500 No\r\nx: y\r\ncontent-length: 3\r\n\r\nxyz"
    for pieces in ([first + second], [first, second], [first + second[:20], second[20:]]):
        asking = Asking(read=read).hear(*pieces)
        if not read:
            asking.response.deliverBody(asking.reader)
        assert (asking.response.code, asking.response.phrase) == (200, b"OK")
        assert not asking.response.headers.hasHeader("x")
        assert asking.body == b"abc"
        assert [type(end) for end in asking.reader.ends] == [ResponseDone]
        assert asking.peer.left
