"""See `i18n`: the old place of its words."""

from aichat_tui.i18n import _, plural

__all__ = ["_", "plural"]
