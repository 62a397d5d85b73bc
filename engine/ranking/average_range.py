"""ATR14 of every row on the timeframes that presets lay their levels from, computed anew only where a bar closed.

Owned by `engine.ranking.ranker`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.indicators.volatility import atr
from engine.market.view import Bars

Floats = NDArray[np.float64]

WINDOW_BARS: Final = 250
"""Bars the Wilder average runs over; what lies before weighs below 1e-7 of it."""


class AverageRanges:
    """Newest ATR14 by timeframe, `[rows]`, NaN below 15 bars."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[NDArray[np.int64], Floats]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._held = {}

    def of(self, timeframe: str, bars: Bars) -> Floats:
        """ATR14 of the closed bars, in quote currency."""
        rows = len(bars.revision)
        revision, ranges = self._held.get(timeframe, (np.zeros(0, dtype=np.int64), np.zeros(0)))
        if len(revision) < rows:
            missing = rows - len(revision)
            revision = np.concatenate([revision, np.full(missing, -1, dtype=np.int64)])
            ranges = np.concatenate([ranges, np.full(missing, np.nan)])
        changed = np.flatnonzero(revision != bars.revision)
        if len(changed):
            recent = slice(max(0, bars.close.shape[1] - WINDOW_BARS), None)
            ranges = ranges.copy()
            newest = atr(bars.high[changed, recent], bars.low[changed, recent], bars.close[changed, recent], 14)
            ranges[changed] = newest[:, -1]
            revision = bars.revision.copy()
        self._held[timeframe] = (revision, ranges)
        return ranges
