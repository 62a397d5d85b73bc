"""One instrument's view of its asset's history: log prices and shares of daily volume to whole ticks, steps and fills.

Prices are mapped by one monotone function and volumes by rounding running totals, so that bars of any interval add up
exactly. Rows are `[bars, 9]` in the columns named here. Used by `engine.simulator.market.candles` and its neighbours.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.simulator.market.history import BLOCK_MS, MAX_BLOCKS, AssetHistory, Path

Rows = NDArray[np.int64]

OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
STEPS: Final = 4
BUY: Final = 5
QUOTE: Final = 6
BUY_QUOTE: Final = 7
FILLS: Final = 8
WIDTH: Final = 9


class Past:
    """The history of one instrument."""

    __slots__ = ("_fills", "_start_ticks", "_steps", "history")

    def __init__(self, history: AssetHistory, start_ticks: float, steps_a_day: float, fills_a_day: float) -> None:
        self.history = history
        self._start_ticks = start_ticks
        self._steps = steps_a_day
        self._fills = fills_a_day

    def ticks(self, level: Floats) -> NDArray[np.int64]:
        """Log prices of the asset's path as ticks of this instrument, at least 1."""
        prices = np.rint(np.exp(level - self.history.level) * self._start_ticks)
        return np.maximum(prices, 1.0).astype(np.int64)

    def fine_ticks(self, level: Floats) -> NDArray[np.int64]:
        """The same in hundredths of a tick."""
        return np.rint(np.exp(level - self.history.level) * (100.0 * self._start_ticks)).astype(np.int64)

    def oldest_ms(self) -> int:
        """The start of the history."""
        return (self.history.end_ms // BLOCK_MS - MAX_BLOCKS + 2) * BLOCK_MS

    def rows(self, length_ms: int, first: int, count: int) -> Rows:
        """`count` bars of a length in `LADDER` from number `first` on; all must open before the world's start."""
        return self.mapped(self.history.bars(length_ms, first, count))

    def mapped(self, path: Path) -> Rows:
        """The asset's bars as this instrument's."""
        rows = np.empty((len(path), WIDTH), dtype=np.int64)
        prices = self.ticks(np.stack((path.open, path.high, path.low, path.close)))
        rows[:, OPEN : CLOSE + 1] = prices.T
        worth = self._steps * self._start_ticks * np.exp(-self.history.level)
        bought, sold = np.floor(path.sums[:2] * self._steps)
        bought_quote, sold_quote = np.floor(path.sums[2:] * worth)
        fills = np.floor((path.sums[0] + path.sums[1]) * self._fills)
        rows[:, BUY] = np.diff(bought)
        rows[:, STEPS] = rows[:, BUY] + np.diff(sold).astype(np.int64)
        rows[:, BUY_QUOTE] = np.diff(bought_quote)
        rows[:, QUOTE] = rows[:, BUY_QUOTE] + np.diff(sold_quote).astype(np.int64)
        rows[:, FILLS] = np.diff(fills)
        return rows


def merged(first: Rows, second: Rows) -> Rows:
    """Bars of two consecutive periods merged row by row; `[instruments, 9]` each, `second` is the later."""
    return grouped(np.stack((first, second), axis=1).reshape(-1, WIDTH), 2)


def grouped(rows: Rows, by: int) -> Rows:
    """Every `by` rows, oldest first, merged into one; `len(rows)` must be a multiple of `by`.

    A row without trades repeats the previous close and contributes only its close.
    """
    if by == 1:
        return rows
    shaped = rows.reshape(-1, by, WIDTH)
    out: Rows = shaped.sum(axis=1)
    high, low = shaped[:, :, HIGH], shaped[:, :, LOW]
    void = (shaped[:, :, STEPS] == 0) & (high == low)
    # In a group without any trades all rows have the same close, so any of them serves.
    counts = ~void | void.all(axis=1, keepdims=True)
    out[:, OPEN] = shaped[np.arange(len(shaped)), counts.argmax(axis=1), OPEN]
    out[:, HIGH] = np.where(counts, high, 0).max(axis=1)
    out[:, LOW] = np.where(counts, low, np.iinfo(np.int64).max).min(axis=1)
    out[:, CLOSE] = shaped[:, -1, CLOSE]
    return out
