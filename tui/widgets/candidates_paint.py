"""From formatted rows to strips: the colours and the drawing of the candidates table.

Used by `tui.widgets.candidates` only. A `Palette` is made once for each theme and never changes; everything is
drawn from `Segment`s, so no text of a venue is ever read as markup. Nothing here formats a number or knows a
market.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from tui.presenters.columns import GAP, GUTTER, Column
from tui.presenters.format import fit, pad
from tui.presenters.row_views import Flash, RowView

Ground = Literal["plain", "zebra", "hover", "cursor", "cursor-blurred"]

PHASES: Final = 2
"""A flash is bright, then fading, then gone; few phases keep the cache small."""

_FALLBACKS: Final[dict[str, str]] = {
    "text": "foreground",
    "strong": "foreground",
    "muted": "foreground",
    "stale": "muted",
    "up": "success",
    "down": "error",
    "long": "up",
    "short": "down",
    "score-0": "down",
    "score-1": "down",
    "score-2": "foreground",
    "score-3": "up",
    "score-4": "up",
    "flash-up": "success-muted",
    "flash-down": "error-muted",
    "row-zebra": "background",
    "row-hover": "surface",
    "row-cursor": "panel",
    "row-cursor-blurred": "surface",
    "table-header": "foreground",
    "table-header-background": "panel",
}
"""What a theme that lacks a variable shows instead."""

_DIMMING: Final[dict[str, tuple[float, float]]] = {"part": (0.22, 4.5), "thin": (0.45, 3.0)}
"""How far toward the background, and the contrast that must remain."""

_revisions = count(1)


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two opaque colours, WCAG 2.2, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Palette:
    """The styles of one theme, made as they are first asked for."""

    def __init__(self, variables: Mapping[str, str], background: Color) -> None:
        self.revision = next(_revisions)
        """No two palettes share one."""
        self._variables = dict(variables)
        self._background = background
        self._styles: dict[tuple[str, Ground], Style] = {}
        self._flashes: dict[tuple[bool, int, Ground], Style] = {}
        self.header = Style(
            color=self._color("table-header").rich_color,
            bgcolor=self._color("table-header-background").rich_color,
        )
        self.header_sorted = Style(
            color=self._color("accent").rich_color,
            bgcolor=self._color("table-header-background").rich_color,
            bold=True,
        )
        self.notice = Style(
            color=self._color("table-header-background").rich_color, bgcolor=self._color("accent").rich_color, bold=True
        )
        self.remark = Style(
            color=self._color("muted").rich_color, bgcolor=self._color("table-header-background").rich_color
        )

    def same_as(self, variables: Mapping[str, str], background: Color) -> bool:
        """Whether a palette of these would look like this one."""
        return self._background == background and self._variables == variables

    def style(self, tone: str, ground: Ground) -> Style:
        """The style of a tone on a ground."""
        found = self._styles.get((tone, ground))
        if found is None:
            found = self._styles[tone, ground] = self._make(tone, ground)
        return found

    def flash(self, rising: bool, phase: int, ground: Ground) -> Style:
        """Digits that have just changed, in phase `PHASES` down to 1."""
        found = self._flashes.get((rising, phase, ground))
        if found is None:
            if phase == PHASES:
                paper = self._color("flash-up" if rising else "flash-down")
                found = Style(color=self._color("strong").rich_color, bgcolor=paper.rich_color)
            else:
                found = self.style("up" if rising else "down", ground)
            self._flashes[rising, phase, ground] = found
        return found

    def _make(self, tone: str, ground: Ground) -> Style:
        name, *wants = tone.split(".")
        ink, paper = self._color(name), self._ground(ground)
        dimming = next((want for want in wants if want in _DIMMING), None)
        if ink.ansi is None and paper.ansi is None:
            if "block" in wants:
                paper = _block(ink, paper)
            if dimming is not None:
                ink = _dimmed(ink, paper, *_DIMMING[dimming])
        return Style(
            color=ink.rich_color,
            bgcolor=paper.rich_color,
            # Terminals without the colours still tell the symbol and the cursor row by weight.
            bold=(name == "strong" or ground == "cursor") or None,
            dim=(dimming is not None and ink.ansi is not None) or None,
        )

    def _ground(self, ground: Ground) -> Color:
        return self._background if ground == "plain" else self._color(f"row-{ground}")

    def _color(self, name: str) -> Color:
        for _ in range(4):
            value = self._variables.get(name, "")
            if value and not value.startswith("auto"):
                try:
                    color = Color.parse(value)
                except ColorParseError:
                    pass
                else:
                    return color if color.ansi is not None or color.a == 1 else self._background + color
            name = _FALLBACKS.get(name, "foreground")
        return self._background.get_contrast_text(1.0)


def _block(ink: Color, paper: Color) -> Color:
    """A ground of the ink's own colour, as strong as leaves the ink readable."""
    share = 0.30
    while share > 0.02:
        block = paper.blend(ink, share)
        if contrast(ink, block) >= 4.5:
            return block
        share -= 0.04
    return paper


def _dimmed(ink: Color, paper: Color, share: float, least: float) -> Color:
    while share > 0.02:
        dimmed = ink.blend(paper, share)
        if contrast(dimmed, paper) >= least:
            return dimmed
        share -= 0.05
    return ink


def paint_row(
    view: RowView, columns: tuple[Column, ...], width: int, palette: Palette, ground: Ground, phase: int
) -> Strip:
    """One row in exactly `width` cells. `phase` 0: no flash."""
    at_cursor = ground in ("cursor", "cursor-blurred")
    mark = "◆" if view.pinned else "✕" if view.left else " "
    segments = [
        Segment("▌" if at_cursor else " ", palette.style("accent", ground)),
        Segment(mark, palette.style("warning" if view.left else "accent", ground)),
    ]
    faded = view.left or view.stale
    flashing = {flash.column: flash for flash in view.flashes} if phase else {}
    used = GUTTER
    for index, (column, cell) in enumerate(zip(columns, view.cells, strict=True)):
        style = palette.style("stale" if faded and cell.tone != "warning" else cell.tone, ground)
        text = pad(cell.text, column.width, column.align)
        flash = flashing.get(index)
        if cell.tone.endswith(".block"):
            segments.append(Segment(text, style))
            segments.append(Segment(" " * GAP, palette.style("text", ground)))
        elif flash is None or faded:
            segments.append(Segment(text + " " * GAP, style))
        else:
            segments.extend(_flashed(text, flash, style, palette, ground, phase))
        used += column.width + GAP
    if used < width:
        segments.append(Segment(" " * (width - used), palette.style("text", ground)))
    strip = Strip(segments, max(used, width)).simplify()
    return strip if used <= width else strip.crop(0, width)


def _flashed(text: str, flash: Flash, style: Style, palette: Palette, ground: Ground, phase: int) -> list[Segment]:
    parts = [
        Segment(text[: flash.start], style),
        Segment(text[flash.start :], palette.flash(flash.rising, phase, ground)),
        Segment(" " * GAP, style),
    ]
    return [part for part in parts if part.text]


def paint_header(columns: tuple[Column, ...], sort: str, descending: bool, width: int, palette: Palette) -> Strip:
    """The headings, the sorted one with its arrow.

    A heading as wide as its column leaves no room for it: it stands in the gap before then, or where a heading ends
    there, in the gap after.
    """
    line, start, end = " " * GUTTER, 0, 0
    for column in columns:
        text = pad(column.title, column.width, column.align) + " " * GAP
        if column.key == sort:
            arrow, begins = "▼" if descending else "▲", len(line)
            if len(column.title) < column.width:
                text = pad(column.title + arrow, column.width, column.align) + " " * GAP
            elif line.endswith(" " * (GAP + 1)):
                line, begins = line[:-1] + arrow, begins - 1
            else:
                text = column.title + arrow + " " * (GAP - 1)
            start, end = begins, len(line) + column.width + GAP
        line += text
    used = len(line)
    line += " " * (width - used)
    parts = ((line[:start], palette.header), (line[start:end], palette.header_sorted), (line[end:], palette.header))
    strip = Strip([Segment(text, style) for text, style in parts if text], max(used, width))
    return strip if used <= width else strip.crop(0, width)


def paint_words(words: str, width: int, palette: Palette) -> Strip:
    """A sentence instead of rows."""
    style = palette.style("muted", "plain")
    text = pad(fit(words, max(1, width - 2 * GUTTER)), max(0, width - GUTTER))
    return Strip([Segment(" " * GUTTER, style), Segment(text, style)], width)


def paint_notice(words: str, width: int, palette: Palette, loud: bool) -> Strip:
    """A line under the rows; `loud` for what changes how the rows are to be read."""
    return Strip([Segment(pad(f" {words}", width), palette.notice if loud else palette.remark)], width)
