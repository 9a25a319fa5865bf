"""Files of the app: written whole or not at all, readable by their user alone."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from PySide6.QtCore import QFile, QIODevice, QSaveFile

log = logging.getLogger(__name__)


def private_folder(folder: Path) -> Path:
    """The folder, made if it is not there, open to nobody else. Errors: OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_whole(path: Path, data: bytes) -> None:
    """Put a file on the disk; a crash leaves the old one or the new one. Errors: OSError, after a line in the log."""
    private_folder(path.parent)
    file = QSaveFile(str(path))
    done = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if done:
        file.setPermissions(QFile.Permission.ReadOwner | QFile.Permission.WriteOwner)
        done = file.write(data) == len(data) and file.commit()
    if not done:
        log.warning("%s cannot be written: %s", path, file.errorString())
        raise OSError(file.errorString())


def put_aside(path: Path) -> None:
    """Keep a file that cannot be read under another name, for whoever wants to look into it."""
    with contextlib.suppress(OSError):
        path.replace(path.with_name(path.name + ".broken"))
