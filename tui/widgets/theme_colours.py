"""Resolves a theme's colour names, for one theme and background, and measures contrast.

Used by the palettes of the table and of the panes, and by the filter for terminals with few colours. Nothing is painted
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from textual.color import Color, ColorParseError

Triplet = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

READABLE: Final = 4.5
"""WCAG 2.2, 1.4.3: minimum contrast of text."""
DISTINCT: Final = 3.0
"""WCAG 2.2, 1.4.11: minimum contrast of things that must be told apart."""

FALLBACKS: Final[dict[str, str]] = {
    "text": "foreground",
    "strong": "foreground",
    "up": "success",
    "down": "error",
    "long": "up",
    "short": "down",
    "bid": "up",
    "ask": "down",
    "liq-long": "down",
    "liq-short": "up",
    "score-0": "down",
    "score-1": "down",
    "score-2": "foreground",
    "score-3": "up",
    "score-4": "up",
    "stale": "muted",
    "accent": "accent",
    "brand": "primary",
    "warning": "warning",
    "heading": "table-header",
    "mode-live": "success",
    "mode-demo": "warning",
    "mode-replay": "accent",
    "flash-up": "success-muted",
    "flash-down": "error-muted",
    "row-zebra": "background",
    "row-hover": "surface",
    "row-cursor": "panel",
    "row-cursor-blurred": "surface",
    "table-header": "foreground",
    "table-header-background": "panel",
}
"""The name whose colour is shown if a theme does not define this one."""
SHADES: Final[dict[str, float]] = {"muted": 0.6, "heading": 0.7, "track": 0.22}
"""Mix from background (0) to foreground (1), for names that neither the theme nor its fallback defines."""
FAINTEST: Final = 0.7
"""The least share of the text colour in words, which the style sheets use for titles on lower edges."""
_SIGNALS: Final = ("primary", "accent", "success", "warning", "error")
_GROUNDS: Final = ("background", "surface", "panel")
_STEPS: Final = 4
"""The longest chain through `FALLBACKS`."""


class ThemeColours:
    """The colours of one theme on one background."""

    def __init__(self, variables: Mapping[str, str], background: Color) -> None:
        """`variables`: colours by name, as in Textual's themes."""
        self._variables = dict(variables)
        self.background = background
        self.foreground = self._parse("foreground") or background.get_contrast_text(1.0)

    def color(self, name: str) -> Color:
        """The opaque colour of a name; the foreground if it is unknown."""
        for _ in range(_STEPS):
            if found := self._parse(name):
                return found
            if name in SHADES and not self.defines(name):
                return self.shade(name)
            name = FALLBACKS.get(name, "foreground")
        return self.foreground

    def defines(self, name: str) -> bool:
        """Whether the theme defines a name or its fallback."""
        return self._parse(name) is not None or self._parse(FALLBACKS.get(name, name)) is not None

    def shade(self, name: str) -> Color:
        """The colour of one of `SHADES`. The terminal's own colours cannot be mixed: with those, the foreground."""
        if self.foreground.ansi is not None or self.background.ansi is not None:
            return self.foreground
        return self.background.blend(self.foreground, SHADES[name])

    def _parse(self, name: str) -> Color | None:
        value = self._variables.get(name, "")
        if not value or value.startswith("auto"):
            return None
        try:
            color = Color.parse(value)
        except ColorParseError:
            return None
        return color if color.ansi is not None or color.a == 1 else self.background + color


def legible(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` with the text colour and the signal colours changed until they are distinct from every ground they
    are written on. Of Textual's themes, light ones have yellow warnings, and Solarized has faint text."""
    colours = ThemeColours(variables, Color.parse(variables["background"]))
    grounds = [colours.color(name) for name in _GROUNDS]
    if any(one.ansi is not None for one in (colours.foreground, *grounds)):
        return dict(variables)  # the terminal's own colours cannot be mixed
    strongest = colours.background.get_contrast_text(1.0)
    text = _distinct(colours.foreground, strongest, grounds[:1], FAINTEST)
    changed = {name: _distinct(colours.color(name), text, grounds) for name in _SIGNALS} | {"foreground": text}
    return {**variables, **{name: color.hex for name, color in changed.items() if color != colours.color(name)}}


def _distinct(color: Color, toward: Color, grounds: list[Color], share: float = 1.0) -> Color:
    """`color`, blended with `toward` as far as needed for `share` of it to be distinct from each of `grounds`."""
    if color.ansi is not None:
        return color
    mixes = [color.blend(toward, step / 10) for step in range(11)]
    return next(
        (one for one in mixes if all(contrast(g.blend(one, share).rgb, g.rgb) >= DISTINCT for g in grounds)), color
    )


def contrast(one: Triplet, other: Triplet) -> float:
    """Contrast ratio of two opaque colours, 1 to 21, by WCAG 2.2."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@lru_cache(4096)
def _luminance(color: Triplet) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
