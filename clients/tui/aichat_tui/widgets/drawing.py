"""Draws one row of a conversation as lines of styled text."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from aichat.protocol.values import Failure, Message, can_continue
from aichat_tui import clock
from aichat_tui.avatar import initials
from aichat_tui.body import Body
from aichat_tui.flow import wrap
from aichat_tui.i18n import _, plural
from aichat_tui.markdown import styles_of
from aichat_tui.rows import Row
from aichat_tui.text import clean, label
from aichat_tui.theme import Palette

CARET = "▍"


class Drawer:
    """Draws rows at one width in one palette; keeps what it drew of answers that grow."""

    def __init__(self) -> None:
        self.palette: Palette | None = None
        self.width = 0
        self.name = ""
        self.unfolded: set[str] = set()
        """Keys of the rows whose reasoning is open."""
        self._bodies: dict[str, Body] = {}

    def forget(self) -> None:
        """Another conversation: nothing kept is of use."""
        self._bodies.clear()
        self.unfolded.clear()

    def draw(self, row: Row) -> list[Text]:
        """The lines of a row, the blank one below it included."""
        assert self.palette is not None
        match row.kind:
            case "day":
                return [self._centred(f"── {row.text} ──", Style(color=self.palette.muted)), Text()]
            case "older":
                return [self._centred(_("↑ older messages"), Style(color=self.palette.muted)), Text()]
            case "own":
                return [*self._own(row), Text()]
            case "answer":
                return [*self._answer(row), Text()]
            case "greeting":
                return [*self._greeting(row), Text()]
            case "starter":
                return self._starter(row)
            case "hint":
                return [Text(), Text(row.text, Style(color=self.palette.muted))]
            case _:
                return [Text()]

    def _centred(self, words: str, style: Style) -> Text:
        text = Text(words, style)
        text.pad_left(max(0, (self.width - text.cell_len) // 2))
        return text

    def _own(self, row: Row) -> list[Text]:
        assert self.palette is not None
        own = Style(color=self.palette.muted if row.sending else self.palette.text, bgcolor=self.palette.own)
        most = max(10, min(self.width - 3, self.width * 4 // 5))
        words = wrap(Text(clean(row.text).strip("\n")), most - 3)
        inner = max(line.cell_len for line in words)
        lines = []
        for line in words:
            line.pad_right(inner - line.cell_len)
            bubble = Text.assemble((" ", own), (line.plain, own), (" ", own))
            bubble.append("▐", Style(color=self.palette.accent, bgcolor=self.palette.own))
            bubble.pad_left(self.width - bubble.cell_len)
            lines.append(bubble)
        if row.versions:
            lines.append(self._right(row.versions, Style(color=self.palette.muted)))
        if row.sending:
            lines.append(self._right(_("sending…"), Style(color=self.palette.muted)))
        if row.failure is not None:
            said = _("not sent: {reason}").format(reason=label(row.failure.message))
            keys = _("Ctrl+R sends it again · Ctrl+X takes it back")
            for line in wrap(Text(said), self.width):
                lines.append(self._right(line.plain, Style(color=self.palette.danger)))
            lines.append(self._right(keys, Style(color=self.palette.muted)))
        return lines

    def _right(self, words: str, style: Style) -> Text:
        text = Text(words, style)
        text.pad_left(max(0, self.width - text.cell_len))
        return text

    def _head(self, time: str) -> Text:
        assert self.palette is not None
        chip = Style(color=self.palette.accent, bgcolor=self.palette.own, bold=True)
        head = Text.assemble((f" {initials(self.name)} ", chip), " ", (label(self.name), Style(bold=True)))
        if time:
            head.append(f" · {time}", Style(color=self.palette.muted))
        head.truncate(self.width, overflow="ellipsis")
        return head

    def _answer(self, row: Row) -> list[Text]:
        message = row.message
        assert message is not None
        lines = [self._head(" ".join(part for part in (clock.hour(message.send_time), row.versions) if part))]
        running = message.status == "running"
        if message.reasoning:
            lines += self._reasoning(row, message)
        body = self._bodies.setdefault(row.key, Body())
        assert self.palette is not None
        words = body.lines(message.content, self.width, self.palette, growing=running)
        if running:
            words = words or [Text()]
            live = words[-1].copy()
            live.rstrip()
            live.append(CARET, Style(color=self.palette.accent))
            if not message.content and not message.reasoning and not row.place:
                live.append(" " + _("waiting for the first word"), Style(color=self.palette.muted))
            words = [*words[:-1], *self._in_line(live, row.place, begun=bool(message.content))]
        else:
            self._bodies.pop(row.key, None)
        return lines + words + self._ending(row, message)

    def _in_line(self, live: Text, place: int, *, begun: bool) -> list[Text]:
        """The last line of a running answer; one that waits its turn says as which."""
        assert self.palette is not None
        if not place:
            return [live]
        words = _("next in line") if place == 1 else _("waiting in line, number {n}").format(n=place)
        muted = Style(color=self.palette.muted)
        return [live, Text(words, muted)] if begun else [Text.assemble(live, (" " + words, muted))]

    def _reasoning(self, row: Row, message: Message) -> list[Text]:
        muted = styles_of(self.palette).muted if self.palette else Style()
        seconds = round(message.reasoning_ms / 1000)
        if message.status == "running" and not message.content:
            title = _("thinking…")
        elif seconds:
            title = plural("thought for {n} second", "thought for {n} seconds", seconds)
        else:
            title = _("thought")
        if row.key not in self.unfolded:
            return [Text(f"▸ {title}", muted), Text()]
        lines = wrap(Text(clean(message.reasoning).strip()), self.width - 2)
        italic = muted + Style(italic=True)
        drawn = [Text.assemble(("▎ ", muted), (line.plain, italic)) for line in lines]
        return [Text(f"▾ {title}", muted), *drawn, Text()]

    def _ending(self, row: Row, message: Message) -> list[Text]:
        assert self.palette is not None
        failure = message.failure or Failure(code="", message="")
        reason = label(failure.message)
        match message.status:
            case "stopped":
                words, colour = "■ " + _("stopped"), self.palette.muted
            case "interrupted":
                words, colour = "! " + (reason or _("The answer broke off.")), self.palette.warn
            case "failed":
                words, colour = "× " + _("No answer. {reason}").format(reason=reason), self.palette.danger
            case _:
                return []
        lines = wrap(Text(words, Style(color=colour)), self.width)
        if message.content:
            lines.insert(0, Text())
        if row.last:
            keys = _("Ctrl+G continues · Ctrl+R asks again") if can_continue(message) else _("Ctrl+R asks again")
            lines.append(Text(keys, Style(color=self.palette.muted)))
        return lines

    def _greeting(self, row: Row) -> list[Text]:
        assert self.palette is not None
        words = row.text or _("Say something to begin.")
        return [self._head(""), *Body().lines(words, self.width, self.palette)]

    def _starter(self, row: Row) -> list[Text]:
        assert self.palette is not None
        back = self.palette.own if row.last else None
        number = Style(color=self.palette.accent, bold=True, bgcolor=back)
        words = wrap(Text(label(row.text), Style(bgcolor=back)), self.width - 6)
        lines = []
        for index, line in enumerate(words):
            mark = f" {row.number}  " if index == 0 else "    "
            bar = ("▌" if row.last else " ", Style(color=self.palette.accent, bgcolor=back))
            drawn = Text.assemble(bar, (mark, number), line)
            drawn.append(" " * max(0, self.width - drawn.cell_len), Style(bgcolor=back))
            lines.append(drawn)
        return lines
