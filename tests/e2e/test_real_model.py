"""Does it really answer? The embedded model, and a real llama.cpp server as an OpenAI-compatible upstream.

SmolLM2 serves these tests: small, English only. What it says is its own; that it is said, streamed, stored,
stopped and continued is ours. As a server it takes the likeliest word each time: else it rambles to the end of its
context now and then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from aichat.bridge.llama_child import OPENMP_ENVIRONMENT
from aichat.bridge.models import FALLBACK_MODEL, fetch
from tests.e2e.client import full_client
from tests.service import Process, RunningService, clean_environment, free_port

LLAMA_SERVER = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.ui, params.api_keys = 2048, False, ["sk-llama"]
params.sampling.temp = 0.0
server = xllamacpp.Server(params)
print("listening", flush=True)
sys.stdin.read()
"""

QUESTION = "Say hello and tell me your name in one short sentence."


@pytest.fixture(scope="module", params=["embedded", "llama.cpp server"])
def answering(request: pytest.FixtureRequest) -> Iterator[RunningService]:
    weights = str(fetch(FALLBACK_MODEL, progress=False))
    server = None
    with tempfile.TemporaryDirectory(prefix="aichat-test-") as folder:
        if request.param == "embedded":
            args, env = ["--provider=embedded", f"--embedded-model={FALLBACK_MODEL}", "--context=2048"], {}
            url = ""
        else:
            port = free_port()
            server = subprocess.Popen(
                [sys.executable, "-c", LLAMA_SERVER, weights, str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**clean_environment(), **OPENMP_ENVIRONMENT},
            )
            assert server.stdout is not None
            while server.stdout.readline().strip() != "listening":
                assert server.poll() is None
            args, env = ["--provider=llamacpp"], {"AICHAT_UPSTREAM_KEY": "sk-llama"}
            url = f"http://127.0.0.1:{port}/v1"
        service = RunningService(Path(folder), url, *args, env=env)
        yield service
        service.stop()
        service.check_log()
        if server is not None:
            server.kill()
            server.wait()


def test_a_plain_client_of_the_seed(answering: RunningService) -> None:
    with connect(answering.url) as socket:
        socket.send(json.dumps({"type": "chat", "persona_id": "mara", "content": QUESTION}))
        answer = json.loads(socket.recv(timeout=120))
    assert answer["type"] == "chat_response", answer
    assert len(answer["content"].split()) > 2
    with connect(answering.url) as socket:
        socket.send(json.dumps({"type": "history_request", "persona_id": "mara"}))
        stored = json.loads(socket.recv(timeout=10))["messages"]
    assert [m["content"] for m in stored] == [QUESTION, answer["content"]]


def test_it_streams_and_stops(answering: RunningService) -> None:
    with full_client(answering.url) as client:
        ask = {"type": "chat", "persona_id": "reviewer", "request_id": "q"}
        ack = client.ask("ack", **ask, content="Count from one to one thousand in words, with no pause.")
        client.get("message_delta")
        client.get("message_delta")
        stopped_at = time.monotonic()
        client.send(type="chat_stop", conversation_id=ack["conversation_id"])
        done = client.get("message_done")["message"]
        assert time.monotonic() - stopped_at < 5
        assert (done["status"], bool(done["content"])) == ("stopped", True)
        again = client.ask("ack", type="chat", persona_id="reviewer", content="Say hi.", request_id="q2")
        client.get("message_delta")  # the place is free again; how long a small model then goes on is its own affair
        client.send(type="chat_stop", conversation_id=again["conversation_id"])
        assert client.get("message_done")["message"]["content"]


def test_the_bridge_answers_curl(answering: RunningService) -> None:
    body = {"persona_id": "mara", "messages": [{"role": "user", "content": QUESTION}]}
    out = subprocess.run(
        [
            "curl",
            "-s",
            f"{answering.bridge}/api/v1/chat",
            "-H",
            "Content-Type: application/json",
            "-d",
            json.dumps(body),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    ).stdout
    answer = json.loads(out)
    assert answer["success"] is True
    assert answer["response"].strip()


def test_the_terminal_command_answers(answering: RunningService) -> None:
    ask = Process([sys.executable, "-m", "aichat_tui", "ask", "mara", QUESTION], answering.environment())
    status = ask.child.wait(120)
    ask.end()
    assert status == 0 or "limit of length" in ask.lines[-1], ask.lines[-3:]  # so small a model may ramble on
    assert "".join(ask.lines).strip()


def test_a_program_that_speaks_openai(answering: RunningService) -> None:
    body = {"model": "mara", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    request = urllib.request.Request(
        f"{answering.http}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read().decode()
    assert text.endswith("data: [DONE]\n\n")
    chunks = [json.loads(line[6:]) for line in text.split("\n\n")[:-2]]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]).strip()


def test_clean_environment_has_no_keys() -> None:
    assert not [name for name in clean_environment() if name.endswith("_API_KEY")]
