"""The seed's frames, exactly: a golden transcript of a client that speaks nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.service import RunningService

GOLDEN = Path(__file__).parent / "golden" / "seed.txt"


def normal(value: Any, known: dict[Any, str], key: str = "") -> Any:
    """A frame with what differs from run to run replaced by its stand-in."""
    if isinstance(value, dict):
        return {k: normal(v, known, k) for k, v in value.items()}
    if isinstance(value, list):
        return [normal(v, known, key) for v in value]
    if key in ("create_time", "send_time") and re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", str(value)):
        return "<time>"
    if key == "avatar" and len(str(value)) > 100:
        return "<avatar>"
    return known.get(value, value) if key in ("id", "persona_id", "conversation_id") else value


def test_the_golden_transcript(fresh_service: RunningService) -> None:
    known: dict[Any, str] = {}
    got: list[str] = []
    with connect(fresh_service.url) as socket:
        for line in GOLDEN.read_text(encoding="utf-8").splitlines():
            if line.startswith("-> "):
                text = line[3:]
                for value, name in known.items():
                    text = text.replace(json.dumps(name), json.dumps(value))
                socket.send(text)
            elif line.startswith("<- "):
                frame = json.loads(socket.recv(timeout=20))
                if "<id>" not in known.values():
                    known[frame["persona_id"]] = "<id>"
                if frame.get("conversations"):
                    known[frame["conversations"][0]["id"]] = "<conversation>"
                got.append(json.dumps(normal(frame, known), ensure_ascii=False))
    wanted = [line[3:] for line in GOLDEN.read_text(encoding="utf-8").splitlines() if line.startswith("<- ")]
    assert got == wanted


def test_the_token_of_the_seed_is_not_needed_but_works(fresh_service: RunningService) -> None:
    headers = {"Authorization": f"Bearer {fresh_service.token}"}
    with connect(fresh_service.url, additional_headers=headers) as socket:
        socket.send('{"type": "persona_list"}')
        assert json.loads(socket.recv(timeout=10))["type"] == "persona_list"
