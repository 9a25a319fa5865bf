"""What a whole answer was made of is gone when it is over, without the garbage collector: what waits for a full round
of it makes that one long, and everybody else waits for it. (An error refers to the frames it came through.)"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest_twisted
from twisted.internet.defer import gatherResults

from aichat.bridge.app import _Stream
from aichat.bridge.body import _Body
from aichat.bridge.client import _Reading
from aichat.bridge.exchange import Exchange
from aichat.bridge.providers.openai import Patience
from aichat.bridge.providers.openai_answer import Answer
from aichat.chat.generation import Generation
from tests.ends import End
from tests.soak.test_upstream_faults import Stage, build, soon_closed  # noqa: F401 - a fixture

PARTS = (Generation, _Stream, _Body, _Reading, Exchange, Answer)


def parts() -> list[object]:
    """Parts of answers that are in memory."""
    return [thing for thing in gc.get_objects() if isinstance(thing, PARTS)]


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_over_does_not_wait_for_the_collector(tmp_path: Path) -> None:
    server, fake, canary = await build(tmp_path, Patience())
    end = End(server)
    await end.hello()
    ack = await end.ask(
        "ack", type="persona_create", persona_config={"name": "P", "prompt": "You are P."}, request_id="p"
    )
    stage = Stage(server, fake, canary, end, str(ack["persona_id"]))
    gc.collect()
    before = parts()  # of other tests, whose failures and fixtures are kept
    gc.disable()

    def left() -> list[str]:
        return [type(part).__name__ for part in parts() if not any(part is known for known in before)]

    try:
        for word in ("one", "two"):
            await stage.talk(word)
        await stage.until(lambda: not fake.open_connections, "a connection stays open")
        await stage.until(lambda: not left(), f"left: {left()}")
    finally:
        gc.enable()
    await server.close()
    await gatherResults([fake.close(), canary.close()])
