"""Titles by the model: after the first whole answer of a conversation whose title nobody gave.

Nobody waits for one: it is asked for when less than half of the provider's places are taken, one at a time, and given
up if that does not come soon. The first words of the question stay as long as there is nothing better.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import deferLater

from aichat.bridge.client import BridgeClient, ChatMessage, Delta
from aichat.chat.hub import Hub
from aichat.chat.line import Lines
from aichat.chat.turns import Ended
from aichat.log import make_logger
from aichat.protocol.errors import AichatError
from aichat.protocol.frames import ConversationSaved
from aichat.store import Store

TRIES, TRY_SECONDS = 6, 5.0
"""So often, and so far apart, it looks for a moment in which it is in nobody's way."""

ANSWER_SECONDS = 60.0
ANSWER_MOST = 400
"""Letters after which it is no title that the model is writing."""

TOLD_MOST = 600
"""Letters of question and answer each that the model is given."""

TITLE_MOST = 60

ASK = """\
Give this conversation a title of two to six words, in the language of the question (in Chinese: four to twelve \
characters). Reply with the title alone: no quotes, no full stop, nothing before or after it.

Question: {question}

Answer: {answer}"""


class Titles:
    """Gives titles. `wants` says of a provider, by name, whether its model makes any."""

    _log = make_logger("aichat.chat.titles")

    def __init__(
        self, reactor: Any, store: Store, hub: Hub, bridge: BridgeClient, lines: Lines, wants: Callable[[str], bool]
    ) -> None:
        self._reactor = reactor
        self._store = store
        self._hub = hub
        self._bridge = bridge
        self._lines = lines
        self._wants = wants
        self._asking: set[str] = set()
        """Providers that are writing one."""
        self._under_way: set[Deferred[None]] = set()

    def note(self, ended: Ended) -> None:
        """An answer ended: if it was the first one, and whole, think of a title."""
        if ended.message.status == "done" and len(ended.history) == 1 and self._wants(ended.persona.provider):
            making = ensureDeferred(self._make(ended))
            self._under_way.add(making)
            making.addBoth(lambda _: self._under_way.discard(making))

    def stop(self) -> None:
        """No more titles."""
        for making in list(self._under_way):
            making.cancel()

    async def _make(self, ended: Ended) -> None:
        try:
            if not await self._has_room(ended.persona.provider):
                return
            title = await self._ask(ended)
            conversation_id = ended.message.conversation_id
            conversation = await self._store.conversations.give_title(ended.user_id, conversation_id, title)
            if conversation is not None:
                self._hub.publish(ended.user_id, ConversationSaved(conversation=conversation))
        except CancelledError:
            return
        except AichatError as error:
            self._log.info("no title for conversation {id}: {error}", id=ended.message.conversation_id, error=error)
        except Exception:
            self._log.failure("making a title failed")

    async def _has_room(self, provider: str) -> bool:
        for _ in range(TRIES):
            if self._lines.is_quiet(provider) and provider not in self._asking:
                return True
            await deferLater(self._reactor, TRY_SECONDS)
        return False

    async def _ask(self, ended: Ended) -> str:
        """-> a title, "" if the model has none. Errors: AichatError."""
        persona, said = ended.persona, []
        asking: Deferred[Any]

        def on_delta(delta: Delta) -> None:
            said.append(delta.content)
            if sum(map(len, said)) > ANSWER_MOST:  # not from within: it may be at work on this very piece
                self._reactor.callLater(0, asking.cancel)

        question, answer = (_short(m.content) for m in (ended.history[0], ended.message))
        messages = [
            ChatMessage("system", "You give conversations their titles."),
            ChatMessage("user", ASK.format(question=question, answer=answer)),
        ]
        self._asking.add(persona.provider)
        try:
            asking = self._bridge.generate(
                "", messages, persona.model, on_delta, provider=persona.provider, fallback="none"
            )
            asking.addTimeout(ANSWER_SECONDS, self._reactor, lambda *_: None)
            await asking
        except CancelledError:
            if sum(map(len, said)) <= ANSWER_MOST:
                raise
            return ""
        finally:
            self._asking.discard(persona.provider)
        return tidy_title("".join(said))


def tidy_title(text: str) -> str:
    """What a model said when it was asked for a title, as one; "" if it is none."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^\W*(?:title|标题|題目|题目)\W*[:：]", "", line, flags=re.IGNORECASE)
    line = " ".join(line.split()).strip(" \"'“”‘’「」『』《》`*#_.。")
    return line if len(line) <= TITLE_MOST else ""


def _short(text: str) -> str:
    return text if len(text) <= TOLD_MOST else text[:TOLD_MOST] + " …"
