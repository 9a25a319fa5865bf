"""The messages of the shown conversation.

Only a window of rows exists: enough to fill the view and some beyond, more when one scrolls near an end, and never
more than `MOST_ROWS`. While the reader is at the end the view follows; scrolled up it stays where it is, whatever
comes, and a pill leads back.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from aichat.protocol.values import USER, Message
from aichat_qt.answer_row import AnswerRow
from aichat_qt.current_message import CurrentMessage
from aichat_qt.dialogs import ask_open
from aichat_qt.find_bar import Key
from aichat_qt.jump_pill import JumpPill
from aichat_qt.labels import label
from aichat_qt.message_actions import Item, MessageActions
from aichat_qt.message_column import MessageColumn
from aichat_qt.message_finder import MessageFinder
from aichat_qt.message_row import Row
from aichat_qt.model import OLDER_PAGE, Draft, Model
from aichat_qt.own_row import OwnRow
from aichat_qt.theme import COLUMN, XL, L, S, motion_ms, theme
from aichat_qt.words import day

MOST_ROWS = 120
FIRST = 4
CHUNK = 1
BEYOND = 700
"""Pixels of rows kept ready above and below the view."""
CARET_MS = 600


class MessageDisplayWidget(QScrollArea):
    """Shows what the model says the conversation holds."""

    edit_requested = Signal(str)
    """Refused words go back to the composer: the request id."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.items: dict[Key, Item] = {}
        """All loaded messages and own words under way, top to bottom."""
        self._keys: list[Key] = []
        self._first = self._last = 0
        self._rows: dict[Key, Row] = {}
        self._shown: tuple[str, int | None] | None = None
        self._attached = True
        self._laying_out = self._busy = False
        self._news = False  # something came while the reader was elsewhere
        self._caret_on = True
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Messages"))
        self._column = MessageColumn()
        self.setWidget(self._column)
        self._column.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self._note = label(self, "muted")
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._note.hide()
        self.pill = JumpPill(self)
        self.pill.clicked.connect(self.to_end)
        self.finder = MessageFinder(self)
        self._actions = MessageActions(model, self)
        self.quoted, self.purposed = self._actions.quoted, self._actions.purposed
        self.current = CurrentMessage(self, self._actions)
        self._redress = QTimer(self, singleShot=True, interval=0)  # after the rows, which measure themselves anew
        self._redress.timeout.connect(self._relayout)
        theme().changed.connect(self._redress.start)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self._tick = QTimer(self, interval=CARET_MS)
        self._tick.timeout.connect(self._ticked)
        self._fill_soon = QTimer(self, singleShot=True, interval=1)  # a row a frame: keys and paint come between
        self._fill_soon.timeout.connect(self._fill)
        model.selected.connect(self.refresh)
        model.messages_changed.connect(self.refresh)
        model.personas_changed.connect(self._personas_changed)
        model.live_grew.connect(self._grew)
        self.refresh()

    # for others

    @property
    def attached(self) -> bool:
        """Whether the view follows the end."""
        return self._attached

    @property
    def is_empty(self) -> bool:
        return not self._keys

    def rows(self) -> list[Row]:
        """The rows that exist now, top to bottom."""
        return [self._rows[key] for key in self.shown_keys]

    @property
    def shown_keys(self) -> list[Key]:
        """The keys of the rows that exist now."""
        return self._keys[self._first : self._last]

    def show_current(self, row: Row | None) -> None:
        """Mark the row that the keyboard is on."""
        self._column.current = row
        self._column.update()

    def row(self, key: Key | None) -> Row | None:
        """The row of a message, if it exists now."""
        return self._rows.get(key) if key is not None else None

    def bring(self, key: Key) -> Row:
        """Make the row of a message exist, with some around it; the view follows the end no more."""
        self._attached = False
        if key not in self._rows:
            at = self._keys.index(key)
            self._set_window(at - FIRST, at + FIRST)
            self._relayout()
        return self._rows[key]

    def scroll_to(self, row: Row, y: int) -> None:
        """Bring a place in a row into view, where it is not yet: to a third of the height."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        at = row.y() + y
        if not bar.value() + XL * 3 <= at <= bar.value() + height - XL * 3:
            bar.setValue(at - height // 3)
        self._fill_soon.start()

    def hold(self) -> None:
        """What comes next is another version of what is in view: the reader's place stays."""
        self._attached = False

    def load_older(self, limit: int = OLDER_PAGE) -> bool:
        """Ask for older messages -> whether some are on their way."""
        return self._model.loading_older or self._model.load_older(limit)

    def to_end(self) -> None:
        """Go to the newest message and follow again."""
        self._attached = True
        if self._last < len(self._keys):
            self._set_window(max(0, len(self._keys) - FIRST), len(self._keys))
        self._relayout()

    def refresh(self) -> None:
        """Take over what the model holds."""
        model = self._model
        shown = (model.persona_id, model.conversation_id)
        if not model.is_loaded() and not model.drafts():
            if shown != self._shown:
                self._clear(shown)
            self._tell_loading(True)
            return
        self._tell_loading(False)
        items: dict[Key, Item] = {(m.request_id or m.id): m for m in model.messages()}
        items.update((draft.request_id, draft) for draft in model.drafts())
        follows = shown == self._shown or (
            self._shown == (model.persona_id, None) and self._rows.keys() & items.keys()
        )
        if not follows:
            self._clear(shown)
        self._shown = shown
        self._take(items)
        self.finder.take()
        self.current.arrived()

    # the window of rows

    def _take(self, items: dict[Key, Item]) -> None:
        own_new = any(draft.request_id not in self.items for draft in self._model.drafts())
        old_keys, at_end = self._keys, self._last >= len(self._keys)
        first_key = old_keys[self._first] if self._first < len(old_keys) else None
        last_key = old_keys[self._last - 1] if self._last else None
        self.items, self._keys = items, list(items)
        self._news |= not self._attached and bool(old_keys) and self._keys[-1:] != old_keys[-1:]
        if own_new:
            self._attached = True
        places = {key: i for i, key in enumerate(self._keys)}
        if self._attached and at_end:
            first = places.get(first_key, len(self._keys)) if first_key is not None else len(self._keys)
            first = max(0, min(first, len(self._keys) - FIRST))
            self._set_window(max(first, len(self._keys) - MOST_ROWS), len(self._keys))
        else:
            first = places.get(first_key, 0) if first_key is not None else 0
            last = (
                len(self._keys) if at_end else places.get(last_key, first + CHUNK) + 1 if last_key is not None else 0
            )
            self._set_window(first, last)
        self._relayout()

    def _set_window(self, first: int, last: int) -> None:
        """Make the rows of a range exist, and no others."""
        self._first, self._last = max(0, first), min(last, len(self._keys))
        wanted = self.shown_keys
        for key in self._rows.keys() - set(wanted):
            row = self._rows.pop(key)
            row.hide()
            row.deleteLater()
            if self.current.key == key:
                self.current.key = None
                self.show_current(None)
        final = self._final_key()
        newest = self.items.get(final) if final is not None else None
        self._busy = isinstance(newest, Message) and newest.status == "running"
        before = self.items[self._keys[self._first - 1]] if self._first else None
        for key in wanted:
            item = self.items[key]
            self._show_row(key, item, last=key == final)
            self._rows[key].set_divider(self._divider(before, item))
            before = item
        self._keep_ticking()

    def _final_key(self) -> Key | None:
        """The last stored message: the one whose answer can be made anew or go on."""
        if not self._model.can_chat:
            return None
        return next((key for key in reversed(self._keys) if isinstance(self.items[key], Message)), None)

    @staticmethod
    def _divider(before: Item | None, item: Item) -> str:
        today = day(item.send_time) if isinstance(item, Message) else ""
        return today if today and (not isinstance(before, Message) or day(before.send_time) != today) else ""

    def _show_row(self, key: Key, item: Item, *, last: bool) -> None:
        row = self._rows.get(key)
        own = isinstance(item, Draft) or item.sender_type == USER
        fresh = row is None
        if row is None:
            row = OwnRow(self._column) if own else AnswerRow(self._column)
            row.link_clicked.connect(lambda url: ask_open(self.window(), url))
            row.resized.connect(self._relayout)
            row.asked.connect(lambda verb: self.current.do(verb, key))
            row.branch_chosen.connect(lambda message_id: self.current.choose(message_id, key))
            row.menu_asked.connect(lambda at: self.current.menu(key, at))
            if isinstance(row, OwnRow):
                row.retry.connect(self._model.retry)
                row.edit.connect(self.edit_requested)
            self._rows[key] = row
        if isinstance(row, OwnRow) and isinstance(item, Draft):
            row.show_draft(item)
        elif isinstance(row, OwnRow) and isinstance(item, Message):
            row.show_message(item)
        elif isinstance(row, AnswerRow) and isinstance(item, Message):
            row.show_message(item, self._model.persona, last=last, place=self._model.place_in_line(item))
        row.set_verbs(self._actions.possible(item, last=last, busy=self._busy))
        if isinstance(item, Message):
            row.set_siblings(self._model.siblings(item.id), item.id)
        if fresh:
            self.finder.dress(row)
        if row.isHidden():
            row.show()

    def _clear(self, shown: tuple[str, int | None]) -> None:
        self._shown = shown
        self.items, self._keys = {}, []
        self._attached = True
        self._set_window(0, 0)
        self._relayout()

    def _fill(self) -> None:
        """Make rows near the view exist; ask for older messages near the top."""
        if not self._keys:
            return
        bar = self.verticalScrollBar()
        if bar.value() < BEYOND:
            if self._first > 0:
                first = max(0, self._first - CHUNK)
                self._set_window(first, self._last if self._attached else min(self._last, first + MOST_ROWS))
                self._relayout()
                return
            self._model.load_older()
        if bar.maximum() - bar.value() < BEYOND and self._last < len(self._keys):
            last = min(len(self._keys), self._last + CHUNK)
            self._set_window(max(self._first, last - MOST_ROWS), last)
            self._relayout()

    # layout

    def _relayout(self) -> None:
        """Place the rows; the reader's place does not move."""
        if self._laying_out:
            return
        self._laying_out = True
        bar = self.verticalScrollBar()
        anchor = None if self._attached else self._anchor()
        width = self.viewport().width()
        column = min(COLUMN, self.width() - 2 * XL)
        left = (self.width() - column) // 2  # of the whole width, so that a scroll bar moves nothing
        y = L
        for row in self.rows():
            height = row.fit(column)
            if row.geometry().getRect() != (left, y, column, height):
                row.setGeometry(left, y, column, height)
            row.is_placed = True
            y += height + XL
        total = max(y, self.viewport().height())
        if y < self.viewport().height() and self._keys:
            shift = self.viewport().height() - y
            for row in self.rows():
                row.move(row.x(), row.y() + shift)
        self._column.resize(width, total)
        if self._attached:
            bar.setValue(bar.maximum())
        elif anchor is not None and anchor[0] in self._rows:
            bar.setValue(self._rows[anchor[0]].y() - anchor[1])
        self._laying_out = False
        self._attached |= bar.maximum() - bar.value() <= S and self._last >= len(self._keys)
        self._place_pill()
        near_top = bar.value() < BEYOND and (self._first > 0 or not self._model.loading_older)
        if near_top or (bar.maximum() - bar.value() < BEYOND and self._last < len(self._keys)):
            self._fill_soon.start()

    def _anchor(self) -> tuple[Key, int] | None:
        """The first row that is in view, and where it stands in it."""
        top = self.verticalScrollBar().value()
        for key in self.shown_keys:
            row = self._rows.get(key)
            if row is not None and row.is_placed and row.y() + row.height() > top:
                return key, row.y() - top
        return None

    def _scrolled(self) -> None:
        if self._laying_out:
            return
        bar = self.verticalScrollBar()
        self._attached = bar.maximum() - bar.value() <= S and self._last >= len(self._keys)
        self._place_pill()
        if bar.value() < BEYOND or bar.maximum() - bar.value() < BEYOND:
            self._fill_soon.start()

    def _place_pill(self) -> None:
        if self._attached:
            self._news = False
        self.pill.place(wanted=not self._attached and bool(self._keys), news=self._news)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._note.setGeometry(0, 0, self.width(), self.height())
        self.finder.bar.place(self.width())
        self._relayout()

    # live text

    def _grew(self, message_id: int) -> None:
        row = self._rows.get(message_id)
        message = self._model.timeline.message(self._model.conversation_id or 0, message_id)
        if message is None or message_id not in self.items:
            return
        self.items[message_id] = message
        if isinstance(row, AnswerRow):
            last = message_id == self._final_key()
            row.show_message(message, self._model.persona, last=last)
            row.set_verbs(self._actions.possible(message, last=last, busy=row.is_running))
            row.set_caret(0.6 if row.is_running else 0.0)
            self._caret_on = True
            self._news |= not self._attached
            self._relayout()

    def _keep_ticking(self) -> None:
        runs = bool(self._keys) and self._model.running() is not None
        if runs and not self._tick.isActive():
            self._tick.start()
        elif not runs:
            self._tick.stop()
        for row in self._rows.values():
            if isinstance(row, AnswerRow):
                row.set_caret(0.6 if row.is_running else 0.0)

    def _ticked(self) -> None:
        self._caret_on = not self._caret_on or not motion_ms()
        for row in self._rows.values():
            if isinstance(row, AnswerRow) and row.is_running:
                row.tick()
                row.set_caret(0.6 if self._caret_on else 0.2)
        self._relayout()

    def _personas_changed(self) -> None:
        if self._keys:
            self._set_window(self._first, self._last)
            self._relayout()

    def _tell_loading(self, on: bool) -> None:
        live = self._model.state.value == "live"
        words = self.tr("Loading the conversation…") if live else self.tr("Opens when the connection is back.")
        self._note.setText(words)
        self._note.setVisible(on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End go to the ends; the others are those of the message that the keyboard is on."""
        if event.key() == Qt.Key.Key_End:
            self.to_end()
        elif event.key() == Qt.Key.Key_Home:
            self.verticalScrollBar().setValue(0)
        elif not self.current.pressed(event):
            super().keyPressEvent(event)
