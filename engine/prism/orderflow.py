"""The orderflow face: taker flow, market making and toxicity, live.

Called by `engine.prism.score`. Reads the tape and the books' activity columns, or candles if the tape is too short;
keeps no state. All three components are shares, so none changes when a symbol's prices or sizes are multiplied by a
constant.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import Bars, MarketView
from engine.prism.board import Reading, Status
from engine.prism.candle_buckets import candle_buckets
from engine.prism.depth import Depth
from engine.prism.draft import Draft, blend
from engine.prism.freshness import bars_stale, refuse_without_book, tape_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory, Part
from engine.prism.scales import rank_in_history, ratio, tilt
from engine.prism.trade_flow import trade_flow

MAKER_WEIGHTS: Final = {"book changes": 0.4, "microprice": 0.3, "refills": 0.3}
CHANGE_SCALE: Final = 5.0
"""For (added - cancelled), bids less asks, over all added and cancelled: most of it cancels out, so 0.1 is a lot."""
DRIFT_SCALE: Final = 1.5
"""For the microprice's drift in half spreads, which are its bound."""
REFILL_SCALE: Final = 1.0
BUCKETS: Final = 50
LEAST_HISTORY: Final = 20
"""VPIN values needed for a percentile."""
RECENT_BUCKETS: Final = 10
CANDLES: Final = "15m"
"""Substitute for a tape that is too short: 70 buckets are about 34 hours, and finer candles are not kept that long."""


def orderflow(view: MarketView, roster: Roster, depth: Depth, memory: Memory | None = None) -> dict[str, Reading]:
    """Readings of `trade_flow`, `market_making` and `toxicity`, all rows; `memory` from the previous scan, if any."""
    memory = Memory() if memory is None else memory
    return {
        "trade_flow": trade_flow(view, roster, memory),
        "market_making": market_making(view, roster, depth),
        "toxicity": toxicity(view, roster, memory),
    }


def net_refill(refill: Floats) -> Floats:
    """`[rows]` refills of the bid less refills of the ask, -1..1; a side that was never taken adds nothing."""
    known = np.isfinite(refill)
    sides = np.where(known, refill, 0.0)
    return np.where(known.any(axis=1), (sides[:, 0] - sides[:, 1]) / 2.0, np.nan)


def market_making(view: MarketView, roster: Roster, depth: Depth) -> Reading:
    """Reading of `market_making`: what makers did at the top of the book over the last minute.

    The columns are NaN until a book has been synced for a minute, which is WARMING here. raw is the net change of bids
    less that of asks, as a share of all changes; 0 if nothing changed, which is a measurement without a direction.
    """
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view, roster)
    added, cancelled = books.added_usd.sum(axis=2), books.cancelled_usd.sum(axis=2)
    net = added - cancelled
    churn = (added + cancelled).sum(axis=1)
    still = churn == 0.0
    change = np.where(still, 0.0, ratio(net[:, 0] - net[:, 1], churn))
    drift = ratio(books.microprice_drift_bps, depth.spread_bps / 2.0)
    covered = np.isfinite(books.microprice_drift_bps) | np.isfinite(churn)
    draft.refuse(~covered, Status.WARMING, "warming: book verified for less than 60 s")
    refill = net_refill(books.refill)
    parts = {
        "book changes": (MAKER_WEIGHTS["book changes"], tilt(CHANGE_SCALE * change)),
        "microprice": (MAKER_WEIGHTS["microprice"], tilt(DRIFT_SCALE * np.clip(drift, -1.0, 1.0))),
        "refills": (MAKER_WEIGHTS["refills"], tilt(REFILL_SCALE * refill)),
    }
    score = blend(parts)
    draft.refuse(np.isnan(score), Status.MISSING, "changes of the book not known in dollars")
    draft.note(still, "no change at the top of the book in 1 m")
    draft.note_absent(parts)
    for side, name in enumerate(("bid", "ask")):
        draft.input(f"added_{name}_1m", added[:, side], "usd", books.updated_ms)
        draft.input(f"cancelled_{name}_1m", cancelled[:, side], "usd", books.updated_ms)
        draft.input(f"refill_{name}_1m", books.refill[:, side], "frac", books.updated_ms)
    draft.input("microprice_drift_1m", books.microprice_drift_bps, "bps", books.updated_ms)
    return draft.finish(change, "frac", score)


class _Buckets(NamedTuple):
    """The inputs of toxicity, `[rows]`."""

    full: Floats
    values: Floats
    """Known values of VPIN."""
    vpin: Floats
    recent: Floats
    percentile: Floats
    buckets: Floats
    newest_ms: Ints
    stand_in: Bools
    """From candles instead of the tape."""


def _buckets(view: MarketView, memory: Memory) -> _Buckets:
    """The tape's buckets if there are enough, else those of candles if there are enough."""
    tape = view.tape
    imbalance, history = tape.bucket_imbalance[:, -BUCKETS:], tape.vpin_history
    # A row's columns change only with a full bucket.
    keys = (imbalance, history) if tape.revision is None else (tape.buckets,)
    held, *read = memory["toxicity"].of(keys, lambda part: _vpin(imbalance[part], history[part]))
    buckets, newest_ms = tape.buckets.astype(np.float64), tape.newest_ms
    full = np.minimum(buckets, held)
    enough = (tape.since_ms >= 0) & (full >= BUCKETS) & (read[0] >= LEAST_HISTORY)
    bars = view.bars[CANDLES]
    use = np.zeros_like(enough)
    if not enough.all() and bars.close.shape[1]:
        count, *of_candles = memory["toxicity of candles"].of((bars.revision,), partial(_of_candles, bars))
        use = ~enough & (count >= BUCKETS) & (of_candles[0] >= LEAST_HISTORY) & ~bars_stale(view, bars)
        full, buckets = np.where(use, BUCKETS, full), np.where(use, count, buckets)
        read = [np.where(use, new, old) for new, old in zip(of_candles, read, strict=True)]
        newest_ms = np.where(use, bars.open_ms[:, -1] + bars.interval_ms, newest_ms)
    values, vpin, recent, percentile = read
    return _Buckets(full, values, vpin, recent, percentile, buckets, newest_ms, use)


def _of_candles(bars: Bars, rows: Part) -> tuple[Floats, ...]:
    """Full buckets, then the figures of `_vpin` except the first."""
    made = candle_buckets(bars, rows)
    return (made.full, *_vpin(made.imbalance, made.vpin)[1:])


def toxicity(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `toxicity`; raw is VPIN, the mean absolute imbalance of the last 50 volume buckets.

    Score 50 + 50 * percentile of VPIN in its own history * sign of the mean imbalance of the last 10 buckets.
    VPIN: Easley, Lopez de Prado and O'Hara, "Flow toxicity and liquidity in a high-frequency world" (2012). If trades
    are not streamed, or not yet for the day and a half that it takes, candles with taker volume are used instead.
    """
    tape = view.tape
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse((tape.since_ms >= 0) & tape_stale(view, roster), Status.STALE, "no trade on the venue for over 120 s")
    found = _buckets(view, memory)
    without = "trades not streamed, too few current candles with taker volume"
    draft.refuse((tape.since_ms < 0) & ~found.stand_in, Status.MISSING, without)
    draft.refuse_values(found.full < BUCKETS, Status.WARMING, found.full, 1.0, lambda n: f"warming: {n:.0f}/50 buckets")
    draft.refuse_values(
        found.values < LEAST_HISTORY, Status.WARMING, found.values, 1.0, lambda n: f"warming: {n:.0f}/20 values of VPIN"
    )
    draft.note(found.stand_in & (tape.since_ms < 0), f"from {CANDLES} candles")
    draft.note(found.stand_in & (tape.since_ms >= 0), f"from {CANDLES} candles until the tape has filled 69 buckets")
    draft.input("vpin", found.vpin, "frac", found.newest_ms)
    draft.input("vpin_percentile", found.percentile * 100.0, "percentile", found.newest_ms)
    draft.input("recent_imbalance", found.recent, "frac", found.newest_ms)
    draft.input("buckets", found.buckets, "count", found.newest_ms)
    return draft.finish(found.vpin, "frac", 50.0 + 50.0 * found.percentile * np.sign(found.recent))


def _vpin(imbalance: Floats, values: Floats) -> tuple[Floats, ...]:
    """Known buckets, known values of VPIN, VPIN, imbalance of the recent buckets, and VPIN's percentile, `[rows]`."""
    vpin = np.abs(imbalance).mean(axis=1)
    return (
        np.isfinite(imbalance).sum(axis=1).astype(np.float64),
        np.isfinite(values).sum(axis=1).astype(np.float64),
        vpin,
        imbalance[:, -RECENT_BUCKETS:].mean(axis=1),
        rank_in_history(vpin, values),
    )
