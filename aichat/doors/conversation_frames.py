"""The frames about conversations, for `Connection`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aichat.protocol import frames
from aichat.protocol.frames import Push

if TYPE_CHECKING:
    from aichat.doors.connection import UseCases


class ConversationFrames:
    """Part of a connection: whose it is, what it can call, and its way to answer."""

    __slots__ = ()

    chat: UseCases
    user_id: int

    def reply(self, frame: Push) -> None:
        """Send one frame to this connection only."""
        raise NotImplementedError

    def ack(self, ack: frames.Ack) -> None:
        """Tell a full client that its command is durable."""
        raise NotImplementedError

    async def handle_conversation_list(self, query: frames.ConversationListQuery) -> None:
        conversations = await self.chat.conversations.all_of(self.user_id, query.persona_id)
        self.reply(frames.ConversationListReply(conversations=conversations, request_id=query.request_id))

    async def handle_conversation_create(self, command: frames.ConversationCreate) -> None:
        await self.chat.conversations.create(self.user_id, command, self.ack)

    async def handle_conversation_rename(self, command: frames.ConversationRename) -> None:
        await self.chat.conversations.update(self.user_id, command, self.ack)

    async def handle_conversation_update(self, command: frames.ConversationUpdate) -> None:
        await self.chat.conversations.update(self.user_id, command, self.ack)

    async def handle_conversation_read(self, command: frames.ConversationRead) -> None:
        await self.chat.conversations.read(self.user_id, command, self.ack)

    async def handle_search_request(self, request: frames.SearchRequest) -> None:
        self.reply(await self.chat.search.find(self.user_id, request))

    async def handle_conversation_delete(self, command: frames.ConversationDelete) -> None:
        await self.chat.conversations.delete(self.user_id, command, self.ack)

    async def handle_conversation_restore(self, command: frames.ConversationRestore) -> None:
        await self.chat.conversations.restore(self.user_id, command, self.ack)
