"""Volume buckets from closed candles: a substitute for the tape's buckets, which take a day or more to fill.

Called by `engine.prism.orderflow`. The buckets differ from those of `engine.market.volume_buckets` in three ways: they
end with the newest candle, all have the size given by the newest 24 h of volume, and buys and sells are assumed to be
spread evenly within a candle, so one-sidedness that evens out within a candle is not seen.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Floats
from engine.market.view import Bars
from engine.prism.position_heat import consecutive
from engine.prism.row_memo import Part
from engine.prism.scales import ratio

BUCKETS_A_DAY: Final = 50
VPIN_BUCKETS: Final = 50
VPIN_HISTORY: Final = 200
DAY_MS: Final = 86_400_000
MOST: Final = VPIN_BUCKETS + VPIN_HISTORY
MOST_BARS: Final = 300
"""Three days of 15m bars: at least the 70 buckets that a percentile needs even if volume has just doubled."""


class CandleBuckets(NamedTuple):
    """Right-aligned, newest last, NaN-padded, like the tape's."""

    imbalance: Floats
    """`[rows, 50]` (buy - sell) / volume of the newest buckets."""
    vpin: Floats
    """`[rows, 200]` mean |imbalance| of the 50 buckets that end with each of the newest 200."""
    full: Floats
    """`[rows]` buckets that the candles fill, at most 250."""


def candle_buckets(bars: Bars, rows: Part) -> CandleBuckets:
    """Buckets of the consecutive newest candles with taker volume; a bucket holds 1/50 of their newest 24 h."""
    width = min(bars.close.shape[1], MOST_BARS)
    volume, buy = bars.volume_usd[rows, -width:], bars.buy_usd[rows, -width:]
    count = len(volume)
    known = np.isfinite(volume) & np.isfinite(buy)
    run = np.arange(width)[None, :] >= width - consecutive(known)[:, None]
    volume = np.where(run, volume, 0.0)[:, ::-1]
    signed = np.where(run, 2.0 * buy, 0.0)[:, ::-1] - volume
    size = volume[:, : max(1, DAY_MS // bars.interval_ms)].sum(axis=1) / BUCKETS_A_DAY
    poured, net = np.zeros((2, count, width + 1))
    poured[:, 1:] = ratio(np.cumsum(volume, axis=1), size[:, None])
    np.cumsum(signed, axis=1, out=net[:, 1:])
    poured = np.where(np.isnan(poured), 0.0, poured)
    edges = _net_at_edges(poured, net)
    # A sum that misses an edge only by rounding fills its bucket.
    full = np.minimum(np.floor(poured[:, -1] + 1e-9), MOST)
    newest_first = np.where(
        np.arange(MOST)[None, :] < full[:, None], ratio(edges[:, 1:] - edges[:, :-1], size[:, None]), np.nan
    )
    newest_first = np.clip(newest_first, -1.0, 1.0)
    imbalance = np.ascontiguousarray(newest_first[:, VPIN_BUCKETS - 1 :: -1])
    sums = np.zeros((count, MOST + 1))
    np.cumsum(np.abs(newest_first), axis=1, out=sums[:, 1:])
    vpin = (sums[:, VPIN_BUCKETS : VPIN_BUCKETS + VPIN_HISTORY] - sums[:, :VPIN_HISTORY]) / VPIN_BUCKETS
    vpin = np.ascontiguousarray(vpin[:, ::-1])
    # Exactly the VPIN that is ranked among them, or rounding would decide whether it ranks above or below itself.
    vpin[:, -1] = np.abs(imbalance).mean(axis=1)
    return CandleBuckets(imbalance, vpin, full)


def _net_at_edges(poured: Floats, net: Floats) -> Floats:
    """`[rows, MOST + 1]` net buying between the newest candle's end and each edge of a bucket, going back.

    `poured [rows, candles + 1]` is the volume that far back, in buckets, rising from 0; `net` is its net buying.
    """
    rows, width = poured.shape
    # Ends of candles within each number of buckets: counted, since `searchsorted` takes one row at a time.
    within = np.minimum(np.ceil(poured), MOST + 1).astype(np.int64) + np.arange(rows)[:, None] * (MOST + 2)
    counts = np.bincount(within.ravel(), minlength=rows * (MOST + 2)).reshape(rows, MOST + 2)
    below = np.cumsum(counts, axis=1)[:, : MOST + 1] - 1
    above = np.minimum(below + 1, width - 1)
    start = np.take_along_axis(poured, below, axis=1)
    part = ratio(np.arange(MOST + 1)[None, :] - start, np.take_along_axis(poured, above, axis=1) - start)
    low = np.take_along_axis(net, below, axis=1)
    step = np.take_along_axis(net, above, axis=1) - low
    return low + np.where(np.isnan(part), 0.0, part) * step
