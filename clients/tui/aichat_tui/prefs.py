"""What a person chose for the app on this machine: its theme and its language, in `tui.json` of the user's config.

Where many share one home (a session over SSH: `AICHAT_CONFINED=1`) nothing is read or written.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "tui.json"


class Prefs:
    """Choices by name; "" is: nothing chosen. Without a file they hold until the app ends."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._chosen: dict[str, str] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                found = json.loads(path.read_text("utf-8"))
                if isinstance(found, dict):
                    self._chosen = {str(name): value for name, value in found.items() if isinstance(value, str)}

    def __getitem__(self, name: str) -> str:
        return self._chosen.get(name, "")

    def __setitem__(self, name: str, value: str) -> None:
        """Choose; kept at once, where it can be."""
        self._chosen[name] = value
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                fresh = self._path.with_suffix(".new")
                fresh.write_text(json.dumps(self._chosen, ensure_ascii=False, indent=1) + "\n", "utf-8")
                fresh.replace(self._path)


def of_user(environ: Mapping[str, str] = os.environ) -> Prefs:
    """The user's own."""
    if environ.get("AICHAT_CONFINED") == "1":
        return Prefs()
    from platformdirs import user_config_path  # noqa: PLC0415 - the command line may need none of this

    return Prefs(user_config_path("aichat") / FILE)
