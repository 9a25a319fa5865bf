"""The OpenAI door, to the letter of the convention, over the real service."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.service import RunningService, Upstream, free_port, running_service


def call(service: RunningService, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(service.http + path, data, sent), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ask(content: str, **more: Any) -> dict[str, Any]:
    return {"model": "mara", "messages": [{"role": "user", "content": content}], **more}


def events(text: str) -> list[Any]:
    assert text.endswith("data: [DONE]\n\n")
    lines = [line[6:] for line in text.split("\n\n") if line]
    return [json.loads(line) for line in lines[:-1]]


def test_personas_are_models(service: RunningService) -> None:
    status, text = call(service, "/v1/models")
    models = json.loads(text)
    assert (status, models["object"]) == (200, "list")
    mara = next(model for model in models["data"] if model["id"] == "mara")
    assert (mara["object"], mara["owned_by"], mara["created"]) == ("model", "aichat", 1795478400)
    assert json.loads(call(service, "/v1/models/mara")[1]) == mara


def test_a_whole_completion(service: RunningService, upstream: Upstream) -> None:
    status, text = call(service, "/v1/chat/completions", ask("你好", temperature=0.5, unknown_field=1))
    whole = json.loads(text)
    assert (status, whole["object"], whole["model"]) == (200, "chat.completion", "mara")
    message = {"role": "assistant", "content": "你说：你好"}
    assert whole["choices"] == [{"index": 0, "message": message, "finish_reason": "stop"}]
    assert whole["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert "Mara" in upstream.requests()[-1]["body"]["messages"][0]["content"]


def test_a_streamed_completion(service: RunningService) -> None:
    body = ask("!think", stream=True, stream_options={"include_usage": True})
    chunks = events(call(service, "/v1/chat/completions", body)[1])
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert "".join(delta.get("content", "") for delta in deltas) == "42"
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "let me think"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 8
    assert "usage" not in events(call(service, "/v1/chat/completions", ask("x", stream=True))[1])[-1]


def test_by_name_with_parts_and_system_messages(service: RunningService, upstream: Upstream) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "c"},
    ]
    status, _ = call(service, "/v1/chat/completions", {"model": "Captain Mara", "messages": messages})
    assert status == 200
    sent = upstream.requests()[-1]["body"]["messages"]
    assert [m["role"] for m in sent] == ["system", "system", "user", "assistant", "user"]
    assert [m["content"] for m in sent[1:]] == ["Be brief.", "ab", "", "c"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_frame"),
        ([], 400, "bad_frame"),
        ({"model": "mara", "messages": []}, 400, "bad_frame"),
        ({"model": "nobody", "messages": [{"role": "user", "content": "x"}]}, 404, "not_found"),
        ({"model": "mara", "messages": [{"role": "tool", "content": "x"}]}, 400, "bad_frame"),
        ({"model": "mara", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "bad_frame"),
        (ask("!status 402"), 502, "upstream_no_balance"),
        (ask("!status 402", stream=True), 502, "upstream_no_balance"),
        (ask("!cut"), 502, "upstream_interrupted"),
    ],
)
def test_errors_have_openais_form(service: RunningService, body: Any, status: int, code: str) -> None:
    got, text = call(service, "/v1/chat/completions", body)
    error = json.loads(text)["error"]
    assert (got, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}


def test_a_stream_that_breaks_off_says_so_and_is_not_done(service: RunningService) -> None:
    _, text = call(service, "/v1/chat/completions", ask("!cut", stream=True))
    assert "[DONE]" not in text
    assert json.loads(text.strip().split("\n\n")[-1][6:])["error"]["code"] == "upstream_interrupted"


def test_addresses_methods_and_who_may_come(service: RunningService, upstream: Upstream) -> None:
    for path, status in (("/v1/nowhere", 404), ("/v1/chat/completions", 405), ("/v1/models/nobody", 404)):
        got, text = call(service, path)
        assert (got, set(json.loads(text))) == (status, {"error"})
    assert call(service, "/v1/models", origin="https://evil.example")[0] == 403
    assert call(service, "/v1/models", host="evil.example")[0] == 403
    assert call(service, "/v1/models", authorization="Bearer guess")[0] == 401
    assert call(service, "/v1/models", authorization=f"Bearer {service.token}")[0] == 200
    with running_service(f"--listen=tcp:{free_port()}:interface=127.0.0.2", upstream=upstream) as other:
        assert call(other, "/v1/models")[0] == 401
        assert call(other, "/v1/models", authorization=f"Bearer {other.token}")[0] == 200
