"""Is this high? Where a raw reading stands among those of all symbols now, and among the symbol's own of late.

Owned by `engine.pipeline`, which hands in every scan's board; asked for the rows that somebody looks at. Nothing is
scored from it. The own history begins with the engine: it is not kept between runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.market.view import Bools, Floats, Ints
from engine.prism.board import COMPONENT_NAMES, Board, Status
from engine.prism.scales import rank_in_history

SAMPLE_MS: Final = 300_000
"""One sample of every reading in 5 minutes of event time, at the first scan in them."""
SAMPLES: Final = 144
"""12 hours of them."""
LEAST_SAMPLES: Final = 12
"""An hour of samples before a percentile of them means anything."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one row; by component `[C]`, 0..1, NaN where the component does not count."""

    universe: Floats
    """Mid-rank among the rankable rows whose component counts now."""
    own: Floats
    """Mid-rank among the row's own samples; NaN below `LEAST_SAMPLES` of them."""
    samples: Ints
    """Own samples there are."""


class Standings:
    """Samples of the raw readings of all rows."""

    def __init__(self) -> None:
        width = len(COMPONENT_NAMES)
        self._raw: NDArray[np.float32] = np.zeros((SAMPLES, 0, width), dtype=np.float32)
        self._slot: Ints = np.full(SAMPLES, -1, dtype=np.int64)

    def take(self, board: Board) -> None:
        """Sample the board if it is the first of its 5 minutes."""
        slot = board.at_ms // SAMPLE_MS
        place = slot % SAMPLES
        if self._slot[place] >= slot or not len(board.prism):
            return
        rows = len(board.prism)
        held = self._raw.shape[1]
        if rows > held:
            raw = np.full((SAMPLES, max(rows, 2 * held), self._raw.shape[2]), np.nan, dtype=np.float32)
            raw[:, :held] = self._raw
            self._raw = raw
        self._slot[place] = slot
        with np.errstate(over="ignore"):
            self._raw[place] = np.nan
            self._raw[place, :rows] = np.where(board.status == int(Status.OK), board.raw, np.nan)

    def of(self, board: Board, row: int, rankable: Bools) -> Standing:
        """Of one row of the newest board."""
        counts = board.status == int(Status.OK)
        raw = np.where(counts, board.raw, np.nan)
        # One row is asked for: ranking it against the columns costs a hundredth of ranking everybody.
        universe = rank_in_history(raw[row], raw[rankable].T)
        fresh = self._slot > board.at_ms // SAMPLE_MS - SAMPLES
        held = np.full((SAMPLES, raw.shape[1]), np.nan)
        if row < self._raw.shape[1]:
            held[fresh] = self._raw[fresh, row]
        samples = np.isfinite(held).sum(axis=0)
        # Compared as the samples were rounded, or a reading that never changed would stand above all of its own.
        with np.errstate(over="ignore"):
            now = raw[row].astype(np.float32).astype(np.float64)
        own = rank_in_history(now, held.T)
        return Standing(
            np.where(counts[row], universe, np.nan),
            np.where(counts[row] & (samples >= LEAST_SAMPLES), own, np.nan),
            samples.astype(np.int64),
        )
