"""A flood of logins beside a chat: hashing is slow on purpose, so few are hashed at a time, the rest hear to wait,
and no chat waits for them.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections import Counter

from tests.e2e.client import full_client
from tests.service import RunningService
from tests.soak.measures import percentile, resident_megabytes
from tests.soak.raw import RawSocket
from tests.soak.test_stalled import a_round

SOAK = bool(os.environ.get("AICHAT_SOAK"))
ROUNDS = 6 if SOAK else 1
PER_SECOND = 100 if SOAK else 30
FLOODERS = 4


class Flood:
    """Connections at a pace, each with a greeting that is refused: a login, which is hashed, or a token."""

    def __init__(self, service: RunningService, **greeting: object) -> None:
        self.service = service
        self.greeting = greeting
        self.over = threading.Event()
        self.codes: Counter[str] = Counter()
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(FLOODERS)]
        self.began = time.monotonic()

    def __enter__(self) -> Flood:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def run(self) -> None:
        while not self.over.is_set():
            number = next(self.numbers)
            socket = RawSocket(self.service.port)
            who = {"name": f"nobody{number}"} if self.greeting["type"] == "login" else {}
            socket.send(**self.greeting, **who)
            answer = json.loads(socket.receive().payload)
            self.codes[answer["code"]] += 1
            socket.close()
            self.over.wait(max(0.0, self.began + number / PER_SECOND - time.monotonic()))


def test_a_flood_of_logins_holds_no_chat_up(fresh_service: RunningService) -> None:
    service = fresh_service
    alone: list[float] = []
    tokens: list[float] = []
    logins: list[float] = []
    codes: Counter[str] = Counter()
    with full_client(service.url) as client:
        ack = client.ask("ack", type="conversation_create", persona_id="mara", title="stream", request_id="c")
        conversation = ack["conversation_id"]
        before = resident_megabytes(service.process.child.pid)
        for _ in range(ROUNDS):
            alone += a_round(service, client, conversation)
            with Flood(service, type="hello", version=1, token="guess" * 10):
                tokens += a_round(service, client, conversation)
            with Flood(service, type="login", password="guess" * 10) as flood:
                logins += a_round(service, client, conversation)
            codes += flood.codes
        growth = resident_megabytes(service.process.child.pid) - before
    p99 = [1_000 * percentile(ages, 0.99) for ages in (alone, tokens, logins)]
    print(
        f"p99 of a delta {p99[0]:.1f} ms alone, {p99[1]:.1f} beside {PER_SECOND} refused tokens a second,"
        f" {p99[2]:.1f} beside as many logins {dict(codes)}; memory +{growth:.0f} MB"
    )
    assert set(codes) <= {"unauthorized", "rate_limited"}
    assert codes["unauthorized"], "some were hashed"
    assert growth < 60, "19 MiB each, one at a time"
    if SOAK:  # the connections cost what they cost: what is asked here is what the hashing adds
        assert p99[2] <= 2 * p99[1]
