"""The colours: light and dark with the tokens of the desktop app and the web page, the terminal's own, and Textual's.

What draws by itself asks `palette_of(app)`; `app.tcss` has the same tokens as variables ($muted, $line, ...).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aichat_tui.i18n import N_

if TYPE_CHECKING:
    from textual.app import App
    from textual.color import Color
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
TERMINAL_DARK = Palette(
    dark=True, window="default", surface="default", sunken="default", text="default", muted="bright_black",
    line="bright_black", accent="bright_blue", on_accent="black", own="bright_black", code="default", danger="red",
    ok="green", warn="yellow",
)  # fmt: skip
TERMINAL_LIGHT = TERMINAL_DARK._replace(dark=False, accent="blue", on_accent="bright_white", own="white")
"""The sixteen colours by name: what they are is the terminal's business."""

PALETTES = {
    "aichat-dark": DARK,
    "aichat-light": LIGHT,
    "terminal-dark": TERMINAL_DARK,
    "terminal-light": TERMINAL_LIGHT,
}
TITLES = {
    "aichat-dark": N_("Dark"),
    "aichat-light": N_("Light"),
    "terminal-dark": N_("The terminal's own colours"),
    "terminal-light": N_("The terminal's own colours, on light"),
}
CONTRAST = 4.5
"""Between a text and its ground, at least."""


def palette_of(app: App[Any]) -> Palette:
    """The colours in use."""
    return PALETTES.get(app.theme) or _derived(app.current_theme)


def titles(app: App[Any]) -> dict[str, str]:
    """Name -> title of every theme there is, ours first; those of Textual have names only."""
    others = [name for name, theme in app.available_themes.items() if name not in PALETTES and not theme.ansi]
    return TITLES | {name: name.replace("-", " ").title() for name in others}


def variables(palette: Palette) -> dict[str, str]:
    """Our own tokens, for `app.tcss`."""
    names = ("sunken", "muted", "line", "own", "code", "on_accent")
    return {name.replace("_", "-"): css(getattr(palette, name)) for name in names}


def css(colour: str) -> str:
    """A colour as Textual's style sheets call it; rich has other names for those of the terminal."""
    return colour if colour.startswith("#") else f"ansi_{colour}"


_kept: dict[str, Palette] = {}


def _derived(theme: Theme) -> Palette:
    """The tokens that one of Textual's themes does not have, mixed from those it has, so that all can be read."""
    if theme.name not in _kept:
        from textual.color import Color  # noqa: PLC0415 - the palette is used without Textual too

        named = theme.to_color_system().generate()
        window, surface, text = (Color.parse(named[name]) for name in ("background", "surface", "foreground"))

        def ink(name: str, ground: Color = window) -> str:
            return _readable(Color.parse(named[name]), ground, text)

        accent = ink("primary")
        sunken = window.blend(text, 0.05)
        on_accent = max((window, text, Color.parse("#000000"), Color.parse("#FFFFFF")),
                        key=lambda c: _contrast(c, Color.parse(accent)))  # fmt: skip
        _kept[theme.name] = Palette(
            dark=theme.dark, window=window.hex, surface=surface.hex, sunken=sunken.hex, text=text.hex,
            muted=_readable(text.blend(window, 0.35), sunken, text), line=window.blend(text, 0.2).hex, accent=accent,
            on_accent=on_accent.hex, own=window.blend(Color.parse(accent), 0.22).hex, code=sunken.hex,
            danger=ink("error"), ok=ink("success"), warn=ink("warning"),
        )  # fmt: skip
    return _kept[theme.name]


def _readable(colour: Color, ground: Color, text: Color) -> str:
    """The colour, nearer to the text's as far as it must be."""
    share = 0.0
    while share < 1 and _contrast(colour.blend(text, share), ground) < CONTRAST:
        share += 0.1
    return colour.blend(text, min(1.0, share)).hex


def _contrast(one: Color, other: Color) -> float:
    """As WCAG counts it, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


_ANSI = {
    "ansi-background": "ansi_default", "ansi-foreground": "ansi_default",
    "surface": "ansi_default", "panel": "ansi_default", "boost": "ansi_default",
}  # fmt: skip
"""With these named, dialogs have a ground; Textual's own would let the screen below shine through."""


def textual_theme(name: str, palette: Palette) -> Theme:
    """The palette as a Textual theme; its own tokens are variables ($muted, $line, ...)."""
    from textual.theme import Theme  # noqa: PLC0415 - the palette is used without Textual too

    return Theme(
        name=name,
        primary=css(palette.accent),
        secondary=css(palette.muted),
        accent=css(palette.accent),
        foreground=css(palette.text),
        background=css(palette.window),
        surface=css(palette.surface),
        panel=css(palette.sunken),
        success=css(palette.ok),
        warning=css(palette.warn),
        error=css(palette.danger),
        dark=palette.dark,
        ansi=palette.window == "default",
        text_alpha=1.0,
        variables={
            **(_ANSI if palette.window == "default" else {}),
            **variables(palette),
            "block-cursor-background": css(palette.own),
            "block-cursor-foreground": css(palette.text),
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": css(palette.surface),
            "block-cursor-blurred-foreground": css(palette.text),
            "block-cursor-blurred-text-style": "none",
            "input-cursor-background": css(palette.accent),
            "input-cursor-foreground": css(palette.on_accent),
            "input-selection-background": css(palette.own),
            "input-selection-foreground": css(palette.text),
            "screen-selection-background": css(palette.own),
            "screen-selection-foreground": css(palette.text),
            "scrollbar": css(palette.line),
            "scrollbar-hover": css(palette.muted),
            "scrollbar-active": css(palette.accent),
            "scrollbar-background": css(palette.window),
            "scrollbar-background-hover": css(palette.window),
            "scrollbar-background-active": css(palette.window),
            "scrollbar-corner-color": css(palette.window),
        },
    )
