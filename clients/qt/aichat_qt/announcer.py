"""Reads answers to a screen reader as they come: by whole sentences, a few seconds' worth at a time, without code."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from aichat.protocol.values import Message
from aichat_qt.failures import said
from aichat_qt.model import Model
from aichat_qt.words import clean

REST_MS = 2500
"""Between two announcements at least: what comes meanwhile is said together."""
MOST = 600
"""Characters of one announcement; who falls behind hears the newest sentences."""

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)[^\n]*\n.*?^ {0,3}\1[^\S\n]*$\n?", re.MULTILINE | re.DOTALL)
_OPEN_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
_END = re.compile(r"[。！？!?…]+[”’』」）)\"']*|\.[”’)\"']*(?=\s)|\n")
_MARKS = re.compile(r"[*_`]+|^ {0,3}(#{1,6}|>|[-+])\s+", re.MULTILINE)


class Announcer(QObject):
    """Speaks for the conversation that is shown, and only while a screen reader listens."""

    announced = Signal(str)
    """What a screen reader was given."""

    def __init__(self, model: Model, place: QWidget) -> None:
        super().__init__(place)
        self._model, self._place = model, place
        self._answer = 0
        self._spoken = 0
        self._waiting = ""
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._speak)
        model.live_grew.connect(self._grew)
        model.answered.connect(self._ended)
        model.selected.connect(self._forget)

    def _grew(self, message_id: int) -> None:
        if QAccessible.isActive():
            message = self._model.timeline.message(self._model.conversation_id or 0, message_id)
            if message is not None and message.status == "running":
                self._take(message, whole=False)

    def _ended(self, message: Message) -> None:
        if not QAccessible.isActive() or message.conversation_id != self._model.conversation_id:
            return
        self._take(message, whole=True)
        match message.status:
            case "stopped":
                self._say(self.tr("Stopped."))
            case "failed" | "interrupted":
                self._say(
                    said(message.failure.message, message.failure.code)
                    if message.failure
                    else self.tr("The answer broke off.")
                )
        self._answer = self._spoken = 0

    def _take(self, message: Message, *, whole: bool) -> None:
        """Sentences of an answer that were not said yet; `whole`: the rest too."""
        if message.id != self._answer:
            self._forget()
            self._answer = message.id
        text = audible(message.content, self.tr("Code."), whole=whole)
        end = len(text) if whole else finished(text)
        if end > self._spoken:
            self._say(text[self._spoken : end])
            self._spoken = end

    def _say(self, words: str) -> None:
        self._waiting = f"{self._waiting} {' '.join(words.split())}".strip()
        if self._waiting and not self._rest.isActive():
            self._speak()

    def _speak(self) -> None:
        words, self._waiting = self._waiting, ""
        if not words:
            return
        if len(words) > MOST:
            tail = words[-MOST:]
            first = _END.search(tail)
            words = tail[first.end() :].strip() or tail if first else tail
        event = QAccessibleAnnouncementEvent(self._place, words)
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Polite)
        QAccessible.updateAccessibility(event)
        self._rest.start()
        self.announced.emit(words)

    def _forget(self) -> None:
        self._answer = self._spoken = 0
        self._waiting = ""


def audible(markdown: str, code: str, *, whole: bool) -> str:
    """Markdown as one would read it aloud: code blocks are `code`, one still being written waits for `whole`."""
    text = _FENCE.sub(lambda _found: f"{code}\n", clean(markdown))
    begun = _OPEN_FENCE.search(text)
    if begun is not None:
        text = text[: begun.start()] + (code if whole else "")
    return _MARKS.sub("", text)


def finished(text: str) -> int:
    """Where the last whole sentence ends, 0 if none does."""
    last = 0
    for found in _END.finditer(text):
        last = found.end()
    return last
