"""What the bridge's tests share: the path of a real, small model, fetched once into the normal cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from aichat.bridge.models import FALLBACK_MODEL, fetch
from aichat.protocol.errors import AichatError


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """SmolLM2's GGUF file. The first run downloads 93 MB; later ones use no network."""
    try:
        return fetch(FALLBACK_MODEL, progress=False)
    except AichatError as error:
        pytest.fail(f"this test needs the model {FALLBACK_MODEL} and the network to fetch it once: {error.message}")
