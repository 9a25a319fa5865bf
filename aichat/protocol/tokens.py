"""Which token a client shows, and where the one that a login gave is kept: in the keyring of the operating system.

A token that was named (a file, AICHAT_TOKEN) or that a server on this machine left comes first; then `keyring` is not
even imported. A keyring may ask its user to unlock it, for as long as that takes: the client runs what touches it
aside, on a thread that may be left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from aichat.protocol.address import Address
from aichat.protocol.session import Session

SERVICE = "aichat"
"""What our entries in the keyring are listed under; the user name of an entry is the server's URL."""

T = TypeVar("T")


def load(url: str) -> str:
    """The token kept for a server; "" if there is none or it cannot be had. Blocks."""
    try:
        import keyring  # noqa: PLC0415 - most starts need none, and it takes a while

        return keyring.get_password(SERVICE, url) or ""
    except Exception:  # each backend has its own: no keyring, a locked one, no D-Bus
        return ""


def keep(url: str, token: str) -> bool:
    """Keep the token for a server -> whether it is kept. Blocks."""
    try:
        import keyring  # noqa: PLC0415

        keyring.set_password(SERVICE, url, token)
    except Exception:
        return False
    return load(url) == token  # one backend takes everything and keeps nothing


def forget(url: str) -> bool:
    """Take the token for a server out of the keyring -> whether there was one. Blocks."""
    try:
        import keyring  # noqa: PLC0415

        keyring.delete_password(SERVICE, url)
    except Exception:
        return False
    return True


def is_there() -> bool:
    """Whether this machine has a keyring that keeps something. Blocks."""
    try:
        import keyring  # noqa: PLC0415

        return keyring.get_keyring().priority > 0
    except Exception:
        return False


class Aside(Protocol):
    """Runs `work` on another thread, then `then` with its result on the client's own."""

    def __call__(self, work: Callable[[], T], then: Callable[[T], None]) -> None: ...


class Tokens:
    """What a link asks before it connects, and tells when it was refused.

    `find` gives the server and the token named or found here, anew for each try: the server may have started, and
    left its token, since the last one. `kept` is called after a login: whether a keyring has it now.
    """

    def __init__(
        self, session: Session, find: Callable[[], Address], aside: Aside, kept: Callable[[bool], None]
    ) -> None:
        self._session, self._find, self._aside, self._tell_kept = session, find, aside, kept
        self._url = ""
        self._given = False  # a token was named at the start: the keyring has no say
        self._chosen = False  # by a login, by hand, or out of the keyring: what is found here does not count
        self._kept = ""  # the token that the keyring has
        self._looked = False  # into the keyring; once is enough
        self._logging_in = False
        self._wanted = True  # a token that comes by a login goes into the keyring
        self._typed = False  # a token that was typed in goes there once the server has taken it

    def prepare(self, connect: Callable[[str], None]) -> None:
        """Put the token to show into the session, then call `connect` with the URL, perhaps later.

        Errors: OSError, ValueError if a token file was named and cannot be read.
        """
        address = self._find()
        self._url, self._given = address.url, address.is_given
        if not self._chosen:
            self._session.token = address.token
            if not (address.token or address.is_given or address.is_local or self._looked):
                self._look(lambda _found: connect(address.url))
                return
        connect(address.url)

    def refused(self, again: Callable[[], None], over: Callable[[], None]) -> None:
        """The server refused: `again` if the keyring has another token, else `over`, perhaps later."""
        by_password, self._logging_in = self._logging_in, False
        self._chosen = self._typed = False
        if self._kept and not by_password and self._session.token == self._kept:
            self._forget()
            over()
        elif by_password or self._looked or self._given:
            over()
        else:
            self._look(lambda found: again() if found else over())

    def log_in(self, name: str, password: str, *, keep: bool = True) -> None:
        """A name and a password are to be shown at the next connect; `keep` the token that comes."""
        self._chosen = self._logging_in = True
        self._wanted, self._typed = keep, False
        self._session.log_in(name, password)

    def logged_in(self) -> None:
        """The server answered a login: the session has its token, the keyring is to have it."""
        self._logging_in = False
        self._looked = True
        if not self._wanted:
            return
        if self._given:  # the next start shows that one again
            self._tell_kept(False)
            return
        self._keep()

    def welcomed(self) -> None:
        """The server took the token."""
        if self._typed:
            self._typed = False
            self._looked = True
            self._keep()

    def _keep(self) -> None:
        token, url = self._session.token, self._url
        self._kept = token

        def kept(done: bool) -> None:
            if self._kept == token:
                self._kept = token if done else ""
                self._tell_kept(done)

        self._aside(lambda: keep(url, token), kept)

    def use(self, token: str, *, keep: bool = False) -> None:
        """A token typed in: it holds for this run, or is to be kept."""
        self._chosen = True
        self._typed = keep and not self._given
        self._session.token = token

    def log_out(self) -> None:
        """Forget who this is. The next try, if one is wanted, is as at the start."""
        if self._kept:
            self._forget()
        self._looked = True
        self._chosen = self._logging_in = False
        self._session.log_out()

    def _look(self, then: Callable[[bool], None]) -> None:
        self._looked = True
        url = self._url

        def looked(token: str) -> None:
            if token and not self._chosen:
                self._chosen = True
                self._kept = self._session.token = token
            then(bool(token))

        self._aside(lambda: load(url), looked)

    def _forget(self) -> None:
        url, self._kept = self._url, ""
        self._aside(lambda: forget(url), lambda _done: None)
