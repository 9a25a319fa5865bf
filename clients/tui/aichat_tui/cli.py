"""`aichat-tui`: the app; `ask`: one answer; `list`: the personas; `login`, `logout`: who one is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aichat_tui import __version__
from aichat_tui.i18n import N_, _, speak
from aichat_tui.prefs import Prefs, of_user

if TYPE_CHECKING:
    from aichat.protocol.address import Address

ASK_HELP = N_("""\
The text is TEXT, or standard input, or both (TEXT, a blank line, standard input).
The answer is printed as it comes. On a terminal it is stripped of escape sequences; into a
pipe or file it goes byte for byte.

exit status:
  0    the answer is complete
  1    the answer failed, broke off or was stopped elsewhere; what came is printed
  2    wrong usage, or no such persona
  3    no connection, or the server refused
  130  stopped with Ctrl-C (the answer is stopped on the server too)
  141  the reader of standard output went away (the same)
""")

LOGIN_HELP = N_("""\
Name and password are asked for, at a terminal. What comes back is a token; it is kept in the
system's keyring (GNOME Keyring, KWallet, macOS Keychain, Windows Credential Manager) for this
server, and the app, `ask` and `list` show it from then on. Without a keyring, use a token of
`aichat-admin token add` with --token-file or AICHAT_TOKEN.

exit status:
  0    logged in, and kept
  1    no keyring
  2    not at a terminal, or nothing typed
  3    no connection, or the server refused
""")


def parser() -> argparse.ArgumentParser:
    """The command line; it never takes a token, which others could read there."""
    main = argparse.ArgumentParser(
        prog="aichat-tui",
        parents=[_where("")],
        description=_("Chat with personas in the terminal."),
    )
    where = _where(argparse.SUPPRESS)  # what stands before the command counts too
    main.add_argument("--version", action="version", version=f"aichat-tui {__version__}")
    main.add_argument("--light", action="store_true", help=_("start in light colours"))
    commands = main.add_subparsers(dest="command", metavar="COMMAND")
    ask = commands.add_parser(
        "ask", parents=[where], help=_("print one answer and end"), epilog=_(ASK_HELP),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_("Say something to a persona and print the answer."),
    )  # fmt: skip
    ask.add_argument("persona", metavar="PERSONA", help=_("its id, or its name"))
    ask.add_argument("text", metavar="TEXT", nargs="*", help=_("what to say"))
    ask.add_argument("--new", action="store_true", help=_("in a new conversation"))
    ask.add_argument("--reasoning", action="store_true", help=_("print the model's reasoning to standard error"))
    ask.add_argument("--json", action="store_true", help=_("print one JSON object at the end instead of the text"))
    ask.add_argument("--wait", type=float, default=None, metavar="SECONDS",
                     help=_("keep trying to connect this long (default: 0 at first, 60 after a break)"))  # fmt: skip
    listing = commands.add_parser("list", parents=[where], help=_("print the personas: id, tab, name"))
    listing.add_argument("--json", action="store_true", help=_("print a JSON array"))
    listing.add_argument("--wait", type=float, default=None, metavar="SECONDS", help=_("keep trying this long"))
    url = _where(argparse.SUPPRESS, token=False)
    login = commands.add_parser(
        "login", parents=[url], help=_("log in with a name and a password"), epilog=_(LOGIN_HELP),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    login.set_defaults(wait=None)
    commands.add_parser("logout", parents=[url], help=_("forget the login"))
    return main


def _where(default: str, *, token: bool = True) -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--url", default=default, help=_("ws:// or wss:// of the server (default: AICHAT_URL, else here)")
    )
    if not token:
        return where
    words = _("read the token from FILE (default: AICHAT_TOKEN, else that of the server here, else of the login)")
    where.add_argument("--token-file", default=default, metavar="FILE", help=words)
    return where


def main(argv: Sequence[str] | None = None) -> int:
    """Run -> exit status."""
    prefs = of_user()
    speak("" if os.environ.get("AICHAT_LANG") else prefs["language"])
    arguments = parser().parse_args(argv)
    from aichat.protocol.address import find_server  # noqa: PLC0415 - `--help` needs none of this

    find = partial(find_server, arguments.url, arguments.token_file)
    try:
        url = find().url
    except (OSError, ValueError) as error:
        print(_("aichat-tui: cannot read the token: {error}").format(error=error), file=sys.stderr)  # noqa: T201
        return 2
    if not url.startswith(("ws://", "wss://")):
        print(_("aichat-tui: the URL begins with ws:// or wss://: {url}").format(url=url), file=sys.stderr)  # noqa: T201
        return 2
    if arguments.command is None:
        return _app(find, url, prefs, light=arguments.light)
    if arguments.command in ("login", "logout"):
        from aichat_tui import account  # noqa: PLC0415

        return account.log_in(arguments, find) if arguments.command == "login" else account.log_out(find)
    from aichat_tui import ask  # noqa: PLC0415

    return ask.run(arguments, find)


def _app(find: Callable[[], Address], url: str, prefs: Prefs, *, light: bool) -> int:
    from aichat.protocol.session import Session  # noqa: PLC0415
    from aichat_tui.app import ChatApp  # noqa: PLC0415
    from aichat_tui.link import CLIENT, SocketLink  # noqa: PLC0415

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(_("aichat-tui: the app needs a terminal; `aichat-tui ask` works in pipes."), file=sys.stderr)  # noqa: T201
        return 2
    session = Session(client=CLIENT)
    link = SocketLink(session, find)
    app = ChatApp(session, link, server=url, theme="aichat-light" if light else "", prefs=prefs)
    app.run()
    return app.return_code or 0
