"""The last readings of a series by their own time: settled funding rates, long/short ratios.

Used by `engine.market.derivatives`. Readings may arrive in any order and more than once (a backfill after live data,
overlapping responses); the columns are the same in any order.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats, Ints
from engine.market.columns import roomier


class History:
    """`values[row, series, width]` ascending by time, right-aligned, NaN-padded; `times` alike, -1-padded."""

    def __init__(self, width: int, series: int = 1) -> None:
        self.width = width
        self.values: Floats = np.zeros((0, series, width))
        self.times: Ints = np.zeros((0, series, width), dtype=np.int64)
        self._rows = 0
        self._frozen: tuple[Floats, Ints] | None = None
        """The last result of `frozen`, until a reading arrives."""

    def add_row(self, capacity: int) -> None:
        """One more row; the columns have room for `capacity` rows."""
        row = self._rows
        if capacity > len(self.values):
            self.values = roomier(self.values, capacity, row)
            self.times = roomier(self.times, capacity, row)
        self.values[row] = np.nan
        self.times[row] = -1
        self._rows = row + 1

    def put(self, row: int, ts_ms: int, value: float, series: int = 0) -> None:
        """Insert a reading at its time. One of the same time is replaced; one older than a full history is dropped."""
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

    def frozen(self, rows: int) -> tuple[Floats, Ints]:
        """Values and times `[rows, width]` of the first series, read-only: the same arrays until a reading arrives or a
        row is added."""
        held = self._frozen
        if held is None or len(held[0]) != rows:
            held = self._frozen = self.values[:rows, 0].copy(), self.times[:rows, 0].copy()
            for columns in held:
                columns.flags.writeable = False
        return held
