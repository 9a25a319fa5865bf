"""Fixtures for the whole suite: the real service over a fake upstream."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.service import RunningService, Upstream, running_service


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """One fake upstream for the whole run."""
    fake = Upstream()
    yield fake
    fake.end()


@pytest.fixture(scope="session")
def service(upstream: Upstream) -> Iterator[RunningService]:
    """One service for all tests that leave it running and do not mind each other's personas."""
    with running_service(upstream=upstream) as running:
        yield running


@pytest.fixture
def fresh_service(upstream: Upstream) -> Iterator[RunningService]:
    """A service of this test alone."""
    with running_service(upstream=upstream) as running:
        yield running
