"""Frames that nobody would send: each is answered or ends its connection; the service logs no fault, nor grows.

AICHAT_FUZZ_SEED plays the same frames again, but for what they meet and when: that is left to chance.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

from aichat.protocol import frames
from tests.e2e.client import full_client
from tests.protocol.test_frames import example
from tests.service import RunningService
from tests.soak.measures import resident_megabytes
from tests.soak.raw import CLOSE, CONTINUATION, TEXT, RawSocket, frame

SOAK = bool(os.environ.get("AICHAT_SOAK"))
FRAMES, SENDERS = (1_000_000, 4) if SOAK else (5_000, 4)
BATCH = 40
"""Frames between two questions that must be answered; fewer bad ones in a row than end a connection."""

GROWTH_MOST = 15.0
"""MB of the service's memory from a fifth of the frames to the end."""

CONVERSATIONS = 20
"""There are always about so many, for frames to meet something."""

EXAMPLES = [example(command) for command in frames.COMMANDS]
FIELDS = sorted({field for command in frames.COMMANDS for field in command.__struct_fields__})
TYPES = [str(command.__struct_config__.tag) for command in frames.COMMANDS]
WORDS = [
    "",
    "mara",
    "p1",
    "0",
    "null",
    "\0",
    "\u202e",
    "😀",
    "' OR 1=1 --",
    "../..",
    "x" * 300,
    "\ud800",
    "1e999",
    "hello",
]
NUMBERS = [0, 1, -1, 7, 2**31, 2**53, 2**63, -(2**63) - 1, 1e308, 0.1, -0.0]


class World:
    """What is there to meet: it is cleared and filled again, since some frames delete and make things."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.persona = "mara"
        self.conversations: list[int] = []
        self.tidy()

    def tidy(self) -> None:
        """Delete what frames made, and make anew what they deleted, so that the store neither grows nor empties."""
        with full_client(self.service.url) as client:
            personas = client.ask("persona_list", type="persona_list")["personas"]
            if self.persona not in [persona["id"] for persona in personas]:
                config = {"name": "somebody", "prompt": "p"}
                ack = client.ask("ack", type="persona_create", persona_config=config, request_id=fresh())
                self.persona = ack["persona_id"]
            listed = client.ask("conversation_list", type="conversation_list", persona_id=self.persona)
            here = [conversation["id"] for conversation in listed["conversations"]]
            for _ in range(CONVERSATIONS - len(here)):
                ack = client.ask("ack", type="conversation_create", persona_id=self.persona, request_id=fresh())
                here.append(ack["conversation_id"])
            self.conversations = here[:CONVERSATIONS]
            for surplus in here[CONVERSATIONS:]:
                client.send(type="conversation_delete", conversation_id=surplus, request_id=fresh())
            for persona in personas:
                if persona["id"] != self.persona:
                    client.send(type="persona_delete", persona_id=persona["id"], request_id=fresh())
            last = fresh()
            client.send(type="persona_list", request_id=last)
            while json.loads(client.socket.recv(timeout=60)).get("request_id") != last:
                pass  # what a frame deleted meanwhile is not found


def fresh() -> str:
    """A request id that nobody used."""
    return uuid.uuid4().hex


class Fuzz:
    """Makes frames, the same ones for the same seed."""

    def __init__(self, seed: int, world: World) -> None:
        self.random = random.Random(seed)
        self.world = world

    def value(self, deep: int = 0) -> Any:
        """Any JSON value."""
        pick = self.random.random()
        if pick < 0.35:
            return self.random.choice(WORDS)
        if pick < 0.7:
            return self.random.choice([*NUMBERS, self.random.randint(0, 60)])
        if pick < 0.8 or deep > 3:
            return self.random.choice([None, True, False])
        if pick < 0.9:
            return [self.value(deep + 1) for _ in range(self.random.randint(0, 4))]
        return {self.random.choice(FIELDS): self.value(deep + 1) for _ in range(self.random.randint(0, 4))}

    def fields(self) -> Any:
        """A frame as JSON: an example with something changed, or made up."""
        pick = self.random.random()
        if pick < 0.65:
            fields = dict(self.random.choice(EXAMPLES))
            if "conversation_id" in fields and self.random.random() < 0.7:
                fields["conversation_id"] = self.random.choice(self.world.conversations)
            if "persona_id" in fields and self.random.random() < 0.7 and fields["type"] != "persona_delete":
                fields["persona_id"] = self.world.persona
            if "request_id" in fields and self.random.random() < 0.8:
                fields["request_id"] = f"{self.random.getrandbits(40):x}"
            for _ in range(self.random.choice([0, 1, 1, 2])):
                fields[self.random.choice([*fields, *FIELDS[:3]])] = self.value()
            return fields
        if pick < 0.9:
            made = {self.random.choice(FIELDS): self.value() for _ in range(self.random.randint(0, 5))}
            return {"type": self.random.choice(TYPES)} | made
        return self.value()

    def payload(self) -> bytes:
        """The text of a frame, right or torn."""
        data = json.dumps(self.fields(), ensure_ascii=self.random.random() < 0.9).encode(errors="surrogatepass")
        pick = self.random.random()
        if pick < 0.75:
            return data
        torn = bytearray(data)
        if pick < 0.85:
            del torn[self.random.randrange(len(torn) + 1) :]
        else:
            for _ in range(self.random.randint(1, 4)):
                at = self.random.randrange(len(torn) + 1)
                torn[at : at + self.random.randint(0, 2)] = bytes([self.random.randint(32, 126)])
        return bytes(torn)

    def wire(self) -> bytes:
        """One WebSocket frame; one in 200 is wrong as such, which ends a connection."""
        pick = self.random.random()
        if pick < 0.003:
            return frame(self.random.randbytes(self.random.randint(0, 100)), TEXT)
        if pick < 0.005:
            data = self.payload()[:120]
            return frame(
                data, self.random.randint(0, 15), fin=self.random.random() < 0.5, rsv=self.random.randint(0, 7)
            )
        if pick < 0.02:
            data = self.payload()
            at = self.random.randrange(len(data) + 1)
            return frame(data[:at], TEXT, fin=False) + frame(data[at:], CONTINUATION)
        return frame(self.payload())


class Sender(threading.Thread):
    """Sends its share over one connection after another, half of them with `hello`."""

    def __init__(self, world: World, seed: int, share: int) -> None:
        super().__init__(daemon=True)
        self.port = world.service.port
        self.fuzz = Fuzz(seed, world)
        self.share = share
        self.sent = 0
        self.connections = 0
        self.heard: Counter[str] = Counter()
        """Error codes and frame types that came."""
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            while self.sent < self.share:
                self.connections += 1
                raw = RawSocket(self.port, timeout=60)
                with suppress(ConnectionError):  # the service may hang up on a frame that is none
                    if self.connections % 2:
                        raw.hello()
                    for _ in range(100):
                        self.batch(raw)
                        if self.sent >= self.share:
                            break
                raw.close()
        except Exception as fault:
            self.fault = fault

    def batch(self, raw: RawSocket) -> None:
        """Send some, then ask for something, and read on to its answer."""
        data = b"".join(self.fuzz.wire() for _ in range(BATCH))
        self.sent += BATCH
        raw.socket.sendall(data + frame(b'{"type":"persona_select","persona_id":"mara","request_id":"there?"}'))
        while True:
            got = raw.receive()
            if got.opcode == CLOSE:
                raise ConnectionResetError
            if got.opcode != TEXT:
                continue  # a pong: frames of any kind are sent
            fields = json.loads(got.payload)
            self.heard[fields["code"] if fields["type"] == "error" else fields["type"]] += 1
            if fields.get("request_id") == "there?" or (fields["type"] == "persona_list" and "persona_id" in fields):
                return


def test_frames_that_nobody_would_send(fresh_service: RunningService) -> None:
    seed = int(os.environ.get("AICHAT_FUZZ_SEED", random.getrandbits(32)))
    pid = fresh_service.process.child.pid
    world = World(fresh_service)
    began = time.monotonic()
    senders = [Sender(world, seed + n, FRAMES // SENDERS) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    memory: list[float] = []
    tidied = 0
    while any(sender.is_alive() for sender in senders):
        sent = sum(sender.sent for sender in senders)
        if sent // 5_000 > tidied:
            tidied = sent // 5_000
            world.tidy()
        if sent >= FRAMES // 5 * (len(memory) + 1):
            memory.append(resident_megabytes(pid))
        time.sleep(0.05)
    assert [sender.fault for sender in senders if sender.fault] == [], f"AICHAT_FUZZ_SEED={seed}"
    memory.append(resident_megabytes(pid))
    seconds = time.monotonic() - began
    heard = sum((sender.heard for sender in senders), Counter[str]())
    total, connections = sum(sender.sent for sender in senders), sum(sender.connections for sender in senders)
    print(
        f"{total} frames over {connections} connections in {seconds:.0f} s (AICHAT_FUZZ_SEED={seed});"
        f" memory {' '.join(f'{mb:.0f}' for mb in memory)} MB; heard: {dict(heard)}"
    )
    assert "internal" not in heard, f"AICHAT_FUZZ_SEED={seed}"
    assert {"bad_frame", "not_found", "hello_required", "ack", "message_done"} <= set(heard), "it goes deep"
    if SOAK:
        assert memory[-1] - memory[0] <= GROWTH_MOST
