"""The last readings of a series by their own time: settled funding rates, long/short ratios.

Used by `engine.market.derivatives`. Readings may come in any order and more than once (a backfill after live, two
answers that overlap); the columns are the same whatever the order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class History:
    """`values[row, series, width]` ascending by time, right-aligned, NaN-padded; `times` alike, -1-padded."""

    def __init__(self, width: int, series: int = 1) -> None:
        self.width = width
        self.values: Floats = np.zeros((0, series, width))
        self.times: Ints = np.zeros((0, series, width), dtype=np.int64)
        self._frozen: Floats | None = None
        """What `frozen` answered last, while nothing came since."""

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` rows."""
        rows, series, width = self.values.shape
        if capacity <= rows:
            return
        values = np.full((capacity, series, width), np.nan)
        times = np.full((capacity, series, width), -1, dtype=np.int64)
        values[:rows] = self.values
        times[:rows] = self.times
        self.values, self.times = values, times

    def put(self, row: int, ts_ms: int, value: float, series: int = 0) -> None:
        """Insert a reading at its time; the same time again replaces; older than a full history is dropped."""
        times, values = self.times[row, series], self.values[row, series]
        at = int(np.searchsorted(times, ts_ms))
        if at == 0 and times[at] != ts_ms:
            return
        self._frozen = None
        if at < self.width and times[at] == ts_ms:
            values[at] = value
            return
        times[: at - 1] = times[1:at].copy()
        values[: at - 1] = values[1:at].copy()
        times[at - 1] = ts_ms
        values[at - 1] = value

    def frozen(self, rows: int) -> Floats:
        """`[rows, width]` of the first series, which nobody can write to: the same array until a reading comes."""
        held = self._frozen
        if held is None or len(held) != rows:
            held = self._frozen = self.values[:rows, 0].copy()
            held.flags.writeable = False
        return held
