"""Every frame that a server sends: replies, events and live text."""

from __future__ import annotations

import msgspec

from aichat.protocol.commands import tag_of
from aichat.protocol.values import Conversation, Message, Offer, Persona, SearchResult


class Push(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=tag_of):
    """Server -> client: replies, events and live text."""


class LoggedIn(Push, frozen=True):
    """Answers `login`: a token for `hello`, told this once. It is good until it is revoked.

    Example: {"type": "logged_in", "user": "wei", "token": "aichat_t0", "request_id": "a0"}
    """

    user: str
    token: str
    request_id: str = ""


class Welcome(Push, frozen=True):
    """Answers `hello`. `seq` is the position after what follows; `recovered: false` means: load everything anew.

    Example: {"type": "welcome", "version": 1, "server": "aichat 0.1.0", "user": "wei", "role": "member",
              "epoch": "5f2c", "seq": 57, "recovered": true}
    """

    version: int
    server: str
    user: str
    epoch: str
    seq: int
    recovered: bool
    role: str = "owner"


class Ack(Push, frozen=True):
    """A command was carried out, and what it made is durable.

    Example: {"type": "ack", "request_id": "a1", "persona_id": "p1", "conversation_id": 7, "message_id": 91,
              "answer_id": 92}
    """

    request_id: str
    persona_id: str = ""
    conversation_id: int = 0
    message_id: int = 0
    answer_id: int = 0


class Error(Push, frozen=True):
    """A command was refused, and nothing was lost by it; `docs/errors.md` lists the codes.

    Example: {"type": "error", "code": "bad_frame", "message": "…", "retryable": false, "request_id": "a1"}
    """

    code: str
    message: str
    retryable: bool
    request_id: str = ""


class ChatResponse(Push, frozen=True):
    """The whole answer, for a plain client (the seed's frame).

    Example: {"type": "chat_response", "persona_id": "p1", "content": "你好，我是学霸助手..."}
    """

    persona_id: str
    content: str


class PersonaList(Push, frozen=True):
    """All personas (the seed's frame); to a full client with prompts and our other fields.

    Example: {"type": "persona_list", "personas": [{"id": "p1", "name": "学霸助手", "avatar": "..."}]}
    """

    personas: list[Persona]
    persona_id: str = ""
    request_id: str = ""


class PersonaTried(Push, frozen=True):
    """A piece of the answer to `persona_try`; the last one has `done`. What goes wrong is an `error`.

    Example: {"type": "persona_tried", "request_id": "t1", "content": "你好"}
    """

    request_id: str
    content: str = ""
    reasoning: str = ""
    done: bool = False


class ModelList(Push, frozen=True):
    """Answers the query of the same name. `may_choose`: whether this user may give a persona another than the first.

    Example: {"type": "model_list", "request_id": "m1", "may_choose": true,
              "models": [{"provider": "", "model": "deepseek-chat"}, {"provider": "gpu", "model": "qwen3-8b"}]}
    """

    models: list[Offer]
    may_choose: bool
    request_id: str = ""


class HistoryResponse(Push, frozen=True):
    """The conversations with a persona and one page of messages (the seed's frame), oldest first.

    `conversation_id` says whose messages they are, `more` whether older ones exist. `siblings` has, for each of the
    messages that does not stand alone below its parent, the ids of all that stand there, in order.

    Example: {"type": "history_response", "persona_id": "p1",
              "conversations": [{"id": 123, "title": "第一次对话", "create_time": "2023-01-01"}],
              "messages": [{"sender_type": 0, "content": "你好", "send_time": "2023-01-01 10:00"},
                           {"sender_type": 1, "content": "你好，我是AI助手", "send_time": "2023-01-01 10:01"}]}
    """

    persona_id: str
    conversations: list[Conversation]
    messages: list[Message]
    conversation_id: int = 0
    more: bool = False
    siblings: list[list[int]] = []
    request_id: str = ""


class ConversationListReply(Push, frozen=True):
    """Answers the query of the same name.

    Example: {"type": "conversation_list", "request_id": "a7", "conversations": [
              {"id": 7, "title": "Travel plans", "create_time": "2026-11-24 08:00:00", "persona_id": "p1"}]}
    """

    conversations: list[Conversation]
    request_id: str = ""


class SearchResults(Push, frozen=True):
    """Answers `search_request`: titles (in the first reply), then messages, the newest first.

    With `before` in the next request there may be older ones, even if there are none in this reply; without it, that
    was all. `indexing`: old messages are still being made ready for search, and some are not found yet.

    Example: {"type": "search_results", "request_id": "b5", "query": "海边", "before": 92, "results": [
              {"conversation": {"id": 7, "title": "Travel plans", "create_time": "2026-11-24 08:00:00",
               "persona_id": "p1"}, "snippet": "去海边。", "matches": [[1, 3]], "message_id": 92, "sender_type": 1,
               "send_time": "2026-11-24 08:00:01"}]}
    """

    query: str
    results: list[SearchResult]
    before: int = 0
    indexing: bool = False
    request_id: str = ""


class PersonaCardReply(Push, frozen=True):
    """Answers the query of the same name. `card` is JSON, or empty: its lorebook, `extensions` and notes among it.

    Example: {"type": "persona_card", "persona_id": "p1", "card": "{\\"name\\": \\"Mara\\", \\"tags\\": []}",
              "request_id": "e1"}
    """

    persona_id: str
    card: str
    request_id: str = ""


class PersonaSaved(Push, frozen=True):
    """Event: a persona is new or changed.

    Example: {"type": "persona_saved", "persona": {"id": "p1", "name": "学霸", "avatar": "", "seq": 58}}
    """

    persona: Persona


class PersonaDeleted(Push, frozen=True):
    """Event: a persona is gone, with its conversations.

    Example: {"type": "persona_deleted", "seq": 59, "persona_id": "p1"}
    """

    seq: int
    persona_id: str


class ConversationSaved(Push, frozen=True):
    """Event: a conversation is new or changed.

    Example: {"type": "conversation_saved", "conversation":
              {"id": 7, "title": "Travel", "create_time": "2026-11-24 08:00:00", "persona_id": "p1", "seq": 60}}
    """

    conversation: Conversation


class ConversationDeleted(Push, frozen=True):
    """Event: a conversation is gone, with its messages.

    Example: {"type": "conversation_deleted", "seq": 61, "conversation_id": 7}
    """

    seq: int
    conversation_id: int


class MessageAdded(Push, frozen=True):
    """Event: a message is new; an answer begins as `running`, or goes on, with the text that it had.

    Example: {"type": "message_added", "message": {"sender_type": 1, "content": "", "send_time":
              "2026-11-24 08:00:01", "id": 92, "conversation_id": 7, "status": "running", "seq": 63}}
    """

    message: Message


class MessageDone(Push, frozen=True):
    """Event: an answer reached its final state, with its whole text.

    Example: {"type": "message_done", "message": {"sender_type": 1, "content": "Hi.", "send_time":
              "2026-11-24 08:00:01", "id": 92, "conversation_id": 7, "model": "m", "seq": 64}}
    """

    message: Message


class MessageDeleted(Push, frozen=True):
    """Event: a message is gone, with all below it.

    Example: {"type": "message_deleted", "seq": 65, "conversation_id": 7, "message_id": 92}
    """

    seq: int
    conversation_id: int
    message_id: int


class MessageDelta(Push, frozen=True):
    """Live text of a running answer. Offsets count code points from the start of each text.

    Example: {"type": "message_delta", "conversation_id": 7, "message_id": 92, "offset": 3, "content": "你好"}
    """

    conversation_id: int
    message_id: int
    offset: int = 0
    content: str = ""
    reasoning_offset: int = 0
    reasoning: str = ""


class MessageSnapshot(Push, frozen=True):
    """All live text of a running answer so far; it takes the place of what the client had.

    Example: {"type": "message_snapshot", "conversation_id": 7, "message_id": 92, "content": "你好，"}
    """

    conversation_id: int
    message_id: int
    content: str = ""
    reasoning: str = ""


class MessageQueued(Push, frozen=True):
    """Live: a running answer waits its turn, as the `position`th; 0 when it begins.

    Example: {"type": "message_queued", "conversation_id": 7, "message_id": 92, "position": 3}
    """

    conversation_id: int
    message_id: int
    position: int
