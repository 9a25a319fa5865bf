"""Character cards: what others wrote comes in whole and goes out as it came; what is hostile is refused in words."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aichat.protocol import png
from aichat.protocol.cards import CARD_MOST, FILE_MOST, fill_in, read_card, write_json, write_png
from aichat.protocol.errors import AichatError
from aichat.protocol.values import PersonaConfig

BOOK = {"entries": [{"keys": ["sea"], "content": "{{char}} fears it", "enabled": True, "insertion_order": 1,
                     "extensions": {"depth": 4}}], "extensions": {}}  # fmt: skip
DATA: dict[str, Any] = {
    "name": "小雨",
    "description": "{{char}} is a sailor.",
    "personality": "dry",
    "scenario": "On {{user}}'s boat.",
    "first_mes": "你好，{{user}}！",
    "mes_example": "<START>\n{{user}}: hi\n{{char}}: hm",
    "creator_notes": "a secret for people",
    "system_prompt": "{{original}}Stay in character.",
    "post_history_instructions": "Be brief.",
    "alternate_greetings": ["Again you?"],
    "character_book": BOOK,
    "tags": ["tag-for-people"],
    "creator": "someone",
    "character_version": "1.2",
    "extensions": {"depth_prompt": {"depth": 4, "prompt": "x"}, "unknown/tool": [1, None, {"a": 0.5}]},
}
V2 = {"spec": "chara_card_v2", "spec_version": "2.0", "data": DATA}
V3 = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {**DATA, "nickname": "雨", "future": {"x": 1}}}
PICTURE = png.plain(8, 8, (1, 2, 3))


def encoded(card: Any) -> bytes:
    return json.dumps(card, ensure_ascii=False).encode()


def picture(**texts: Any) -> bytes:
    return png.with_texts(PICTURE, {word: base64.b64encode(encoded(card)) for word, card in texts.items()})


def zipped(card: bytes, **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", card)
        for name, data in more.items():
            archive.writestr(name, data)
    return out.getvalue()


def data_of(file: bytes) -> dict[str, Any]:
    value = json.loads(file)
    data: dict[str, Any] = value["data"]
    return data


ICON = {**V3, "data": {**V3["data"], "assets": [
    {"type": "background", "uri": "embeded://b", "name": "main", "ext": "png"},
    {"type": "icon", "uri": "embeded://icon", "name": "main", "ext": "png"}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "avatar"),
    [
        (encoded(V2), b""),
        (b"\xef\xbb\xbf" + encoded(V3), b""),
        (encoded(DATA), b""),
        (picture(chara=V2), PICTURE),
        (picture(ccv3=V3), PICTURE),
        (picture(chara={**V2, "data": {**DATA, "name": "old"}}, ccv3=V3), PICTURE),
        (zipped(encoded(ICON), icon=PICTURE), PICTURE),
        (zipped(encoded(V3)), b""),
    ],
)
def test_a_card_becomes_a_persona(file: bytes, avatar: bytes) -> None:
    card = read_card(file)
    config = card.config
    assert (config.name, config.greeting, card.cut) == ("小雨", "你好，{{user}}！", [])
    for part in ("Stay in character.", "is a sailor", "dry", "On {{user}}'s boat.", "{{char}}: hm", "Be brief."):
        assert part in config.prompt
    for never in ("secret", "tag-for-people", "{{original}}", "fears it"):
        assert never not in config.prompt
    assert card.picture == base64.b64decode(config.avatar) == avatar
    assert json.loads(config.card)["character_book"] == BOOK


@pytest.mark.parametrize("card", [V2, V3])
def test_what_came_in_goes_out_as_it_came(card: dict[str, Any]) -> None:
    config = read_card(encoded(card)).config
    out = write_png(config, PICTURE, config.card)
    texts = {word: json.loads(base64.b64decode(text)) for word, text in png.texts(out).items()}
    assert list(texts) == ["chara", "ccv3"]
    assert [texts[word]["spec"] for word in texts] == ["chara_card_v2", "chara_card_v3"]
    assert [texts[word]["spec_version"] for word in texts] == ["2.0", "3.0"]
    for value in texts.values():
        assert value["data"].items() >= card["data"].items()
    assert texts["chara"]["data"] == card["data"], "and nothing is added"
    assert png.with_texts(out, {}) == PICTURE
    assert read_card(out).config == replace(
        config, avatar=base64.b64encode(PICTURE).decode(), card=read_card(out).config.card
    )


def test_what_was_changed_goes_out_changed_and_the_rest_stays() -> None:
    config = read_card(encoded(V3)).config
    changed = replace(config, name="Mara", prompt="All new.", greeting="Ho!", starters=["Why?"])
    data = data_of(write_json(changed, config.card))
    assert (data["name"], data["description"], data["first_mes"]) == ("Mara", "All new.", "Ho!")
    assert (data["personality"], data["system_prompt"], data["scenario"]) == ("", "", "")
    assert data["extensions"] == {**DATA["extensions"], "aichat": {"starters": ["Why?"]}}
    assert (data["character_book"], data["future"], data["tags"]) == (BOOK, {"x": 1}, ["tag-for-people"])
    back = read_card(write_json(changed, config.card)).config
    assert (back.name, back.prompt, back.greeting, back.starters) == ("Mara", "All new.", "Ho!", ["Why?"])


def test_a_persona_of_our_own_is_a_whole_card() -> None:
    config = PersonaConfig(name="Mara", prompt="You are {{char}}.", greeting="Ho!", starters=["Why?", "怎么？"])
    for kept in ("", "nonsense", "[1]", "{"):
        out = write_png(config, card=kept)
        assert png.is_png(out)
        assert replace(read_card(out).config, avatar="", card="") == config
    required = {*DATA} - {"character_book"}
    assert set(data_of(write_json(config, spec=2))) == required


def test_long_texts_are_cut_and_named_and_a_large_picture_is_left_to_be_scaled() -> None:
    large = png.plain(2, 2, (0, 0, 0))
    noise = (
        struct.pack(">I4s", 200_000, b"noIs")
        + b"x" * 200_000
        + struct.pack(">I", zlib.crc32(b"noIs" + b"x" * 200_000))
    )
    large = large[:33] + noise + large[33:]
    huge = {**V2, "data": {**DATA, "name": "n" * 101, "first_mes": "f" * 8_001, "description": "d" * 500_000}}
    file = png.with_texts(large, {"chara": base64.b64encode(encoded(huge))})
    card = read_card(file)
    assert sorted(card.cut) == ["avatar", "card", "greeting", "name", "prompt"]
    assert (len(card.config.name), len(card.config.greeting), len(card.config.prompt)) == (100, 8_000, 32_768)
    assert (card.config.avatar, card.config.card, card.picture) == ("", "", large)


def bomb() -> bytes:
    return zipped(b'{"data": {"name": "' + b"x" * (CARD_MOST + 100) + b'"}}')


def lies(file: bytes) -> bytes:
    """The same zip, whose entry says that it is small."""
    at = file.index(b"PK\x01\x02")
    return file[: at + 24] + struct.pack("<I", 10) + file[at + 28 :]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "bad_frame"),
        (b"nonsense", "bad_frame"),
        (b"[]", "bad_frame"),
        (b"{}", "bad_frame"),
        (b"[" * 100_000, "bad_frame"),
        (b'{"a":' * 50_000, "bad_frame"),
        (b'{"data": {"name": "\xff"}}', "bad_frame"),
        (encoded({"spec": "chara_card_v2", "data": []}), "bad_frame"),
        (encoded({"data": {"name": ["x"], "description": "d"}}), "bad_frame"),
        (encoded({"data": {"name": "only"}}), "bad_frame"),
        (b" " * (CARD_MOST + 1), "too_large"),
        (b" " * (FILE_MOST + 1), "too_large"),
        (PICTURE, "bad_frame"),
        (PICTURE[:40], "bad_frame"),
        (png.SIGNATURE, "bad_frame"),
        (png.SIGNATURE + b"\xff\xff\xff\xfftEXtchara\0", "bad_frame"),
        (png.with_texts(PICTURE, {"chara": b"%%%"}), "bad_frame"),
        (png.with_texts(PICTURE, {"chara": b"A" * (CARD_MOST * 4 // 3 + 8)}), "too_large"),
        (picture(chara=V2).replace(b"chara", b"chars"), "bad_frame"),
        (b"PK\x03\x04 nonsense", "bad_frame"),
        (zipped(encoded(V3))[:-30], "bad_frame"),
        (bomb(), "too_large"),
        (lies(bomb()), None),
        (zipped(b"{}", **{f"f{n}": b"" for n in range(2_001)}), "too_large"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_in_words(file: bytes, code: str | None) -> None:
    with pytest.raises(AichatError) as refused:
        read_card(file)
    assert refused.value.code == code or (code is None and refused.value.code in ("bad_frame", "too_large"))
    assert len(refused.value.message) > 10


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_any_bytes_give_a_card_or_words(data: bytes, at: int, byte: int) -> None:
    whole = [picture(chara=V2), zipped(encoded(ICON), icon=PICTURE), encoded(V2)]
    bent = [file[: at % len(file)] + bytes([byte]) + file[at % len(file) + 1 :] for file in whole]
    for file in (data, png.SIGNATURE + data, b"PK\x03\x04" + data, *bent, *(file[:at] for file in whole)):
        try:
            read_card(file)
        except AichatError as error:
            assert error.code in ("bad_frame", "too_large")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*DATA, "nickname", "future"]), anything))
def test_whatever_stands_in_a_field_nothing_unknown_is_lost(data: dict[str, Any]) -> None:
    data |= {"name": "n", "description": "d"}
    config = read_card(encoded({"spec": "chara_card_v3", "data": data})).config
    out = data_of(write_json(config, config.card, spec=2))
    assert {k: v for k, v in out.items() if k in data and k != "extensions"} == {
        k: v for k, v in data.items() if k != "extensions"
    }
    if isinstance(data.get("extensions"), dict):
        assert out["extensions"] == data["extensions"]


def test_placeholders_are_replaced_once() -> None:
    assert fill_in("{{char}} meets {{User}}, <BOT> <user>", "{{user}}", "魏") == "{{user}} meets 魏, {{user}} 魏"
    assert fill_in("{{chars}} {{ char }}", "a", "b") == "{{chars}} {{ char }}"
