"""The line drops at any byte, in either direction, in each way lines end: no word is lost, none comes twice, and what
a device shows is what is stored. The same on a second device, and over a restart of the service.

The suite runs a short version; `make soak` the whole one (AICHAT_SOAK=1), and one at full load: 200 conversations of
as many users that stream at once, each on two devices.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from aichat.protocol import frames
from aichat.protocol.session import Session
from tests.faultproxy import FaultProxy, Line
from tests.service import RunningService, Upstream, running_service
from tests.soak.device import Client, Device, Visiting, Visitor
from tests.soak.history import Operation, faults
from tests.soak.light import Light, LightVisitor, Lines
from tests.soak.people import FULL_LOAD, Crowded, invite

SOAK = bool(os.environ.get("AICHAT_SOAK"))
DROPS, PEOPLE, RESTARTS, PATIENCE = (1_000, 10, 4, 240.0) if SOAK else (15, 3, 1, 60.0)


class Speaking(Client):
    """Says one thing after another in a conversation of its own, each when the answer before it has ended."""

    def __init__(self, name: str, way: Any, token: str = "", words: Sequence[str] = ()) -> None:
        super().__init__(name, way, token)
        self.words = words
        self.log: list[Operation] = []
        self.conversation: int | None = None
        self.falls_silent = False
        """From now on nothing new is said."""
        self._answer: int | None = None
        self._creating = ""
        self._asked: dict[str, str] = {}

    def is_due(self) -> bool:
        return super().is_due() or self.is_running(self.session)

    def is_running(self, session: Session) -> bool:
        """Whether an answer is being written, or has been promised by an ack and is not here yet."""
        if self.conversation is None or self._answer is None:
            return False
        answer = session.timeline.message(self.conversation, self._answer)
        return answer is None or answer.status == "running"

    def act(self) -> None:
        session = self.session
        if not self._creating:
            self._creating = session.request(frames.ConversationCreate(persona_id="mara", title=self.name))
        for request_id, pending in list(session.outbox.items()):
            if pending.failure is not None and pending.failure.retryable:
                session.retry(request_id)
        loaded = self.conversation is not None and session.timeline.is_loaded(self.conversation)
        if loaded and not session.outbox and not self.is_running(session) and not self.falls_silent:
            number = len(self._asked) + 1
            command = random.choice(self.words or [f"!long {random.randint(5, 60)}", "!think", "!split", "say"])
            content = f"{command} {self.name}-{number}"
            self._asked[session.post(content, persona_id="mara", conversation_id=self.conversation)] = content

    def heard(self, frame: frames.AnyPush) -> None:
        match frame:
            case frames.Ack(request_id=self._creating):
                self.conversation = frame.conversation_id
                self.session.open_conversation(frame.conversation_id)
            case frames.Ack() if frame.request_id in self._asked:
                self._answer = frame.answer_id
                self.log.append(Operation(self._asked[frame.request_id], "ok"))
            case frames.Error() if not frame.retryable:
                self.wrong.append(f"refused: {frame}")


class Speaker(Speaking, Device):
    """In a thread of its own."""


class LightSpeaker(Speaking, Light):
    """One of hundreds in the reactor's thread."""


def any_fault(least: float = 1.5, most: float = 4.7) -> Line:
    """A line that ends after 30 to 50,000 bytes, few as likely as many: one in four within the handshake."""
    at = int(10 ** random.uniform(least, most))
    ending = random.choices(["close", "reset", "silence"], weights=[2, 2, 1])[0]
    latency = random.choice([0.0, 0.0, 0.002])
    if random.random() < 0.3:
        return Line(cut_up=max(1, at // 20), ending=ending, latency=latency)
    return Line(cut_down=at, ending=ending, latency=latency)


def pages_in(session: Session, conversation: int) -> bool:
    """Whether every page is here; asks for the next one if not."""
    if not session.timeline.is_loaded(conversation):
        return False
    if session.timeline.older[conversation]:
        session.load_older(conversation)
        return False
    return True


def test_lines_that_drop_at_any_byte(fresh_service: RunningService) -> None:
    proxy = FaultProxy(fresh_service.port, any_fault)
    speakers = [Speaker(f"s{n}", lambda: proxy.url) for n in range(PEOPLE)]
    visitors = [Visitor(f"v{s.name}", lambda: fresh_service.url, lambda s=s: s.conversation) for s in speakers]
    endure(fresh_service, proxy, speakers, visitors, RESTARTS)


@pytest.mark.skipif(not SOAK, reason="at full load: make soak")
@pytest_twisted.ensureDeferred
async def test_lines_that_drop_at_full_load(upstream: Upstream) -> None:
    await deferToThread(drop_lines_at_full_load, upstream)  # the reactor is the clients'


def drop_lines_at_full_load(upstream: Upstream) -> None:
    with running_service(upstream=upstream, env=FULL_LOAD) as service:
        crowded = Crowded(upstream, share=0.75)  # of some the line is down just when one answer is over
        tokens = invite(service, crowded.count)
        faulty = partial(any_fault, 3.0, 5.3)  # most of them in the middle of an answer
        lines, faultless = Lines(service.url, faulty), Lines(service.url)
        speakers = [LightSpeaker(f"s{n}", lines, token, ["!recite 1000"]) for n, token in enumerate(tokens)]
        visitors = [
            LightVisitor(f"v{s.name}", faultless, lambda s=s: s.conversation, s.session.token) for s in speakers
        ]
        endure(service, lines, speakers, visitors, RESTARTS, crowded.wait)
        print(f"before each restart {crowded}")


def endure(
    service: RunningService,
    proxy: FaultProxy | Lines,
    speakers: Sequence[Speaking],
    visitors: Sequence[Visiting],
    restarts: int,
    before_restart: Callable[[], None] = lambda: None,
) -> None:
    """All DROPS, with restarts in between; in the end what each speaker and a second device show is judged."""
    began = time.monotonic()
    for device in (*speakers, *visitors):
        device.start()
    for restart in range(1, restarts + 2):
        while proxy.drops < DROPS * restart // (restarts + 1):
            time.sleep(0.05)
            assert time.monotonic() - began < (1_500 if SOAK else 90), f"only {proxy.drops} drops"
            assert not (wrong := [w for d in (*speakers, *visitors) for w in d.wrong]), wrong
        if restart <= restarts:
            before_restart()
            service.kill() if restart % 2 else service.stop()
            service.start()
    proxy.plan = Line
    proxy.cut()
    for visitor in visitors:
        visitor.stays = True
    for speaker in speakers:
        speaker.wait_until(lambda session, s=speaker: len(s.log) >= 3, "three things said", PATIENCE)
    for speaker in speakers:
        speaker.falls_silent = True
    for speaker in speakers:
        speaker.wait_until(
            lambda session, s=speaker: not session.outbox and s.conversation and not s.is_running(session),
            "everything acked and answered",
            PATIENCE,
        )
    shown = {}
    for speaker, visitor in zip(speakers, visitors, strict=True):
        conversation = speaker.conversation
        assert conversation is not None
        with speaker.changed:
            last = speaker.session.timeline.messages(conversation)[-1]
        visitor.wait_until(
            lambda session, c=conversation, m=last.id: (
                (found := session.timeline.message(c, m)) is not None and found.status != "running"
            ),
            "the last answer on the second device",
            PATIENCE,
        )
        for device in (speaker, visitor):
            device.wait_until(lambda session, c=conversation: pages_in(session, c), "every page", PATIENCE)
            shown[device.name] = device.session.timeline.messages(conversation)
    for device in (*speakers, *visitors):
        device.end()
        assert not device.wrong
    seconds = time.monotonic() - began
    service.stop()
    proxy.close()
    check(service, speakers, visitors, shown)
    answers = sum(len(messages) // 2 for messages in shown.values()) // 2
    connections = sum(speaker.connections for speaker in speakers)
    print(
        f"{proxy.drops} drops ({connections} after the handshake), {restarts} restarts,"
        f" {answers} answers on {len(speakers)} x 2 devices: all as stored, in {seconds:.0f} s"
    )


def check(
    service: RunningService, speakers: Sequence[Speaking], visitors: Sequence[Visiting], shown: dict[str, Any]
) -> None:
    """Devices and file, word for word."""
    connection = sqlite3.connect(service.state_dir / "chat.db")
    for speaker, visitor in zip(speakers, visitors, strict=True):
        rows = connection.execute(
            "SELECT id, sender_type, status, content, reasoning FROM messages WHERE conversation_id = ? ORDER BY id",
            (speaker.conversation,),
        ).fetchall()
        for device in (speaker, visitor):
            here = [(m.id, m.sender_type, m.status, m.content, m.reasoning) for m in shown[device.name]]
            assert here == rows, f"{device.name} shows something else than what is stored"
        assert faults(speaker.log, [content for _, sender, _, content, _ in rows if sender == 0]) == []
        assert sum(sender == 1 and status == "done" and content != "" for _, sender, status, content, _ in rows)
    connection.close()
