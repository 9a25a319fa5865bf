"""What soaks measure: memory of a process, percentiles."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path


def resident_megabytes(pid: int) -> float:
    """The resident memory of a process, in MB (Linux)."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1_000


def processor_seconds(pid: int) -> float:
    """How long a process has worked so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0 to 1) of all lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
