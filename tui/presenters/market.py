"""The market at a glance: how many rise and fall, where the scores lie, liquidations by minute, the largest by score.

Called by the market screen. Counts are of the perpetuals that have the figure, and say how many that is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.snapshot import LiquidationMinutes, Snapshot
from tui.presenters.format import long_age_text, pad, score_text, usd_text
from tui.presenters.gauges import STEPS, score_style
from tui.presenters.lines import BLANK, Line, cut, right
from tui.presenters.view import View, count_text

BANDS: Final = ("0-20 bearish", "20-40", "40-60 neutral", "60-80", "80-100 bullish")
CELL: Final = 14
"""Cells of one symbol of the map, its gap included."""
ENOUGH: Final = 0.5
"""Share of a score's data below which it is not coloured or counted: it leans far because little weighs against it."""


def market_lines(view: View, width: int, height: int) -> list[Line]:
    """Everything for `width` cells; the map takes what `height` leaves, at least four lines."""
    snapshot = view.snapshot
    lines = [
        *_cached(snapshot),
        *_breadth(snapshot, width),
        BLANK,
        *_scores(snapshot, width),
        BLANK,
        *_liquidations(snapshot.liquidation_minutes, width),
        BLANK,
    ]
    lines += _map(snapshot, width, max(5, height - len(lines)))
    return [cut(line, width) for line in lines]


def _cached(snapshot: Snapshot) -> list[Line]:
    if snapshot.cached_age_ms is None:
        return []
    age = long_age_text(snapshot.cached_age_ms / 1000)
    return [((f" CACHED candles, {age} old: the market as it was then", "warning strong"),), BLANK]


def _breadth(snapshot: Snapshot, width: int) -> list[Line]:
    lines: list[Line] = [(("BREADTH", "heading"),)]
    scope = _perpetuals(snapshot)
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


def _perpetuals(snapshot: Snapshot) -> NDArray[np.int64]:
    """Rows that are ranked or stopped by a gate: what the table can show."""
    ranking = snapshot.ranking
    return np.concatenate([ranking.candidates, ranking.vetoed]).astype(np.int64)


def _scores(snapshot: Snapshot, width: int) -> list[Line]:
    rows = _perpetuals(snapshot)
    scores, coverage = snapshot.board.prism[rows], snapshot.board.coverage[rows]
    scored = np.isfinite(scores)
    known = scores[scored & (coverage >= ENOUGH)]
    counts = [int(((known // 20).clip(0, 4) == band).sum()) for band in range(5)]
    told = f"  of {count_text(len(known), 'perpetual')} with half their data or more"
    if thin := int(scored.sum()) - len(known):
        told += f"; {thin} with less are not counted"
    lines: list[Line] = [(("SCORES", "heading"), (told, "muted"))]
    room = max(10, width - 24)
    for band, count in enumerate(counts):
        bar = "█" * round(room * count / max(1, *counts))
        lines.append(((f" {BANDS[band]:<15}", "muted"), (right(str(count), 5) + " ", ""), (bar, f"score-{band}")))
    return lines


def _liquidations(held: LiquidationMinutes | None, width: int) -> list[Line]:
    """Sums of the engine's minutes, which hold every liquidation; minutes before the first one seen are not drawn."""
    head = ("LIQUIDATIONS BY MINUTE", "heading")
    known = 0 if held is None else int(np.isfinite(held.long_usd + held.short_usd).sum())
    if held is None or not known:
        return [(head,), ((" none reported since the start", "muted"),)]
    minutes = max(1, min(known, width - 26))
    longs, shorts = held.long_usd[-minutes:], held.short_usd[-minutes:]
    most = max(float(longs.max()), float(shorts.max()))
    told = f"  the last {count_text(minutes, 'minute')}, now at the right, one scale"
    sampled = "; a lower bound, some venues sample" if held.sampled_venues else ""
    bound = "≥" if held.sampled_venues else ""
    return [
        (head, (told + sampled, "muted")),
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
    """A column each against `most`; a dot where there was nothing, so that it differs from very little."""
    return "".join("·" if value <= 0 else STEPS[min(7, int(value / most * 7.999))] for value in values.tolist())


def _map(snapshot: Snapshot, width: int, height: int) -> list[Line]:
    """One cell for each asset, the largest volume of 24 hours first, with the score of its largest perpetual."""
    rows = _perpetuals(snapshot)
    volume = np.nan_to_num(snapshot.columns.volume_24h_usd[rows], nan=-1.0)
    rows = rows[np.argsort(-volume, kind="stable")]
    largest: dict[str, int] = {}
    for row in rows.tolist():
        largest.setdefault(snapshot.instruments[row].asset, row)
    across = max(1, (width - 1) // CELL)
    chosen = list(largest.items())[: across * (height - 1)]
    told = f"  {len(chosen)} of {count_text(len(largest), 'asset')}, largest 24h volume first"
    lines: list[Line] = [(("HEAT BY SCORE", "heading"), (told, "muted"))]
    for start in range(0, len(chosen), across):
        spans: list[tuple[str, str]] = [(" ", "")]
        for asset, row in chosen[start : start + across]:
            score = float(snapshot.board.prism[row])
            enough = snapshot.board.coverage[row] >= ENOUGH
            style = f"{score_style(score)} reverse" if enough and score == score else "muted"
            spans += [(pad(f" {asset}", CELL - 7) + right(score_text(score), 5) + " ", style), (" ", "")]
        lines.append(tuple(spans))
    return lines
