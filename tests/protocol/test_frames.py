"""Frames: documented, exact, and patient with what is not one."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aichat.protocol import frames
from aichat.protocol.errors import ERRORS, AichatError
from tests.protocol.strategies import of_struct

DOCS = Path(__file__).parents[2] / "docs"
ALL = [*frames.COMMANDS, *frames.PUSHES]


def example(frame: type) -> dict[str, object]:
    """The JSON of a docstring's example."""
    value: dict[str, object] = json.loads(re.search(r"Example: (\{.*\})", inspect.getdoc(frame) or "", re.DOTALL)[1])
    return value


def decoder(frame: type) -> object:
    return frames.decode_command if issubclass(frame, frames.Command) else frames.decode_push


@pytest.mark.parametrize("frame", ALL, ids=lambda f: f.__name__)
def test_every_docstring_shows_an_example_that_decodes(frame: type[msgspec.Struct]) -> None:
    value = example(frame)
    decoded = decoder(frame)(json.dumps(value).encode())
    assert type(decoded) is frame
    assert json.loads(frames.encode(decoded)).items() <= {**value, **json.loads(frames.encode(decoded))}.items()
    unknown = set(value) - {"type", *frame.__struct_fields__}
    assert not unknown, f"the example has fields that the frame has not: {unknown}"


@pytest.mark.parametrize("frame", ALL, ids=lambda f: f.__name__)
def test_docs_show_every_frame_with_the_same_example(frame: type[msgspec.Struct]) -> None:
    page = (DOCS / "protocol.md").read_text(encoding="utf-8")
    tag = frame.__struct_config__.tag
    way = "client → server" if issubclass(frame, frames.Command) else "server → client"
    section = re.search(rf"^### `{tag}` · {way}\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, f"docs/protocol.md has no section '### `{tag}` · {way}'"
    shown = json.loads(re.search(r"```json\n(.*?)```", section[1], re.DOTALL)[1])
    assert shown == example(frame)
    for field in frame.__struct_fields__:
        assert f"`{field}`" in section[1] or field in shown, f"{tag}: the field {field} is not documented"


def test_docs_show_no_frame_that_does_not_exist() -> None:
    page = (DOCS / "protocol.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### `(\w+)` · ", page, re.MULTILINE)) == {f.__struct_config__.tag for f in ALL}


def test_docs_list_every_error_code() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \| \d+ \|", page, re.MULTILINE))
    assert rows == {code: "yes" if kind.retryable else "no" for code, kind in ERRORS.items()}
    for code, kind in ERRORS.items():
        assert f"| `{code}` | {rows[code]} | {kind.http_status} | {kind.meaning} |" in page


@given(st.one_of([of_struct(frame) for frame in frames.COMMANDS]))
def test_commands_survive_the_wire(command: frames.AnyCommand) -> None:
    assert frames.decode_command(frames.encode(command)) == command


@given(st.one_of([of_struct(frame) for frame in frames.PUSHES]))
def test_pushes_survive_the_wire(push: frames.AnyPush) -> None:
    assert frames.decode_push(frames.encode(push)) == push


@given(st.binary(max_size=300))
def test_any_bytes_give_a_frame_or_an_aichat_error(data: bytes) -> None:
    try:
        frames.decode_command(data)
    except AichatError as error:
        assert error.code in ("bad_frame", "unknown_type", "too_deep", "too_large")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(frames.COMMANDS), st.data())
def test_wrong_types_in_any_field_are_refused_in_words(frame: type[msgspec.Struct], data: st.DataObject) -> None:
    value = example(frame)
    value[data.draw(st.sampled_from(sorted(value)))] = data.draw(json_values)
    try:
        frames.decode_command(json.dumps(value).encode())
    except AichatError as error:
        assert error.code in ("bad_frame", "unknown_type", "too_deep")
        assert len(error.message) > 10
        assert not error.retryable


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_frame"),
        (b"hello", "bad_frame"),
        (b"[]", "bad_frame"),
        (b"null", "bad_frame"),
        (b"{}", "bad_frame"),
        (b'{"type": 5}', "bad_frame"),
        (b'{"type": "nonsense"}', "unknown_type"),
        (b'{"type": "chat"}', "bad_frame"),
        (b'{"type": "chat", "content": ""}', "bad_frame"),
        (b'{"type": "chat", "content": "\xff\xfe"}', "bad_frame"),
        (b'{"type": "chat", "content": "a", "conversation_id": -1}', "bad_frame"),
        (b'{"type": "chat", "content": "a", "conversation_id": 1e400}', "bad_frame"),
        (b'{"type": "chat", "content": "a", "conversation_id": 99999999999999999999}', "bad_frame"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep"),
        (b'"' + b"x" * frames.MAX_FRAME_BYTES + b'"', "too_large"),
    ],
)
def test_wrong_input_has_its_error(data: bytes, code: str) -> None:
    with pytest.raises(AichatError) as caught:
        frames.decode_command(data)
    assert caught.value.code == code


def test_depth_ignores_brackets_in_strings() -> None:
    text = json.dumps({"type": "chat", "content": '[[[{{{"' * 50}).encode()
    assert isinstance(frames.decode_command(text), frames.Chat)


def test_a_broken_frame_still_names_its_request() -> None:
    assert frames.peek_request_id(b'{"type": "chat", "content": 5, "request_id": "r7"}') == "r7"
    assert frames.peek_request_id(b'{"type": "chat", "request_id": 5}') == ""
    assert frames.peek_request_id(b"nonsense") == ""


def test_a_newer_servers_frame_is_passed_over() -> None:
    assert frames.decode_push(b'{"type": "confetti", "seq": 3}') is None
    with pytest.raises(AichatError):
        frames.decode_push(b'{"type": "ack"}')


def test_no_frame_takes_long_to_refuse() -> None:
    hostile = [
        b"[" * 17 + b'"' + b'\\"' * 500_000,
        b"[" * 17 + b'"' + b"\\" * 1_000_000,
        b"[" * 17 + b'"a' * 300_000,
        b'{"type":"chat","content":"' + b'\\"[' * 300_000 + b'"}',
    ]
    for data in hostile:
        began = time.process_time()
        with contextlib.suppress(AichatError):
            frames.decode_command(data)
        assert time.process_time() - began < 1.0, data[:40]
    assert frames.peek_request_id(b'{"a":' * 50_000) == ""
