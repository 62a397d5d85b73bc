"""The last prints of each row, packed: the console's list of trades.

Filled by `engine.market.tape` for every trade. A trade as a `Trade` record takes over 300 bytes, and 200 of them for
each of hundreds of symbols were a tenth of the engine's memory; here one takes 25.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

import numpy as np

RECENT: Final = 200
"""Prints kept by row: enough to fill a screen several times."""
CELL: Final = Struct("=qdd?")
WIDTH: Final = RECENT * CELL.size


class Print(NamedTuple):
    """One trade in the list."""

    ts_ms: int
    price: float
    size: float
    """Base currency; NaN if the contract size is not known."""
    taker_buy: bool


class Prints:
    """A ring of prints for each row."""

    def __init__(self) -> None:
        self._rings = np.zeros((0, WIDTH), dtype=np.uint8)
        self._memory = self._rings.reshape(-1).data
        self._taken: list[int] = []
        """By row, prints taken so far."""

    def add_row(self, capacity: int) -> None:
        """One more row; there is room for `capacity` rows, and unwritten room takes no memory."""
        if capacity > len(self._rings):
            rings = np.zeros((capacity, WIDTH), dtype=np.uint8)
            used = [row for row, taken in enumerate(self._taken) if taken]
            rings[used] = self._rings[used]
            self._rings = rings
            self._memory = rings.reshape(-1).data
        self._taken.append(0)

    def put(self, row: int, ts_ms: int, price: float, size: float, taker_buy: bool) -> None:
        """Store a print over the oldest."""
        taken = self._taken[row]
        CELL.pack_into(self._memory, row * WIDTH + taken % RECENT * CELL.size, ts_ms, price, size, taker_buy)
        self._taken[row] = taken + 1

    def of(self, row: int) -> tuple[Print, ...]:
        """Prints of one row, newest event time first; at equal times, the later arrival first."""
        taken = self._taken[row]
        held = [Print(*values) for values in CELL.iter_unpack(self._rings[row].tobytes())]
        oldest = taken % RECENT if taken > RECENT else 0
        arrived = held[oldest:taken] + held[:oldest]
        arrived.reverse()
        return tuple(sorted(arrived, key=lambda one: -one.ts_ms))
