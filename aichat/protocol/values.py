"""What the system talks about: personas, conversations, messages.

Plain immutable values. The seed's fields come first and are always on the wire; ours are left out while they
have their default, so a value cut down to the seed's fields encodes exactly as the seed writes it.
Times are UTC, "YYYY-MM-DD HH:MM:SS". `seq` is the position in the store's event log of the last change.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

USER, AI = 0, 1
"""`Message.sender_type`, as in the seed."""

Status = Literal["running", "done", "stopped", "interrupted", "failed"]
"""Only an explicit finish makes `done`; `stopped` is the user's doing, `interrupted` a break, `failed` no text."""

PersonaId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Prompt = Annotated[str, msgspec.Meta(max_length=32_768)]
Avatar = Annotated[str, msgspec.Meta(max_length=200_000)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=20)]
Content = Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]
Greeting = Annotated[str, msgspec.Meta(max_length=8_000)]
Starter = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Starters = Annotated[list[Starter], msgspec.Meta(max_length=6)]
CardText = Annotated[str, msgspec.Meta(max_length=400_000)]
"""JSON of the character card that a persona came from: `protocol.cards`."""
ModelName = Annotated[str, msgspec.Meta(max_length=200)]
ProviderName = Annotated[str, msgspec.Meta(max_length=40, pattern="^[a-z0-9_-]*$")]
"""A name from the server's settings: it has no room for an address."""
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
"""How freely a model chooses its words."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the values: immutable, defaults stay off the wire."""


class Persona(Value, frozen=True):
    """A character to chat with. `avatar` is base64 of a PNG, JPEG, GIF or WebP, or empty.

    `owner` is the name of the user whose persona it is, "" on one's own. One of another user that is not `shared`
    (any more) is there for the conversations with it; it has no prompt and cannot be chatted with.
    `provider` answers for it and `fallback` stands in for that one: names from the server's settings, or "" for the
    settings' own; `fallback` "none" is nobody. `model` is asked of `provider` only. `temperature` is 0 to 2,
    null is the model's own.
    """

    id: str
    name: str
    avatar: str
    prompt: str = ""
    create_time: str = ""
    model: str = ""
    greeting: str = ""
    starters: list[str] = []
    shared: bool = False
    owner: str = ""
    provider: str = ""
    fallback: str = ""
    temperature: float | None = None
    seq: int = 0


class PersonaConfig(Value, frozen=True):
    """What a user writes into a persona, as in the seed's `persona_config`, plus our optional fields."""

    name: Name
    prompt: Prompt
    avatar: Avatar = ""
    model: ModelName = ""
    greeting: Greeting = ""
    starters: Starters = []
    shared: bool = False
    provider: ProviderName = ""
    fallback: ProviderName = ""
    temperature: Temperature | None = None
    card: CardText = ""


class PersonaChanges(Value, frozen=True):
    """Fields of a persona to change; absent fields stay as they are."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    prompt: Prompt | msgspec.UnsetType = msgspec.UNSET
    avatar: Avatar | msgspec.UnsetType = msgspec.UNSET
    model: ModelName | msgspec.UnsetType = msgspec.UNSET
    greeting: Greeting | msgspec.UnsetType = msgspec.UNSET
    starters: Starters | msgspec.UnsetType = msgspec.UNSET
    shared: bool | msgspec.UnsetType = msgspec.UNSET
    provider: ProviderName | msgspec.UnsetType = msgspec.UNSET
    fallback: ProviderName | msgspec.UnsetType = msgspec.UNSET
    temperature: Temperature | msgspec.UnsetType | None = msgspec.UNSET
    card: CardText | msgspec.UnsetType = msgspec.UNSET


class Offer(Value, frozen=True):
    """A model that a persona can have. `provider` is a name from the settings, "" the one that they have for all."""

    provider: str
    model: str


class Spoken(Value, frozen=True):
    """One message of a talk that is not stored."""

    sender_type: Literal[0, 1]
    content: Content


class Conversation(Value, frozen=True):
    """A tree of messages with one persona, of which one chain is shown.

    `update_time` is that of its newest message, `touched` that message's place in the log: sort by it. `leaf_id` is
    the last message of the chain that is shown, 0 if there is none.
    `read` is the last message that its user has read, on whatever device; `unread`, whether something was said after
    it. That is so from the question on: show it where no answer is being written.
    """

    id: int
    title: str
    create_time: str
    persona_id: str = ""
    update_time: str = ""
    touched: int = 0
    leaf_id: int = 0
    seq: int = 0
    pinned: bool = False
    archived: bool = False
    tags: list[str] = []
    unread: bool = False
    read: int = 0


class ConversationChanges(Value, frozen=True):
    """Fields of a conversation to change; absent fields stay as they are."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    pinned: bool | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET


class Failure(Value, frozen=True):
    """Why a message is `failed` or `interrupted`: a code of `errors.ERRORS` and words for a person."""

    code: str
    message: str
    retryable: bool = False


class Message(Value, frozen=True):
    """One stored message. `request_id` is set on a user's own message and lets its author recognise it.

    It stands below the message `parent_id`, whose id is less than its own; 0 at the beginning of a conversation.
    `seams` are the places in `content`, as counts of code points, at which a broken answer was continued; the last
    one stands at the end as long as nothing new has come.
    """

    sender_type: int
    content: str
    send_time: str
    id: int = 0
    conversation_id: int = 0
    status: Status = "done"
    reasoning: str = ""
    reasoning_ms: int = 0
    model: str = ""
    failure: Failure | None = None
    request_id: str = ""
    seams: list[int] = []
    parent_id: int = 0
    seq: int = 0


class SearchResult(Value, frozen=True):
    """A message, or a title where there is no `message_id`, in which all words that were asked for stand.

    `snippet` is the part of its text around the first match, in one line, with "…" where it is cut; `matches` are the
    places of the words in it, [begin, end] in code points.
    """

    conversation: Conversation
    snippet: str
    matches: list[list[int]]
    message_id: int = 0
    sender_type: int = 0
    send_time: str = ""


class Position(Value, frozen=True):
    """A place in a store's event log: which store (`epoch`) and how far (`seq`)."""

    epoch: str
    seq: int


def can_continue(message: Message) -> bool:
    """Whether `chat_continue` can go on with this message: an answer of which some came, and not all."""
    return message.sender_type == AI and message.status in ("interrupted", "stopped") and bool(message.content)


def can_chat(persona: Persona) -> bool:
    """Whether one can chat with this persona: not with one of another user who no longer shares it."""
    return persona.shared or not persona.owner


def as_seed_persona(persona: Persona) -> Persona:
    """The seed's three fields of a persona list entry."""
    return Persona(id=persona.id, name=persona.name, avatar=persona.avatar)


def as_seed_conversation(conversation: Conversation) -> Conversation:
    """The seed's three fields of a history entry."""
    return Conversation(id=conversation.id, title=conversation.title, create_time=conversation.create_time)


def as_seed_message(message: Message) -> Message:
    """The seed's three fields of a history message."""
    return Message(sender_type=message.sender_type, content=message.content, send_time=message.send_time)
