"""Volume sentiment: which side spends more, and whose dollars move the price further.

Called by `engine.prism.sentiment`. Volume and impact are of one hour of closed 5m bars, else 1m bars; without bars, the
volume is the tape's. Trades are counted by side on the tape only, since no venue's candles do. Independent of a
symbol's price and size, except that the price impact part compares two figures of the same symbol.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import Bars, MarketView
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import bars_stale, tape_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import ratio, tilt

WEIGHTS: Final = {"volume": 0.4, "trade counts by side": 0.4, "price impact": 0.2}
VOLUME_SCALE: Final = 4.0
COUNT_SCALE: Final = 4.0
"""As for volume: 60 of 100 trades bought is as strong as 60 % of the volume bought."""
LEAST_TRADES: Final = 30
"""Below it chance alone tips the count: with 30 tossed coins, one time in three the net exceeds 0.18 of them."""
IMPACT_SCALE: Final = 1.0
"""Scale of ln(up per dollar bought / down per dollar sold): twice as far is 0.69."""
IMPACT_MOST: Final = 3.0
"""Bound of that logarithm, twenty times as far: then and beyond the part is within half a point of its end."""
SOURCES: Final = (("5m", 12), ("1m", 60))
COVERED: Final = 0.8


def _from_bars(bars: Bars, n: int, rows: Part) -> tuple[Floats, Floats, Floats]:
    """Bought and sold over the newest n bars and ln(up per dollar bought / down per dollar sold)."""
    if bars.close.shape[1] < n:
        nothing = np.full(len(bars.count[rows]), np.nan)
        return nothing, nothing, nothing
    buy = bars.buy_usd[rows, -n:]
    sell = bars.volume_usd[rows, -n:] - buy
    move = np.log(bars.close[rows, -n:] / bars.open[rows, -n:])
    bought, sold = buy.sum(axis=1), sell.sum(axis=1)
    up = ratio(np.maximum(move, 0.0).sum(axis=1), bought)
    down = ratio(np.maximum(-move, 0.0).sum(axis=1), sold)
    with np.errstate(divide="ignore", invalid="ignore"):
        # An hour in which every bar falls is the most one-sided of all, not an unknown one; if none moves, it is NaN.
        impact = np.clip(np.log(up) - np.log(down), -IMPACT_MOST, IMPACT_MOST)
    return bought, sold, impact


def _covered(view: MarketView, roster: Roster) -> tuple[int, Bools]:
    """Seconds of the tape that are read, up to an hour, and `[rows]` whether it is current and covers them."""
    tape = view.tape
    seconds = min(tape.buy_usd.shape[1], 3600)
    covered = (tape.since_ms >= 0) & (view.at_ms - tape.since_ms >= COVERED * seconds * 1000)
    return seconds, covered & ~tape_stale(view, roster)


def _counts(view: MarketView, roster: Roster, memory: Memory) -> tuple[Floats, Floats]:
    """Trades bought and sold on the tape of the rows that it covers, `[rows]`; NaN elsewhere."""
    tape = view.tape
    seconds, covered = _covered(view, roster)

    def summed(rows: Part) -> tuple[Floats, Floats]:
        bought = tape.buys[rows, -seconds:].sum(axis=1).astype(np.float64)
        return bought, tape.trades[rows, -seconds:].sum(axis=1) - bought

    if tape.revision is None:
        bought, sold = summed(ALL)
    else:
        # Without a trade within the axis all sums are 0, whatever the second.
        second = view.at_ms // 1000
        moves = np.where(tape.newest_ms // 1000 > second - seconds, second, 0)
        bought, sold = memory["volume_sentiment counts"].of((tape.revision, moves), summed)
    return np.where(covered, bought, np.nan), np.where(covered, sold, np.nan)


def _from_tape(view: MarketView, roster: Roster, wanted: Bools) -> tuple[Floats, Floats]:
    """Bought and sold over the tape, up to an hour, for the `wanted` rows that it covers; NaN elsewhere."""
    tape = view.tape
    bought, sold = np.full((2, view.rows), np.nan)
    if np.count_nonzero(wanted):
        seconds, covered = _covered(view, roster)
        rows = np.flatnonzero(wanted & covered)
        bought[rows] = tape.buy_usd[rows, -seconds:].sum(axis=1)
        sold[rows] = tape.sell_usd[rows, -seconds:].sum(axis=1)
    return bought, sold


class _Hour(NamedTuple):
    """One hour of a row's volume, `[rows]`, NaN if no source covers it."""

    bought: Floats
    sold: Floats
    impact: Floats
    newest_ms: Ints
    taped: Bools
    late: Bools
    """Its candles would cover the hour, but are overdue."""


def _gather(view: MarketView, roster: Roster, memory: Memory) -> _Hour:
    bought, sold, impact = (np.full(view.rows, np.nan) for _ in range(3))
    newest: Ints = np.full(view.rows, -1, dtype=np.int64)
    late = np.zeros(view.rows, dtype=np.bool_)
    for name, n in SOURCES:
        bars = view.bars.get(name)
        if bars is None or bars.open_ms.shape[1] == 0:
            continue
        buy, sell, moved = memory[f"volume_sentiment {name}"].of((bars.revision,), partial(_from_bars, bars, n))
        stale = bars_stale(view, bars)
        late |= stale & np.isfinite(buy)
        use = np.isnan(bought) & np.isfinite(buy) & ~stale
        bought, sold, impact = np.where(use, buy, bought), np.where(use, sell, sold), np.where(use, moved, impact)
        newest = np.where(use, bars.open_ms[:, -1] + bars.interval_ms, newest)
    tape_bought, tape_sold = _from_tape(view, roster, np.isnan(bought))
    taped = np.isfinite(tape_bought)
    return _Hour(
        bought=np.where(taped, tape_bought, bought),
        sold=np.where(taped, tape_sold, sold),
        impact=impact,
        newest_ms=np.where(taped, view.tape.newest_ms, newest),
        taped=taped,
        late=late,
    )


def volume_sentiment(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `volume_sentiment`; raw is bought less sold over their sum.

    Volume: 50 + 50 tanh(4 (bought - sold) / volume). Counts: the same for the trades on the tape, if it covers 80 % of
    its 15 minutes and holds 30 of them; else that part is left out and named. Impact: 50 + 50 tanh(ln(up per dollar
    bought / down per dollar sold)) of the bars, the logarithm between -3 and 3; left out if no bar moved or a side did
    not trade. An hour of bars without trades is OK at 50.
    """
    bought, sold, impact, newest, taped, late = _gather(view, roster, memory)
    rows = view.rows
    buys, sells = _counts(view, roster, memory)
    counted = buys + sells
    count_net = np.where(counted >= LEAST_TRADES, ratio(buys - sells, counted), np.nan)
    minutes = min(view.tape.buy_usd.shape[1], 3600) / 60.0
    volume = bought + sold
    net = ratio(bought - sold, volume)
    nobody = volume == 0.0
    draft = Draft(rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(np.isnan(volume) & late, Status.STALE, "candles late")
    streamed = view.tape.since_ms >= 0
    draft.refuse(np.isnan(volume) & streamed, Status.WARMING, "warming: less than 1 h of candles and 12 min of tape")
    draft.refuse(np.isnan(volume), Status.MISSING, "no taker volume in candles, trades not streamed")
    parts = {
        "volume": (WEIGHTS["volume"], np.where(nobody, 50.0, tilt(VOLUME_SCALE * net))),
        "trade counts by side": (WEIGHTS["trade counts by side"], tilt(COUNT_SCALE * count_net)),
        "price impact": (WEIGHTS["price impact"], tilt(IMPACT_SCALE * impact)),
    }
    draft.note(nobody, "no trades in 1 h")
    draft.note_values(taped, np.full(rows, minutes), 1.0, lambda m: f"from {m:.0f} min of the tape")
    draft.note_absent(parts)
    draft.input("bought", bought, "usd", newest)
    draft.input("sold", sold, "usd", newest)
    draft.input(f"trades_bought_{minutes:.0f}m", buys, "count", view.tape.newest_ms)
    draft.input(f"trades_sold_{minutes:.0f}m", sells, "count", view.tape.newest_ms)
    draft.input("ln_impact_up_per_down", impact, "ln", newest)
    return draft.finish(net, "frac", blend(parts))
