"""Volume-weighted average price over a rolling window, and the score of a price's distance to it.

Pure functions called by `engine.prism.structure_memory` (VWAP of rows with a new bar) and `engine.prism.structure`
(score against the live price).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats

WINDOW_BARS: Final[dict[str, int]] = {"5m": 96, "15m": 96, "4h": 42}
"""Bars per timeframe: 8 hours, 24 hours, 7 days. Rolling instead of anchored to a session, so that the value does not
jump at midnight UTC in a market without sessions."""

FEWEST_BARS: Final = 15
"""Bars below which a timeframe is warming."""

BAND_ATR: Final = 0.05
"""Half-width, in ATR14, of the band around VWAP in which the score crosses over linearly."""


def rolling_vwap(high: Floats, low: Floats, close: Floats, volume: Floats, bars: int) -> Floats:
    """Mean of (H+L+C)/3 weighted by volume over the newest `bars` columns, `[rows]`; NaN if nothing was traded.

    Inputs `[rows, bars]`, quote volume. Bars whose volume is not known are left out.
    """
    window = slice(max(0, high.shape[1] - bars), None)
    typical = (high[:, window] + low[:, window] + close[:, window]) / 3
    used = ~np.isnan(typical) & ~np.isnan(volume[:, window])
    weight = np.where(used, volume[:, window], 0.0)
    total = weight.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight * np.where(used, typical, 0.0)).sum(axis=1) / total
    return np.where(total > 0, mean, np.nan)


def vwap_score(price: Floats, vwap: Floats, atr: Floats) -> Floats:
    """0..100 for distance d of `price` to `vwap` in percent of price: above 75 - 50 d, below 25 + 50 d, clipped.

    Just above VWAP is bullish, and less so the more price is stretched; below mirrors. Within 0.05 ATR14 of VWAP the
    score is linear between the values at the ends of that band, so that it does not flicker when price crosses. All
    `[rows]`, NaN in, NaN out.
    """
    distance = (price - vwap) / price * 100
    band = BAND_ATR * atr / price * 100
    outside = 50 + np.sign(distance) * (25 - 50 * np.abs(distance))
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = 50 + np.where(band > 0, distance / band, 0.0) * (25 - 50 * band)
    return np.clip(np.where(np.abs(distance) < band, inside, outside), 0, 100)
