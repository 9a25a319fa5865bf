"""Times: the wire's are UTC, a person's are local."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from aichat_tui.i18n import N_, _

WEEKDAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August"),
    N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip
SHORT = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"),
    N_("Nov"), N_("Dec"),
)  # fmt: skip
"""Not of the C library: its language is another setting, and need not be there."""


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
    words = _("{weekday} {day} {month}") if moment.year == today.year else _("{day} {month} {year}")
    return words.format(
        weekday=_(WEEKDAYS[moment.weekday()]), day=moment.day, month=_(MONTHS[moment.month - 1]), year=moment.year
    )


def when(wire: str) -> str:
    """For lists: 14:03 today, else 2 Mar, else 2 Mar 2025."""
    moment = local(wire)
    if moment is None:
        return ""
    today = now().date()
    if moment.date() == today:
        return f"{moment:%H:%M}"
    words = _("{day} {short}") if moment.year == today.year else _("{day} {short} {year}")
    return words.format(day=moment.day, short=_(SHORT[moment.month - 1]), year=moment.year)
