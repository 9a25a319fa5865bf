"""`aichat-admin`: what an owner does beside the running service."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aichat import people, upkeep
from aichat.bridge import models
from aichat.config import SettingsError, load_settings
from aichat.protocol.errors import AichatError
from aichat.store.export import export_personas


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 could not be done (one line says why), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="aichat-admin", description="Look after an aichat service.")
    parser.add_argument("--state-dir", help="the service's state folder")
    parser.add_argument("--database", help="its SQLite file [chat.db in the state folder]")
    parser.add_argument("--config", default="", help="its TOML file of settings")
    nouns = parser.add_subparsers(dest="noun", required=True)
    personas = nouns.add_parser("personas", help="personas as files")
    verbs = personas.add_subparsers(dest="verb", required=True)
    export = verbs.add_parser("export", help="write every persona as FOLDER/<id>.json, in the seed's form")
    export.add_argument("folder", type=Path, metavar="FOLDER")
    model = nouns.add_parser("models", help="the embedded models: list, fetch, path", add_help=False)
    model.add_argument("rest", nargs=argparse.REMAINDER)
    upkeep.add_verbs(nouns)
    people.add_verbs(nouns)
    options = parser.parse_args(argv)
    if options.noun == "models":
        return models.main(options.rest)
    given = {"state_dir": options.state_dir, "database": options.database}
    try:
        settings = load_settings(given, os.environ, options.config)
        if options.noun in upkeep.VERBS:
            return upkeep.run(options, settings)
        if options.noun in people.VERBS:
            return people.run(options, settings)
        written = export_personas(settings.database_path, options.folder)
    except AichatError as error:
        print(f"aichat-admin: {error.message}", file=sys.stderr)  # noqa: T201 - a command's answer
        return 1
    except (SettingsError, sqlite3.Error, OSError, msgspec.ValidationError) as error:
        print(f"aichat-admin: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{len(written)} personas written to {options.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
