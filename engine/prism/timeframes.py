"""One component over three timeframes: the weighted mean of its scores, and the points for their divergence.

Called by the bar faces and by `engine.prism.structure`. Pure arithmetic on scores; a NaN score is a timeframe that does
not count (warming, stale or missing).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.timeframes import SCORED, WEIGHTS

STALE_INTERVALS: Final = 2
"""Intervals after the close of its newest bar at which a timeframe is stale: the next bar is then one interval late."""
SIDE_POINTS: Final = 5.0
"""Distance from 50 at which a timeframe takes a side."""
CONFLICT_SHARE, CONFLICT_MOST = 0.2, 10.0
AGREEMENT_SHARE, AGREEMENT_MOST = 0.1, 5.0
STRONG_ADX: Final = 25.0
"""ADX at which the high timeframe's trend counts in full."""


def is_stale(at_ms: int, newest_open_ms: Ints, interval_ms: int | Ints) -> Bools:
    """The newest bar closed more than two intervals before `at_ms`; False without a bar (-1).

    `[rows]`, or `[frames, rows]` with an interval for each frame, `[frames, 1]`.
    """
    closed_ms = newest_open_ms + interval_ms
    return (newest_open_ms >= 0) & (at_ms - closed_ms > STALE_INTERVALS * interval_ms)


def blend(scores: Floats) -> Floats:
    """`[rows]` weighted mean of `[rows, 3]` scores over the timeframes that count; NaN if none does."""
    total, weight = np.zeros(len(scores)), np.zeros(len(scores))
    for i, name in enumerate(SCORED):
        score = scores[:, i]
        counts = ~np.isnan(score)
        if np.count_nonzero(counts) == counts.size:
            total += WEIGHTS[name] * score
            weight += WEIGHTS[name]
        else:
            total += np.where(counts, WEIGHTS[name] * score, 0.0)
            weight += np.where(counts, WEIGHTS[name], 0.0)
    out = np.full(len(scores), np.nan)
    np.divide(total, weight, out=out, where=weight > 0.0)
    return out


def conflicts(scores: Floats) -> Bools:
    """`[rows]` low and high timeframe are on opposite sides of 50, each by at least 5 points."""
    low, high = scores[:, 0] - 50.0, scores[:, -1] - 50.0
    return (np.minimum(np.abs(low), np.abs(high)) >= SIDE_POINTS) & (low * high < 0.0)


def divergence(scores: Floats, adx_high: Floats) -> Floats:
    """`[rows]` points to add to a component for the divergence of its low and high timeframe, -10..10.

    Conflict pulls toward the high timeframe in proportion to `adx_high`, the 14-bar ADX of that timeframe; agreement
    adds at most 5 points. 0 while either timeframe does not count, and 0 for a conflict whose ADX is not known.
    """
    low, high = scores[:, 0] - 50.0, scores[:, -1] - 50.0
    nearer = np.minimum(np.abs(low), np.abs(high))
    trend = np.minimum(1.0, np.where(np.isnan(adx_high), 0.0, adx_high) / STRONG_ADX)
    pull = np.clip(CONFLICT_SHARE * (high - low), -CONFLICT_MOST, CONFLICT_MOST) * trend
    push = np.minimum(AGREEMENT_MOST, AGREEMENT_SHARE * nearer) * np.sign(high)
    agree = (nearer >= SIDE_POINTS) & (low * high > 0.0)
    return np.where(conflicts(scores), pull, np.where(agree, push, 0.0))
