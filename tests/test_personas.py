"""The starter personas: files of the seed's form, with pictures and words fit to ship."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aichat.protocol.values import PersonaConfig

ROOT = Path(__file__).parent.parent
IDS = ["mara", "reviewer", "xiaoyu", "xueba"]
CHINESE = ["xiaoyu", "xueba"]
SEED_FIELDS = ["id", "name", "prompt", "avatar", "create_time"]
ICONS = {
    **{
        ROOT / "clients" / "qt" / "aichat_qt" / "icons" / f"aichat-{edge}.png": edge
        for edge in (16, 32, 48, 128, 256)
    },
    ROOT / "aichat" / "page" / "icon.png": 64,
}


def persona(ident: str) -> dict[str, Any]:
    """One starter persona as its file has it."""
    value = json.loads(files("aichat.personas").joinpath(f"{ident}.json").read_text("utf-8"))
    assert isinstance(value, dict)
    return value


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, every chunk of which is whole."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds, pixels = 8, [], b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        kinds.append(kind)
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (depth, colour) == (8, 3)
    assert len(zlib.decompress(pixels)) == height * (width + 1)
    return width, height


def share_of_chinese(text: str) -> float:
    """How much of the letters of a text is Chinese."""
    letters = [c for c in text if c.isalpha()]
    return sum("\u4e00" <= c <= "\u9fff" for c in letters) / len(letters)


def test_these_are_the_starter_personas() -> None:
    found = sorted(file.name for file in files("aichat.personas").iterdir() if file.name.endswith(".json"))
    assert found == [f"{ident}.json" for ident in IDS]


@pytest.mark.parametrize("ident", IDS)
def test_a_file_has_the_form_of_the_seed(ident: str) -> None:
    value = persona(ident)
    assert list(value) == [*SEED_FIELDS, "greeting", "starters"]
    assert value["id"] == ident
    assert datetime.strptime(value["create_time"], "%Y-%m-%d %H:%M:%S") == datetime(2026, 11, 24)
    config = {key: value[key] for key in ("name", "prompt", "avatar", "greeting", "starters")}
    assert msgspec.convert(config, PersonaConfig).name == value["name"]


@pytest.mark.parametrize("ident", IDS)
def test_the_avatar_is_a_small_square_png(ident: str) -> None:
    data = base64.b64decode(persona(ident)["avatar"], validate=True)
    assert png_size(data) == (256, 256)
    assert len(data) < 16 * 1024


def test_no_two_personas_share_a_picture() -> None:
    assert len({persona(ident)["avatar"] for ident in IDS}) == len(IDS)


@pytest.mark.parametrize("ident", IDS)
def test_prompt_and_greeting_have_the_length_for_a_small_model(ident: str) -> None:
    value = persona(ident)
    assert 400 <= len(value["prompt"]) <= 900
    assert 0 < len(value["greeting"]) <= 120
    assert "\n" not in value["greeting"]


@pytest.mark.parametrize("ident", IDS)
def test_three_starter_questions(ident: str) -> None:
    starters = persona(ident)["starters"]
    assert len(starters) == len(set(starters)) == 3
    assert all(question == question.strip() and 0 < len(question) <= 60 for question in starters)


@pytest.mark.parametrize("ident", IDS)
def test_all_words_are_in_the_language_of_the_persona(ident: str) -> None:
    value = persona(ident)
    for text in (value["prompt"], value["greeting"], *value["starters"]):
        share = share_of_chinese(text)
        assert share > 0.9 if ident in CHINESE else share == 0, text


@pytest.mark.parametrize(
    ("ident", "language"),
    [("xueba", "简体中文"), ("xiaoyu", "简体中文"), ("mara", "English"), ("reviewer", "English")],
)
def test_the_prompt_names_the_language_and_forbids_invented_sources(ident: str, language: str) -> None:
    prompt = persona(ident)["prompt"]
    assert language in prompt
    assert "编造" in prompt or "Never invent" in prompt


def test_the_seeds_persona_begins_as_the_seed_has_it() -> None:
    assert persona("xueba")["name"] == "学霸助手"
    assert persona("xueba")["prompt"].startswith("你是一个严谨的学术助手")


@pytest.mark.parametrize("path", list(ICONS), ids=lambda path: path.name)
def test_the_icons_are_there_in_their_sizes(path: Path) -> None:
    assert png_size(path.read_bytes()) == (ICONS[path], ICONS[path])


@pytest.mark.parametrize("name", [*IDS, "aichat"])
def test_every_picture_has_its_drawing(name: str) -> None:
    assert (ROOT / "docs" / "art" / f"{name}.svg").is_file()
