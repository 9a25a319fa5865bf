"""What the model reads: the persona's prompt and as much of the conversation as fits."""

from __future__ import annotations

from aichat.bridge.client import ChatMessage
from aichat.protocol import cards
from aichat.protocol.values import USER, Message, Persona
from aichat.store.turns import HISTORY_MOST

ANSWER_SHARE = 4
"""One part in this many of the context is left for the answer."""


def estimate_tokens(text: str) -> int:
    """A cautious guess: about three bytes of UTF-8 a token, in Chinese and in English."""
    return len(text.encode()) // 3 + 4


def fill_in(text: str, persona: Persona, user_name: str) -> str:
    """Replace {{char}} and {{user}}, as character cards have it."""
    return cards.fill_in(text, persona.name, user_name)


def build_prompt(
    persona: Persona, history: list[Message], user_name: str, context: int, unfinished: str = ""
) -> list[ChatMessage]:
    """The messages for a model that reads `context` tokens: the system prompt, then the newest history that fits.

    A conversation that fits whole begins with the persona's greeting, which its user has seen: small models keep to
    the persona's manner better for it. Answers without text are left out; reasoning is never sent back. The last
    message always stays. After it comes the end of an `unfinished` answer, half of the room at most: the bridge takes
    a last message of the assistant for one to go on with.
    """
    system = fill_in(persona.prompt, persona, user_name)
    greeting = fill_in(persona.greeting, persona, user_name)
    room = context - context // ANSWER_SHARE - estimate_tokens(system) - estimate_tokens(greeting)
    unfinished = _last_tokens(unfinished, max(room, 0) // 2)
    room -= estimate_tokens(unfinished) if unfinished else 0
    chosen: list[ChatMessage] = []
    said = [m for m in history if m.content]
    for message in reversed(said):
        room -= estimate_tokens(message.content)
        if room < 0 and chosen:
            break
        chosen.append(ChatMessage("user" if message.sender_type == USER else "assistant", message.content))
    while len(chosen) > 1 and chosen[-1].role == "assistant":
        chosen.pop()  # a prompt that begins with an answer confuses small models
    if greeting and len(chosen) == len(said) < HISTORY_MOST:
        chosen.append(ChatMessage("assistant", greeting))
    messages = [ChatMessage(role="system", content=system)] if system else []
    messages += _merged(chosen[::-1])
    return [*messages, ChatMessage("assistant", unfinished)] if unfinished else messages


def _last_tokens(text: str, tokens: int) -> str:
    """The end of a text within a number of tokens, some of it in any case."""
    return text.encode()[-max(tokens, 100) * 3 :].decode(errors="ignore")


def _merged(messages: list[ChatMessage]) -> list[ChatMessage]:
    """Neighbours of one role as one message: a question whose answer failed stands before the next question."""
    merged: list[ChatMessage] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            merged[-1] = ChatMessage(message.role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(message)
    return merged
