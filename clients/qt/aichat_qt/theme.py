"""The look as data: colours of light and dark, spacing, type; and the one object that says which is on.

A test computes the contrast of every pair in `TEXT_PAIRS`. Widgets read `theme().tokens` when they paint and
redraw on `theme().changed`, which comes when the system or the user turns from light to dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle

from aichat_qt.stylesheet import stylesheet

Scheme = Literal["light", "dark"]
Choice = Literal["system", "light", "dark"]

XS, S, M, L, XL, XXL = 4, 8, 12, 16, 24, 32
"""The spacing scale; nothing between."""

RADIUS_CONTROL, RADIUS_CARD = 6, 12
COLUMN = 760
HIT = 32

BODY_PX, META_PX, CODE_PX, TITLE_PX = 14, 12, 13, 18
LINE_PX = 22
CODE_LINE_PX = 20

FAMILIES_BEHIND = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Noto Color Emoji"]
LAST_RESORT_FONTS = {"DejaVu Sans", "Sans Serif", "Sans", ""}
"""What a desktop without a font of its own gives; its wide Latin sits badly beside Chinese."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One scheme's colours."""

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
    keyword: str
    string: str
    number: str
    comment: str
    function: str
    klass: str
    mark: str
    mark_now: str
    on_mark: str


LIGHT = Tokens(
    window="#F6F7F9", surface="#FFFFFF", sunken="#EDEFF3", text="#1B1F24", muted="#5B6472", line="#DDE1E7",
    accent="#3B5BDB", on_accent="#FFFFFF", own="#E3E9FF", code="#F1F3F6",
    danger="#C92A2A", ok="#257034", warn="#8F5200",
    keyword="#8A2DA5", string="#1F6B30", number="#9A4300", comment="#5B6472", function="#2C4CC9", klass="#0B6474",
    mark="#FFEBA3", mark_now="#FFB638", on_mark="#1B1F24",
)  # fmt: skip
DARK = Tokens(
    window="#14161A", surface="#1B1E24", sunken="#101216", text="#E6E8EC", muted="#9AA3B2", line="#2B303A",
    accent="#8DA2FB", on_accent="#10131A", own="#26305A", code="#12151B",
    danger="#FF8787", ok="#69DB7C", warn="#FFC078",
    keyword="#C9A5FF", string="#8FD694", number="#FFB86B", comment="#8B95A5", function="#86B4FF", klass="#6FD3E0",
    mark="#D6B656", mark_now="#FFAD33", on_mark="#10131A",
)  # fmt: skip
SCHEMES: dict[Scheme, Tokens] = {"light": LIGHT, "dark": DARK}

_GROUNDS = ("window", "surface", "sunken")
TEXT_PAIRS: list[tuple[str, str]] = [
    *((text, ground) for text in ("text", "muted") for ground in (*_GROUNDS, "own", "code")),
    *((text, ground) for text in ("accent", "danger", "ok", "warn") for ground in _GROUNDS),
    ("accent", "own"),
    ("accent", "code"),
    ("on_accent", "accent"),
    ("on_mark", "mark"),
    ("on_mark", "mark_now"),
    *((text, "code") for text in ("keyword", "string", "number", "comment", "function", "klass")),
]
"""(text, ground): every pair that a widget draws."""

AVATAR_GROUNDS = ["#3B5BDB", "#0B7285", "#2B7A3D", "#9C36B5", "#B03A10", "#A61E4D", "#5F3DC4", "#7A5200"]
AVATAR_TEXT = "#FFFFFF"


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class Theme(QObject):
    """Which scheme is on: the desktop's, kept in step with it, or a chosen one."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.scheme: Scheme = "light"
        self.choice: Choice = "system"
        self._follows = False

    @property
    def tokens(self) -> Tokens:
        return SCHEMES[self.scheme]

    def colour(self, name: str) -> QColor:
        return QColor(getattr(self.tokens, name))

    def choose(self, choice: str) -> None:
        """Light or dark from now on; "system", or what is not known: as the desktop is, whenever it changes too."""
        hints = QGuiApplication.styleHints()
        if not self._follows:
            self._follows = True
            hints.colorSchemeChanged.connect(self._system_changed)
        if choice in SCHEMES:
            scheme: Scheme = "dark" if choice == "dark" else "light"
            self.choice = scheme
            hints.setColorScheme(Qt.ColorScheme.Dark if choice == "dark" else Qt.ColorScheme.Light)  # title bars
            self.apply(scheme)
        else:
            self.choice = "system"
            hints.unsetColorScheme()
            self.apply(_named(hints.colorScheme()))

    def _system_changed(self, scheme: Qt.ColorScheme) -> None:
        if self.choice == "system":
            self.apply(_named(scheme))

    def apply(self, scheme: Scheme) -> None:
        """Dress the application in a scheme and tell every widget that paints by itself."""
        self.scheme = scheme
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setPalette(palette(self.tokens))
            app.setStyleSheet(stylesheet(self.tokens))
        self.changed.emit()


def _named(scheme: Qt.ColorScheme) -> Scheme:
    return "dark" if scheme == Qt.ColorScheme.Dark else "light"


def palette(t: Tokens) -> QPalette:
    """The tokens in Qt's own roles, for everything the stylesheet does not reach."""
    result = QPalette()
    role = QPalette.ColorRole
    for name, colour in {
        role.Window: t.window, role.WindowText: t.text, role.Base: t.surface, role.AlternateBase: t.sunken,
        role.Text: t.text, role.Button: t.surface, role.ButtonText: t.text, role.BrightText: t.danger,
        role.ToolTipBase: t.text, role.ToolTipText: t.surface, role.PlaceholderText: t.muted,
        role.Highlight: t.accent, role.HighlightedText: t.on_accent, role.Link: t.accent, role.LinkVisited: t.accent,
        role.Light: t.line, role.Midlight: t.line, role.Mid: t.line, role.Dark: t.line, role.Shadow: t.line,
    }.items():  # fmt: skip
        result.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, QColor(t.muted))
    return result


def body_font() -> QFont:
    """The system's font with Chinese and emoji behind it, at body size."""
    own = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    families = [] if own in LAST_RESORT_FONTS else [own]
    result = QFont()
    result.setFamilies([*families, *FAMILIES_BEHIND])
    result.setPixelSize(BODY_PX)
    return result


def sized(font: QFont, px: int, *, bold: bool = False) -> QFont:
    """A copy of a font at another size, or heavier."""
    result = QFont(font)
    result.setPixelSize(px)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return result


def code_font() -> QFont:
    """The system's monospace with Chinese behind it, at code size."""
    own = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
    families = ["Noto Sans Mono", "DejaVu Sans Mono"] if own in {"Monospace", "monospace"} else [own]
    result = QFont()
    result.setFamilies([*families, "Noto Sans Mono CJK SC", *FAMILIES_BEHIND])
    result.setStyleHint(QFont.StyleHint.Monospace)
    result.setPixelSize(CODE_PX)
    return result


def motion_ms() -> int:
    """How long a movement may take; 0 where the system asks for none."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return 0
    return min(160, app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration))


_theme: list[Theme] = []


def theme() -> Theme:
    """The application's theme."""
    if not _theme:
        _theme.append(Theme())
    return _theme[0]
