"""`aichat-tui`: the command line. Without a command it is the app; the others need no screen (`plain`)."""

from __future__ import annotations

import argparse
import gettext
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aichat_tui import __version__
from aichat_tui.confined import is_confined
from aichat_tui.i18n import FOLDER, _, current, speak
from aichat_tui.plain import texts
from aichat_tui.prefs import Prefs, of_user

if TYPE_CHECKING:
    from aichat.protocol.address import Address


def parser() -> argparse.ArgumentParser:
    """The command line; it never takes a token, which others could read there."""
    main = argparse.ArgumentParser(
        prog="aichat-tui", formatter_class=_Help, usage="%(prog)s [OPTION]... [COMMAND ...]",
        description=_("Chat with personas in the terminal. Without a command the app opens."),
        epilog=_(texts.MAIN_HELP),
    )  # fmt: skip
    main.add_argument("--version", action="version", version=f"aichat-tui {__version__}")
    main.add_argument("--light", action="store_true", help=_("start in light colours"))
    _add_connection(main, "")
    commands = main.add_subparsers(prog="aichat-tui", dest="command", metavar="COMMAND", title=_("commands"))

    def add(name: str, form: str, brief: str, about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=brief, description=_sentence(brief), epilog=about, formatter_class=_Help,
            usage=f"%(prog)s [OPTION]... {form}",
        )  # fmt: skip
        command.add_argument("--json", action="store_true", help=_("print JSON, one object a line"))
        _add_connection(command, argparse.SUPPRESS)  # what stands before the command counts too
        command.add_argument(
            "--wait", type=_seconds, metavar="SECONDS",
            help=_("keep trying to connect this long (default: 0 at first, 60 after a break)"),
        )  # fmt: skip
        return command

    persona_help = _("its id, its name, or how one of them begins")
    conversation_help = _("its number, its title or how it begins, or `latest`")

    ask = add(
        "ask",
        "PERSONA [TEXT]",
        _("say something to a persona and print the answer"),
        _(texts.ASK_HELP),
    )
    ask.add_argument("persona", metavar="PERSONA", help=persona_help)
    ask.add_argument("text", metavar="TEXT", nargs="*", default=[], help=_("what to say; - waits for standard input"))
    _add_where_said(ask, conversation_help)
    ask.add_argument("--reasoning", action="store_true", help=_("print the model's reasoning to standard error"))

    chat = add("chat", "[PERSONA]", _("talk with a persona line by line"), _(texts.CHAT_HELP))
    chat.add_argument("persona", metavar="PERSONA", nargs="?", default="", help=persona_help)
    chat.add_argument("--plain", action="store_true", help=_("without a screen, whatever the terminal can do"))
    _add_where_said(chat, conversation_help)

    listing = add(
        "list",
        "[personas|conversations [PERSONA]]",
        _("print the personas, or the conversations"),
        _reading(texts.LIST_HELP),
    )
    listing.add_argument(
        "what", nargs="?", choices=["personas", "conversations"], default="personas",
        metavar="personas|conversations", help=_("what to list (default: personas)"),
    )  # fmt: skip
    listing.add_argument("persona", metavar="PERSONA", nargs="?", default="", help=_("conversations with this one"))
    listing.add_argument("--all", action="store_true", help=_("archived conversations too"))

    show = add("show", "CONVERSATION", _("print messages of a conversation"), _reading(texts.SHOW_HELP))
    show.add_argument("conversation", metavar="CONVERSATION", help=conversation_help)
    show.add_argument("-n", dest="most", type=_count, default=10, metavar="N", help=_("the last N (default: 10)"))
    show.add_argument("--all", action="store_true", help=_("all messages"))

    search = add("search", "WORD...", _("find words in all conversations"), _reading(texts.SEARCH_HELP))
    search.add_argument("words", metavar="WORD", nargs="+", help=_("what to look for"))
    search.add_argument("--persona", metavar="PERSONA", default="", help=_("in conversations with this one"))
    search.add_argument("--conversation", metavar="CONVERSATION", default="", help=_("in this one"))
    search.add_argument("-n", dest="most", type=_count, default=30, metavar="N", help=_("up to N (default: 30)"))

    export = add("export", 'CONVERSATION', _("print a whole conversation as a document"),
                 _reading(texts.EXPORT_HELP))  # fmt: skip
    export.add_argument("conversation", metavar="CONVERSATION", help=conversation_help)
    export.add_argument("--format", choices=["markdown", "json"], default="markdown",
                        help=_("what kind of document (default: markdown)"))  # fmt: skip

    if not is_confined():
        url = argparse.ArgumentParser(add_help=False)
        _add_url(url, argparse.SUPPRESS)
        for name, brief, about in (
            ("login", _("log in with a name and a password"), _(texts.LOGIN_HELP)),
            ("logout", _("forget the login"), ""),
        ):
            command = commands.add_parser(
                name, parents=[url], help=brief, description=_sentence(brief), epilog=about, formatter_class=_Help,
                usage="%(prog)s [OPTION]...",
            )  # fmt: skip
            command.set_defaults(wait=None)
    return main


def _sentence(brief: str) -> str:
    return brief[:1].upper() + brief[1:] + _(".")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Options stand close to what they do, on a terminal of 80 columns too."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)


def _reading(about: str) -> str:
    return _(about) + "\n" + _(texts.READ_HELP)


def _add_where_said(command: argparse.ArgumentParser, conversation_help: str) -> None:
    """In which conversation something is said."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("--new", action="store_true", help=_("in a new conversation"))
    which.add_argument("--conversation", metavar="CONVERSATION", default="", help=conversation_help)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e9:  # NaN neither
        raise ValueError(text)
    return number


_count.__name__, _seconds.__name__ = "N", "SECONDS"  # argparse says "invalid N value"


def _add_connection(command: argparse.ArgumentParser, default: str) -> None:
    """Which server, and who one is there. Behind the SSH door that is settled; `find_server` refuses these."""
    group = _add_url(command, default)
    words = _("read the token from FILE (default: AICHAT_TOKEN, else that of the server here, else of the login)")
    group.add_argument("--token-file", default=default, metavar="FILE", help=_unless_confined(words))


def _add_url(command: argparse.ArgumentParser, default: str) -> argparse._ArgumentGroup:
    group = command.add_argument_group(_("connection"))
    words = _("ws:// or wss:// of the server (default: AICHAT_URL, else here)")
    group.add_argument("--url", default=default, help=_unless_confined(words))
    return group


def _unless_confined(words: str) -> str:
    return argparse.SUPPRESS if is_confined() else words


def main(argv: Sequence[str] | None = None) -> int:
    """Run -> exit status."""
    from aichat_tui.plain.output import End, complain, prepare_streams  # noqa: PLC0415

    prepare_streams()
    prefs = of_user()
    speak("" if os.environ.get("AICHAT_LANG") else prefs["language"])
    arguments = _parsed(argv)
    try:
        return _run(arguments, prefs)
    except End as end:
        if end.words:
            complain(end.words)
        return end.status


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """argparse looks its own words up in the domain and the language of the process: ours, as long as it works."""
    gettext.bindtextdomain("aichat_tui", str(FOLDER))
    gettext.textdomain("aichat_tui")
    before = os.environ.get("LANGUAGE")
    os.environ["LANGUAGE"] = current()
    try:
        return parser().parse_args(argv)
    finally:
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before


def _run(arguments: argparse.Namespace, prefs: Prefs) -> int:
    from aichat.protocol.address import find_server  # noqa: PLC0415 - `--help` needs none of this
    from aichat_tui.plain.output import USAGE, End  # noqa: PLC0415

    find = partial(find_server, arguments.url, arguments.token_file)
    try:
        arguments.url = url = find().url
    except (OSError, ValueError) as error:
        raise End(USAGE, _("cannot read the token: {error}").format(error=error)) from None
    if not url.startswith(("ws://", "wss://")):
        raise End(USAGE, _("the URL begins with ws:// or wss://: {url}").format(url=url))
    match arguments.command:
        case None:
            return _app(find, url, prefs, light=arguments.light)
        case "login" | "logout":
            from aichat_tui import account  # noqa: PLC0415

            return account.log_in(arguments, find) if arguments.command == "login" else account.log_out(find)
        case "ask":
            from aichat_tui.plain import asking  # noqa: PLC0415

            return asking.run(arguments, find)
        case "chat":
            from aichat_tui.plain import chatting  # noqa: PLC0415

            if arguments.plain or not can_draw():
                return chatting.run(arguments, find)
            return _app(find, url, prefs, light=arguments.light)
        case _:
            from aichat_tui.plain import reading  # noqa: PLC0415

            return reading.run(arguments, find)


def can_draw(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the app has what it needs: a terminal with a cursor that can be moved."""
    return sys.stdin.isatty() and sys.stdout.isatty() and environ.get("TERM", "") not in ("", "dumb")


def _app(find: Callable[[], Address], url: str, prefs: Prefs, *, light: bool) -> int:
    if not can_draw():
        from aichat_tui.plain.output import USAGE, End  # noqa: PLC0415

        raise End(USAGE, _("the app needs a terminal that can draw; `aichat-tui chat` and `ask` need none"))
    from aichat.protocol.session import Session  # noqa: PLC0415
    from aichat_tui.app import ChatApp  # noqa: PLC0415
    from aichat_tui.link import CLIENT, SocketLink  # noqa: PLC0415

    session = Session(client=CLIENT)
    link = SocketLink(session, find)
    app = ChatApp(session, link, server=url, theme="aichat-light" if light else "", prefs=prefs)
    app.run()
    return app.return_code or 0
