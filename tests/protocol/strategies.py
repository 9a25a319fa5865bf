"""Hypothesis strategies for every frame, derived from the structs' own types."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the structs write it."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *metas = get_args(kind)
        meta = next(m for m in metas if isinstance(m, msgspec.Meta))
        if base is int:
            return st.integers(meta.ge or 0, meta.le or 2**53 - 1)
        if base is float:
            return st.floats(meta.ge, meta.le)
        if base is str and meta.pattern:
            return st.from_regex(meta.pattern, fullmatch=True).map(lambda text: text[: meta.max_length].strip())
        if base is str:
            size = {"min_size": meta.min_length or 0, "max_size": min(meta.max_length or 40, 60)}
            return st.text(st.characters(exclude_categories=["Cs"]), **size)
        return st.lists(of_type(get_args(base)[0]), max_size=min(meta.max_length or 4, 4))
    if origin in (Union, types.UnionType):
        return st.one_of([of_type(arg) for arg in get_args(kind)])
    if origin is Literal:
        return st.sampled_from(get_args(kind))
    if origin is list:
        return st.lists(of_type(get_args(kind)[0]), max_size=3)
    if kind is msgspec.UnsetType:
        return st.just(msgspec.UNSET)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return of_struct(kind)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(0, 2**53 - 1),
        str: text,
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        type(None): st.none(),
    }
    return simple[kind]


def of_struct(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a struct; fields with a default are sometimes left at it."""
    hints = get_type_hints(struct, include_extras=True)
    required = {f for f, d in zip(struct.__struct_fields__, _defaults(struct), strict=True) if d is msgspec.NODEFAULT}
    return st.fixed_dictionaries(
        {name: of_type(hints[name]) for name in struct.__struct_fields__ if name in required},
        optional={name: of_type(hints[name]) for name in struct.__struct_fields__ if name not in required},
    ).map(lambda fields: struct(**fields))


def _defaults(struct: type[msgspec.Struct]) -> list[Any]:
    return [
        msgspec.NODEFAULT
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        else field.default
        for field in msgspec.structs.fields(struct)
    ]
