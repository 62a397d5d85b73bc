"""Bars of all instruments since the world began, in ring buffers of fixed length, so that memory stays bounded.

`engine.simulator.market.driver` closes one minute at a time; the coarser rings are built from it. Bars older than a
ring exist only in the coarser rings.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.simulator.market.history import MINUTE_MS
from engine.simulator.market.past import WIDTH, Rows, merged

KEPT: Final[dict[int, int]] = {MINUTE_MS: 1_000, 300_000: 520, 900_000: 520, 3_600_000: 520, 14_400_000: 520}
"""Bars kept by length."""


class LiveBars:
    """Closed bars of every length in `KEPT`, and the closed minutes of the forming bars."""

    def __init__(self, instruments: int, start_ms: int) -> None:
        self.start_ms = start_ms // MINUTE_MS * MINUTE_MS
        """Open time of the first minute."""
        self.end_ms = self.start_ms
        """Every minute before this time is closed."""
        self._rings: dict[int, Rows] = {
            length: np.zeros((kept, instruments, WIDTH), dtype=np.int64) for length, kept in KEPT.items()
        }
        self._forming: dict[int, Rows] = {
            length: np.zeros((instruments, WIDTH), dtype=np.int64) for length in KEPT if length != MINUTE_MS
        }

    def close_minute(self, rows: Rows) -> None:
        """Close the minute that opens at `end_ms`; `rows` `[instruments, 9]` are its bars."""
        opened = self.end_ms
        self.end_ms = ended = opened + MINUTE_MS
        ring = self._rings[MINUTE_MS]
        ring[(opened // MINUTE_MS) % len(ring)] = rows
        for length, forming in self._forming.items():
            whole = rows if opened % length == 0 or opened == self.start_ms else merged(forming, rows)
            if ended % length:
                self._forming[length] = whole
                continue
            ring = self._rings[length]
            ring[(opened // length) % len(ring)] = whole
            self._forming[length] = np.zeros_like(whole)

    def forming(self, length_ms: int, row: int) -> Rows:
        """`[1, 9]`: the closed minutes of the forming bar; `[0, 9]` if there are none."""
        if self.end_ms % length_ms == 0 or self.end_ms == self.start_ms:
            return np.empty((0, WIDTH), dtype=np.int64)
        return self._forming[length_ms][row : row + 1]

    def all_forming(self, length_ms: int) -> Rows:
        """`[instruments, 9]`: the closed minutes of the forming bars, zeros if there are none."""
        return self._forming[length_ms]

    def oldest(self, length_ms: int) -> int:
        """Number (from the epoch) of the oldest kept bar; it may have opened before the world's start."""
        return max(self.start_ms // length_ms, self.end_ms // length_ms - KEPT[length_ms])

    def closed(self, length_ms: int, row: int, first: int, count: int) -> Rows:
        """`[count, 9]` closed bars from number `first` on; all must be kept."""
        ring = self._rings[length_ms]
        at = first % len(ring)
        if at + count <= len(ring):
            return ring[at : at + count, row].copy()
        return np.concatenate((ring[at:, row], ring[: at + count - len(ring), row]))
