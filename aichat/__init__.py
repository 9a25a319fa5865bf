"""aichat: a self-hosted AI persona chat service. `docs/architecture.md` is the way in."""

__version__ = "0.1.0"
