"""What a conversation shows, as a list of rows from top to bottom: the one place that decides it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aichat.protocol.values import USER, Failure, Message
from aichat_tui import clock
from aichat_tui.desk import Desk, Said
from aichat_tui.i18n import _

Kind = Literal["day", "own", "answer", "greeting", "starter", "hint", "older"]


class Row(NamedTuple):
    """One row: equal rows look equal. `key` stays while the same thing changes its looks."""

    key: str
    kind: Kind
    text: str = ""
    message: Message | None = None
    failure: Failure | None = None
    sending: bool = False
    number: int = 0
    last: bool = False
    place: int = 0
    """As which a running answer waits in line; 0 if it does not."""
    versions: str = ""
    """‹2/3›: which of the versions of a message this is; "" where there is but one."""


def rows(desk: Desk, picked: int = 0) -> list[Row]:
    """The rows of the conversation the user is in; `picked` is the number of the starter under the cursor."""
    messages, said = desk.messages, desk.said()
    if not messages and not said:
        return [] if desk.loading else _empty(desk, picked)
    result = [Row("older", "older")] if desk.has_older else []
    day = ""
    last = len(messages) - 1
    for index, message in enumerate(messages):
        moment = clock.local(message.send_time)
        today = "" if moment is None else clock.day(moment.date())
        if today and today != day:
            day = today
            result.append(Row(f"day {today}", "day", today))
        result.append(row(desk, message, last=index == last and not said and not desk.closed_by))
    result += [_pending(one) for one in said]
    return result


def row(desk: Desk, message: Message, *, last: bool = False) -> Row:
    """The row of one message; an own one keeps the key it had while it was on its way."""
    if message.sender_type == USER:
        key = f"said {message.request_id}" if message.request_id else f"message {message.id}"
        return Row(key, "own", message.content, message, versions=_versions(desk, message))
    place, versions = desk.timeline.queued.get(message.id, 0), _versions(desk, message)
    return Row(
        f"message {message.id}", "answer", message.content, message, message.failure, last=last, place=place,
        versions=versions,
    )  # fmt: skip


def _versions(desk: Desk, message: Message) -> str:
    known = desk.siblings(message.id)
    return f"‹{known.index(message.id) + 1}/{len(known)}›" if len(known) > 1 else ""


def _pending(said: Said) -> Row:
    return Row(
        f"said {said.request_id}", "own", said.content, failure=said.failure, sending=said.failure is None, last=True
    )


def _empty(desk: Desk, picked: int) -> list[Row]:
    persona = desk.persona
    if persona is None:
        return []
    result = [Row("greeting", "greeting", desk.greeting)]
    for number, starter in enumerate(desk.starters[:3], 1):
        result.append(Row(f"starter {number}", "starter", starter, number=number, last=number == picked))
    if persona.starters:
        result.append(Row("hint", "hint", _("A number writes one below; ↑ ↓ and Enter say one.")))
    return result
