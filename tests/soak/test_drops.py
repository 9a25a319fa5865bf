"""The line drops at any byte, in either direction, in each way lines end: no word is lost, none comes twice, and what
a device shows is what is stored. The same on a second device, and over a restart of the service.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time

from aichat.protocol import frames
from aichat.protocol.session import Session
from tests.faultproxy import FaultProxy, Line
from tests.service import RunningService
from tests.soak.device import Device, Visitor
from tests.soak.history import Operation, faults

SOAK = bool(os.environ.get("AICHAT_SOAK"))
DROPS, PEOPLE, RESTARTS = (1_000, 10, 4) if SOAK else (15, 3, 1)


class Speaker(Device):
    """Says one thing after another in a conversation of its own, each when the answer before it has ended."""

    def __init__(self, name: str, proxy: FaultProxy) -> None:
        super().__init__(name, lambda: proxy.url)
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
            command = random.choice([f"!long {random.randint(5, 60)}", "!think", "!split", "say"])
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


def any_fault() -> Line:
    """A line that ends after 30 to 50,000 bytes, few as likely as many: one in four within the handshake."""
    at = int(10 ** random.uniform(1.5, 4.7))
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
    speakers = [Speaker(f"s{n}", proxy) for n in range(PEOPLE)]
    visitors = [Visitor(f"v{s.name}", lambda: fresh_service.url, lambda s=s: s.conversation) for s in speakers]  # type: ignore[misc]
    began = time.monotonic()
    for device in (*speakers, *visitors):
        device.start()
    for restart in range(1, RESTARTS + 2):
        while proxy.drops < DROPS * restart // (RESTARTS + 1):
            time.sleep(0.05)
            assert time.monotonic() - began < (1_500 if SOAK else 90), f"only {proxy.drops} drops"
            assert not (wrong := [w for d in (*speakers, *visitors) for w in d.wrong]), wrong
        if restart <= RESTARTS:
            fresh_service.kill() if restart % 2 else fresh_service.stop()
            fresh_service.start()
    proxy.plan = Line
    proxy.cut()
    for visitor in visitors:
        visitor.stays = True
    for speaker in speakers:
        speaker.wait_until(lambda session, s=speaker: len(s.log) >= 3, "three things said")
        speaker.falls_silent = True
        speaker.wait_until(
            lambda session, s=speaker: not session.outbox and s.conversation and not s.is_running(session),
            "everything acked and answered",
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
        )
        for device in (speaker, visitor):
            device.wait_until(lambda session, c=conversation: pages_in(session, c), "every page")
            shown[device.name] = device.session.timeline.messages(conversation)
    for device in (*speakers, *visitors):
        device.end()
        assert not device.wrong
    seconds = time.monotonic() - began
    fresh_service.stop()
    proxy.close()
    check(fresh_service, speakers, visitors, shown)
    answers = sum(len(messages) // 2 for messages in shown.values()) // 2
    connections = sum(speaker.connections for speaker in speakers)
    print(
        f"{proxy.drops} drops ({connections} after the handshake), {RESTARTS} restarts,"
        f" {answers} answers on {PEOPLE} x 2 devices: all as stored, in {seconds:.0f} s"
    )


def check(service: RunningService, speakers: list[Speaker], visitors: list[Visitor], shown: dict) -> None:  # type: ignore[type-arg]
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
