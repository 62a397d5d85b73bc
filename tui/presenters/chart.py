"""Candles in text: half-block bodies and wicks, the levels drawn across them, volume below.

Called by the chart pane of a symbol's screen. One candle is one column; a cell holds two half rows.
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
from tui.presenters.lines import Line, right
from tui.presenters.view import NO_SYMBOL, View, sentence, time_text

TIMEFRAMES: Final = ("1m", "5m", "15m", "4h")
AXIS: Final = 16
"""Cells of the price axis with its labels."""

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
    """Prices against rows from the top."""

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
    """A scale that holds the visible candles, and every level that does not squeeze them to less than half."""
    low, high = float(bars.low[-columns:].min()), float(bars.high[-columns:].max())
    span = (high - low) or abs(high) * 1e-3 or 1.0
    bottom, top = low, high
    for mark in sorted(held, key=lambda mark: abs(mark.price - (low + high) / 2)):
        reach_low, reach_high = min(bottom, mark.price), max(top, mark.price)
        if reach_high - reach_low <= 2 * span:
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
    """The price axis: the last price first, then the levels, then round figures where a row is free."""
    labels: list[Line] = []
    taken: dict[int, list[Mark]] = {}
    for mark in held:
        if scale.holds(mark.price):
            taken.setdefault(min(scale.rows - 1, int(scale.row(mark.price))), []).append(mark)
    now = min(scale.rows - 1, max(0, int(scale.row(last)))) if isfinite(last) else -1
    for r in range(scale.rows):
        letters = [mark.letter for mark in taken.get(r, ())]
        if r == now:
            price = price_text(last, tick, 10)
            names = _now_text(letters, AXIS - 1 - cell_len(price))
            labels.append(((f"┤{names:<5}", "accent"), (right(price, AXIS - 1 - max(5, len(names))), "reverse")))
        elif len(letters) == 1:
            mark = taken[r][0]
            price = price_text(mark.price, tick, 10)
            name = mark.title if len(mark.title) + cell_len(price) < AXIS - 1 else mark.letter
            labels.append(((f"┤{name:<5}{price:>10}", mark.style),))
        elif letters:
            # One price beside several names would be taken for the price of each.
            labels.append(((f"┤{'/'.join(letters)}", taken[r][0].style),))
        elif r % 4 == 2:
            labels.append((("┤     ", "track"), (right(price_text(scale.price(r), tick, 10), 10), "muted")))
        else:
            labels.append((("│", "track"),))
    return labels


def _now_text(letters: Sequence[str], room: int) -> str:
    """What stands before the last price: `now` with the levels of its row, so that it is not read as one of them."""
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


def _volume(bars: ChartBars, columns: int, rows: int) -> list[Line]:
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
        label = usd_text(largest) if r == 0 and isfinite(largest) else ""
        lines.append((*_merged(cells), ("│", "track"), (f" vol {label}" if label else "", "muted")))
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
    """A title line, the candles with levels, volume where there is room, and a time axis."""
    instrument, focus, row = view.instrument, view.focus, view.row
    if instrument is None or row is None:
        return sentence(NO_SYMBOL["prism"], width)
    if focus is None:
        return sentence(f"waiting for the candles of {instrument.symbol}", width)
    bars = focus.charts.get(timeframe)
    if bars is None or not len(bars.close):
        others = [f"{name} has {len(held.close)}" for name, held in focus.charts.items() if len(held.close)]
        rest = f"; {', '.join(others)} (i chooses)" if others else ""
        return sentence(f"no {timeframe} bar of {instrument.symbol} yet{rest}", width)
    columns = max(8, width - AXIS)
    volume_rows = 3 if height >= 18 else 2 if height >= 12 else 0
    rows = max(3, height - 2 - volume_rows)
    held = marks(view.snapshot.ranking.levels, row)
    scale = scale_of(bars, held, columns, rows)
    plot = candle_rows(bars, held, scale, columns)
    axis = _axis(scale, held, float(view.snapshot.columns.last[row]), instrument.tick)
    lines: list[Line] = [_title(bars, held, scale, timeframe, instrument.tick)]
    lines += [(*_merged(cells), *label) for cells, label in zip(plot, axis, strict=True)]
    return [*lines, *_volume(bars, columns, volume_rows), _times(bars, columns, view)]


def _title(bars: ChartBars, held: Sequence[Mark], scale: Scale, timeframe: str, tick: float | None) -> Line:
    open_, close = float(bars.open[-1]), float(bars.close[-1])
    spans: list[tuple[str, str]] = [
        (f"{timeframe}  ", "strong accent"),
        ("O ", "muted"),
        (price_text(open_, tick), ""),
        ("  H ", "muted"),
        (price_text(float(bars.high[-1]), tick), ""),
        ("  L ", "muted"),
        (price_text(float(bars.low[-1]), tick), ""),
        ("  C ", "muted"),
        (price_text(close, tick), ""),
        (f"  {percent_text(close / open_ - 1) if open_ else ''}", "up" if close >= open_ else "down"),
    ]
    if bars.forming:
        spans.append(("  forming", "muted"))
    spans += [
        (f"  {'▲' if mark.price > scale.high else '▼'} {mark.title} {price_text(mark.price, tick)}", mark.style)
        for mark in held
        if not scale.holds(mark.price)
    ]
    return tuple(spans)
