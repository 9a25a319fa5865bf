"""Publish and subscribe: each event is encoded once and handed as the same bytes to everybody who should see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aichat.chat.gathering import MANY, Gathering
from aichat.log import make_logger
from aichat.protocol.frames import MessageDelta, MessageQueued, MessageSnapshot, Push, encode


class Subscriber(Protocol):
    """One connection of the full protocol."""

    user_id: int

    def send(self, data: bytes) -> None:
        """Write one encoded event."""

    @property
    def send_live(self) -> SendLive:
        """Writes one encoded piece of live text of a conversation, or leaves it out and sends a snapshot later."""


SendLive = Callable[[int, bytes], None]


WATCHED_MOST = 64
"""Conversations that one connection follows, the last ones: more than a user may have running and waiting, as the
settings are by themselves. A program that asks for days, each time in a new conversation, would else be remembered
with all of them."""


class Hub:
    """Durable events go to every connection of a user, live text to those that watch the conversation.

    What an event tells comes after all live text that was published before it.
    """

    _log = make_logger("aichat.chat.hub")

    def __init__(self, reactor: Any) -> None:
        self._of_user: dict[int, dict[Subscriber, None]] = {}
        self._watching: dict[int, dict[Subscriber, SendLive]] = {}
        self._watched_by: dict[Subscriber, dict[int, None]] = {}
        self._gathering = Gathering(reactor, self._send_live)

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
        self._gathering.settle(conversation_id)  # to the others: it gets a snapshot with all of it
        self._watching.setdefault(conversation_id, {})[subscriber] = subscriber.send_live
        watched = self._watched_by.setdefault(subscriber, {})
        watched.pop(conversation_id, None)
        watched[conversation_id] = None
        if len(watched) > WATCHED_MOST:
            self.unwatch(subscriber, next(iter(watched)))

    def unwatch(self, subscriber: Subscriber, conversation_id: int) -> None:
        """No more live text."""
        watchers = self._watching.get(conversation_id, {})
        watchers.pop(subscriber, None)
        if not watchers:
            self._watching.pop(conversation_id, None)
        watched = self._watched_by.get(subscriber, {})
        watched.pop(conversation_id, None)
        if not watched:
            self._watched_by.pop(subscriber, None)

    def is_watching(self, subscriber: Subscriber, conversation_id: int) -> bool:
        """Whether a connection gets the live text of a conversation."""
        return subscriber in self._watching.get(conversation_id, ())

    def settle(self, conversation_id: int) -> None:
        """Live text that was gathered so far goes out now."""
        self._gathering.settle(conversation_id)

    def publish(self, user_id: int, event: Push) -> None:
        """A durable event, after its commit. What is wrong with one connection is no matter of the publisher's."""
        subscribers = self._of_user.get(user_id)
        if subscribers:
            self._gathering.settle(_conversation_of(event))
            data = encode(event)
            for subscriber in list(subscribers):
                try:
                    subscriber.send(data)
                except Exception:
                    self._leave_out(subscriber)

    def publish_live(self, frame: MessageDelta | MessageSnapshot | MessageQueued) -> None:
        """Live text: at once, or together with what comes soon where many watch."""
        watchers = self._watching.get(frame.conversation_id)
        if watchers:
            if len(watchers) >= MANY and isinstance(frame, MessageDelta):
                self._gathering.add(frame)
            else:
                self._gathering.settle(frame.conversation_id)
                self._send_live(frame)

    def _send_live(self, frame: MessageDelta | MessageSnapshot | MessageQueued) -> None:
        conversation_id = frame.conversation_id
        watchers = self._watching.get(conversation_id)
        if watchers:
            data = encode(frame)
            for subscriber, send in list(watchers.items()):
                try:
                    send(conversation_id, data)
                except Exception:
                    self._leave_out(subscriber)

    def _leave_out(self, subscriber: Subscriber) -> None:
        self._log.failure("a connection failed and is left out from now on")
        self.leave(subscriber)


def _conversation_of(event: Push) -> int:
    """Which conversation an event changes, 0 if none."""
    message = getattr(event, "message", None)
    found: int = getattr(event, "conversation_id", 0) if message is None else message.conversation_id
    return found
