"""`twistd aichat`: the options, and the only place where the rooms are wired together."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.internet import reactor as default_reactor
from twisted.python import usage

import aichat
from aichat.config import PROVIDERS, Settings, SettingsError, load_settings
from aichat.log import take_over
from aichat.redact import keep_secret
from aichat.service import AichatService


class Options(usage.Options):
    """The command line; what is not given comes from the environment, then the TOML file, then the defaults."""

    synopsis = "[options]"
    longdesc = """A self-hosted AI persona chat: WebSocket and web page, SQLite, and an AI bridge.
Every option can be given in the environment too, as AICHAT_<NAME> (AICHAT_UPSTREAM_URL=...), or in the
TOML file named by --config. Secrets (bridge_secret, upstream_key) are read from there only."""

    optParameters = [  # noqa: RUF012 - Twisted's way
        ["bridge", None, None, "URL of a bridge elsewhere; else it runs in this process"],
        ["database", "d", None, "SQLite file [chat.db in the state folder]"],
        ["state-dir", "s", None, "Folder of database, token and personas/ [the user's data folder]"],
        ["config", "c", "", "TOML file of settings"],
        ["provider", "p", None, f"Who answers: {', '.join(PROVIDERS)} [by API key, else embedded]"],
        ["upstream-url", "u", None, "Base URL of an OpenAI-compatible API, as https://api.deepseek.com/v1"],
        ["upstream-model", "m", None, "Model name to ask the upstream for"],
        ["embedded-model", None, None, "Embedded model: a name of the catalogue, or a GGUF file"],
        ["context", None, None, "Tokens the model reads [4096 embedded, else 32768]"],
        ["log-level", "l", None, "debug, info, warn, error or critical [info]"],
        ["log-format", None, None, "text or json: one object a line [text]"],
    ]
    optFlags = [  # noqa: RUF012
        ["bridge-only", None, "Run the AI bridge alone, for a service elsewhere"],
    ]
    compData = usage.Completions(
        optActions={
            "database": usage.CompleteFiles(),
            "state-dir": usage.CompleteDirs(),
            "config": usage.CompleteFiles("*.toml"),
            "provider": usage.CompleteList(list(PROVIDERS)),
        }
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []
        self["bridge-listen"] = []
        self["ssh-listen"] = []
        self["host"] = []
        self["origin"] = []
        self.settings: Settings

    def opt_listen(self, endpoint: str) -> None:
        """Endpoint of WebSocket and page, repeatable; default tcp:8765:interface=127.0.0.1; also ssl:, unix:"""
        self["listen"].append(endpoint)

    def opt_bridge_listen(self, endpoint: str) -> None:
        """Endpoint of the AI bridge, repeatable: tcp:5000:interface=127.0.0.1 (the default); 'none' for no port"""
        self["bridge-listen"].append(endpoint)

    def opt_ssh_listen(self, endpoint: str) -> None:
        """Endpoint of the SSH door, repeatable: tcp:8022; without one there is none"""
        self["ssh-listen"].append(endpoint)

    def opt_host(self, name: str) -> None:
        """Host name under which the service may be reached, repeatable; localhost and addresses always may"""
        self["host"].append(name)

    def opt_origin(self, origin: str) -> None:
        """Origin of another web page that may use the service, repeatable: https://chat.example.org"""
        self["origin"].append(origin)

    def opt_version(self) -> None:
        """Print the version and exit"""
        print(f"aichat {aichat.__version__}")  # noqa: T201 - a command's answer
        raise SystemExit(0)

    def parseOptions(self, options: list[str] | None = None) -> None:
        """Twisted would print its whole help, and twist exit with 64; one line says more."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            refuse(f"{error}; see --help")

    def postOptions(self) -> None:
        """Check everything."""
        given = {
            "listen": self["listen"],
            "bridge_listen": self["bridge-listen"],
            "ssh_listen": self["ssh-listen"],
            "hosts": self["host"],
            "origins": self["origin"],
            "bridge_only": bool(self["bridge-only"]) or None,
        }
        for name in (
            "bridge", "database", "state-dir", "provider", "upstream-url", "upstream-model", "embedded-model",
            "context", "log-level", "log-format",
        ):  # fmt: skip
            given[name.replace("-", "_")] = self[name]
        try:
            self.settings = load_settings(given, os.environ, self["config"])
        except SettingsError as error:
            refuse(str(error))


def refuse(why: str) -> NoReturn:
    """A wrong setting: one line, exit code 1."""
    sys.stderr.write(f"aichat: {why}\n")
    raise SystemExit(1)


def makeService(options: Options, reactor: Any = default_reactor) -> Service:
    """Called by the plugin, before the program that calls it begins to log."""
    settings = options.settings
    keys = [upstream.upstream_key for upstream in settings.upstreams.values()]
    for secret in (*keys, settings.bridge_secret):
        keep_secret(secret)
    take_over(settings.log_format)
    return AichatService(reactor, settings)
