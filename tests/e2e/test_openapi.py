"""What /openapi.json says of each port is what the real service does: schemathesis tries it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from aichat.bridge.app import BridgeApp
from aichat.doors.openai import OpenAIDoor
from aichat.doors.web import WebDoor
from tests.service import RunningService, Upstream, running_service

SOAK = bool(os.environ.get("AICHAT_SOAK"))
EXAMPLES = 1_000 if SOAK else 25
"""Of each operation, besides the ones that cover every limit of its schema."""

SECRET = "s3cret-of-the-bridge"


@pytest.mark.parametrize("port", ["service", "bridge"])
def test_schemathesis_finds_nothing(upstream: Upstream, tmp_path: Path, port: str) -> None:
    env = {"AICHAT_TRUST_LOCAL": "false", "AICHAT_BRIDGE_SECRET": SECRET}  # so that the token is tried too
    with running_service(upstream=upstream, env=env) as service:
        base, token = (service.http, service.token) if port == "service" else (service.bridge, SECRET)
        args = [f"--header=Authorization: Bearer {token}", f"--max-examples={EXAMPLES}", "--no-color"]
        args += [] if SOAK else ["--seed=1"]
        tried = subprocess.run(
            [str(Path(sys.executable).with_name("st")), "run", f"{base}/openapi.json", "--checks=all", *args],
            capture_output=True,
            text=True,
            timeout=3_000,
            check=False,
            cwd=tmp_path,
        )
        print(tried.stdout[-1_500:])
        assert tried.returncode == 0, tried.stdout[-20_000:]
        assert int(re.search(r"Tested: (\d+)", tried.stdout)[1]) >= 7


def test_every_route_is_in_its_document(service: RunningService) -> None:
    def routes(*apps: tuple[str, object]) -> set[str]:
        rules = ((at, rule) for at, app in apps for rule in app.url_map.iter_rules())  # type: ignore[attr-defined]
        return {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", at + rule.rule).removesuffix("{__rest__}") for at, rule in rules}

    for base, there in (
        (service.http, routes(("", WebDoor.app), ("/v1", OpenAIDoor.app)) - {"/ws", "/v1", "/v1/"}),
        (service.bridge, routes(("", BridgeApp.app))),
    ):
        with urllib.request.urlopen(f"{base}/openapi.json", timeout=10) as answer:
            document = json.load(answer)
        assert set(document["paths"]) == there - {"/test/"}
        assert document["openapi"] == "3.1.0"
