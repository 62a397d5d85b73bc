"""ATR14 of every row on the presets' level timeframes, recomputed only for rows with a new bar.

Owned by `engine.ranking.ranker`. A row too young for its timeframe takes a finer one, so that a coin has levels a
quarter of an hour after it was listed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.indicators.volatility import atr
from engine.market.view import Bars

WINDOW_BARS: Final = 250
"""Bars the Wilder average runs over; all earlier bars weigh below 1e-7."""


class AverageRanges:
    """Newest ATR14 by timeframe, `[rows]`, NaN below 15 bars."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[NDArray[np.int64], Floats]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._held = {}

    def standing_in(self, timeframe: str, bars: Mapping[str, Bars]) -> tuple[Floats, dict[int, str]]:
        """ATR14 of `timeframe`, or of the coarsest finer one if it has too few bars; and by row, a note of the latter.

        The substitute is scaled by the root of the ratio of the intervals, as the range of a random walk grows.
        """
        wanted = bars[timeframe]
        ranges, notes = self.of(timeframe, wanted), dict[int, str]()
        finer = [name for name, one in bars.items() if one.interval_ms < wanted.interval_ms]
        for name in sorted(finer, key=lambda name: -bars[name].interval_ms):
            lacking = np.isnan(ranges)
            if not lacking.any():
                break
            growth = math.sqrt(wanted.interval_ms / bars[name].interval_ms)
            found = self.of(name, bars[name]) * growth
            taken = np.flatnonzero(lacking & (found > 0.0))
            ranges = np.where(lacking & (found > 0.0), found, ranges)
            notes |= dict.fromkeys(
                taken.tolist(), f"too few {timeframe} bars: ATR14 of {name} x {growth:.2f} is used instead"
            )
        return ranges, notes

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
