"""Small drawings in text: score gauges, bars and sparklines.

Used by the presenters. Pure functions of numbers and a size in cells. An unknown value draws as an empty track or a
blank, never as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

from tui.presenters.lines import Line

STEPS: Final = "▁▂▃▄▅▆▇█"
"""Eighths of a cell from the bottom."""
SLICES: Final = "▏▎▍▌▋▊▉█"
"""Eighths of a cell from the left."""


def score_style(score: float) -> str:
    """The style of a 0..100 score's band, `score-0` (bearish) to `score-4` (bullish); `muted` if not known."""
    return "muted" if isnan(score) else f"score-{min(4, max(0, int(score // 20)))}"


def heat_style(score: float) -> str:
    """The style of a 0..100 score's background on the map, in steps of 5 points: `heat-0` (bearish), `heat-10`
    (neutral, nearly no colour) to `heat-20` (bullish)."""
    return f"heat-{min(20, max(0, round(score / 5)))}"


def signed_gauge(score: float, width: int) -> Line:
    """A 0..100 score as a bar from the middle, to the left below 50 and to the right above; half-cell resolution."""
    half = max(1, (width - 1) // 2)
    track = "─" * half
    if isnan(score):
        return ((track, "track"), ("┼", "muted"), (track, "track"))
    steps = round(abs(min(100.0, max(0.0, score)) - 50) / 50 * half * 2)
    full, part = divmod(steps, 2)
    rest = "─" * (half - full - part)
    style = score_style(score)
    if score >= 50:
        return ((track, "track"), ("┼", "muted"), ("━" * full + "╸" * part, style), (rest, "track"))
    return ((rest, "track"), ("╺" * part + "━" * full, style), ("┼", "muted"), (track, "track"))


def area_text(frac: float, width: int) -> str:
    """A filled line of at most `width` cells, in eighths of a cell; empty if not known or 0.

    Several lines one below the other make a filled area.
    """
    if isnan(frac) or frac <= 0:
        return ""
    full, part = divmod(max(1, round(min(1.0, frac) * width * 8)), 8)
    return "█" * full + (SLICES[part - 1] if part else "")


def column_cells(value: float, largest: float, rows: int, *, hanging: bool = False) -> list[tuple[str, bool]]:
    """A vertical bar in `rows` cells, from its foot: each cell's character, and whether to draw it in reverse video.

    A `hanging` bar grows downwards; the only characters for that are the upright ones reversed. A value above 0 shows
    at least an eighth of a cell; an unknown value or 0 shows nothing.
    """
    if isnan(value) or value <= 0 or largest <= 0:
        return [(" ", False)] * rows
    eighths = max(1, round(min(1.0, value / largest) * rows * 8))
    cells: list[tuple[str, bool]] = []
    for row in range(rows):
        filled = min(8, max(0, eighths - row * 8))
        if filled in (0, 8):
            cells.append(("█" if filled else " ", False))
        else:
            cells.append((STEPS[7 - filled], True) if hanging else (STEPS[filled - 1], False))
    return cells


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values, scaled from their minimum to their maximum; an unknown value is a blank."""
    shown = [float(value) for value in values[-width:]]
    known = [value for value in shown if not isnan(value)]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    top = len(STEPS) - 1
    return "".join(
        " " if isnan(value) else STEPS[round((value - low) / span * top) if span else top // 2] for value in shown
    )
