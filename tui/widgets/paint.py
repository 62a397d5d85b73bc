"""From a presenter's styled lines to strips: style names resolved against the theme, once per theme.

Used by every pane but the candidates table. Names are words separated by blanks: at most one colour (`up`,
`muted`, `score-3`, ...) and any of `strong`, `dim`, `reverse`; a colour followed by `-bar` or `-soft` is the same
colour faded toward the background. Text goes into segments as it is: nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from tui.presenters.lines import Line, padded

FALLBACKS: Final[dict[str, str]] = {
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
    "stale": "warning",
    "accent": "accent",
    "brand": "primary",
    "warning": "warning",
    "heading": "table-header",
    "mode-live": "success",
    "mode-demo": "warning",
    "mode-replay": "accent",
}
"""Where a theme does not say, the colour it says for something like it."""

_BLENDS: Final[dict[str, float]] = {"muted": 0.6, "heading": 0.7, "track": 0.22}
"""Shades between background and foreground, for what the theme itself does not name."""


class Palette:
    """The styles of one theme on one background. Made anew when the theme changes."""

    def __init__(self, variables: Mapping[str, str], background: Color) -> None:
        self._variables = variables
        self._background = background
        self._foreground = self._parse("foreground") or background.get_contrast_text()
        self._styles: dict[str, Style] = {}

    def style(self, name: str) -> Style:
        """The style of a name; an unknown colour word shows as plain text."""
        found = self._styles.get(name)
        if found is None:
            found = self._styles[name] = self._make(name)
        return found

    def _make(self, name: str) -> Style:
        color, words = self._foreground, name.split()
        faded = dim = False
        for word in words:
            base = word.removesuffix("-bar").removesuffix("-soft")
            faded = faded or base != word
            if base in _BLENDS and not self._parse(FALLBACKS.get(base, base)):
                dim = self._foreground.ansi is not None
                color = self._foreground if dim else self._background.blend(self._foreground, _BLENDS[base])
            elif base == "strong":
                color = color if len(words) > 1 else self._parse("strong") or color
            elif base not in ("dim", "reverse"):
                color = self._color(base)
        if (faded or "dim" in words) and color.ansi is None:
            color = self._background.blend(color, 0.55)
        ink, paper = color.rich_color, self._background.rich_color
        if "reverse" in words and color.ansi is None:
            ink, paper = self._background.rich_color, color.rich_color
        return Style(
            color=ink,
            bgcolor=paper,
            bold=("strong" in words or "heading" in words) or None,
            dim=(dim or (faded and color.ansi is not None)) or None,
            reverse=("reverse" in words and color.ansi is not None) or None,
        )

    def _color(self, name: str) -> Color:
        seen = 0
        while seen < 4:
            if color := self._parse(name):
                return color
            name, seen = FALLBACKS.get(name, "foreground"), seen + 1
        return self._foreground

    def _parse(self, name: str) -> Color | None:
        value = self._variables.get(name, "")
        if not value or value.startswith("auto"):
            return None
        try:
            return Color.parse(value)
        except ColorParseError:
            return None

    def strip(self, line: Line, width: int) -> Strip:
        """One line painted in exactly `width` cells."""
        segments = [Segment(text, self.style(name)) for text, name in padded(line, width) if text]
        return Strip(segments, width)
