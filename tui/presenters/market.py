"""The market at a glance: breadth, distribution of scores, liquidations by minute, a map of every asset by score.

Called by the market screen. Counts cover the perpetuals that have the figure and say how many those are. The order of
the map's cells comes from `tui.presenters.heat_map`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from engine.ranking.gates import GATE_INDEX
from engine.snapshot import Snapshot
from tui.presenters.columns import symbol_text
from tui.presenters.format import long_age_text, pad, percent_text, score_text, usd_text
from tui.presenters.gates import failed_gates, side_text
from tui.presenters.gauges import STEPS, heat_style
from tui.presenters.heat_map import HeatMap, perpetuals
from tui.presenters.lines import BLANK, Line, cut, right, width_of
from tui.presenters.liquidation_minutes import no_feed
from tui.presenters.row import Key
from tui.presenters.view import View, count_text, venue_title

BANDS: Final = ("0-20 bearish", "20-40", "40-60 neutral", "60-80", "80-100 bullish")
CELL: Final = 16
"""Least width of one symbol on the map, gap included; columns left over widen all of them."""
ENOUGH: Final = 0.5
"""Least coverage at which a score is coloured and counted: with less data it leans far because little opposes it."""


def market_lines(view: View, heat: HeatMap, width: int) -> list[Line]:
    """The whole screen in `width` cells, the map last: its cells are the last `map_lines` lines."""
    snapshot = view.snapshot
    lines = [
        *_cached(snapshot),
        *_breadth(snapshot, width),
        BLANK,
        *_scores(view, width),
        BLANK,
        *_liquidations(snapshot, width),
        BLANK,
        *_map(view, heat, width),
    ]
    return [cut(line, width) for line in lines]


def across(width: int) -> int:
    """Map cells per line."""
    return max(1, (width - 1) // CELL)


def map_lines(heat: HeatMap, width: int) -> int:
    """Lines that the map's cells take, without its heading."""
    return -(-len(heat.cells) // across(width))


def place_at(heat: HeatMap, width: int, x: int, line: int) -> int | None:
    """The position of the cell at column `x` of map line `line`, both from 0; None if there is none."""
    column = (x - 1) // _cell_width(width)
    place = line * across(width) + column
    return place if 0 <= column < across(width) and line >= 0 and place < len(heat.cells) else None


def cursor_line(view: View, heat: HeatMap, width: int) -> Line:
    """The symbol under the cursor with score, side, 24 h change and whether it passes the gates, in `width` cells."""
    if heat.cursor is None:
        return ((" no perpetual to show yet", "muted"),)
    row = heat.row
    named: Line = ((f" {symbol_text(heat.cursor.symbol)}", "strong"), (f" {venue_title(heat.cursor.venue)}", "muted"))
    if row is None:
        return cut((*named, ("  is no longer listed or ranked", "warning")), width)
    score, change = float(view.board.prism[row]), float(view.snapshot.columns.change_24h_frac[row])
    side, style = side_text(view.snapshot.ranking, view.board, row)
    side = {"LONG": "▲LONG", "SHORT": "▼SHORT"}.get(side, side)
    facts: Line = (
        *named,
        ("  score ", "muted"),
        (score_text(score), "strong"),
        ("  ", ""),
        (side, style),
        ("  24h ", "muted"),
        (percent_text(change).strip(), "up" if change > 0 else "down" if change < 0 else "muted"),
        ("  ", ""),
    )
    told = _verdicts(view, row)
    room = width - width_of(facts)
    return cut((*facts, next((one for one in told if width_of((one,)) <= room), told[-1])), width)


def _verdicts(view: View, row: int) -> list[tuple[str, str]]:
    """Whether the row passes the gates, from the longest wording to the shortest."""
    ranking = view.snapshot.ranking
    if view.snapshot.cached_age_ms is not None:
        return [("not ranked: cached candles", "warning"), ("not ranked", "warning")]
    failed = failed_gates(ranking, row)
    if not failed:
        return [(f"✓ passes {ranking.preset}", "up"), ("✓ passes", "up")]
    if len(failed) > 1 and not ranking.gate_passed[row, GATE_INDEX["persistence"]]:
        failed.pop()  # persistence is the last gate, and any other failure resets its count of scans
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    told = [
        f"✗ gated by {ranking.preset}: {', '.join(failed)}",
        f"✗ gated by {ranking.preset}: {failed[0]}{more}",
        f"✗ gated: {failed[0]}{more}",
        f"✗ {failed[0]}" + (f" +{len(failed) - 1}" if len(failed) > 1 else ""),
        f"✗ gated by {count_text(len(failed), 'gate')}",
        "✗ gated",
    ]
    return [(text, "warning") for text in told]


def _cached(snapshot: Snapshot) -> list[Line]:
    if snapshot.cached_age_ms is None:
        return []
    age = long_age_text(snapshot.cached_age_ms / 1000)
    return [((f" CACHED candles, {age} old: the market as it was then", "warning strong"),), BLANK]


def _titled(title: str, told: Sequence[str], width: int) -> Line:
    """A heading with the first of `told`, longest first, that fits whole; alone if none does."""
    fits = next((one for one in told if len(title) + 2 + cell_len(one) <= width), "")
    return ((title, "heading"), (f"  {fits}" if fits else "", "muted"))


def _breadth(snapshot: Snapshot, width: int) -> list[Line]:
    told = ("of perpetuals: an asset counts once on each venue", "of perpetuals, venue by venue")
    lines: list[Line] = [_titled("BREADTH", told, width)]
    scope = perpetuals(snapshot)
    for title, values in (("1 h", snapshot.columns.change_1h_frac), ("24 h", snapshot.columns.change_24h_frac)):
        known = values[scope][np.isfinite(values[scope])]
        if not len(known):
            lines.append(((f" {title:<5}", "muted"), ("no perpetual has this figure yet", "muted")))
            continue
        up, down = int((known > 0).sum()), int((known < 0).sum())
        room = max(10, width - 44)
        full = round(room * up / max(1, up + down))
        lines.append(
            (
                (f" {title:<5}", "muted"),
                (right(f"{up} up ", 8), "up"),
                ("█" * full, "up"),
                ("░" * (room - full), "down"),
                (f" {down} down", "down"),
                (f", {len(known) - up - down} unchanged", "muted"),
            )
        )
    return lines


def _scores(view: View, width: int) -> list[Line]:
    rows = perpetuals(view.snapshot)
    scores, coverage = view.board.prism[rows], view.board.coverage[rows]
    scored = np.isfinite(scores)
    known = scores[scored & (coverage >= ENOUGH)]
    counts = [int(((known // 20).clip(0, 4) == band).sum()) for band in range(5)]
    told = [f"of {count_text(len(known), 'perpetual')} with half their data or more"]
    if thin := int(scored.sum()) - len(known):
        told = [
            f"{told[0]}; {thin} with less are not counted",
            f"of {count_text(len(known), 'perpetual')}; {thin} with too little data",
            f"{len(known)} counted, {thin} not",
        ]
    lines: list[Line] = [_titled("SCORES", told, width)]
    room = max(10, width - 24)
    for band, count in enumerate(counts):
        bar = "█" * round(room * count / max(1, *counts))
        lines.append(((f" {BANDS[band]:<15}", "muted"), (right(str(count), 5) + " ", ""), (bar, f"score-{band}")))
    return lines


def _liquidations(snapshot: Snapshot, width: int) -> list[Line]:
    """Sums by minute from the engine, which counts every liquidation; minutes without data are not drawn."""
    head, held = ("LIQUIDATIONS BY MINUTE", "heading"), snapshot.liquidation_minutes
    known = 0 if held is None else int(np.isfinite(held.long_usd + held.short_usd).sum())
    if held is None or not known:
        # As many lines as with liquidations, so that the first one does not move the map.
        return [(head,), ((f" {no_feed(snapshot)}", "muted"),), BLANK]
    minutes = max(1, min(known, width - 26))
    longs, shorts = held.long_usd[-minutes:], held.short_usd[-minutes:]
    most = max(float(longs.max()), float(shorts.max()))
    told = f"the last {count_text(minutes, 'minute')}, now at the right, one √ scale"
    sampled = "; a lower bound, some venues sample" if held.sampled_venues else ""
    bound = "≥" if held.sampled_venues else ""
    least = "√ scale; a lower bound" if sampled else "√ scale"
    shorter = f"the last {count_text(minutes, 'minute')}, {least}"
    return [
        _titled(head[0], (told + sampled, shorter, least), width),
        *(
            (
                (title, "muted"),
                (_bars(sums, most), style),
                (f"  most {bound}{usd_text(float(sums.max()))}", "muted"),
            )
            for title, sums, style in ((" long  ", longs, "liq-long"), (" short ", shorts, "liq-short"))
        ),
    ]


def _bars(values: NDArray[np.float64], most: float) -> str:
    """One character per minute, as high as the root of its share of `most`; a dot for 0, so that it differs from a very
    small value."""
    return "".join(
        "·" if value <= 0 else STEPS[min(7, int(math.sqrt(value / most) * 7.999))] for value in values.tolist()
    )


def _cell_width(width: int) -> int:
    return max(CELL, (width - 1) // across(width))


def _map(view: View, heat: HeatMap, width: int) -> list[Line]:
    """One cell per asset with its perpetual's score; the cell under the cursor is reversed and in brackets."""
    cells, count = heat.cells, across(width)
    rows = [row for _, row in cells if row is not None]
    told = f"  {count_text(len(cells), 'asset')} by 24h volume  "
    scores, enough = view.board.prism, view.board.coverage >= ENOUGH
    start: Line = (("HEAT BY SCORE", "heading"), (told, "muted"))
    legends = ((*start, *legend) for legend in _legends(rows, enough))
    lines: list[Line] = [next((line for line in legends if width_of(line) <= width), start)]
    for first in range(0, len(cells), count):
        spans: list[tuple[str, str]] = [(" ", "")]
        for key, row in cells[first : first + count]:
            score = math.nan if row is None else float(scores[row])
            style = heat_style(score) if row is not None and enough[row] and score == score else "muted"
            words = pad(_asset(view.snapshot, key, row), _cell_width(width) - 8) + right(score_text(score), 5)
            spans += [(f"[{words}]", "strong reverse") if key == heat.cursor else (f" {words} ", style), (" ", "")]
        lines.append(tuple(spans))
    return lines


def _asset(snapshot: Snapshot, key: Key, row: int | None) -> str:
    return symbol_text(key.symbol) if row is None else snapshot.instruments[row].asset


def _legends(rows: list[int], enough: NDArray[np.bool_]) -> tuple[Line, ...]:
    """The legend of the background colours, and of plain cells if there are any, from the longest to the shortest."""
    scale = tuple((f" {score} ", heat_style(score)) for score in (0, 25, 50, 75, 100))
    if enough[rows].all():
        return (scale,)
    return tuple((*scale, (told, "muted")) for told in ("  plain: less than half the data", "  plain: thin data", ""))
