"""A keyring that asks a person who does not answer before the app is gone."""

from __future__ import annotations

from threading import Event

from keyring.backend import KeyringBackend

ASKED, LEFT = Event(), Event()


class Slow(KeyringBackend):
    """Every question waits until `LEFT`."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        ASKED.set()
        LEFT.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        LEFT.wait()
