"""What a client knows of one conversation's tree of messages, and the chain of it that is shown.

A message stands below its parent, whose id is less than its own; so the ids of a chain grow, and those of siblings
tell which was there first. Of branches that are not shown a client may know some messages, or only that they exist.
"""

from __future__ import annotations

from bisect import bisect_left

from aichat.protocol.values import Message


class Tree:
    """Grows by `save`, is cut by `delete`, and shows by `show` another chain. Read the attributes freely.

    Where no leaf is named and no message has a parent (a server without branches), all messages are shown.
    """

    __slots__ = ("_children", "leaf_id", "messages", "path")

    def __init__(self, leaf_id: int = 0) -> None:
        self.messages: dict[int, Message] = {}
        self.path: list[int] = []
        """The ids of what is shown, as far as it is known, oldest first."""
        self.leaf_id = leaf_id
        self._children: dict[int, list[int]] = {}
        """Parent -> the ids below it, in order; those known by their id only are among them."""

    @property
    def knows_leaf(self) -> bool:
        """Whether what is to be shown is here; as long as it is not, the chain before it stays."""
        return not self.leaf_id or self.leaf_id in self.messages

    @property
    def reaches_top(self) -> bool | None:
        """Whether the first message that is shown is the first there is; None: that cannot be told from here."""
        if not self.leaf_id or not self.path:
            return None
        return not self.messages[self.path[0]].parent_id

    def siblings(self, message_id: int) -> list[int]:
        """The ids of all that stand below the same message, this one among them, oldest first."""
        message = self.messages.get(message_id)
        return [message_id] if message is None else list(self._children[message.parent_id])

    @property
    def forks(self) -> list[list[int]]:
        """The ids that stand below one message, where there are several, in order."""
        return [list(below) for below in self._children.values() if len(below) > 1]

    def save(self, message: Message) -> bool:
        """Take in a message, or its newer state -> as `show`."""
        is_new = message.id not in self.messages
        self.messages[message.id] = message
        if is_new:
            self._add_child(message.parent_id, message.id)
        return not is_new or self._climb()

    def add_siblings(self, siblings: list[int]) -> None:
        """Take in ids of messages that stand below the same one; some message of them is known."""
        for message_id in siblings:
            if message_id in self.messages:
                for sibling in siblings:
                    self._add_child(self.messages[message_id].parent_id, sibling)
                return

    def show(self, leaf_id: int) -> bool:
        """Show the chain that ends in a leaf, as soon as that one is known.

        -> False if the chain is another one than before, and its beginning is neither known nor shown: it must be
        loaded.
        """
        self.leaf_id = leaf_id
        return self._climb()

    def delete(self, message_id: int) -> list[int]:
        """Cut a message off -> its id and those of all known ones below it."""
        gone, parents = [], [message_id]
        message = self.messages.get(message_id)
        if message is not None:
            self._children[message.parent_id].remove(message_id)
        while parents:
            ident = parents.pop()
            gone.append(ident)
            self.messages.pop(ident, None)
            parents += self._children.pop(ident, ())
        at = bisect_left(self.path, message_id)
        if self.path[at : at + 1] == [message_id]:
            del self.path[at:]
            self._climb()
        return gone

    def _add_child(self, parent_id: int, message_id: int) -> None:
        below = self._children.setdefault(parent_id, [])
        at = bisect_left(below, message_id)
        if below[at : at + 1] != [message_id]:
            below.insert(at, message_id)

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
            at = bisect_left(self.path, ident)
            if self.path[at : at + 1] == [ident]:
                self.path[at + 1 :] = fresh[::-1]
                return self._reach_up()
            fresh.append(ident)
            ident = self.messages[ident].parent_id
        is_whole = not ident or not self.path
        self.path = fresh[::-1]
        return is_whole

    def _reach_up(self) -> bool:
        """Older messages may have come."""
        older, ident = [], self.messages[self.path[0]].parent_id
        while ident in self.messages:
            older.append(ident)
            ident = self.messages[ident].parent_id
        self.path[:0] = older[::-1]
        return True
