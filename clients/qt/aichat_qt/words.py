"""Text as it may be shown: without characters that deceive, and times as the reader's clock has them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale

_DECEIVING = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)]),  # C0, DEL, C1
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)]),  # bidi embeddings, overrides, isolates
    **dict.fromkeys([0x061C, 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)]),
}
_LINE = str.maketrans({**_DECEIVING, 9: " ", 10: " ", 13: " ", 0x2028: " ", 0x2029: " "})
_TEXT = str.maketrans({**_DECEIVING, 9: "\t", 10: "\n", 0x2028: "\n", 0x2029: "\n"})
_HARMLESS = re.compile(r"[\t\n\x20-\x7e\xa1-\u060f\u3000-\ud7ff]*")


def one_line(text: str) -> str:
    """Text for a label: one line, nothing invisible that changes how the rest reads."""
    return text.translate(_LINE).strip()


def clean(text: str) -> str:
    """Text for a message: its lines kept, control characters and bidi overrides left out."""
    return text if _HARMLESS.fullmatch(text) else text.translate(_TEXT)


def whose(owner: str) -> str:
    """Why a persona of another user cannot be changed."""
    return _tr("This persona is {0}'s: only they can change it.").format(one_line(owner))


def local_time(utc: str) -> datetime | None:
    """A stored time ("YYYY-MM-DD HH:MM:SS", UTC) on the reader's clock; None if it is no time."""
    try:
        return datetime.fromisoformat(utc).replace(tzinfo=UTC).astimezone()
    except ValueError:
        return None


def clock(utc: str) -> str:
    """The time of day, as the reader's locale writes it."""
    when = local_time(utc)
    return "" if when is None else QLocale().toString(_qt(when).time(), QLocale.FormatType.ShortFormat)


def moment(utc: str) -> str:
    """Day and time in full."""
    when = local_time(utc)
    if when is None:
        return ""
    return f"{QLocale().toString(_qt(when).date(), QLocale.FormatType.LongFormat)} {clock(utc)}"


def duration(ms: int) -> str:
    """How long something took: seconds, then minutes."""
    seconds = max(1, round(ms / 1000))
    if seconds < 60:
        return _tr("{0} s").format(seconds)
    return _tr("{0} min {1} s").format(*divmod(seconds, 60))


def day(utc: str) -> str:
    """The day for a divider: today, yesterday, or the date."""
    when = local_time(utc)
    if when is None:
        return ""
    date = _qt(when).date()
    ago = date.daysTo(QDate.currentDate())
    if ago == 0:
        return _tr("Today")
    if ago == 1:
        return _tr("Yesterday")
    return QLocale().toString(date, QLocale.FormatType.LongFormat)


def when(utc: str) -> str:
    """A short time for a list: the hour today, else the day."""
    stamp = local_time(utc)
    if stamp is None:
        return ""
    date = _qt(stamp).date()
    ago = date.daysTo(QDate.currentDate())
    if ago == 0:
        return clock(utc)
    if ago == 1:
        return _tr("Yesterday")
    if 1 < ago < 7:
        return QLocale().dayName(date.dayOfWeek(), QLocale.FormatType.ShortFormat)
    this_year = date.year() == QDate.currentDate().year()
    if QLocale().language() in {QLocale.Language.Chinese, QLocale.Language.Japanese}:
        return QLocale().toString(date, "M月d日" if this_year else "yyyy年M月")
    return QLocale().toString(date, "d MMM" if this_year else "MMM yyyy")


def _qt(when: datetime) -> QDateTime:
    return QDateTime.fromSecsSinceEpoch(int(when.timestamp()))


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)
