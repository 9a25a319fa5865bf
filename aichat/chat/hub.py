"""Publish and subscribe: each event is encoded once and handed as the same bytes to everybody who should see it."""

from __future__ import annotations

from typing import Protocol

from aichat.log import make_logger
from aichat.protocol.frames import MessageDelta, MessageQueued, MessageSnapshot, Push, encode


class Subscriber(Protocol):
    """One connection of the full protocol."""

    user_id: int

    def send(self, data: bytes) -> None:
        """Write one encoded event."""

    def send_live(self, conversation_id: int, data: bytes) -> None:
        """Write one encoded piece of live text, or leave it out and send a snapshot later."""


class Hub:
    """Durable events go to every connection of a user, live text to those that watch the conversation."""

    _log = make_logger("aichat.chat.hub")

    def __init__(self) -> None:
        self._of_user: dict[int, dict[Subscriber, None]] = {}
        self._watching: dict[int, dict[Subscriber, None]] = {}
        self._watched_by: dict[Subscriber, set[int]] = {}

    def join(self, subscriber: Subscriber) -> None:
        """From now on this connection gets its user's events."""
        self._of_user.setdefault(subscriber.user_id, {})[subscriber] = None

    def leave(self, subscriber: Subscriber) -> None:
        """The connection is gone."""
        mine = self._of_user.get(subscriber.user_id, {})
        mine.pop(subscriber, None)
        if not mine:
            self._of_user.pop(subscriber.user_id, None)
        for conversation_id in list(self._watched_by.get(subscriber, ())):
            self.unwatch(subscriber, conversation_id)

    def watch(self, subscriber: Subscriber, conversation_id: int) -> None:
        """From now on this connection gets a conversation's live text; its owner is checked before."""
        if subscriber not in self._of_user.get(subscriber.user_id, ()):
            return  # it left while it was asking
        self._watching.setdefault(conversation_id, {})[subscriber] = None
        self._watched_by.setdefault(subscriber, set()).add(conversation_id)

    def unwatch(self, subscriber: Subscriber, conversation_id: int) -> None:
        """No more live text."""
        watchers = self._watching.get(conversation_id, {})
        watchers.pop(subscriber, None)
        if not watchers:
            self._watching.pop(conversation_id, None)
        watched = self._watched_by.get(subscriber, set())
        watched.discard(conversation_id)
        if not watched:
            self._watched_by.pop(subscriber, None)

    def is_watching(self, subscriber: Subscriber, conversation_id: int) -> bool:
        """Whether a connection gets the live text of a conversation."""
        return subscriber in self._watching.get(conversation_id, ())

    def publish(self, user_id: int, event: Push) -> None:
        """A durable event, after its commit. What is wrong with one connection is no matter of the publisher's."""
        subscribers = self._of_user.get(user_id)
        if subscribers:
            data = encode(event)
            for subscriber in list(subscribers):
                try:
                    subscriber.send(data)
                except Exception:
                    self._leave_out(subscriber)

    def publish_live(self, frame: MessageDelta | MessageSnapshot | MessageQueued) -> None:
        """Live text."""
        subscribers = self._watching.get(frame.conversation_id)
        if subscribers:
            data = encode(frame)
            for subscriber in list(subscribers):
                try:
                    subscriber.send_live(frame.conversation_id, data)
                except Exception:
                    self._leave_out(subscriber)

    def _leave_out(self, subscriber: Subscriber) -> None:
        self._log.failure("a connection failed and is left out from now on")
        self.leave(subscriber)
