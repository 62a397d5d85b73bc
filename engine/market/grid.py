"""Columns by time slot on one axis that all rows share: seconds of the tape, minutes of liquidations, 15m slots.

Used by the stores of this room. The axis moves on with event time; slots come to rest as contiguous columns, so that
the last `width` slots of all rows are a slice and reading them copies nothing. What is older than the axis is
refused with column -1, never folded into a slot that is not its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int32]


class Grid:
    """`values[field, row, column]` and `counts[field, row, column]` over one moving time axis.

    `width` slots are read at once; `slack` more are kept before them and left free after them, so that the columns
    are moved only once in `slack` slots.
    """

    def __init__(self, width: int, slack: int, values: int, counts: int = 0, fill: float = 0.0) -> None:
        self.width = width
        self.columns = width + 2 * slack
        self.first = 0
        """Slot number of column 0; means nothing before the first slot was asked for."""
        self.fill = fill
        self.values: Floats = self._blank(values, 0)
        self.counts: Counts = np.zeros((counts, 0, self.columns), dtype=np.int32)
        self._kept = width + slack
        self._used = 0
        self._started = False

    def reserve(self, used: int, capacity: int) -> None:
        """Make room for `capacity` rows of which `used` are in use.

        May replace the arrays: whoever holds views of them takes new ones.
        """
        fields, rows, _ = self.values.shape
        if capacity > rows:
            held = self._touched()
            values = self._blank(fields, capacity)
            counts = np.zeros((len(self.counts), capacity, self.columns), dtype=np.int32)
            values[:, held] = self.values[:, held]
            counts[:, held] = self.counts[:, held]
            self.values, self.counts = values, counts
        self._used = used

    def column(self, slot: int) -> int:
        """Column of a slot, moving the axis on for a newer one; -1: older than what is kept."""
        column = slot - self.first
        if 0 <= column < self.columns and self._started:
            return column
        if self._started and column < 0:
            return -1
        self._advance(slot)
        return slot - self.first

    def window(self, last: int, rows: int) -> tuple[Floats, Counts]:
        """Values `[fields, rows, width]` and counts of the slots up to and with `last`, as views of the columns.

        Raises ValueError where `last` lies so far back that its slots are not all kept any more.
        """
        end = self.column(last) + 1
        if end < self.width:
            newest = self.first + self.columns
            raise ValueError(f"slot {last} lies too far back: the {self.width} slots up to it are gone (axis {newest})")
        return self.values[:, :rows, end - self.width : end], self.counts[:, :rows, end - self.width : end]

    def _blank(self, fields: int, rows: int) -> Floats:
        shape = (fields, rows, self.columns)
        # zeros are not touched before they are used, which keeps rows that only exist as capacity out of memory
        return np.zeros(shape) if self.fill == 0.0 else np.full(shape, self.fill)

    def _touched(self) -> list[int]:
        """Rows that hold anything. The others are blank as they stand: writing to them would only cost memory, and of a
        tape most rows stay blank for good."""
        held = np.zeros(self._used, dtype=np.bool_)
        for field in self.values:
            used = field[: self._used]
            held |= (used != 0.0).any(axis=1) if self.fill == 0.0 else ~np.isnan(used).all(axis=1)
        for counts in self.counts:
            held |= counts[: self._used].any(axis=1)
        rows: list[int] = np.flatnonzero(held).tolist()
        return rows

    def _advance(self, slot: int) -> None:
        first = slot - self._kept + 1
        by = first - self.first
        rows = self._touched() if self._started else ()
        kept = max(0, self.columns - by)
        for fields, fill in ((self.values, self.fill), (self.counts, 0)):
            for field in fields:
                for row in rows:
                    field[row, :kept] = field[row, self.columns - kept :].copy()
                    field[row, kept:] = fill
        self.first = first
        self._started = True
