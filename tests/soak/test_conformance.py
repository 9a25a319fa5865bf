"""The WebSocket conformance cases of the Autobahn test suite, through the real service's port (kosoku plays them)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from kosoku import FailureError, run_fuzzingclient

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


def play(url: str, include: list[str] | None, exclude: list[str]) -> dict[str, tuple[str, str, Any]]:
    """Case -> how the exchange went, how the close went, the close code that the service sent."""
    try:
        results = asyncio.run(run_fuzzingclient(url, include, exclude, concurrency=4))
    except FailureError as failure:
        results = failure.results
    return {r.case_id: (r.behavior.value, r.behavior_close.value, r.remote_close_code) for r in results}


def test_the_cases_pass(echo: RunningService) -> None:
    results = play(echo.url, None, [*COMPRESSION, *OVER_THE_LIMIT, *LONG])
    wrong = {
        case: result
        for case, result in results.items()
        if not {result[0], result[1]} <= {"OK", "NON-STRICT", "INFORMATIONAL"}
    }
    strict = sum(result[:2] == ("OK", "OK") for result in results.values())
    print(f"{len(results)} cases: {strict} as the standard has it, {len(results) - strict} informational")
    assert not wrong
    assert len(results) == (297 if SOAK else 247)


def test_what_is_over_the_limit_is_told_so(echo: RunningService) -> None:
    results = play(echo.url, OVER_THE_LIMIT, [])
    assert {case: result[2] for case, result in results.items()} == dict.fromkeys(OVER_THE_LIMIT, 1009)


def test_compression_is_not_offered(echo: RunningService) -> None:
    results = play(echo.url, COMPRESSION if SOAK else ["12.1.1", "13.1.1"], [])
    assert results
    assert {result[0] for result in results.values()} == {"UNIMPLEMENTED"}
