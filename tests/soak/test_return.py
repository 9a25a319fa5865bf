"""kill -9 while thousands are connected: all of them are back, and know what they missed, within a minute."""

from __future__ import annotations

import json
import os
import sys
import time

from tests.e2e.client import full_client
from tests.service import Process, RunningService, Upstream, running_service
from tests.soak.measures import resident_megabytes
from tests.soak.raw import RawSocket

SOAK = bool(os.environ.get("AICHAT_SOAK"))
CLIENTS, SECONDS = (5_000, 60) if SOAK else (100, 30)


def test_a_crowd_comes_back_after_kill_9(fresh_service: RunningService) -> None:
    before = resident_megabytes(fresh_service.process.child.pid)
    crowd = Process([sys.executable, "-m", "tests.soak.crowd", str(fresh_service.port), str(CLIENTS)])
    try:
        began = time.monotonic()
        crowd.wait_for(r'"live"', timeout=120)
        gathered = time.monotonic() - began
        each = 1_000 * (resident_megabytes(fresh_service.process.child.pid) - before) / CLIENTS
        with full_client(fresh_service.url) as client:
            client.ask("ack", type="chat", persona_id="mara", content="!long 5000", request_id="q")
            client.get("message_delta")
        fresh_service.kill()
        began = time.monotonic()
        fresh_service.start()
        started = time.monotonic() - began
        with full_client(fresh_service.url) as client:
            client.send(type="chat", persona_id="mara", content="is everybody here?", request_id="r")
            assert client.get("message_done")["message"]["status"] == "done"
        crowd.wait_for(r'"back"', timeout=SECONDS + 60)
        seconds = time.monotonic() - began
        back = json.loads(crowd.lines[-1])
    finally:
        crowd.end()
    print(
        f"{CLIENTS} clients, there in {gathered:.0f} s, {each:.1f} KB of the service each; after kill -9 it was up"
        f" in {started:.1f} s, and all were back and had caught up in {seconds:.1f} s"
    )
    assert back["recovered"] == CLIENTS
    assert seconds <= SECONDS


def test_it_takes_all_the_files_it_may_open(upstream: Upstream) -> None:
    with running_service(upstream=upstream, under=["prlimit", "--nofile=64:512"]) as service:
        crowd = [RawSocket(service.port) for _ in range(200)]
        for raw in crowd:
            assert raw.hello()["type"] == "welcome"
            raw.close()
