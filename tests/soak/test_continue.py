"""Continue after every kind of break: kill -9, a stop, a reset at the upstream. In the end each text is what it would
have been without them, to the byte.

The suite runs a short version; `make soak` the whole one (AICHAT_SOAK=1).
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import pytest

from tests.e2e.client import Client, full_client
from tests.service import Upstream, running_service
from tests.upstream import recital

SOAK = bool(os.environ.get("AICHAT_SOAK"))
KILLS, CONVERSATIONS, WORDS = (100, 12, 200) if SOAK else (3, 5, 40)
BETWEEN = (0.4, 1.2)
"""Seconds of life between a start and the next kill."""
LAST_LIFE = 60.0
"""Seconds in which all must be whole once nothing is killed any more."""

STOPS = 0.01
"""How many deltas of a hundred are answered with a stop, over 100."""

WHOLE = recital(WORDS)


class Reciter:
    """One conversation after another, each with a recital that is to be whole in the end."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.conversation = 0
        self.pending: dict[str, Any] | None = None
        self.kept = 0
        self.seams: list[int] = []
        self.is_over = False
        self.was_cut = False
        """A command was sent again: its ack may be that of the life before, whose answer broke off with it."""
        self.is_asking = False
        self.wholes = self.continued = 0

    def wake(self, client: Client) -> None:
        """After a restart: what was not acked is sent again, else the stored state says how to go on."""
        if self.pending is not None:
            self.was_cut = True
            client.send(**self.pending)
        elif self.conversation:
            self.look(client)
        else:
            self.ask(client)

    def look(self, client: Client) -> None:
        """Ask for the stored state; an end that comes before the reply says it too, and later."""
        self.is_asking = True
        client.send(type="history_request", conversation_id=self.conversation)

    def acked(self, client: Client, conversation: int) -> None:
        self.pending, self.conversation = None, conversation
        if self.was_cut:
            self.was_cut = False
            self.look(client)

    def ask(self, client: Client) -> None:
        self.conversation, self.kept, self.seams = 0, 0, []
        self.send(client, type="chat", persona_id="mara", new_conversation=True, content=f"!recite {WORDS}")

    def send(self, client: Client, **command: Any) -> None:
        self.sent += 1
        self.pending = {**command, "request_id": f"r{self.number}-{self.sent}"}
        client.send(**self.pending)

    def ended(self, client: Client, message: dict[str, Any], more: bool) -> None:
        """An answer ended, or was found in the store: check it, and go on with it."""
        self.is_asking = False
        text, seams, status = message["content"], message.get("seams", []), message.get("status", "done")
        assert WHOLE.startswith(text), f"{text!r} is no beginning of the recital"
        assert len(text) >= self.kept, "what was kept is lost"
        assert seams[: len(self.seams)] == [s for s in self.seams if s in seams]
        assert seams == sorted(set(seams))
        assert all(0 < seam <= len(text) for seam in seams)
        self.kept, self.seams = len(text), [seam for seam in seams if seam < len(text)]
        where = {"conversation_id": self.conversation}
        match status:
            case "running":
                assert more, "nothing runs after a restart but what was asked for since"
            case "done":
                assert text == WHOLE
                self.wholes += 1
                self.is_over = not more
                if more:
                    self.ask(client)
            case "failed":
                assert text == ""
                self.kept = 0
                self.send(client, type="chat_regenerate", **where)
            case _ if text:
                self.continued += 1
                self.send(client, type="chat_continue", **where, answer_id=message["id"])
            case _:
                self.send(client, type="chat_regenerate", **where)


def live(url: str, reciters: list[Reciter], seconds: float | None) -> None:
    """One life of the service: everybody goes on, for some seconds, or until every recital is whole."""
    with full_client(url) as client:
        for reciter in reciters:
            reciter.wake(client)
        until = time.monotonic() + (LAST_LIFE if seconds is None else seconds)
        while not all(reciter.is_over for reciter in reciters):
            try:
                frame = client.next(max(0.0, until - time.monotonic()))
            except TimeoutError:
                assert seconds is not None, "the recitals do not end"
                return
            mine = {reciter.conversation: reciter for reciter in reciters}
            match frame["type"]:
                case "ack":
                    for reciter in reciters:
                        if reciter.pending is not None and reciter.pending["request_id"] == frame["request_id"]:
                            reciter.acked(client, frame["conversation_id"])
                case "error":
                    raise AssertionError(frame)
                case "history_response" if (asking := mine[frame["conversation_id"]]).is_asking:
                    asking.ended(client, frame["messages"][-1], more=True)
                case "message_done" if (ended := mine.get(frame["message"]["conversation_id"])) is not None:
                    ended.ended(client, frame["message"], more=seconds is not None)
                case "message_delta" if random.random() < STOPS:
                    client.send(
                        type="chat_stop", conversation_id=frame["conversation_id"], answer_id=frame["message_id"]
                    )


@pytest.mark.parametrize("provider", ["llamacpp", "openai"])
def test_a_text_is_whole_in_the_end_whatever_broke_it(provider: str) -> None:
    upstream = Upstream()
    reciters = [Reciter(n) for n in range(CONVERSATIONS)]
    try:
        with running_service(f"--provider={provider}", upstream=upstream) as service:
            for _ in range(KILLS):
                live(service.url, reciters, random.uniform(*BETWEEN))
                service.kill()
                service.start()
            live(service.url, reciters, None)
    finally:
        upstream.end()
    wholes = sum(reciter.wholes for reciter in reciters)
    continued = sum(reciter.continued for reciter in reciters)
    print(f"{provider}: {KILLS} kills, {continued} continuations, {wholes} texts whole to the byte")
    assert wholes >= CONVERSATIONS
    assert continued >= KILLS
