"""Docs say what the code does."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

from aichat.config import PROVIDERS, Settings
from aichat.tap import Options

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_every_setting_is_documented_and_no_other() -> None:
    page = (DOCS / "settings.md").read_text()
    cells = [[c.strip() for c in line.split("|")] for line in page.splitlines() if line.startswith("| `")]
    rows = [(row[1].strip("`"), row[3].strip("`")) for row in cells]
    assert [name for name, _ in rows] == list(Settings.__struct_fields__)
    options = {f"--{row[0]}" for row in Options.optParameters} | {f"--{row[0]}" for row in Options.optFlags}
    options |= {f"--{name[4:].replace('_', '-')}" for name in dir(Options) if name.startswith("opt_")}
    assert {option for _, option in rows if option} == options - {"--config", "--version", "--help"}
    for provider in PROVIDERS:
        assert f"`{provider}`" in page


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = set()
    for line in chain(project["dependencies"], *project["optional-dependencies"].values()):
        name = re.match(r"[\w.-]+", line)[0]
        if name != "aichat":
            wanted.add(name.lower())
    page = (DOCS / "dependencies.md").read_text()
    named = re.findall(r"^\| ([\w., -]+?) \|", page, re.MULTILINE)
    assert {name.strip().lower() for row in named[1:] for name in row.split(",")} == wanted


def test_links_in_docs_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_code_file_is_too_long() -> None:
    tracked = [*ROOT.glob("aichat/**/*.py"), *ROOT.glob("clients/**/*.py")]
    long = {str(p.relative_to(ROOT)): n for p in tracked if (n := len(p.read_text().splitlines())) > 500}
    assert not long


def test_every_point_of_the_qt_app_is_shown_by_a_test_or_a_picture() -> None:
    page = (DOCS / "design-qt.md").read_text().partition("## Where each point is shown")[2]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    assert len(rows) > 50
    for point, shown in rows:
        tests = re.findall(r"`(tests/qt/\w+\.py)::(test_\w+)`", shown)
        assert tests or "images/qt/" in shown, f"nothing shows {point!r}"
        for path, name in tests:
            assert f"def {name}(" in (ROOT / path).read_text(), f"{point}: {path}::{name}"


def test_every_guarantee_is_held_by_tests_that_exist() -> None:
    page = (DOCS / "guarantees.md").read_text()
    parts = re.split(r"^## (G\d) .*$", page.partition("## What is not promised")[0], flags=re.MULTILINE)
    assert parts[1::2] == [f"G{number}" for number in range(1, 10)]
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        rows = re.findall(r"^\| `(tests/[\w/]+\.py)::(test_\w+)` \| (.+) \|$", part, re.MULTILINE)
        assert rows, f"{name} is held by no test"
        assert len(rows) == part.count("\n| `"), f"{name}: every row names a test and what was measured"
        for path, test, _ in rows:
            assert (ROOT / path).exists(), f"{name}: {path}"
            assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE), f"{name}: {test}"
