"""Paints formatted rows of the candidates table as strips, with the colours of the theme.

Used by `tui.widgets.candidates` only. A `Palette` is made once per theme and never changes. Everything is drawn from
`Segment`s, so no text of a venue is ever read as markup. Nothing here formats a number or knows a market.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from tui.presenters.columns import GAP, GUTTER, Column
from tui.presenters.format import fit, pad
from tui.widgets.theme_colours import READABLE, ThemeColours, contrast

if TYPE_CHECKING:
    from tui.presenters.row_views import Flash, RowView

Ground = Literal["plain", "zebra", "hover", "cursor", "cursor-blurred"]

PHASES: Final = 2
"""A flash is bright, then faded, then gone. Few phases keep the cache small."""

MARKS: Final = {(True, False): "◆", (False, True): "◇", (True, True): "◈"}
"""The sign of a row by (pinned, watched)."""

_DIMMING: Final[dict[str, float]] = {"part": 0.22, "thin": 0.45}
"""Share of the background mixed into dimmed ink; less if the ink would become unreadable."""
_BLOCK: Final = 0.30
"""Share of the ink's colour in the background of a block; less if the ink would become unreadable."""
_FADED: Final[dict[str | None, float]] = {None: 1.0, "part": 0.6, "thin": 0.2}
"""The part of `_BLOCK` that remains by dimming: if the ink cannot fade further, the background does."""
_revisions = count(1)


class Palette:
    """The styles of one theme, each made at first use."""

    def __init__(self, variables: Mapping[str, str], background: Color) -> None:
        self.revision = next(_revisions)
        """Unique to this palette."""
        self._colours = ThemeColours(variables, background)
        self._color = self._colours.color
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

    def style(self, tone: str, ground: Ground) -> Style:
        """The style of a tone on a row background."""
        found = self._styles.get((tone, ground))
        if found is None:
            found = self._styles[tone, ground] = self._make(tone, ground)
        return found

    def flash(self, rising: bool, phase: int, ground: Ground) -> Style:
        """The style of digits that have just changed, in phase `PHASES` down to 1."""
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
                paper = _block(ink, paper, _FADED[dimming])
            if dimming is not None:
                ink = _dimmed(ink, paper, _DIMMING[dimming])
        return Style(
            color=ink.rich_color,
            bgcolor=paper.rich_color,
            # On terminals without colours, bold still marks the symbol and the cursor row.
            bold=(name == "strong" or ground == "cursor") or None,
            dim=(dimming is not None and ink.ansi is not None) or None,
        )

    def _ground(self, ground: Ground) -> Color:
        return self._colours.background if ground == "plain" else self._color(f"row-{ground}")


def _block(ink: Color, paper: Color, left: float) -> Color:
    """A background in the ink's own colour, as strong as keeps the ink readable, times `left`."""
    share = _BLOCK
    while share > 0.02:
        block = paper.blend(ink, share)
        if contrast(ink.rgb, block.rgb) >= READABLE:
            return paper.blend(ink, share * left)
        share -= 0.04
    return paper


def _dimmed(ink: Color, paper: Color, share: float) -> Color:
    while share > 0.02:
        dimmed = ink.blend(paper, share)
        if contrast(dimmed.rgb, paper.rgb) >= READABLE:
            return dimmed
        share -= 0.05
    return ink


def paint_row(
    view: RowView, columns: tuple[Column, ...], width: int, palette: Palette, ground: Ground, phase: int
) -> Strip:
    """One row in exactly `width` cells. `phase` 0: no flash."""
    at_cursor = ground in ("cursor", "cursor-blurred")
    marks = view.marks
    sign = "✕" if marks.left else MARKS.get((marks.pinned, marks.watched), " ")
    segments = [
        Segment("▌" if at_cursor else " ", palette.style("accent", ground)),
        Segment(sign, palette.style("warning" if marks.left else "accent", ground)),
    ]
    faded = marks.left or marks.gated or view.stale
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
    """The headings, with an arrow on the sorted one.

    If a heading fills its column, the arrow goes into the gap before it if it touches no neighbour there, else into the
    gap after it. Between the faces, which stand one cell apart, only the colour parts it from the next heading.
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
    """One line of the text shown in place of rows."""
    style = palette.style("muted", "plain")
    text = pad(fit(words, max(1, width - 2 * GUTTER)), max(0, width - GUTTER))
    return Strip([Segment(" " * GUTTER, style), Segment(text, style)], width)


def paint_notice(words: str, width: int, palette: Palette, loud: bool) -> Strip:
    """The notice below the rows; `loud` if it changes how the rows must be read (a frozen table)."""
    return Strip([Segment(pad(f" {words}", width), palette.notice if loud else palette.remark)], width)
