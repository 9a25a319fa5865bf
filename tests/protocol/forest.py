"""A conversation as the server has it, in a few lines: the model that timelines are compared with."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from aichat.protocol import frames
from aichat.protocol.values import AI, USER, Conversation, Message


class Forest:
    """Conversation 7 with persona p1. Each verb gives the events that the server publishes."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.deleted: list[frames.MessageDeleted] = []
        self.conversation = Conversation(id=7, title="t", create_time="", persona_id="p1", touched=1, seq=1)
        self.seq = 1
        self.last_id = 0

    @property
    def path(self) -> list[int]:
        """Ids of what is shown, oldest first."""
        return self.above(self.conversation.leaf_id)

    def above(self, ident: int) -> list[int]:
        """Ids from the first message to one."""
        ids = []
        while ident:
            ids.append(ident)
            ident = self.messages[ident].parent_id
        return ids[::-1]

    def children(self, parent_id: int) -> list[int]:
        return sorted(ident for ident, message in self.messages.items() if message.parent_id == parent_id)

    def siblings(self, ident: int) -> list[int]:
        return self.children(self.messages[ident].parent_id)

    def page(self, limit: int, before: int | None = None) -> frames.HistoryResponse:
        """What a `history_request` brings."""
        whole = self.path if before not in self.messages else self.above(self.messages[before].parent_id)
        shown = whole[-limit:]
        return frames.HistoryResponse(
            persona_id="p1",
            conversation_id=7,
            conversations=[] if before else [self.conversation],
            messages=[self.messages[ident] for ident in shown],
            more=len(whole) > limit,
            siblings=[ids for ident in shown if len(ids := self.siblings(ident)) > 1],
        )

    def since(self, seq: int) -> list[frames.AnyPush]:
        """What a resume brings: each thing once, in its newest state."""
        at: list[tuple[int, frames.AnyPush]] = [(gone.seq, gone) for gone in self.deleted]
        at.append((self.conversation.seq, frames.ConversationSaved(conversation=self.conversation)))
        for message in self.messages.values():
            added = message.sender_type == USER or message.status == "running"
            event: Callable[..., frames.AnyPush] = frames.MessageAdded if added else frames.MessageDone
            at.append((message.seq, event(message=message)))
        return [event for when, event in sorted(at, key=lambda pair: pair[0]) if when > seq]

    def chat(self, parent_id: int | None = None) -> list[frames.AnyPush]:
        parent_id = self.conversation.leaf_id if parent_id is None else parent_id
        saved = self._touch(2)
        question = self._add(USER, parent_id, f"question {self.last_id + 1}")
        return [saved, question, self._add(AI, self.last_id, "", "running")]

    def regenerate(self, ident: int) -> list[frames.AnyPush]:
        message = self.messages[ident]
        saved = self._touch(1)
        return [saved, self._add(AI, ident if message.sender_type == USER else message.parent_id, "", "running")]

    def edit(self, ident: int) -> list[frames.AnyPush]:
        message = self.messages[ident]
        if message.sender_type == USER:
            return self.chat(message.parent_id)
        return [self._touch(1), self._add(AI, message.parent_id, f"edited {self.last_id + 1}")]

    def finish(self) -> list[frames.AnyPush]:
        """The answer that runs ends, if there is one."""
        leaf = self.messages.get(self.conversation.leaf_id)
        if leaf is None or leaf.status != "running":
            return []
        done = replace(leaf, status="done", content=f"answer {leaf.id}", seq=self._next())
        self.messages[leaf.id] = done
        return [frames.MessageDone(message=done)]

    def select(self, ident: int) -> list[frames.AnyPush]:
        return [] if ident in self.path else [self._show(self._newest_below(ident))]

    def delete(self, ident: int) -> list[frames.AnyPush]:
        was_shown, parent_id, below = ident in self.path, self.messages[ident].parent_id, [ident]
        for gone in below:
            below += self.children(gone)
        for gone in below:
            del self.messages[gone]
        events: list[frames.AnyPush] = [self._show(self._newest_below(parent_id))] if was_shown else []
        deleted = frames.MessageDeleted(seq=self._next(), conversation_id=7, message_id=ident)
        self.deleted.append(deleted)
        return [*events, deleted]

    def _newest_below(self, ident: int) -> int:
        while children := self.children(ident):
            ident = children[-1]
        return ident

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _touch(self, count: int) -> frames.ConversationSaved:
        seq = self._next()
        self.conversation = replace(self.conversation, touched=seq, leaf_id=self.last_id + count, seq=seq)
        return frames.ConversationSaved(conversation=self.conversation)

    def _show(self, leaf_id: int) -> frames.ConversationSaved:
        self.conversation = replace(self.conversation, leaf_id=leaf_id, seq=self._next())
        return frames.ConversationSaved(conversation=self.conversation)

    def _add(self, sender: int, parent_id: int, content: str, status: str = "done") -> frames.AnyPush:
        self.last_id += 1
        message = Message(
            sender_type=sender,
            content=content,
            send_time="",
            id=self.last_id,
            conversation_id=7,
            parent_id=parent_id,
            status=status,  # type: ignore[arg-type]
            seq=self._next(),
        )
        self.messages[message.id] = message
        is_done = sender == AI and status == "done"
        return frames.MessageDone(message=message) if is_done else frames.MessageAdded(message=message)


def step(forest: Forest, verb: str, chance: int) -> list[frames.AnyPush]:
    """A verb, aimed at one of the messages -> its events. Like the server, it waits for the end of an answer."""
    events = forest.finish()
    ids = sorted(forest.messages)
    if verb == "chat" or not ids:
        return events + forest.chat()
    ident = ids[chance % len(ids)]
    if verb == "chat below":
        return events + forest.chat(ident)
    return events + {
        "edit": forest.edit,
        "regenerate": forest.regenerate,
        "select": forest.select,
        "delete": forest.delete,
    }[verb](ident)


VERBS = ["chat", "chat", "chat below", "edit", "regenerate", "select", "delete"]
