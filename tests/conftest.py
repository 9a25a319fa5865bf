"""Fixtures for the whole suite: the real service over a fake upstream."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from hypothesis import HealthCheck, settings
from keyrings.alt.file import PlaintextKeyring
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # never that of whoever runs the tests

from tests.service import PASSWORD, RunningService, Upstream, admin, running_service

settings.register_profile("aichat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aichat")  # wall clocks would measure who else uses the machine


def pytest_collection_finish() -> None:
    """What is imported by now stays. The collector need not look through it after each test, see `no_logged_errors`:
    0.15 s each, a quarter of all that the suite took."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def guarded(upstream: Upstream) -> Iterator[RunningService]:
    """A service that trusts nobody unasked, with the members wei, mei and 林小雨, whose password is PASSWORD."""
    with running_service(upstream=upstream, env={"AICHAT_TRUST_LOCAL": "false"}) as running:
        for name in ("wei", "mei", "林小雨"):
            admin(running, "user", "add", name, stdin=PASSWORD + "\n")
        yield running


@pytest.fixture
def keyring_file(tmp_path: Path) -> Iterator[Path]:
    """A keyring that is a file, in this process and, by the environment, in those it starts."""
    folder = tmp_path / "python_keyring"
    folder.mkdir()
    before = keyring.get_keyring()
    backend = PlaintextKeyring()
    backend.file_path = str(folder / "keyring_pass.cfg")  # where it looks below XDG_DATA_HOME
    keyring.set_keyring(backend)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
        patch.setenv("XDG_DATA_HOME", str(tmp_path))
        yield folder / "keyring_pass.cfg"
    keyring.set_keyring(before)


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of logged errors that a test expects: append to it."""
    return []


@pytest.fixture(autouse=True)
def no_logged_errors(expected_errors: list[str]) -> Iterator[None]:
    """A logged error, or a Deferred that failed unheard, fails the test that caused it."""
    errors: list[str] = []

    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical) or event.get("isError"):
            errors.append(formatEvent(event) + str(event.get("log_failure") or ""))

    globalLogPublisher.addObserver(observe)
    yield
    gc.collect()  # unheard failures are logged when their Deferred goes
    globalLogPublisher.removeObserver(observe)
    unexpected = [error for error in errors if not any(part in error for part in expected_errors)]
    assert not unexpected, "logged errors that nobody expected:\n" + "\n".join(unexpected)
    missing = [part for part in expected_errors if not any(part in error for error in errors)]
    assert not missing, f"expected in the log, but not there: {missing}"
