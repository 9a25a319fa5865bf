"""Two ways to bring a model file here: the Hugging Face hub, and slices on a package index through pip.

Both write one file and show one progress bar; neither judges the result: `models.fetch` checks the SHA-256.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aichat.bridge.catalogue import Hub, Model, Part

HUB_TIMEOUT = 4.0  # seconds to wait for each answer of the hub …
HUB_DEADLINE = 8.0  # … and for the first one in all: name look-ups and dead addresses know no time-out
_PIP_WITH_RAW_PROGRESS = (24, 1)


class SourceFailedError(Exception):
    """This source gave nothing; the text is one plain line on why. Another source may do."""


class _Lines:
    """Where a progress bar goes when stderr is no terminal: one plain line for every ten per cent."""

    def __init__(self) -> None:
        self._next = 10

    def write(self, text: str) -> None:
        percent = re.search(r"(\d+)%", text)
        if percent and int(percent[1]) >= self._next:
            self._next = int(percent[1]) // 10 * 10 + 10
            sys.stderr.write(text.strip() + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """The progress bar: amount, speed and time left, in bytes. The hub's library makes its own, of this class."""

    shown = True
    label = ""  # in place of what the hub's library would call the file

    def __init__(self, *, total: int | None = None, initial: int = 0, desc: str = "", **ignored: Any) -> None:
        terminal = sys.stderr.isatty()
        form = "{desc}: {percentage:3.0f}% {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left"
        super().__init__(
            total=total,
            initial=initial,
            desc=self.label or desc,
            unit="B",
            unit_scale=True,
            disable=not self.shown,
            file=sys.stderr if terminal else _Lines(),
            mininterval=0.1 if terminal else 0.5,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| " + form.split("% ")[1] if terminal else form,
        )

    def reach(self, position: int) -> None:
        """Move to `position` bytes."""
        self.update(position - self.n)


class SilentBar(Bar):
    """The same, showing nothing."""

    shown = False


def from_hub(hub: Hub, model: Model, target: Path, bar_class: type[Bar]) -> None:
    """Download `hub`'s file to `target`. Fails at once when the hub cannot be reached or has another file."""
    # Its second transfer protocol talks to more hosts and keeps a second copy; plain HTTP does both jobs here.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    import huggingface_hub  # noqa: PLC0415  # slow to import, and optional

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # our lines say what matters

    def ask() -> str:
        # The library's download retries a dead network for half a minute; this asks once.
        url = huggingface_hub.hf_hub_url(hub.repository, hub.filename)
        return huggingface_hub.get_hf_file_metadata(url, timeout=HUB_TIMEOUT, token=False).etag or ""

    try:
        etag = _within(HUB_DEADLINE, ask)
    except Exception as error:
        raise SourceFailedError(f"The Hugging Face hub gives no {hub.filename} ({_reason(error)}).") from error
    if re.fullmatch(r"[0-9a-f]{64}", etag) and etag != model.sha256:
        raise SourceFailedError(f"The Hugging Face hub now has another {hub.filename} (SHA-256 {etag[:12]}…).")

    folder = target.with_suffix(".hub")  # kept after a broken download, so that the next one goes on from there
    try:
        path = huggingface_hub.hf_hub_download(
            hub.repository,
            hub.filename,
            local_dir=folder,
            etag_timeout=HUB_TIMEOUT,
            token=False,
            tqdm_class=type("HubBar", (bar_class,), {"label": model.name}),
        )
    except Exception as error:
        raise SourceFailedError(f"The Hugging Face hub broke off ({_reason(error)}).") from error
    os.replace(path, target)
    shutil.rmtree(folder, ignore_errors=True)


def from_parts(parts: tuple[Part, ...], model: Model, target: Path, bar_class: type[Bar]) -> None:
    """Download the wheels one after the other and append their slices to `target`.

    Whole slices that `target` already holds are kept: a broken download goes on where it was.
    """
    _require_pip()
    have = target.stat().st_size if target.exists() else 0
    kept = done = 0
    while done < len(parts) and kept + parts[done].size <= have:
        kept += parts[done].size
        done += 1
    bar = bar_class(
        desc=model.name,
        total=sum(part.wheel_size for part in parts),
        initial=sum(part.wheel_size for part in parts[:done]),
    )
    folder = target.with_suffix(".wheels")
    try:
        with bar, target.open("r+b" if have else "wb") as out:
            out.truncate(kept)
            out.seek(kept)
            for part in parts[done:]:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                start = bar.n
                wheel = _pip_download(part, folder, lambda amount, start=start: bar.reach(start + amount))  # type: ignore[misc]
                bar.reach(start + part.wheel_size)  # also where pip tells no amounts
                _append_slice(wheel, part, out.write)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _within(seconds: float, ask: Callable[[], str]) -> str:
    """What `ask` returns or raises, or TimeoutError: then its thread is left behind and dies with the process."""
    outcome: list[str | Exception] = []

    def run() -> None:
        try:
            outcome.append(ask())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer in {seconds:.0f} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _reason(error: Exception) -> str:
    """The first line of an error's text, which may be pages long."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _require_pip() -> None:
    try:
        importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        raise SourceFailedError(f"This Python has no pip; add it with: {sys.executable} -m ensurepip") from None


def _pip_download(part: Part, folder: Path, on_amount: Callable[[int], None]) -> Path:
    """One wheel into `folder`, its hash checked by pip; `on_amount(bytes so far)` is called on the way."""
    pin = folder / "pin.txt"
    pin.write_text(f"{part.requirement} --hash=sha256:{part.wheel_sha256}\n", encoding="utf-8")
    version = tuple(int(number) for number in re.findall(r"\d+", importlib.metadata.version("pip"))[:2])
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--no-cache-dir", "--no-input", "--disable-pip-version-check", "--timeout=15", "--retries=2"),
        f"--progress-bar={'raw' if version >= _PIP_WITH_RAW_PROGRESS else 'off'}",
        *("--dest", str(folder), "--requirement", str(pin)),
    ]
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # pip unpacks where TMPDIR says: let that be the disk whose space was checked.
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            for line in process.stdout or ():
                if amount := re.match(r"Progress (\d+) of \d+", line):
                    on_amount(int(amount[1]))
                else:
                    output.append(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise SourceFailedError(f"The package index gives no {part.requirement}: {_pip_reason(output)}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceFailedError(f"pip brought no wheel for {part.requirement}.")
    return wheels[0]


def _pip_reason(output: list[str]) -> str:
    text = "\n".join(output)
    if "DO NOT MATCH THE HASHES" in text:
        return "what it sent has another hash than the one expected, and was thrown away."
    if "Retrying (" in text:
        return "it cannot be reached."
    errors = [line.removeprefix("ERROR:").strip() for line in output if line.startswith("ERROR:")]
    return (errors or output or ["pip failed without a word."])[-1]


def _append_slice(wheel: Path, part: Part, write: Callable[[bytes], int]) -> None:
    """Unpack the one member that is data. The wheel is read as an archive: nothing in it is ever run."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(part.member)
            if info.file_size != part.size:
                raise SourceFailedError(f"{part.member} has {info.file_size} bytes where {part.size} were expected.")
            with archive.open(info) as source:
                while block := source.read(1 << 20):
                    write(block)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, zlib.error) as error:
        raise SourceFailedError(f"The wheel of {part.requirement} is damaged: {_reason(error)}") from error
    wheel.unlink()
