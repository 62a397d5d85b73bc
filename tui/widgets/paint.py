"""Paints a presenter's styled lines as strips. Style names are resolved against the theme, once per theme.

Used by every pane except the candidates table. A style name is words separated by blanks: at most one colour (`up`,
`muted`, `score-3`, ...) and any of `strong`, `dim`, `reverse`. A colour followed by `-bar` or `-soft` is the same
colour faded towards the background. `heat-0` to `heat-20` are backgrounds, from bearish through nearly no colour to
bullish. Text goes into segments unchanged: nothing may be parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from tui.presenters.lines import Line, padded
from tui.widgets.theme_colours import READABLE, SHADES, ThemeColours, contrast

HEAT_LEAST: Final = 0.08
"""Share of colour in the background of a neutral score; `HEAT_MORE` is added for an extreme one."""
HEAT_MORE: Final = 0.72


class Palette:
    """The styles of one theme on one background. Rebuilt when the theme changes."""

    def __init__(self, variables: Mapping[str, str], background: Color) -> None:
        self._colours = colours = ThemeColours(variables, background)
        self._background, self._foreground = colours.background, colours.foreground
        self._styles: dict[str, Style] = {}

    def style(self, name: str) -> Style:
        """The style of a name; an unknown colour is the foreground."""
        found = self._styles.get(name)
        if found is None:
            found = self._styles[name] = self._make(name)
        return found

    def _heat(self, level: int) -> Style:
        """The background for levels 0 to 20: the further from the middle, the stronger the colour."""
        end, share = self._colours.color("score-4" if level > 10 else "score-0"), abs(level - 10) / 10
        if end.ansi is not None:
            # The terminal's own colours cannot be mixed.
            return self.style(f"score-{min(4, level // 4)}{' reverse' if share >= 0.5 else ''}")
        paper = self._background.blend(end if share else self._foreground, HEAT_LEAST + HEAT_MORE * share)
        inks = (self._foreground, self._background, Color(255, 255, 255), Color(0, 0, 0))
        apart = [contrast(ink.rgb, paper.rgb) for ink in inks]
        ink = inks[next((i for i, found in enumerate(apart) if found >= READABLE), apart.index(max(apart)))]
        return Style(color=ink.rich_color, bgcolor=paper.rich_color)

    def _make(self, name: str) -> Style:
        if name.startswith("heat-"):
            return self._heat(int(name.removeprefix("heat-")))
        color, words = self._foreground, name.split()
        faded = dim = False
        for word in words:
            base = word.removesuffix("-bar").removesuffix("-soft")
            faded = faded or base != word
            if base == "strong":
                color = color if len(words) > 1 else self._colours.color("strong")
            elif base not in ("dim", "reverse"):
                color = self._colours.color(base)
                dim = dim or (base in SHADES and color.ansi is not None and not self._colours.defines(base))
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

    def strip(self, line: Line, width: int) -> Strip:
        """One line painted in exactly `width` cells."""
        segments = [Segment(text, self.style(name)) for text, name in padded(line, width) if text]
        return Strip(segments, width)
