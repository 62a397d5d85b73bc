"""The orderflow face: who is lifting and hitting, live.

Called by `engine.prism.score`. Reads the tape and the books' activity columns; keeps no state. All
three components are shares, so none changes when a symbol's prices or its sizes are multiplied by a constant.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.market.view import Floats, MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import Depth
from engine.prism.draft import Draft, blend
from engine.prism.freshness import refuse_without_book, tape_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory
from engine.prism.scales import rank_in_history, ratio, tilt
from engine.prism.trade_flow import trade_flow

MAKER_WEIGHTS: Final = {"book changes": 0.4, "microprice": 0.3, "refills": 0.3}
CHANGE_SCALE: Final = 5.0
"""Added less cancelled, bid against ask, over all that was added and cancelled: most of it cancels out, 0.1 is much."""
DRIFT_SCALE: Final = 1.5
"""Drift of the microprice in half spreads, which bound it."""
REFILL_SCALE: Final = 1.0
BUCKETS: Final = 50
LEAST_HISTORY: Final = 20
"""VPIN values a percentile needs to mean anything."""
RECENT_BUCKETS: Final = 10


def orderflow(view: MarketView, roster: Roster, depth: Depth, memory: Memory | None = None) -> dict[str, Reading]:
    """Readings of `trade_flow`, `market_making` and `toxicity` for all rows; `memory` of the scan before, if any."""
    memory = Memory() if memory is None else memory
    return {
        "trade_flow": trade_flow(view, roster, memory),
        "market_making": market_making(view, depth),
        "toxicity": toxicity(view, roster, memory),
    }


def net_refill(refill: Floats) -> Floats:
    """`[rows]` refills of the bid less refills of the ask, -1..1; a side that was never taken adds nothing."""
    known = np.isfinite(refill)
    sides = np.where(known, refill, 0.0)
    return np.where(known.any(axis=1), (sides[:, 0] - sides[:, 1]) / 2.0, np.nan)


def market_making(view: MarketView, depth: Depth) -> Reading:
    """Reading of `market_making`: what makers did at the top of the book over the last minute.

    The store leaves its columns NaN until a book has been proven for a minute, which is WARMING here. raw is
    the net change of bids less that of asks, as a share of all changes.
    """
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view)
    added, cancelled = books.added_usd.sum(axis=2), books.cancelled_usd.sum(axis=2)
    net = added - cancelled
    churn = (added + cancelled).sum(axis=1)
    change = ratio(net[:, 0] - net[:, 1], churn)
    drift = ratio(books.microprice_drift_bps, depth.spread_bps / 2.0)
    covered = np.isfinite(books.microprice_drift_bps) | np.isfinite(churn)
    draft.refuse(~covered, Status.WARMING, "warming: book proven for less than 60 s")
    refill = net_refill(books.refill)
    parts = {
        "book changes": (MAKER_WEIGHTS["book changes"], tilt(CHANGE_SCALE * change)),
        "microprice": (MAKER_WEIGHTS["microprice"], tilt(DRIFT_SCALE * np.clip(drift, -1.0, 1.0))),
        "refills": (MAKER_WEIGHTS["refills"], tilt(REFILL_SCALE * refill)),
    }
    score = blend(parts)
    draft.refuse(np.isnan(score), Status.MISSING, "no change at the top of the book in 1 m")
    draft.note_absent(parts)
    for side, name in enumerate(("bid", "ask")):
        draft.input(f"added_{name}_1m", added[:, side], "usd", books.updated_ms)
        draft.input(f"cancelled_{name}_1m", cancelled[:, side], "usd", books.updated_ms)
        draft.input(f"refill_{name}_1m", books.refill[:, side], "frac", books.updated_ms)
    draft.input("microprice_drift_1m", books.microprice_drift_bps, "bps", books.updated_ms)
    return draft.finish(change, "frac", score)


def toxicity(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `toxicity`; raw is VPIN, the mean absolute imbalance of the last 50 volume buckets.

    Score 50 + 50 * percentile of VPIN in its own history * sign of the mean imbalance of the last 10 buckets.
    VPIN: Easley, Lopez de Prado and O'Hara, "Flow toxicity and liquidity in a high-frequency world" (2012).
    """
    tape = view.tape
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(tape.since_ms < 0, Status.MISSING, "trades not streamed")
    draft.refuse(tape_stale(view, roster), Status.STALE, "no trade on the venue for over 120 s")
    imbalance, values = tape.bucket_imbalance[:, -BUCKETS:], tape.vpin_history
    # The columns of a row change with a full bucket and not otherwise.
    keys = (imbalance, values) if tape.revision is None else (tape.buckets,)
    held, history, vpin, recent, percentile = memory["toxicity"].of(
        keys, lambda part: _vpin(imbalance[part], values[part])
    )
    buckets = tape.buckets.astype(np.float64)
    full = np.minimum(buckets, held)
    draft.refuse_values(full < BUCKETS, Status.WARMING, full, 1.0, lambda n: f"warming: {n:.0f}/50 buckets")
    draft.refuse_values(
        history < LEAST_HISTORY, Status.WARMING, history, 1.0, lambda n: f"warming: {n:.0f}/20 values of VPIN"
    )
    draft.input("vpin", vpin, "frac", tape.newest_ms)
    draft.input("vpin_percentile", percentile * 100.0, "percentile", tape.newest_ms)
    draft.input("recent_imbalance", recent, "frac", tape.newest_ms)
    draft.input("buckets", buckets, "count", tape.newest_ms)
    return draft.finish(vpin, "frac", 50.0 + 50.0 * percentile * np.sign(recent))


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
