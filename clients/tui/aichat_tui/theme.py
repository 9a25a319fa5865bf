"""The colours, light and dark: the same tokens as the desktop app and the web page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from textual.theme import Theme


class Palette(NamedTuple):
    """The tokens of one theme."""

    dark: bool
    window: str
    surface: str
    sunken: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    own: str
    code: str
    danger: str
    ok: str
    warn: str


LIGHT = Palette(
    dark=False, window="#F6F7F9", surface="#FFFFFF", sunken="#EDEFF3", text="#1B1F24", muted="#5B6472",
    line="#DDE1E7", accent="#3B5BDB", on_accent="#FFFFFF", own="#E3E9FF", code="#F1F3F6", danger="#C92A2A",
    ok="#257034", warn="#8F5200",
)  # fmt: skip
DARK = Palette(
    dark=True, window="#14161A", surface="#1B1E24", sunken="#101216", text="#E6E8EC", muted="#9AA3B2",
    line="#2B303A", accent="#8DA2FB", on_accent="#10131A", own="#26305A", code="#12151B", danger="#FF8787",
    ok="#69DB7C", warn="#FFC078",
)  # fmt: skip
PALETTES = {"aichat-dark": DARK, "aichat-light": LIGHT}


def textual_theme(name: str, palette: Palette) -> Theme:
    """The palette as a Textual theme; its own tokens are variables ($muted, $line, ...)."""
    from textual.theme import Theme  # noqa: PLC0415 - the palette is used without Textual too

    return Theme(
        name=name,
        primary=palette.accent,
        secondary=palette.muted,
        accent=palette.accent,
        foreground=palette.text,
        background=palette.window,
        surface=palette.surface,
        panel=palette.sunken,
        success=palette.ok,
        warning=palette.warn,
        error=palette.danger,
        dark=palette.dark,
        text_alpha=1.0,
        variables={
            "sunken": palette.sunken,
            "muted": palette.muted,
            "line": palette.line,
            "own": palette.own,
            "code": palette.code,
            "on-accent": palette.on_accent,
            "block-cursor-background": palette.own,
            "block-cursor-foreground": palette.text,
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": palette.surface,
            "block-cursor-blurred-foreground": palette.text,
            "block-cursor-blurred-text-style": "none",
            "input-cursor-background": palette.accent,
            "input-cursor-foreground": palette.on_accent,
            "input-selection-background": palette.own,
            "input-selection-foreground": palette.text,
            "screen-selection-background": palette.own,
            "screen-selection-foreground": palette.text,
            "scrollbar": palette.line,
            "scrollbar-hover": palette.muted,
            "scrollbar-active": palette.accent,
            "scrollbar-background": palette.window,
            "scrollbar-background-hover": palette.window,
            "scrollbar-background-active": palette.window,
            "scrollbar-corner-color": palette.window,
        },
    )
