"""Writes personas as the seed's `personas/*.json` files, from a database that a service may be using."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import closing
from pathlib import Path

from aichat.store.backup import open_read_only
from aichat.store.queries import load_queries
from aichat.store.rows import to_persona


def export_personas(database: Path, folder: Path, user_id: int = 1) -> list[Path]:
    """One file for each persona of a user -> the files. Errors: sqlite3.Error, OSError."""
    with closing(open_read_only(database)) as connection:
        rows = list(load_queries().personas_since(connection, user_id=user_id, seq=-1))
    personas = [persona for row in rows if not (persona := to_persona(row, user_id)).owner]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for persona in personas:
        value = {
            "id": persona.id,
            "name": persona.name,
            "prompt": persona.prompt,
            "avatar": persona.avatar,
            "create_time": persona.create_time,
        }
        for name in ("model", "greeting", "starters", "provider", "fallback", "temperature"):
            if (field := getattr(persona, name)) not in ("", [], None):
                value[name] = field
        path = folder / f"{_file_name(persona.id)}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _file_name(persona_id: str) -> str:
    """The id where it is a harmless file name, else a digest of it."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", persona_id):
        return persona_id
    return hashlib.sha256(persona_id.encode()).hexdigest()[:16]
