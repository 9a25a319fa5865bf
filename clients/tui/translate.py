"""`make translations`: brings the words of the terminal app in step with the code, compiles them, names gaps.

Not installed: who translates has the tree. Babel reads the code and writes `.po` and `.mo`.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CODE = Path(__file__).parent / "aichat_tui"
FOLDER = CODE / "locale"
LANGUAGES = ("zh_CN",)
KEYWORDS = {"_": None, "N_": None, "plural": (1, 2)}
HOLES = re.compile(r"\{\w*\}")


def po(language: str) -> Path:
    """Where a translator works."""
    return FOLDER / language / "LC_MESSAGES/aichat_tui.po"


def extract() -> Catalog:
    """What the code says now."""
    found = Catalog()
    for _file, _line, message, _comments, context in extract_from_dir(
        CODE, [("**.py", "python")], keywords=KEYWORDS, strip_comment_tags=True
    ):
        found.add(message, context=context)
    return found


def read(path: Path) -> Catalog:
    """A `.po` file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def updated(known: Catalog) -> Catalog:
    """Translations stay, what is said no more goes; nothing is guessed from a similar text."""
    known.update(extract(), no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def as_text(catalog: Catalog) -> bytes:
    """As a translator reads it: by the alphabet, without places, which would change with every line of code."""
    out = BytesIO()
    write_po(out, catalog, width=118, no_location=True, omit_header=True, sort_output=True)
    head = f'msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n'
    head += f'"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    return head.encode() + out.getvalue().strip() + b"\n"


def compiled(catalog: Catalog) -> bytes:
    """What the app loads."""
    out = BytesIO()
    ready = read_po(BytesIO(as_text(catalog)), locale=catalog.locale_identifier)
    ready.creation_date = ready.revision_date = datetime(2000, 1, 1, tzinfo=UTC)  # the same words are the same file
    write_mo(out, ready)
    return out.getvalue()


def lacking(catalog: Catalog) -> list[str]:
    """What has no translation yet, or only a guess, or one in which something filled in is lost."""
    wrong = []
    for message in catalog:
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        holes = sorted(set(HOLES.findall(sources[-1])))
        fine = all((text or "").strip() and sorted(set(HOLES.findall(text))) == holes for text in texts)
        if sources[0] and (message.fuzzy or not fine):
            wrong.append(sources[0])
    return wrong


def main() -> int:
    """Bring all in step -> 1 if something is not translated."""
    missing = 0
    for language in LANGUAGES:
        path = po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = updated(read(path) if path.exists() else Catalog(locale=language))
        path.write_bytes(as_text(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        for source in lacking(catalog):
            missing += 1
            sys.stdout.write(f"{language}: not translated: {source!r}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
