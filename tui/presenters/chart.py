"""The candle chart in text: bodies and wicks in half cells, levels as horizontal lines, volume below.

Called by the chart pane of a symbol's screen. One candle is one column; a cell is two half rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Final

import numpy as np
from rich.cells import cell_len

from engine.snapshot import ChartBars
from tui.presenters.format import percent_text, price_text, usd_text
from tui.presenters.gauges import STEPS
from tui.presenters.levels import Mark, marks
from tui.presenters.lines import Line, right, width_of
from tui.presenters.view import View, no_symbol, sentence, time_text

TIMEFRAMES: Final = ("1m", "5m", "15m", "4h")
AXIS: Final = 16
"""Cells of the price axis with its labels."""
BASIS: Final = ("E", "S")
"""The letters of entry and stop."""
BASIS_SHARE: Final = 1 / 3
"""Least share of the height that entry and stop leave to the candles."""
TARGETS_SHARE: Final = 2 / 3
"""The same for targets."""

_CELLS: Final = {
    ("body", "body"): "┃",
    ("body", "wick"): "╿",
    ("wick", "body"): "╽",
    ("body", ""): "╹",
    ("", "body"): "╻",
    ("wick", "wick"): "│",
    ("wick", ""): "╵",
    ("", "wick"): "╷",
    ("", ""): " ",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps prices to rows from the top."""

    low: float
    high: float
    rows: int

    def row(self, price: float) -> float:
        """Rows below the top, fractional."""
        return (self.high - price) / (self.high - self.low) * self.rows

    def price(self, row: float) -> float:
        """The price at the middle of a row."""
        return self.high - (row + 0.5) / self.rows * (self.high - self.low)

    def holds(self, price: float) -> bool:
        return self.low <= price <= self.high


def scale_of(bars: ChartBars, held: Sequence[Mark], columns: int, rows: int) -> Scale:
    """A scale that covers the visible candles, then entry and stop, then targets that cost little height.

    Entry and stop may leave the candles no less than `BASIS_SHARE` of the height, a target no less than
    `TARGETS_SHARE`. Levels that would are named in the title line instead.
    """
    low, high = float(bars.low[-columns:].min()), float(bars.high[-columns:].max())
    span = (high - low) or abs(high) * 1e-3 or 1.0
    bottom, top = low, high
    nearest = sorted(held, key=lambda mark: (mark.letter not in BASIS, abs(mark.price - (low + high) / 2)))
    for mark in nearest:
        reach_low, reach_high = min(bottom, mark.price), max(top, mark.price)
        if reach_high - reach_low <= span / (BASIS_SHARE if mark.letter in BASIS else TARGETS_SHARE):
            bottom, top = reach_low, reach_high
    pad = (top - bottom or span) * 0.04
    return Scale(bottom - pad, top + pad, rows)


def _column(open_: float, high: float, low: float, close: float, scale: Scale) -> tuple[list[str], str]:
    """One candle's cell texts from the top and its style."""
    half = scale.rows * 2
    top, bottom = scale.row(max(open_, close)) * 2, scale.row(min(open_, close)) * 2
    first, last = int(top), max(int(top), int(np.ceil(bottom)) - 1)
    wick_first, wick_last = int(scale.row(high) * 2), int(np.ceil(scale.row(low) * 2)) - 1
    kinds = [""] * half
    for place in range(max(0, wick_first), min(half - 1, wick_last) + 1):
        kinds[place] = "wick"
    for place in range(max(0, first), min(half - 1, last) + 1):
        kinds[place] = "body"
    cells = [_CELLS[kinds[2 * r], kinds[2 * r + 1]] for r in range(scale.rows)]
    return cells, "up" if close >= open_ else "down"


def _axis(scale: Scale, held: Sequence[Mark], last: float, tick: float | None) -> list[Line]:
    """The price axis: the last price first, then levels; every fourth row shows a price if it is free."""
    labels: list[Line] = []
    shown = [mark for mark in held if scale.holds(mark.price)]
    now, taken = _places(scale, shown, last, tick)
    for r in range(scale.rows):
        marks_here = taken.get(r, [])
        letters = "/".join(mark.letter for mark in marks_here)
        prices = {price_text(mark.price, tick, 10) for mark in marks_here}
        if r == now:
            price = price_text(last, tick, 10)
            names = _now_text([mark.letter for mark in marks_here], AXIS - 1 - cell_len(price))
            labels.append(((f"┤{names:<5}", "accent"), (right(price, AXIS - 1 - max(5, len(names))), "reverse")))
        elif len(prices) == 1:
            price, mark = prices.pop(), marks_here[0]
            room = AXIS - 1 - cell_len(price)
            name = mark.title if len(marks_here) == 1 and len(mark.title) < room else letters
            told = f"┤{name:<5}{right(price, AXIS - 1 - max(5, len(name)))}" if len(name) <= room else f"┤{letters}"
            labels.append(((told, mark.style),))
        elif prices:
            # One price beside several names would be read as the price of each.
            labels.append(((f"┤{letters}", marks_here[0].style),))
        elif r % 4 == 2:
            labels.append((("┤     ", "track"), (right(price_text(scale.price(r), tick, 10), 10), "muted")))
        else:
            labels.append((("│", "track"),))
    return labels


def _places(scale: Scale, shown: Sequence[Mark], last: float, tick: float | None) -> tuple[int, dict[int, list[Mark]]]:
    """The row of the last price (-1: not known) and the levels labelled in each row.

    Every price has a row of its own, the nearest to its place that is free and keeps the order of prices. Levels share
    a row only if their prices are written the same, or if there are more prices than rows.
    """
    is_known = isfinite(last)
    at_last = [mark for mark in shown if is_known and price_text(mark.price, tick, 10) == price_text(last, tick, 10)]
    above = _groups([mark for mark in shown if mark not in at_last and is_known and mark.price > last], tick)
    below = _groups([mark for mark in shown if mark not in at_last and not (is_known and mark.price > last)], tick)
    while len(above) + len(below) + is_known > scale.rows and max(len(above), len(below)) > 1:
        # Those furthest from the last price share first.
        crowded, outer = (above, slice(0, 2)) if len(above) > len(below) else (below, slice(-2, None))
        crowded[outer] = [[mark for group in crowded[outer] for mark in group]]

    def wanted(group: Sequence[Mark]) -> int:
        return min(scale.rows - 1, int(scale.row(group[0].price)))

    now = -1
    taken: dict[int, list[Mark]] = {}
    if is_known:
        wish = min(scale.rows - 1, max(0, int(scale.row(last))))
        now = max(len(above), min(wish, scale.rows - 1 - len(below)))
        taken[now] = at_last
    free = now if is_known else scale.rows
    for left, group in zip(reversed(range(len(above))), reversed(above), strict=True):
        free = max(left, min(wanted(group), free - 1))
        taken[free] = group
    free = now
    for left, group in zip(reversed(range(len(below))), below, strict=True):
        free = min(scale.rows - 1 - left, max(wanted(group), free + 1))
        taken[free] = group
    return now, taken


def _groups(marks: Sequence[Mark], tick: float | None) -> list[list[Mark]]:
    """Levels by the price that is written, the highest first."""
    groups: dict[str, list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: -mark.price):
        groups.setdefault(price_text(mark.price, tick, 10), []).append(mark)
    return list(groups.values())


def _now_text(letters: Sequence[str], room: int) -> str:
    """The label before the last price if levels share its row: `now` is added so that it is not read as one of them."""
    if not letters:
        return ""
    texts = ("/".join([*letters, "now"]), f"{''.join(letters)}/now", "…/now")
    return next((text for text in texts if len(text) <= room), "now")


def _merged(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    merged: list[tuple[str, str]] = []
    for text, style in cells:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        else:
            merged.append((text, style))
    return merged


def candle_rows(bars: ChartBars, held: Sequence[Mark], scale: Scale, columns: int) -> list[list[tuple[str, str]]]:
    """The plot without its axis: `rows` lines of `columns` cells, newest candle at the right edge."""
    shown = min(columns, len(bars.close))
    grid = [[(" ", "")] * columns for _ in range(scale.rows)]
    for mark in held:
        if scale.holds(mark.price):
            r = min(scale.rows - 1, int(scale.row(mark.price)))
            grid[r] = [("┄", f"{mark.style} dim")] * columns
    for x in range(shown):
        i = x - shown
        cells, style = _column(
            float(bars.open[i]), float(bars.high[i]), float(bars.low[i]), float(bars.close[i]), scale
        )
        for r, cell in enumerate(cells):
            if cell != " ":
                grid[r][columns + i] = (cell, style)
    return grid


def _volume(bars: ChartBars, name: str, columns: int, rows: int) -> list[Line]:
    """Volume by bar in dollars; the axis names the tallest bar shown."""
    shown = min(columns, len(bars.close))
    volumes = [float(v) for v in bars.volume_usd[-shown:]]
    largest = max((v for v in volumes if isfinite(v)), default=nan)
    lines: list[Line] = []
    for r in range(rows):
        cells = [(" ", "")] * (columns - shown)
        floor = rows - 1 - r
        for i, volume in enumerate(volumes):
            eighths = round(volume / largest * rows * 8) - floor * 8 if isfinite(volume) and largest > 0 else 0
            style = "up-soft" if bars.close[i - shown] >= bars.open[i - shown] else "down-soft"
            cells.append((" " if eighths <= 0 else STEPS[min(7, eighths - 1)], style))
        told = (f" most {usd_text(largest)}", f" volume per {name}", "")[min(r, 2)] if isfinite(largest) else ""
        lines.append((*_merged(cells), ("│", "track"), (told, "muted")))
    return lines


def _times(bars: ChartBars, columns: int, view: View) -> Line:
    shown = min(columns, len(bars.close))
    form = "%d %b" if bars.interval_ms >= 3_600_000 else "%H:%M"
    text = [" "] * columns
    for x in range(columns - shown, columns - 6, 16):
        label = time_text(int(bars.open_ms[x - columns]), view.zone, form)
        text[x : x + 1 + len(label)] = ["╵", *label]
    return (("".join(text)[:columns], "muted"), ("┘", "track"))


def chart_lines(view: View, timeframe: str, width: int, height: int) -> list[Line]:
    """A title line, the candles with levels, volume if there is room, and a time axis."""
    instrument, focus, row = view.instrument, view.focus, view.row
    if instrument is None or row is None:
        return sentence(no_symbol(view, "prism"), width)
    if focus is None:
        return sentence(f"waiting for the candles of {instrument.symbol}", width)
    bars = focus.charts.get(timeframe)
    if bars is None or not len(bars.close):
        others = [f"{name} has {len(held.close)}" for name, held in focus.charts.items() if len(held.close)]
        rest = f"; {', '.join(others)} ({view.keys.text('timeframe_next')} chooses)" if others else ""
        return sentence(f"no {timeframe} bar of {instrument.symbol} yet{rest}", width)
    columns = max(8, width - AXIS)
    volume_rows = 3 if height >= 18 else 2 if height >= 12 else 0
    rows = max(3, height - 2 - volume_rows)
    held = marks(view.snapshot.ranking.levels, row)
    scale = scale_of(bars, held, columns, rows)
    plot = candle_rows(bars, held, scale, columns)
    axis = _axis(scale, held, float(view.snapshot.columns.last[row]), instrument.tick)
    lines: list[Line] = [_title(bars, held, scale, timeframe, instrument.tick, width)]
    lines += [(*_merged(cells), *label) for cells, label in zip(plot, axis, strict=True)]
    return [*lines, *_volume(bars, timeframe, columns, volume_rows), _times(bars, columns, view)]


def _title(bars: ChartBars, held: Sequence[Mark], scale: Scale, timeframe: str, tick: float | None, width: int) -> Line:
    """The newest candle, then the levels outside the chart. If both do not fit, less of the candle is shown."""
    open_, close = float(bars.open[-1]), float(bars.close[-1])
    change = (f"  {percent_text(close / open_ - 1) if open_ else ''}", "up" if close >= open_ else "down")
    forming: Line = (("  forming", "muted"),) if bars.forming else ()
    of_close: Line = (("C ", "muted"), (price_text(close, tick), ""), change)
    of_bar: Line = (
        ("O ", "muted"),
        (price_text(open_, tick), ""),
        ("  H ", "muted"),
        (price_text(float(bars.high[-1]), tick), ""),
        ("  L ", "muted"),
        (price_text(float(bars.low[-1]), tick), ""),
        ("  ", ""),
    )
    outside: Line = tuple(
        (f"  {'▲' if mark.price > scale.high else '▼'} {mark.title} {price_text(mark.price, tick)}", mark.style)
        for mark in held
        if not scale.holds(mark.price)
    )
    name: Line = ((f"{timeframe}  ", "strong accent"),)
    shorter = ((*of_bar, *of_close, *forming), (*of_close, *forming), of_close, (change,))
    fit = next((candle for candle in shorter if width_of((*name, *candle, *outside)) <= width), ())
    return (*name, *fit, *outside)
