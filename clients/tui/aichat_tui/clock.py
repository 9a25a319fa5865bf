"""Times: the wire's are UTC, a person's are local."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from aichat_tui.words import _


def local(wire: str) -> datetime | None:
    """A time from the wire in this machine's zone; None if it is empty or not a time."""
    try:
        return datetime.fromisoformat(wire).replace(tzinfo=UTC).astimezone()
    except ValueError:
        return None


def hour(wire: str) -> str:
    """14:03, or nothing if the time is unknown."""
    moment = local(wire)
    return "" if moment is None else f"{moment:%H:%M}"


def now() -> datetime:
    """This moment, in this machine's zone."""
    return datetime.now().astimezone()


def day(moment: date) -> str:
    """Today, Yesterday, Monday 2 March, 2 March 2025."""
    today = now().date()
    if moment == today:
        return _("Today")
    if moment == today - timedelta(days=1):
        return _("Yesterday")
    if moment.year == today.year:
        return f"{moment:%A} {moment.day} {moment:%B}"
    return f"{moment.day} {moment:%B %Y}"


def when(wire: str) -> str:
    """For lists: 14:03 today, else 2 Mar, else 2 Mar 2025."""
    moment = local(wire)
    if moment is None:
        return ""
    today = now().date()
    if moment.date() == today:
        return f"{moment:%H:%M}"
    return f"{moment.day} {moment:%b}" if moment.year == today.year else f"{moment.day} {moment:%b %Y}"
