"""How things stand with the connection, in words: the thin line above the composer and the page when all is empty."""

from __future__ import annotations

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat_tui.desk import Desk
from aichat_tui.i18n import _, plural
from aichat_tui.text import label


def standing(desk: Desk, retry_at: float | None, now: float, note: str) -> tuple[str, str]:
    """The line to show and its level (warn, danger, muted); no words when all is well."""
    session, refused = desk.session, desk.refused
    if session.state is State.REFUSED:
        reason = label(session.refusal)
        return (reason + " · " if reason else "") + _("Ctrl+R logs in"), "danger" if reason else "muted"
    if session.state is State.OFFLINE and retry_at is not None:
        words = _("offline — reconnecting in {n} s").format(n=max(0, round(retry_at - now)))
        waiting = sum(1 for pending in session.outbox.values() if pending.failure is None)
        if waiting:
            words += " · " + plural("{n} message waits here", "{n} messages wait here", waiting)
        return words + " · " + _("Ctrl+R now"), "warn"
    if session.state is not State.LIVE:
        return (_("connecting …") if desk.persona_id else ""), "muted"
    if refused is not None and not isinstance(refused[1].command, frames.Chat):
        failure = refused[1].failure
        reason = label(failure.message) if failure else ""
        return _("refused: {reason} · Ctrl+R again · Ctrl+X never mind").format(reason=reason), "danger"
    if desk.closed_by:
        return no_longer_shared(desk.closed_by), "muted"
    return note, "muted"


def no_longer_shared(owner: str) -> str:
    """Why nothing can be said here."""
    return _("{owner} no longer shares this persona; you can read on.").format(owner=label(owner))


def welcome(desk: Desk, retry_at: float | None, server: str) -> str:
    """What to do when there is nobody to speak with; nothing when there is."""
    session = desk.session
    if desk.persona is not None:
        return ""
    if desk.timeline.personas_known:
        return _("No personas yet.") + "\n\n" + _("Ctrl+B, then n, makes the first one.")
    if session.state is State.REFUSED:
        return _("You are not logged in at {server}.").format(server=server) + "\n\n" + _("Ctrl+R logs in.")
    if session.state is State.OFFLINE and retry_at is not None:
        words = _("Nobody answers at {server}.").format(server=server)
        words += "\n\n" + _("Is the server running? To start it on this machine: twist aichat")
        return words + "\n" + _("To name another: aichat-tui --url wss://…")
    return _("Connecting to {server} …").format(server=server)
