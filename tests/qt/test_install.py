"""The Qt app is installed and started without anything of the server."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement

from tests.service import ROOT

SERVER = {
    "twisted", "autobahn", "treq", "klein", "aiosql", "filelock", "prometheus-client", "argon2-cffi", "httptools",
    "xllamacpp", "huggingface-hub", "textual", "websockets",
}  # fmt: skip


def named(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def brought(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> None:
    """Everything that an install of a package brings here, as pip reads it."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        wanted = Requirement(line)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            brought(named(wanted.name), frozenset(wanted.extras), seen)


def test_the_qt_app_alone_brings_nothing_of_the_server() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    seen: set[tuple[str, frozenset[str]]] = set()
    for line in project["dependencies"] + project["optional-dependencies"]["qt"]:
        wanted = Requirement(line)
        brought(named(wanted.name), frozenset(wanted.extras), seen)
    packages = {name for name, _ in seen}
    assert {"pyside6-essentials", "pyside6-addons", "msgspec", "keyring"} <= packages
    assert not packages & SERVER


def test_the_qt_app_loads_nothing_of_the_server() -> None:
    code = (
        "import pkgutil, sys, aichat_qt\n"
        "for each in pkgutil.iter_modules(aichat_qt.__path__):\n"
        "    __import__(f'aichat_qt.{each.name}')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {named(name) for name in done.stdout.split()}
    assert "aichat-qt" in loaded and not loaded & SERVER
