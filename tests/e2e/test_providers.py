"""Several providers, a persona's own and its fallback, through the real service and across a restart."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.client import full_client
from tests.service import Upstream, free_port, running_service


def test_a_persona_has_its_provider_and_its_fallback(upstream: Upstream, tmp_path: Path) -> None:
    config = tmp_path / "aichat.toml"
    config.write_text(
        f"""
        fallback = "good"
        [providers.good]
        upstream_url = "{upstream.url}"
        upstream_key_variable = "GOOD_KEY"
        """
    )
    dead = f"--upstream-url=http://127.0.0.1:{free_port()}/v1"
    with running_service(dead, f"--config={config}", upstream=upstream, env={"GOOD_KEY": "sk-good"}) as service:

        def talk(persona_id: str, request_id: str) -> dict[str, Any]:
            with full_client(service.url) as client:
                client.send(type="chat", persona_id=persona_id, content="hi", request_id=request_id)
                message: dict[str, Any] = client.get("message_done")["message"]
                return message

        def make(name: str, **more: str) -> str:
            with full_client(service.url) as client:
                config = {"name": name, "prompt": "", **more}
                made = client.ask("ack", type="persona_create", persona_config=config, request_id=f"make-{name}")
                return str(made["persona_id"])

        plain, own, alone = make("plain"), make("own", provider="good"), make("alone", fallback="none")
        assert talk(plain, "q1")["content"] == "你说：hi"
        assert talk(own, "q2")["content"] == "你说：hi"
        assert upstream.requests()[-1]["authorization"] == "Bearer sk-good"
        assert talk(alone, "q3")["failure"]["code"] == "upstream_unreachable"
        service.stop()
        service.start()
        assert talk(own, "q4")["content"] == "你说：hi"
        failure = talk(alone, "q5")["failure"]
        assert "nothing listens there" in failure["message"]
        with full_client(service.url) as client:
            personas = {p["id"]: p for p in client.ask("persona_list", type="persona_list")["personas"]}
        assert (personas[own]["provider"], personas[alone]["fallback"]) == ("good", "none")
        with urllib.request.urlopen(f"{service.http}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        assert 'aichat_provider_failures{provider="default"} 1.0' in metrics
        assert 'aichat_provider_state{provider="good"} 0.0' in metrics
        assert not any("sk-good" in line for line in service.log)
