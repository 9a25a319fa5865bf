"""All settings as one typed object: a TOML file < environment (`AICHAT_…`) < command line options."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from aichat.bridge.providers.openai import PRESETS
from aichat.bridge.registry import DEFAULT, NONE
from aichat.protocol.address import DEFAULT_PORT, state_dir

PROVIDERS = ("embedded", *PRESETS)
LOG_LEVELS = ("debug", "info", "warn", "error", "critical")
LOG_FORMATS = ("text", "json")
TITLES = ("auto", "model", "words")
FILE_ONLY = ("providers",)
LISTS = ("listen", "bridge_listen", "ssh_listen", "hosts", "origins")

EMBEDDED_AT_ONCE, REMOTE_AT_ONCE = 4, 64
"""Generations at once, unless `generations_most` says otherwise: as many as the embedded engine has slots."""

EMBEDDED_CONTEXT, REMOTE_CONTEXT = 4_096, 32_768
"""Tokens that a model reads, unless `context` says otherwise."""


Limit = Annotated[int, msgspec.Meta(ge=0)]
"""0: no limit."""


class SettingsError(ValueError):
    """A wrong setting, in one line: which, what is wrong, what would be right."""


class Upstream(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where answers come from: one table `[providers.NAME]`, or the plain settings of the same names."""

    provider: str = ""
    upstream_url: str = ""
    upstream_model: str = ""
    upstream_key: str = ""
    upstream_key_variable: str = ""
    embedded_model: str = ""
    context: Annotated[int, msgspec.Meta(ge=0)] = 0
    generations_most: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def at_once(self) -> int:
        """How many answers it writes at once; more wait."""
        return self.generations_most or (EMBEDDED_AT_ONCE if self.provider == "embedded" else REMOTE_AT_ONCE)

    @property
    def context_tokens(self) -> int:
        """How much its model reads."""
        return self.context or (EMBEDDED_CONTEXT if self.provider == "embedded" else REMOTE_CONTEXT)


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. The TOML file and `AICHAT_<NAME>` use these names; see `docs/settings.md`."""

    listen: list[str] = msgspec.field(default_factory=lambda: [f"tcp:{DEFAULT_PORT}:interface=127.0.0.1"])
    bridge_listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:5000:interface=127.0.0.1"])
    ssh_listen: list[str] = []
    ssh_password: bool = False
    ssh_sessions_most: Limit = 100
    ssh_sessions_per_user: Limit = 10
    bridge: str = ""
    bridge_only: bool = False
    bridge_secret: str = ""
    database: str = ""
    state_dir: str = ""
    provider: str = ""
    upstream_url: str = ""
    upstream_model: str = ""
    upstream_key: str = ""
    embedded_model: str = ""
    context: Limit = 0
    generations_most: Annotated[int, msgspec.Meta(ge=0)] = 0
    generations_per_user: Annotated[int, msgspec.Meta(ge=1)] = 4
    providers: dict[str, Upstream] = {}
    fallback: str = ""
    members_choose_models: bool = False
    titles: str = "auto"
    trust_local: bool = True
    hosts: list[str] = []
    origins: list[str] = []
    backup_dir: str = ""
    backup_hours: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    backup_keep: Annotated[int, msgspec.Meta(ge=1)] = 7
    connections_most: Limit = 10_000
    connections_per_address: Limit = 100
    connections_per_user: Limit = 200
    connects_per_minute: Limit = 600
    frames_per_second: Limit = 200
    messages_per_minute: Limit = 120
    log_level: str = "info"
    log_format: str = "text"

    @property
    def state_path(self) -> Path:
        """The folder of the database, the token and the user's `personas/`."""
        return Path(self.state_dir).expanduser()

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database).expanduser() if self.database else self.state_path / "chat.db"

    @property
    def backup_path(self) -> Path:
        """The folder of scheduled backups."""
        return Path(self.backup_dir).expanduser() if self.backup_dir else self.state_path / "backups"

    @property
    def upstreams(self) -> dict[str, Upstream]:
        """Every provider by name; the plain settings describe the one named "default"."""
        plain = Upstream(
            provider=self.provider,
            upstream_url=self.upstream_url,
            upstream_model=self.upstream_model,
            upstream_key=self.upstream_key,
            embedded_model=self.embedded_model,
            context=self.context,
            generations_most=self.generations_most or (REMOTE_AT_ONCE if self.bridge else 0),
        )
        return {DEFAULT: plain, **self.providers}

    def wants_titles(self, provider: str) -> bool:
        """Whether the model of a provider gives conversations their titles; a small one on a CPU does it badly."""
        if self.titles != "auto":
            return self.titles == "model"
        upstreams = self.upstreams
        return not self.bridge and upstreams.get(provider, upstreams[DEFAULT]).provider != "embedded"

    @property
    def is_local_only(self) -> bool:
        """Whether nobody but this machine can reach the service's ports."""
        return all(is_local_endpoint(endpoint) for endpoint in self.listen)


def is_local_endpoint(endpoint: str) -> bool:
    """Whether an endpoint string listens on loopback or a Unix socket only."""
    if endpoint.startswith("unix:"):
        return True
    interface = next((part[10:] for part in _split(endpoint)[::-1] if part.startswith("interface=")), "")
    return interface.replace("\\:", ":") in ("127.0.0.1", "localhost", "::1")


def _split(endpoint: str) -> list[str]:
    return endpoint.replace("\\:", "\0").replace(":", "\1").replace("\0", "\\:").split("\1")


def load_settings(options: Mapping[str, Any], environ: Mapping[str, str], config: str = "") -> Settings:
    """Put the three sources together and check them. Errors: SettingsError."""
    values: dict[str, Any] = {}
    path = config or environ.get("AICHAT_CONFIG", "")
    if path:
        values |= _from_file(Path(path).expanduser())
    values |= _from_environment(environ)
    values |= {name: value for name, value in options.items() if value not in (None, "", [])}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error).replace("`$.", "`").replace("object contains", "there is an")) from None
    settings.state_dir = settings.state_dir or str(state_dir(environ))
    _choose_upstream(settings, environ)
    _choose_named(settings, environ)
    _check(settings)
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the configuration file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the configuration file {path} is not TOML: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        value = environ.get(f"AICHAT_{name.upper()}")
        if value and name not in FILE_ONLY:
            values[name] = value.split() if name in LISTS else value
    return values


def _choose_upstream(upstream: Settings | Upstream, environ: Mapping[str, str], key_variable: str = "") -> None:
    """Fill in what a preset knows. Without a provider: the one whose key is in the environment, else the embedded."""
    if not upstream.provider:
        keys = [name for name in ("deepseek", "openai") if environ.get(PRESETS[name].key_variable)]
        upstream.provider = "openai" if upstream.upstream_url else (keys or ["embedded"])[0]
    preset = PRESETS.get(upstream.provider)
    if preset is not None:
        key_is_for_here = not upstream.upstream_url or upstream.upstream_url.rstrip("/") == preset.base_url
        variable = key_variable or (preset.key_variable if key_is_for_here else "")
        upstream.upstream_key = upstream.upstream_key or environ.get(variable, "")
        upstream.upstream_url = upstream.upstream_url or preset.base_url
        upstream.upstream_model = upstream.upstream_model or preset.model


def _choose_named(settings: Settings, environ: Mapping[str, str]) -> None:
    """The same for the tables `[providers.NAME]`, which say who they are and may name their key's variable."""
    for name, upstream in settings.providers.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name) or name in (DEFAULT, NONE):
            raise SettingsError(
                f"providers.{name}: a name has a-z, 0-9, _ and -, up to 40, and is not {DEFAULT} or {NONE}"
            )
        if not upstream.provider and not upstream.upstream_url:
            raise SettingsError(f"providers.{name} needs a provider ({', '.join(PROVIDERS)}) or an upstream_url")
        _choose_upstream(upstream, environ, upstream.upstream_key_variable)


def _check_upstreams(settings: Settings) -> None:
    for name, upstream in settings.upstreams.items():
        where = "" if name == DEFAULT else f"providers.{name}."
        if upstream.provider not in PROVIDERS:
            raise SettingsError(f"{where}provider {upstream.provider!r} is not known; choose {', '.join(PROVIDERS)}")
        _check_url(f"{where}upstream_url", upstream.upstream_url)
    if settings.fallback and settings.fallback not in settings.upstreams:
        known = ", ".join(settings.upstreams)
        raise SettingsError(f"fallback {settings.fallback!r} is no provider; choose {known}, or add a table for it")


def _check_url(name: str, value: str) -> None:
    if value and not value.startswith(("http://", "https://")):
        raise SettingsError(f"{name} {value!r} is no URL; it begins with http:// or https://")
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise SettingsError(f"{name} has a password in it: keys belong into upstream_key or the environment")


def _check(settings: Settings) -> None:
    _check_upstreams(settings)
    if settings.log_level not in LOG_LEVELS:
        raise SettingsError(f"log_level {settings.log_level!r} is not known; choose {', '.join(LOG_LEVELS)}")
    if settings.titles not in TITLES:
        raise SettingsError(f"titles {settings.titles!r} is not known; choose {', '.join(TITLES)}")
    if settings.log_format not in LOG_FORMATS:
        raise SettingsError(f"log_format {settings.log_format!r} is not known; choose {', '.join(LOG_FORMATS)}")
    _check_url("bridge", settings.bridge)
    if settings.bridge and settings.bridge_only:
        raise SettingsError("bridge and bridge_only exclude each other: a bridge asks no other bridge")
    if not settings.bridge_only and not settings.listen:
        raise SettingsError("listen is empty: name at least one endpoint, as tcp:8765:interface=127.0.0.1")
    if not settings.bridge and not settings.bridge_secret:
        open_to_others = [e for e in settings.bridge_listen if e != "none" and not is_local_endpoint(e)]
        if open_to_others:
            raise SettingsError(f"bridge_listen {open_to_others[0]!r} is open to others: set bridge_secret too")
