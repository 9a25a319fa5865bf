"""Texts in PNG files: read, taken out, put in. Bytes in, bytes out; the picture itself is not looked at."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from aichat.protocol.errors import AichatError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNKS_MOST = 20_000


def is_png(data: bytes) -> bool:
    """Whether these bytes begin as a PNG does."""
    return data.startswith(SIGNATURE)


def texts(data: bytes) -> dict[str, bytes]:
    """The tEXt chunks of a PNG by keyword, the first of each. Errors: AichatError bad_frame."""
    found: dict[str, bytes] = {}
    for kind, body in _chunks(data):
        if kind == b"tEXt":
            keyword, _, text = body.partition(b"\0")
            found.setdefault(keyword.decode("latin-1"), text)
    return found


def with_texts(data: bytes, new: dict[str, bytes]) -> bytes:
    """A PNG with these tEXt chunks in place of all texts it had, whatever kind. Errors: AichatError bad_frame."""
    out = [SIGNATURE]
    for kind, body in _chunks(data):
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        if kind == b"IEND":
            out += [_chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text) for keyword, text in new.items()]
        out.append(_chunk(kind, body))
    return b"".join(out)


def plain(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour, for what has none."""
    rows = (b"\0" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each chunk, up to the end. Errors: AichatError bad_frame if it is cut off or damaged."""
    if not is_png(data):
        raise AichatError("bad_frame", "That is no PNG.")
    at = len(SIGNATURE)
    for _ in range(CHUNKS_MOST):
        if at + 12 > len(data):
            raise AichatError("bad_frame", "That PNG is cut off.")
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length or at + 12 + length > len(data):
            raise AichatError("bad_frame", "That PNG is cut off.")
        if struct.unpack_from(">I", data, at + 8 + length)[0] != zlib.crc32(kind + body):
            raise AichatError("bad_frame", "That PNG is damaged.")
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length
    raise AichatError("bad_frame", "That PNG has too many parts.")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
