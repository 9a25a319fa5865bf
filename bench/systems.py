"""What is compared: each system as a process tree over the same upstream, and how the client speaks to it."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import BENCH, VENVS, Client, Service, Tree, free_port

PEERS = BENCH / "peers"


class System(ABC):
    """One system. `client` opens K conversations to it; `tree` is what its CPU is taken from."""

    name: str
    what: str
    most = 500
    """Conversations at once that are worth the wait; larger loads leave it out."""
    unpaced = True
    """Whether a load without pauses is worth it."""

    def __init__(self, upstream_port: int, most: int, pin: int | None) -> None:
        self.upstream_port, self.pin = upstream_port, pin
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.tree: Tree = self.start(most)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}/v1"

    @abstractmethod
    def start(self, most: int) -> Tree:
        """Start it for up to `most` conversations, and wait until it answers."""

    @abstractmethod
    def client(self, count: int, **options: Any) -> Client:
        """A client with `count` connections that are open, and have said hello where that is needed."""

    def stop(self) -> None:
        """End it."""
        self.tree.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Aichat(System):
    name = "aichat"
    most = 2_000
    what = "`twist aichat`, everything on; each conversation is another user's, with a token"

    def start(self, most: int) -> Tree:
        self.service = Service(self.folder, self.upstream_port, pin=self.pin)
        self.tokens = self.service.invite(most)
        self.persona = self.service.persona
        return self.service.tree

    def client(self, count: int, **options: Any) -> Client:
        return Client("aichat", self.service.port, count, persona=self.persona, tokens=self.tokens, **options)

    def stop(self) -> None:
        self.service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx(System):
    name = "nginx"
    most = 2_000
    what = "nginx `proxy_pass`, one worker, `proxy_buffering off`: it moves the bytes and no more"

    def start(self, most: int) -> Tree:
        config = self.folder / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(
            f"daemon off; worker_processes 1; pid {self.folder}/pid; error_log stderr error;\n"
            "events { worker_connections 8192; }\n"
            f"http {{ access_log off; {temporary} server {{\n"
            f"listen 127.0.0.1:{self.port} backlog=4096; location / {{\n"
            f"proxy_pass http://127.0.0.1:{self.upstream_port}; proxy_http_version 1.1; proxy_buffering off;\n"
            'proxy_set_header Connection ""; proxy_read_timeout 300s; } } }\n'
        )
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "nginx"
        tree = Tree([nginx, "-c", config, "-p", self.folder, "-e", "stderr"], pin=self.pin)
        tree.wait_for_port(self.port)
        return tree

    def client(self, count: int, **options: Any) -> Client:
        return Client("sse", self.port, count, path="/v1/chat/completions", **options)


class Relay(System):
    """A program of bench/peers that relays to WebSockets."""

    def args(self) -> list[str | Path]:
        raise NotImplementedError

    def start(self, most: int) -> Tree:
        tree = Tree(self.args(), {"UPSTREAM_URL": self.url, "PYTHONPATH": str(PEERS)}, self.pin)
        tree.wait_for_port(self.port)
        return tree

    def client(self, count: int, **options: Any) -> Client:
        return Client("relay", self.port, count, **options)


class TwistedRelay(Relay):
    name = "twisted"
    what = "a bare relay on the service's own libraries: Agent, msgspec, Autobahn, one frame a delta"

    def args(self) -> list[str | Path]:
        return [VENVS / "aichat/bin/python", PEERS / "twisted_relay.py", str(self.port)]


class Aiohttp(Relay):
    name = "aiohttp"
    what = "a relay written by hand with aiohttp, on uvloop"

    def args(self) -> list[str | Path]:
        return [VENVS / "peers/bin/python", PEERS / "aiohttp_relay.py", str(self.port)]


class FastApi(Relay):
    name = "fastapi"
    what = "a relay written by hand with FastAPI and httpx, on uvicorn with uvloop and httptools"

    def args(self) -> list[str | Path]:
        options = ["--log-level", "error", "--host", "127.0.0.1", "--port", str(self.port)]
        return [VENVS / "peers/bin/uvicorn", "fastapi_relay:app", *options]


class LiteLlm(System):
    name = "litellm"
    what = "LiteLLM's proxy, one worker"
    most = 200
    unpaced = False

    def start(self, most: int) -> Tree:
        config = self.folder / "config.yaml"
        config.write_text(
            "model_list:\n  - model_name: fake-1\n    litellm_params:\n      model: openai/fake-1\n"
            f"      api_base: {self.url}\n      api_key: sk-none\n"
            "litellm_settings:\n  telemetry: false\n  num_retries: 0\n"
        )
        tree = Tree(
            [VENVS / "litellm/bin/litellm", "--config", config, "--host", "127.0.0.1", "--port", str(self.port)],
            {
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_LOG": "ERROR",
                "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            },
            self.pin,
        )
        tree.wait_for_port(self.port, "/health/liveliness")
        return tree

    def client(self, count: int, **options: Any) -> Client:
        return Client("sse", self.port, count, path="/v1/chat/completions", **options)


SYSTEMS: list[Callable[[int, int, int | None], System]] = [Aichat, Nginx, TwistedRelay, Aiohttp, FastApi, LiteLlm]
