"""What a client knows of one conversation's tree of messages, and the chain of it that is shown.

A message stands below its parent, whose id is less than its own; so the ids of a chain grow, and those of siblings
tell which was there first. Of branches that are not shown a client may know some messages, or only that they exist.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from aichat.protocol.values import Message


class Tree:
    """Grows by `save`, is cut by `delete`, and shows by `show` another chain. Read the attributes freely.

    Where no leaf is named and no message has a parent (a server without branches), all messages are shown.
    """

    __slots__ = ("_alone", "_children", "_parents", "_top_is_known", "leaf_id", "messages", "path")

    def __init__(self, leaf_id: int = 0) -> None:
        self.messages: dict[int, Message] = {}
        self.path: list[int] = []
        """The ids of what is shown, as far as it is known, oldest first."""
        self.leaf_id = leaf_id
        self._children: dict[int, list[int]] = {}
        """Parent -> the ids below it, in order; those known by their id only are among them."""
        self._parents: dict[int, int] = {}
        """The same the other way round."""
        self._alone: set[int] = set()
        """What came without its parent, and not in a page: who stands beside it was not told."""
        self._top_is_known = False
        """Whether all that stand at the beginning are known."""

    @property
    def knows_leaf(self) -> bool:
        """Whether what is to be shown is here; as long as it is not, the chain before it stays."""
        return not self.leaf_id or self.leaf_id in self.messages

    @property
    def reaches_top(self) -> bool | None:
        """Whether the first message that is shown is the first there is; None: that cannot be told from here."""
        if not self.leaf_id:
            return None if self.path else True
        return not self._above(self.path[0]) if self.path else None

    def place(self, message_id: int) -> int | None:
        """Where a message stands in `path`; None if it is not shown."""
        at = bisect_left(self.path, message_id)
        return at if self.path[at : at + 1] == [message_id] else None

    def siblings(self, message_id: int) -> list[int]:
        """The ids of all that stand below the same message, this one among them, oldest first."""
        if not self.leaf_id:
            return [message_id]
        return list(self._children.get(self._parents.get(message_id, -1), (message_id,)))

    @property
    def forks(self) -> list[list[int]]:
        """The ids that stand below one message, where there are several, in order."""
        if not self.leaf_id:
            return []  # without branches all stand one after the other
        return [list(below) for below in self._children.values() if len(below) > 1]

    def begin(self) -> None:
        """The conversation is new: all of it will be told."""
        self._top_is_known = True

    def save(self, message: Message, *, in_page: bool = False) -> bool:
        """Take in a message, or its newer state; of one in a page the siblings are told too -> as `show`."""
        is_new = message.id not in self.messages
        self.messages[message.id] = message
        if in_page:
            self._alone.discard(message.id)
            self._top_is_known = self._top_is_known or not message.parent_id
        elif is_new and not self._is_known(message.parent_id):
            self._alone.add(message.id)
        if is_new:
            self._add_child(message.parent_id, message.id)
        return not (is_new or in_page) or self._climb()

    def restore(self, messages: Iterable[Message]) -> None:
        """Take in many that were kept, oldest first, as `save` takes in each: the chain is looked for once."""
        for message in messages:
            ident, parent_id = message.id, message.parent_id
            if ident not in self.messages:
                if not self._is_known(parent_id):
                    self._alone.add(ident)
                self._add_child(parent_id, ident)
            self.messages[ident] = message
        self._climb()

    def add_siblings(self, siblings: list[int]) -> None:
        """Take in ids of messages that stand below the same one; one of them must be known."""
        for known in siblings:
            if known in self._parents:
                for ident in siblings:
                    self._add_child(self._parents[known], ident)
                return

    def show(self, leaf_id: int) -> bool:
        """Show the chain that ends in a leaf, as soon as that one is known.

        -> False if the chain is another one than before, and where it leaves that one is not known: load it then.
        """
        self.leaf_id = leaf_id
        if not leaf_id:  # nothing is left
            self._top_is_known = True
        return self._climb()

    def delete(self, message_id: int) -> list[int]:
        """Cut a message off -> its id and those of all known ones below it."""
        gone, parents = [], [message_id]
        if message_id in self._parents:
            self._children[self._parents[message_id]].remove(message_id)
        while parents:
            ident = parents.pop()
            gone.append(ident)
            self.messages.pop(ident, None)
            self._parents.pop(ident, None)
            parents += self._children.pop(ident, ())
        self.path = [ident for ident in self.path if ident in self.messages]
        self._climb()
        return gone

    def _above(self, message_id: int) -> int:
        return self.messages[message_id].parent_id

    def _add_child(self, parent_id: int, message_id: int) -> None:
        if message_id not in self._parents:
            self._parents[message_id] = parent_id
            insort(self._children.setdefault(parent_id, []), message_id)

    def _climb(self) -> bool:
        """Go up from the leaf, as far as messages are known or until where the shown chain goes on."""
        if not self.leaf_id:
            is_flat = self._children.keys() <= {0}
            self.path = list(self._children.get(0, ())) if is_flat else []
            return True
        if self.leaf_id not in self.messages:
            return True
        fresh: list[int] = []
        ident = self.leaf_id
        while ident in self.messages:
            at = self.place(ident)
            if at is not None:
                self.path[at + 1 :] = fresh[::-1]
                return self._reach_up()
            fresh.append(ident)
            ident = self._above(ident)
        self.path = fresh[::-1]
        self._leave_alone()
        return self._is_known(ident)

    def _reach_up(self) -> bool:
        """Older messages may have come."""
        older, ident = [], self._above(self.path[0])
        while ident in self.messages:
            older.append(ident)
            ident = self._above(ident)
        self.path[:0] = older[::-1]
        self._leave_alone()
        return True

    def _is_known(self, message_id: int) -> bool:
        return message_id in self.messages if message_id else self._top_is_known

    def _leave_alone(self) -> None:
        """One whose siblings were not told is not shown as the first: the page before the next one brings it."""
        top = self.path[0]
        if top in self._alone and len(self.path) > 1 and not self._is_known(self._above(top)):
            del self.path[0]
