"""Puts the app into the desktop's menu: its `.desktop` file and its icons, for this user alone."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ICONS = Path(__file__).parent / "icons"
ENTRY = """[Desktop Entry]
Type=Application
Name=aichat
GenericName=AI persona chat
GenericName[zh_CN]=AI 人设聊天
Comment=Chat with personas on your own server
Comment[zh_CN]=与你自己服务器上的人设聊天
Exec={command}
TryExec={program}
Icon=aichat
Terminal=false
Categories=Network;Chat;InstantMessaging;
Keywords=AI;chat;persona;assistant;LLM;聊天;人设;
StartupNotify=true
StartupWMClass=aichat
SingleMainWindow=true
Actions=quick-ask;

[Desktop Action quick-ask]
Name=Quick question
Name[zh_CN]=快速提问
Exec={command} --quick-ask
"""


def data_home() -> Path:
    """Where a user's menu entries lie, by the XDG rules."""
    named = os.environ.get("XDG_DATA_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".local" / "share"


def program() -> str:
    """This program's file, so that the menu finds it without a PATH."""
    found = Path(sys.argv[0]).resolve()
    return str(found) if os.access(found, os.X_OK) and found.suffix != ".py" else shutil.which("aichat-qt") or ""


def install(home: Path | None = None) -> list[Path]:
    """Write the files -> which. Errors: OSError; LookupError if the program is not installed as `aichat-qt`."""
    home = home or data_home()
    command = program()
    if not command:
        raise LookupError("aichat-qt is not installed: nothing could be started from a menu")
    entry = home / "applications" / "aichat.desktop"
    written = [entry]
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(ENTRY.format(command=_quoted(command), program=command), "utf-8")
    for source in sorted(ICONS.glob("aichat*")):
        size = source.stem.partition("-")[2]
        place = "scalable" if source.suffix == ".svg" else f"{size}x{size}"
        target = home / "icons" / "hicolor" / place / "apps" / f"aichat{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        written.append(target)
    return written


def _quoted(path: str) -> str:
    """As an argument of Exec: in quotes, with what is special there escaped."""
    for special in '\\"`$':
        path = path.replace(special, "\\" + special)
    path = path.replace("\\", "\\\\").replace("%", "%%")
    return f'"{path}"'
