"""`make translations`: brings the words for Qt Linguist in step with the code, compiles them, says what is missing.

Not installed: who translates has the tree. `lupdate` and `lrelease` come with PySide6-Essentials.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import PySide6

CODE = Path(__file__).parent / "aichat_qt"
FOLDER = CODE / "translations"
LANGUAGES = ("zh_CN",)
TOOLS = Path(PySide6.__file__).parent


def update(ts: Path) -> None:
    """Take over what the code says now; translations stay, what is said no more goes."""
    sources = [str(path) for path in sorted(CODE.glob("*.py"))]
    _run("lupdate", "-silent", "-tr-function-alias", "tr+=_tr", "-no-obsolete", "-locations", "none", *sources,
         "-ts", str(ts))  # fmt: skip


def compile_(ts: Path, qm: Path) -> None:
    """What the app loads."""
    _run("lrelease", "-silent", str(ts), "-qm", str(qm))


def said(ts: Path) -> dict[tuple[str, str], str]:
    """(context, source) -> translation, "" where it is missing or only a guess of the tool's."""
    result = {}
    for context in ElementTree.parse(ts).getroot().iter("context"):  # noqa: S314 - a file of this tree
        for message in context.iter("message"):
            found = message.find("translation")
            ready = found is not None and found.get("type") is None
            text = (found.text or "") if found is not None and ready else ""
            result[context.findtext("name", ""), message.findtext("source", "")] = text
    return result


def missing(ts: Path) -> list[str]:
    """What has no translation yet."""
    return [source for (_, source), text in said(ts).items() if not text.strip()]


def _run(tool: str, *arguments: str) -> None:
    subprocess.run([str(TOOLS / tool), *arguments], check=True)


def main() -> int:
    lacking = 0
    for language in LANGUAGES:
        ts = FOLDER / f"aichat_{language}.ts"
        update(ts)
        compile_(ts, ts.with_suffix(".qm"))
        for source in missing(ts):
            lacking += 1
            sys.stdout.write(f"{ts.name}: not translated: {source!r}\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
