"""The protocol's own limits, read from its types, so that the app and the server cannot disagree."""

from __future__ import annotations

from typing import Any, get_args

from msgspec import Meta


def limit_of(annotated: Any) -> int:
    """The greatest length of an `Annotated[..., Meta(max_length=N)]`."""
    return next(meta.max_length for meta in get_args(annotated) if isinstance(meta, Meta) and meta.max_length)
