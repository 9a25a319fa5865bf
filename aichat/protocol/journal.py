"""What changed in a timeline, for whoever keeps it on disk."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Journal:
    """What changed since it was last emptied, by id, for whoever keeps a timeline on disk.

    Live text does not count. What stands here and is no longer in the timeline was deleted.
    """

    cleared: bool = False
    """Everything that was known before is void."""
    personas: set[str] = field(default_factory=set)
    conversations: set[int] = field(default_factory=set)
    messages: set[tuple[int, int]] = field(default_factory=set)
    """Conversation id and message id."""
    loaded: set[int] = field(default_factory=set)
    """Conversations of which a page came, or a branch was cut off: `Timeline.older` and `Timeline.forks`."""

    def __bool__(self) -> bool:
        return self.cleared or bool(self.personas or self.conversations or self.messages or self.loaded)
