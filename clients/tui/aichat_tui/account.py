"""`aichat-tui login` and `aichat-tui logout`: the token of a login goes into the system's keyring, and out of it."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable

from aichat.protocol import tokens
from aichat.protocol.address import Address
from aichat_tui.i18n import _
from aichat_tui.plain.errand import Errand
from aichat_tui.plain.output import BROKEN, DONE, UNREACHABLE, USAGE, End, complain
from aichat_tui.text import label


class LoggingIn(Errand):
    """Shows a name and a password, and keeps the token that comes back."""

    def __init__(self, arguments: argparse.Namespace, find: Callable[[], Address], name: str, password: str) -> None:
        super().__init__(arguments, find)
        self._name = name
        self._kept: bool | None = None
        self.link.tokens.log_in(name, password)

    async def do(self) -> int:
        """Wait for the keyring, good or bad."""
        await self.until(lambda: self._kept is not None)
        if not self._kept:
            raise End(BROKEN, _("the keyring did not take the login; see `aichat-tui login --help`"))
        self.out.line(_("Logged in as {name}.").format(name=label(self.session.user or self._name)))
        return DONE

    def refused(self) -> None:
        """The server does not let this user in."""
        self.finish(UNREACHABLE, label(self.session.refusal))

    def on_kept(self, done: bool) -> None:
        """The keyring has it, or does not take it."""
        self._kept = done
        self.wake()


def log_in(arguments: argparse.Namespace, find: Callable[[], Address]) -> int:
    """Ask for name and password, log in, keep the token -> exit status."""
    address = find()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        complain(_("a password is typed at a terminal; for programs: a token file, or AICHAT_TOKEN"))
        return USAGE
    if address.is_given:
        complain(_("AICHAT_TOKEN is set, and would be shown in place of the login: unset it first"))
        return USAGE
    if not tokens.is_there():
        complain(_("no keyring here to keep a login in; use a token: `aichat-admin token add`, then --token-file"))
        return BROKEN
    sys.stderr.write(_("Log in at {url}").format(url=label(address.url)) + "\n")
    try:
        name = input(_("User name: ")).strip()
        password = getpass.getpass(_("Password: "))
    except (EOFError, KeyboardInterrupt):
        sys.stderr.write("\n")
        return USAGE
    if not name or not password:
        complain(_("both are needed"))
        return USAGE
    status = LoggingIn(arguments, find, name, password).run()
    if status == DONE and address.token:
        complain(_("note: on this machine the token in {file} still comes first").format(file="owner.token"))
    return status


def log_out(find: Callable[[], Address]) -> int:
    """Take the token out of the keyring -> exit status."""
    url = find().url
    done = _("Logged out of {url}.") if tokens.forget(url) else _("Nobody was logged in at {url}.")
    sys.stdout.write(done.format(url=label(url)) + os.linesep)
    return DONE
