"""The WebSocket conformance cases of the Autobahn test suite, through the real service's port (kosoku plays them)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import RunningService, Upstream, running_service

SOAK = bool(os.environ.get("AICHAT_SOAK"))

OVER_THE_LIMIT = ["9.1.5", "9.1.6", "9.2.5", "9.2.6"]
"""Messages of 8 and 16 MB: the service takes 4."""

COMPRESSION = ["12.*", "13.*"]
"""permessage-deflate, which the service does not offer."""

LONG = [] if SOAK else ["9.*"]
"""Large messages: half of the time of all cases."""


@pytest.fixture(scope="module")
def echo(upstream: Upstream) -> Iterator[RunningService]:
    """The service, whose connections say back what they hear."""
    with running_service(upstream=upstream, under=[sys.executable, "tests/soak/echo_service.py"]) as running:
        yield running


def play(url: str, folder: Path, include: list[str], exclude: list[str]) -> dict[str, tuple[str, str, Any]]:
    """Case -> how the exchange went, how the close went, the close code that the service sent.

    In a process of its own: kosoku brings a stand-in for Autobahn, which this one has imported for real.
    """
    chosen = [word for case in include for word in ("-i", case)] + [word for case in exclude for word in ("-x", case)]
    program = str(Path(sys.executable).with_name("kosoku"))
    args = [program, "-m", "fuzzingclient", "-p", "4", "-o", str(folder), *chosen, url]
    subprocess.run(args, capture_output=True, check=False, timeout=120)  # 1 if a case failed: that is for us to judge
    (cases,) = json.loads((folder / "index.json").read_text()).values()
    return {name: (case["behavior"], case["behaviorClose"], case["remoteCloseCode"]) for name, case in cases.items()}


def test_the_cases_pass(echo: RunningService, tmp_path: Path) -> None:
    results = play(echo.url, tmp_path, [], [*COMPRESSION, *OVER_THE_LIMIT, *LONG])
    wrong = {
        case: result
        for case, result in results.items()
        if not {result[0], result[1]} <= {"OK", "NON-STRICT", "INFORMATIONAL"}
    }
    strict = sum(result[:2] == ("OK", "OK") for result in results.values())
    print(f"{len(results)} cases: {strict} as the standard has it, {len(results) - strict} informational")
    assert not wrong
    assert len(results) == (297 if SOAK else 247)


def test_what_is_over_the_limit_is_told_so(echo: RunningService, tmp_path: Path) -> None:
    results = play(echo.url, tmp_path, OVER_THE_LIMIT, [])
    assert {case: result[2] for case, result in results.items()} == dict.fromkeys(OVER_THE_LIMIT, 1009)


def test_compression_is_not_offered(echo: RunningService, tmp_path: Path) -> None:
    results = play(echo.url, tmp_path, COMPRESSION if SOAK else ["12.1.1", "13.1.1"], [])
    assert results
    assert {result[0] for result in results.values()} == {"UNIMPLEMENTED"}
