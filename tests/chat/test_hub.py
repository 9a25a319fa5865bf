"""Who gets what: a connection follows the conversations it asked for last, and is forgotten when it leaves."""

from __future__ import annotations

from twisted.internet.task import Clock

from aichat.chat.hub import WATCHED_MOST, Hub
from aichat.protocol.frames import MessageDelta
from tests.chat.test_gathering import Watcher


def test_a_connection_follows_the_last_conversations_it_asked_for() -> None:
    clock = Clock()
    hub, watcher, other = Hub(clock), Watcher(clock), Watcher(clock)
    for one in (watcher, other):
        hub.join(one)
    hub.watch(other, 1)
    for conversation in range(1, WATCHED_MOST + 1):
        hub.watch(watcher, conversation)
    hub.watch(watcher, 1)  # once more: now 2 is the oldest
    hub.watch(watcher, WATCHED_MOST + 1)
    assert not hub.is_watching(watcher, 2)
    assert all(hub.is_watching(watcher, n) for n in (1, *range(3, WATCHED_MOST + 2)))
    assert hub.is_watching(other, 1)
    for conversation in (1, 2):
        hub.publish_live(MessageDelta(conversation_id=conversation, message_id=9, content="x"))
    assert [frame.conversation_id for frame in watcher.got if isinstance(frame, MessageDelta)] == [1]


def test_nothing_is_left_of_a_connection_that_left() -> None:
    clock = Clock()
    hub, watcher = Hub(clock), Watcher(clock)
    hub.join(watcher)
    for conversation in range(2 * WATCHED_MOST):
        hub.watch(watcher, conversation)
    hub.unwatch(watcher, 2 * WATCHED_MOST - 1)
    hub.leave(watcher)
    assert not hub._of_user
    assert not hub._watching
    assert not hub._watched_by
