"""Percentiles of a raw reading: among all symbols now, and among the symbol's own recent readings.

Owned by `engine.pipeline`, which passes in every scan's board; computed only for rows on screen. Nothing is scored from
it. A symbol's own history begins with the engine: it is not kept between runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.prism.board import COMPONENT_NAMES, Board, Status
from engine.prism.scales import rank_in_history

SAMPLE_MS: Final = 300_000
"""One sample of every reading per 5 minutes of event time, at the first scan in them."""
SAMPLES: Final = 144
"""12 hours of them."""
LEAST_SAMPLES: Final = 12
"""An hour of samples needed for a percentile."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Percentiles of one row by component, `[C]`, 0..1, NaN if the component does not count, or its raw value is of
    another window or timeframe than the component's own."""

    universe: Floats
    """Mid-rank among the rankable rows whose component counts now, with a raw value of the same window."""
    own: Floats
    """Mid-rank among the row's own samples; NaN below `LEAST_SAMPLES` of them."""
    samples: Ints
    """Number of own samples."""


class Standings:
    """Samples of the raw readings of all rows."""

    def __init__(self) -> None:
        width = len(COMPONENT_NAMES)
        self._raw: NDArray[np.float32] = np.zeros((SAMPLES, 0, width), dtype=np.float32)
        self._slot: Ints = np.full(SAMPLES, -1, dtype=np.int64)
        self._rows: Ints = np.zeros(SAMPLES, dtype=np.int64)
        """Rows of each sample; those after them are uninitialised and take no memory."""

    def take(self, board: Board) -> None:
        """Sample the board if it is the first of its 5 minutes."""
        slot = board.at_ms // SAMPLE_MS
        place = slot % SAMPLES
        if self._slot[place] >= slot or not len(board.prism):
            return
        rows = len(board.prism)
        held = self._raw.shape[1]
        if rows > held:
            raw = np.empty((SAMPLES, max(rows, 2 * held), self._raw.shape[2]), dtype=np.float32)
            sampled = self._slot >= 0
            raw[sampled, :held] = self._raw[sampled]
            self._raw = raw
        self._slot[place], self._rows[place] = slot, rows
        with np.errstate(over="ignore"):
            self._raw[place, :rows] = np.where(_comparable(board), board.raw, np.nan)

    def of(self, board: Board, row: int, rankable: Bools) -> Standing:
        """Percentiles of one row of the newest board."""
        counts = _comparable(board)
        raw = np.where(counts, board.raw, np.nan)
        # Ranking one row against the columns costs a hundredth of ranking all rows.
        universe = rank_in_history(raw[row], raw[rankable].T)
        fresh = (self._slot > board.at_ms // SAMPLE_MS - SAMPLES) & (self._rows > row)
        held = np.full((SAMPLES, raw.shape[1]), np.nan)
        if fresh.any():
            held[fresh] = self._raw[fresh, row]
        samples = np.isfinite(held).sum(axis=0)
        # Rounded like the samples, or a reading that never changed would rank above or below all of its own.
        with np.errstate(over="ignore"):
            now = raw[row].astype(np.float32).astype(np.float64)
        own = rank_in_history(now, held.T)
        return Standing(
            np.where(counts[row], universe, np.nan),
            np.where(counts[row] & (samples >= LEAST_SAMPLES), own, np.nan),
            samples.astype(np.int64),
        )


def _comparable(board: Board) -> Bools:
    """`[rows, C]` the component counts and its raw value is of the component's own window."""
    counts: Bools = board.status == int(Status.OK)
    for column, name in enumerate(COMPONENT_NAMES):
        others = board.readings[name].other_units
        counts[np.fromiter(others, dtype=np.int64), column] = False
    return counts
