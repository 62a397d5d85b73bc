"""Columns by time slot on one axis shared by all rows: seconds of the tape, minutes of liquidations, 15m slots.

Used by the stores of `engine.market`. The axis advances with event time. Slots are contiguous columns, so the last
`width` slots of all rows are a slice and reading them copies nothing. A slot older than the axis gets column -1: it
must never be folded into another slot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats

Counts = NDArray[np.int32]


class Grid:
    """`values[field, row, column]` and `counts[field, row, column]` over one moving time axis.

    `width` slots are read at once; `slack` more are kept before them and left free after them, so that the columns
    are shifted only once every `slack` slots.
    """

    def __init__(self, width: int, slack: int, values: int, counts: int = 0, fill: float = 0.0) -> None:
        self.width = width
        self.columns = width + 2 * slack
        self.first = 0
        """Slot number of column 0; meaningless before the first call of `column`."""
        self.fill = fill
        self.values: Floats = np.zeros((values, 0, self.columns))
        self.counts: Counts = np.zeros((counts, 0, self.columns), dtype=np.int32)
        self._kept = width + slack
        self._used = 0
        self._started = False

    def reserve(self, used: int, capacity: int) -> None:
        """Make room for `capacity` rows, `used` of them in use.

        May replace the arrays: callers that hold views must take new ones.
        """
        fields, rows, _ = self.values.shape
        if capacity > rows:
            # Fresh zeros are not backed by memory until written, so rows that are only capacity cost nothing.
            values = np.zeros((fields, capacity, self.columns))
            counts = np.zeros((len(self.counts), capacity, self.columns), dtype=np.int32)
            for old, new, fill in ((self.values, values, self.fill), (self.counts, counts, 0.0)):
                for place, field in enumerate(old):
                    held = self._written(field, fill) if fill == 0.0 else slice(0, self._used)
                    new[place, held] = field[held]
            self.values, self.counts = values, counts
        if self.fill != 0.0:
            self.values[:, self._used : used] = self.fill
        self._used = used

    def column(self, slot: int) -> int:
        """Column of a slot, advancing the axis for a newer one; -1: older than the axis."""
        column = slot - self.first
        if 0 <= column < self.columns and self._started:
            return column
        if self._started and column < 0:
            return -1
        self._advance(slot)
        return slot - self.first

    def whole(self, slot: int) -> int:
        """`slot`, or the oldest later one whose window is still complete. After the machine slept, the first event
        moves the axis past the time of a picture that is made before the next scan."""
        return max(slot, self.first + self.width - 1) if self._started else slot

    def window(self, last: int, rows: int) -> tuple[Floats, Counts]:
        """Values `[fields, rows, width]` and counts of the slots up to and with `last`, as views of the columns.

        Raises ValueError if `last` is so far back that not all of its slots are kept.
        """
        end = self.column(last) + 1
        if end < self.width:
            newest = self.first + self.columns
            raise ValueError(f"slot {last} lies too far back: the {self.width} slots up to it are gone (axis {newest})")
        return self.values[:, :rows, end - self.width : end], self.counts[:, :rows, end - self.width : end]

    def _written(self, field: Floats | Counts, fill: float) -> list[int]:
        """Rows of a field that hold anything. The others are blank already, and writing to them would only cost memory:
        most rows of a tape stay blank for good, and many that trade never have a large trade."""
        used = field[: self._used]
        held = used != 0 if fill == 0.0 else ~np.isnan(used)
        rows: list[int] = np.flatnonzero(held.any(axis=1)).tolist()
        return rows

    def _advance(self, slot: int) -> None:
        first = slot - self._kept + 1
        by = first - self.first
        kept = max(0, self.columns - by)
        for fields, fill in ((self.values, self.fill), (self.counts, 0.0)) if self._started else ():
            for field in fields:
                for row in self._written(field, fill):
                    field[row, :kept] = field[row, self.columns - kept :].copy()
                    field[row, kept:] = fill
        self.first = first
        self._started = True
