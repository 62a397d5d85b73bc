"""Volume buckets and VPIN: how one-sided equal portions of a symbol's volume are.

Used by `engine.market.tape` for every trade of a symbol quoted in dollars. After Easley, Lopez de Prado and O'Hara,
"Flow Toxicity and Liquidity in a High-Frequency World" (2012), with the taker side stated by the venue instead of bulk
classification. A bucket holds 1/50 of the 24 h volume at the time it was opened; a trade that overfills it continues in
the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.market.columns import roomier

BUCKETS_A_DAY: Final = 50
VPIN_BUCKETS: Final = 50
VPIN_HISTORY: Final = 200


class VolumeBuckets:
    """Buckets of all rows. `volume_24h_usd(row)` returns the trailing 24 h volume in dollars, NaN if not known."""

    def __init__(self, volume_24h_usd: Callable[[int], float]) -> None:
        self._volume = volume_24h_usd
        self.imbalance: Floats = np.zeros((0, VPIN_BUCKETS))
        """`[rows, 50]` (buy - sell) / volume of the newest full buckets, right-aligned, NaN-padded."""
        self.vpin: Floats = np.zeros((0, VPIN_HISTORY))
        """`[rows, 200]` mean |imbalance| of 50 buckets after each full one, right-aligned, NaN-padded."""
        self.full: list[int] = []
        """Full buckets so far, by row."""
        self._room: list[float] = []
        self._size: list[float] = []
        self._signed: list[float] = []
        self._closed: list[bool] = []
        """By row, whether its 24 h volume was unknown when looked up since `reopen`."""

    def add_row(self, capacity: int) -> None:
        """One more row; the columns have room for `capacity` rows."""
        row = len(self.full)
        if capacity > len(self.imbalance):
            self.imbalance = roomier(self.imbalance, capacity, row)
            self.vpin = roomier(self.vpin, capacity, row)
        self.imbalance[row] = self.vpin[row] = np.nan
        self.full.append(0)
        self._room.append(0.0)
        self._size.append(0.0)
        self._signed.append(0.0)
        self._closed.append(False)

    def reopen(self, row: int) -> None:
        """Let the next trade look up the row's 24 h volume again; called once a second, since that is expensive."""
        self._closed[row] = False

    def apply(self, row: int, notional_usd: float, taker_buy: bool) -> None:
        """Add a trade to the row's buckets. Without a known 24 h volume no bucket is opened."""
        room = self._room[row]
        if notional_usd < room:
            self._room[row] = room - notional_usd
            self._signed[row] += notional_usd if taker_buy else -notional_usd
        elif notional_usd > 0.0 and not self._closed[row]:
            self._overfill(row, notional_usd, 1.0 if taker_buy else -1.0)

    def _overfill(self, row: int, rest: float, sign: float) -> None:
        room = self._room[row]
        if room > 0.0:
            self._signed[row] += sign * room
            rest -= room
            self._close(row, self._signed[row] / self._size[row])
        size = self._volume(row) / BUCKETS_A_DAY
        if not 0.0 < size < math.inf:
            self._room[row] = 0.0
            self._closed[row] = True
            return
        filled, rest = divmod(rest, size)
        whole = int(filled)
        # beyond what the columns can hold, further one-sided buckets change nothing but the count
        shown = min(whole, VPIN_BUCKETS + VPIN_HISTORY)
        self.full[row] += whole - shown
        for _ in range(shown):
            self._close(row, sign)
        self._size[row] = size
        self._room[row] = size - rest
        self._signed[row] = sign * rest

    def _close(self, row: int, imbalance: float) -> None:
        last = self.imbalance[row]
        last[:-1] = last[1:]
        last[-1] = min(1.0, max(-1.0, imbalance))
        self.full[row] += 1
        if self.full[row] >= VPIN_BUCKETS:
            history = self.vpin[row]
            history[:-1] = history[1:]
            history[-1] = np.abs(last).mean()
