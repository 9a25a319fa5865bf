"""Character cards (V1, V2, V3) as JSON, PNG or .charx: a persona from one, and one from a persona. Without I/O.

    card = read_card(data)              persona_create {persona_config: card.config}
    write_png(config, picture, card)    the same persona, as a card that others read

Cards are strangers' files: every size is bounded before anything is unpacked. What a persona has no place for
(lorebooks, unknown `extensions`, notes) is kept in its `card` and goes out again as it came in.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
import zlib
from io import BytesIO
from typing import Any, NamedTuple

import msgspec

from aichat.protocol import png
from aichat.protocol.errors import AichatError
from aichat.protocol.values import Persona, PersonaConfig

FILE_MOST = 32 * 1_048_576
CARD_MOST = 4 * 1_048_576
"""Bytes of a file, and of the JSON in it."""

ENTRIES_MOST = 2_000
"""Files in a .charx."""

KEPT_MOST, AVATAR_MOST = 400_000, 200_000
"""Bytes of JSON that a persona keeps of its card, and of a picture in base64."""

TEXTS = (
    "name", "description", "personality", "scenario", "first_mes", "mes_example", "creator_notes", "system_prompt",
    "post_history_instructions", "creator", "character_version",
)  # fmt: skip


class Card(NamedTuple):
    """A card as a persona. `picture` is its PNG or other picture without texts, of any size, empty if there is none.

    `cut` names fields of `config` that did not fit: shortened, or left out (`avatar`: scale `picture` down to have
    one; `card`: what is kept of a card is too much).
    """

    config: PersonaConfig
    picture: bytes
    cut: list[str]


def fill_in(text: str, char: str, user: str) -> str:
    """A text with its placeholders replaced: {{char}} and {{user}} in any case, and the old <BOT> and <USER>."""
    names = {"char": char, "bot": char, "user": user}
    return _PLACEHOLDER.sub(lambda match: names[(match[1] or match[2]).lower()], text)


_PLACEHOLDER = re.compile(r"\{\{(char|user)\}\}|<(BOT|USER)>", re.IGNORECASE)


def read_card(data: bytes) -> Card:
    """A card's file as a persona. Errors: AichatError too_large, bad_frame with words on what is wrong."""
    if len(data) > FILE_MOST:
        raise AichatError("too_large", f"A card's file may have {FILE_MOST:,} bytes; this one has {len(data):,}.")
    picture = b""
    if png.is_png(data):
        found = png.texts(data)
        raw = found.get("ccv3") or found.get("chara")
        if raw is None:
            raise AichatError("bad_frame", "There is no character in that picture.")
        if len(raw) > CARD_MOST * 4 // 3 + 4:
            raise AichatError("too_large", f"A card may have {CARD_MOST:,} bytes.")
        try:
            text = base64.b64decode(raw, validate=False)
        except (binascii.Error, ValueError):
            raise AichatError("bad_frame", "The character in that picture is damaged.") from None
        picture = png.with_texts(data, {})
    elif data.startswith(b"PK\x03\x04"):
        text, picture = _from_zip(data)
    else:
        text = data
    return _as_persona(_object(text), picture)


def write_json(persona: Persona | PersonaConfig, card: str = "", *, spec: int = 3) -> bytes:
    """A persona as a card's JSON, of spec 2 or 3. `card` is what was kept of the card that it came from."""
    data = _data(persona, _kept(card))
    if spec == 3:
        data.setdefault("group_only_greetings", [])
    return msgspec.json.encode({"spec": f"chara_card_v{spec}", "spec_version": f"{spec}.0", "data": data})


def write_png(persona: Persona | PersonaConfig, picture: bytes = b"", card: str = "") -> bytes:
    """A persona as a picture with its card in both spellings. `picture` is a PNG; a plain one stands in for none.

    Errors: AichatError bad_frame if it is no PNG.
    """
    both = {"chara": write_json(persona, card, spec=2), "ccv3": write_json(persona, card)}
    return png.with_texts(
        picture or png.plain(400, 600, (91, 110, 145)), {word: base64.b64encode(text) for word, text in both.items()}
    )


def _from_zip(data: bytes) -> tuple[bytes, bytes]:
    """card.json of a .charx, and its main picture."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if len(archive.infolist()) > ENTRIES_MOST:
                raise AichatError("too_large", f"A .charx may have {ENTRIES_MOST:,} files in it.")
            text = _unpacked(archive, "card.json", CARD_MOST)
            return text, _icon(archive, text)
    except KeyError:
        raise AichatError("bad_frame", "There is no card.json in that file.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError):
        raise AichatError("bad_frame", "That .charx is damaged.") from None


def _icon(archive: zipfile.ZipFile, text: bytes) -> bytes:
    """The picture that a .charx calls its main icon, if it lies in it."""
    assets = _of(_object(text)).get("assets")
    icons = [a for a in assets if isinstance(a, dict) and a.get("type") == "icon"] if isinstance(assets, list) else []
    icons.sort(key=lambda asset: asset.get("name") != "main")
    for asset in icons[:10]:
        place = re.fullmatch(r"embedd?ed://(.+)", str(asset.get("uri", "")))
        if place is not None and place[1] in archive.namelist():
            return _unpacked(archive, place[1], FILE_MOST)
    return b""


def _unpacked(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One file of an archive, unpacked as far as is allowed, whatever its head says. Errors: KeyError."""
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError  # others can ask for any amount of memory
    with archive.open(name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise AichatError("too_large", f"{name} may have {most:,} bytes.")
    return data


def _object(text: bytes) -> dict[str, Any]:
    if len(text) > CARD_MOST:
        raise AichatError("too_large", f"A card may have {CARD_MOST:,} bytes.")
    try:
        found = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AichatError("bad_frame", "That is no character card: its text is not JSON.") from None
    if not isinstance(found, dict):
        raise AichatError("bad_frame", "That is no character card.")
    return found


def _of(card: dict[str, Any]) -> dict[str, Any]:
    """The data of a V2 or V3 card, or a V1 card, which is flat."""
    data = card.get("data")
    return data if isinstance(data, dict) else card


def _as_persona(card: dict[str, Any], picture: bytes) -> Card:
    data = _of(card)
    name = _text(data, "name").strip() or _text(data, "nickname").strip()
    if not name or not any(_text(data, field) for field in TEXTS[1:] if field != "creator_notes"):
        raise AichatError("bad_frame", "That is no character card: it has no name, or nothing but one.")
    ours = _ours(data)
    avatar = base64.b64encode(picture).decode()
    kept = msgspec.json.encode(data).decode()
    wanted = {"name": name, "prompt": _prompt(data), "greeting": _text(data, "first_mes"), "starters": ours,
              "avatar": avatar, "card": kept}  # fmt: skip
    limits = {"name": 100, "prompt": 32_768, "greeting": GREETING_MOST}
    cut = [field for field, most in limits.items() if len(str(wanted[field])) > most]
    wanted |= {field: str(wanted[field])[:most] for field, most in limits.items()}
    if len(avatar) > AVATAR_MOST:
        cut.append("avatar")
        wanted["avatar"] = ""
    if len(kept) > KEPT_MOST:
        cut.append("card")
        wanted["card"] = ""
    return Card(msgspec.convert(wanted, PersonaConfig), picture, cut)


GREETING_MOST = 8_000


def _prompt(data: dict[str, Any]) -> str:
    """What a model is told. `creator_notes` and `tags` are for people; there is no prompt to put in {{original}}."""
    parts = [
        ("", _text(data, "system_prompt")),
        ("", _text(data, "description")),
        ("{{char}}'s personality: ", _text(data, "personality")),
        ("Scenario: ", _text(data, "scenario")),
        ("Examples of how {{char}} talks:\n", _text(data, "mes_example")),
        ("", _text(data, "post_history_instructions")),
    ]
    texts = [(head, re.sub(r"\{\{original\}\}", "", text, flags=re.IGNORECASE).strip()) for head, text in parts]
    return "\n\n".join(head + text for head, text in texts if text)


def _data(persona: Persona | PersonaConfig, kept: dict[str, Any]) -> dict[str, Any]:
    """The data of a card: as it came where the persona is still as it came, with our words where it is not."""
    data: dict[str, Any] = {field: _text(kept, field) for field in TEXTS} | {"alternate_greetings": [], "tags": []}
    data |= kept
    data["name"] = persona.name if persona.name != _text(kept, "name").strip()[:100] else kept["name"]
    if persona.prompt != _prompt(kept)[:32_768]:
        data |= dict.fromkeys(("personality", "scenario", "mes_example", "system_prompt"), "")
        data |= {"description": persona.prompt, "post_history_instructions": ""}
    if persona.greeting != _text(kept, "first_mes")[:GREETING_MOST]:
        data["first_mes"] = persona.greeting
    extensions = data.get("extensions")
    data["extensions"] = dict(extensions) if isinstance(extensions, dict) else {}
    if persona.starters != _ours(kept):
        known = data["extensions"].get("aichat")
        kept_ours = known if isinstance(known, dict) else {}
        data["extensions"]["aichat"] = {**kept_ours, "starters": list(persona.starters)}
    return data


def _ours(data: dict[str, Any]) -> list[str]:
    """The questions to begin with, of a card that we wrote."""
    extensions = data.get("extensions")
    ours = extensions.get("aichat") if isinstance(extensions, dict) else None
    starters = ours.get("starters") if isinstance(ours, dict) else None
    if not isinstance(starters, list):
        return []
    return [text[:200] for text in starters if isinstance(text, str) and text][:6]


def _kept(card: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(card) if card else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    return value if isinstance(value, str) else ""
