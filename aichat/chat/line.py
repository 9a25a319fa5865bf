"""Who is answered now and who waits: so many generations at once, so many of one user, and users take turns.

    place = lines.enter(user_id, provider, told)    it begins at once where there is room
    await place.begun                               cancelling this gives the place up
    place.leave()                                   in any case, at the end

Of those who wait, each user's first comes before anybody's second. Who has as many running as one user may holds up
nobody else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping

from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError

WAITING_MOST = 50
"""Generations of one user that may wait."""

Told = Callable[[int], None]
"""Gets a place's number, from 1, whenever it changes, and 0 when one that had a number begins."""


class Place:
    """One generation in the line, or at work. `begun` fires when it may begin."""

    def __init__(self, line: Line, user_id: int, told: Told | None) -> None:
        self.user_id = user_id
        self.begun: Deferred[None] = Deferred(lambda _: line.leave(self))
        self.is_running = False
        self.position = 0
        self._line = line
        self._told = told

    def leave(self) -> None:
        """Give the place up, at work or in the line; once more does nothing."""
        self._line.leave(self)

    def tell(self, position: int) -> None:
        """Say where it stands, if that is new."""
        if position != self.position:
            self.position = position
            if self._told is not None:
                self._told(position)


class Line:
    """All generations of one provider. `running` and `waiting` count them."""

    def __init__(self, most: int, per_user: int) -> None:
        self.running = 0
        self.waiting = 0
        self.on_moved: Callable[[], None] = lambda: None
        """Called when places changed: `tell_places` tells them."""
        self.most = most
        self._per_user = per_user
        self._running_of: Counter[int] = Counter()
        self._waiting_of: dict[int, deque[Place]] = {}
        """By user; the user whose turn is next comes first."""

    def check(self, user_id: int) -> None:
        """Errors: AichatError rate_limited if as many of this user's wait as may."""
        if len(self._waiting_of.get(user_id, ())) >= WAITING_MOST:
            words = f"{WAITING_MOST} of your questions are not answered yet: wait for some of them."
            raise AichatError("rate_limited", words)

    def enter(self, user_id: int, told: Told | None = None) -> Place:
        """Take a place: the last one of this user."""
        place = Place(self, user_id, told)
        self._waiting_of.setdefault(user_id, deque()).append(place)
        self.waiting += 1
        self._begin_more()
        return place

    def leave(self, place: Place) -> None:
        """See `Place.leave`."""
        if place.is_running:
            place.is_running = False
            self.running -= 1
            self._running_of[place.user_id] -= 1
            if not self._running_of[place.user_id]:
                del self._running_of[place.user_id]
        elif place in (queue := self._waiting_of.get(place.user_id, deque())):
            queue.remove(place)
            self.waiting -= 1
            if not queue:
                del self._waiting_of[place.user_id]
        else:
            return
        self._begin_more()

    def order(self) -> Iterator[Place]:
        """Who waits, in the order in which they begin as far as it is known."""
        queues, turn = list(self._waiting_of.values()), 0
        while queues:
            yield from (queue[turn] for queue in queues)
            turn += 1
            queues = [queue for queue in queues if len(queue) > turn]

    def tell_places(self) -> None:
        """Tell everybody who waits where they stand."""
        for position, place in enumerate(list(self.order()), 1):
            place.tell(position)

    def _begin_more(self) -> None:
        while self.running < self.most:
            next_up = (user for user in self._waiting_of if self._running_of[user] < self._per_user)
            user_id = next(next_up, None)
            if user_id is None:
                break
            queue = self._waiting_of.pop(user_id)
            place = queue.popleft()
            if queue:
                self._waiting_of[user_id] = queue  # after everybody else's turn
            self.waiting -= 1
            self.running += 1
            self._running_of[user_id] += 1
            place.is_running = True
            place.tell(0)
            place.begun.callback(None)
        if self.waiting:
            self.on_moved()


class Lines:
    """One line for each provider. `most` says by name how many it takes at once, `per_user` how many of one user.

    The first of them is also that of any name it does not know.
    """

    def __init__(self, most: Mapping[str, int], per_user: int) -> None:
        self._lines = {name: Line(at_once, per_user) for name, at_once in most.items()}
        self._default = next(iter(self._lines.values()))
        self.unfinished_most = per_user + WAITING_MOST
        """Answers of one user that may be stored as unfinished, all providers together."""

    @property
    def running(self) -> int:
        """How many generations are at work."""
        return sum(line.running for line in self._lines.values())

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(line.waiting for line in self._lines.values())

    def on_moved(self, call: Callable[[], None]) -> None:
        """Have it called when places changed: `tell_places` tells them."""
        for line in self._lines.values():
            line.on_moved = call

    def is_quiet(self, provider: str) -> bool:
        """Whether a provider has room for what nobody waits for."""
        line = self._lines.get(provider, self._default)
        return line.waiting == 0 and 2 * line.running < line.most

    def check(self, user_id: int, provider: str) -> None:
        """Errors: AichatError rate_limited if as many of this user's wait there as may."""
        self._lines.get(provider, self._default).check(user_id)

    def enter(self, user_id: int, provider: str, told: Told | None = None) -> Place:
        """Take a place in a provider's line: the last one of this user."""
        return self._lines.get(provider, self._default).enter(user_id, told)

    def tell_places(self) -> None:
        """Tell everybody who waits where they stand."""
        for line in self._lines.values():
            line.tell_places()
