"""What the user can do: each verb is a command to the server that is shown, sent now or after the next connect."""

from __future__ import annotations

from PySide6.QtCore import QObject

from aichat.protocol import frames
from aichat.protocol.session import Session
from aichat.protocol.values import ConversationChanges, Message, PersonaChanges, PersonaConfig
from aichat_qt.link import Link
from aichat_qt.server import Server
from aichat_qt.servers import Servers


class Verbs(QObject):
    """The half of the model that does; the other half shows."""

    def __init__(self, servers: Servers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.servers = servers
        self.server: Server = servers.current
        self._stopping: set[int] = set()

    @property
    def session(self) -> Session:
        return self.server.session

    @property
    def link(self) -> Link:
        return self.server.link

    @property
    def conversation_id(self) -> int | None:
        """The conversation shown; None: one that begins with the next message."""
        return self.server.selection.conversation_id

    def running(self) -> Message | None:
        """The answer being written in the shown conversation."""
        return None if self.conversation_id is None else self.session.timeline.running(self.conversation_id)

    def request(self, command: frames.Command) -> str:
        """Send a command -> its request id, which `acknowledged` or `refused` names."""
        request_id = self.session.request(command)
        self.server.flush()
        return request_id

    def ask(self, query: frames.Command) -> str:
        """Ask what changes nothing -> its request id, which `replied` names, or "" without a connection."""
        request_id = self.session.ask(query)
        self.link.flush()
        return request_id

    # in the shown conversation

    def post(self, content: str) -> str:
        """Say something in the shown conversation."""
        persona_id = self.server.selection.persona_id
        first = all(pending.failure is not None for pending in self.session.pending_chats(persona_id, None))
        new = self.conversation_id is None and first
        request_id = self.session.post(content, persona_id=persona_id, conversation_id=self.conversation_id, new=new)
        self.server.flush()
        self.server.said_changed.emit()
        return request_id

    def retry(self, request_id: str) -> None:
        """Send refused words once more."""
        if request_id in self.session.outbox:
            self.session.retry(request_id)
            self.server.flush()
            self.server.said_changed.emit()

    def discard(self, request_id: str) -> str:
        """Give up a command that the server has not taken -> the words in it, for the composer."""
        command = self.session.discard(request_id)
        self.server.flush()
        self.server.said_changed.emit()
        return command.content if isinstance(command, frames.Chat) else ""

    def say_anew(self, request_id: str) -> None:
        """Say what was meant for a conversation that is gone in a new one with the same persona."""
        chat = self.session.discard(request_id)
        if isinstance(chat, frames.Chat):
            self.session.post(chat.content, persona_id=chat.persona_id or "", new=True)
        self.server.flush()
        self.server.said_changed.emit()

    def stop(self) -> bool:
        """End the running answer of the shown conversation; False if none runs."""
        running = self.running()
        if running is None:
            return False
        if running.id not in self._stopping:
            self._stopping.add(running.id)
            self.request(frames.ChatStop(conversation_id=running.conversation_id, answer_id=running.id))
        return True

    def regenerate(self, message_id: int | None = None) -> None:
        """Have the question of an answer answered anew; without one that of the last."""
        if self.conversation_id is not None:
            self.request(frames.ChatRegenerate(conversation_id=self.conversation_id, message_id=message_id))

    def go_on(self) -> None:
        """Have the last answer, which broke off or was stopped, finished where it ended."""
        if self.conversation_id is not None:
            unfinished = self.session.timeline.unfinished(self.conversation_id)
            if unfinished is not None:
                self.request(frames.ChatContinue(conversation_id=self.conversation_id, answer_id=unfinished.id))

    # in its branches

    def siblings(self, message_id: int) -> list[int]:
        """The ids of all versions of a message of the shown conversation, in order."""
        return self.session.timeline.siblings(self.conversation_id or 0, message_id)

    def post_below(self, message_id: int, content: str) -> str:
        """Say something below a message of the shown conversation: a branch of its own -> request id."""
        request_id = self.request(
            frames.Chat(content=content, conversation_id=self.conversation_id, parent_id=message_id)
        )
        self.server.said_changed.emit()
        return request_id

    def edit(self, message_id: int, content: str) -> str:
        """Say a message in other words, beside the first ones -> request id."""
        return self.request(
            frames.MessageEdit(conversation_id=self.conversation_id or 0, message_id=message_id, content=content)
        )

    def select_branch(self, message_id: int) -> None:
        """Show the branch that a message is in."""
        if self.conversation_id is not None:
            self.request(frames.BranchSelect(conversation_id=self.conversation_id, message_id=message_id))

    def delete_message(self, message_id: int) -> None:
        """Delete a message and all below it."""
        if self.conversation_id is not None:
            self.request(frames.MessageDelete(conversation_id=self.conversation_id, message_id=message_id))

    # personas and conversations

    def create_persona(self, config: PersonaConfig) -> str:
        return self.request(frames.PersonaCreate(persona_config=config))

    def update_persona(self, persona_id: str, changes: PersonaChanges) -> str:
        return self.request(frames.PersonaUpdate(persona_id=persona_id, persona_config=changes))

    def delete_persona(self, persona_id: str) -> str:
        return self.request(frames.PersonaDelete(persona_id=persona_id))

    def rename_conversation(self, conversation_id: int, title: str) -> str:
        return self.request(frames.ConversationRename(conversation_id=conversation_id, title=title))

    def change_conversation(self, conversation_id: int, changes: ConversationChanges) -> str:
        """Pin, archive or tag it, or take that back."""
        return self.request(frames.ConversationUpdate(conversation_id=conversation_id, changes=changes))

    def delete_conversation(self, conversation_id: int) -> str:
        return self.request(frames.ConversationDelete(conversation_id=conversation_id))

    def restore_conversation(self, conversation_id: int) -> str:
        """Bring back what was deleted."""
        return self.request(frames.ConversationRestore(conversation_id=conversation_id))

    def mark_read(self, conversation_id: int, message_id: int) -> None:
        """Everything up to this message was seen; without a connection the next one that is seen says so."""
        self.ask(frames.ConversationRead(conversation_id=conversation_id, message_id=message_id))
