"""From settings to providers: who answers, by name."""

from __future__ import annotations

from typing import Any

from aichat.bridge.providers.base import Provider
from aichat.bridge.providers.openai import OpenAIProvider, Patience
from aichat.bridge.registry import Providers
from aichat.config import Settings, SettingsError, Upstream


def make_providers(reactor: Any, settings: Settings) -> Providers:
    """All providers that the settings name. Errors: SettingsError where the environment lacks a key."""
    named = settings.upstreams
    for name, upstream in named.items():
        if upstream.upstream_key_variable and not upstream.upstream_key:
            raise SettingsError(
                f"providers.{name} wants its key in the environment as {upstream.upstream_key_variable}: set it there"
            )
    made = {name: make_provider(reactor, upstream) for name, upstream in named.items()}
    return Providers(made, fallback=settings.fallback)


def make_provider(reactor: Any, upstream: Upstream) -> Provider:
    """One provider. Importing the embedded one may raise ImportError where it is not installed."""
    if upstream.provider != "embedded":
        return OpenAIProvider(
            reactor,
            base_url=upstream.upstream_url,
            model=upstream.upstream_model,
            api_key=upstream.upstream_key,
            name=upstream.provider,
        )
    from aichat.bridge.models import DEFAULT_MODEL  # noqa: PLC0415 - only where it is used
    from aichat.bridge.providers.embedded import EmbeddedProvider  # noqa: PLC0415

    return EmbeddedProvider(
        reactor,
        upstream.embedded_model or DEFAULT_MODEL,
        upstream=lambda url, key, model: OpenAIProvider(
            reactor,
            base_url=url,
            api_key=key,
            model=model,
            name="embedded",
            extra={"return_progress": True},
            patience=Patience(first_byte=600.0, between=120.0),  # one waits in line while every slot is taken
        ),
        context=upstream.context_tokens,
    )


def describe(upstream: Upstream) -> str:
    """Who answers, for the log; no secrets."""
    if upstream.provider == "embedded":
        return f"the embedded model {upstream.embedded_model}".rstrip()
    return f"{upstream.upstream_model} at {upstream.upstream_url}"
