"""The ranking of one preset: sides, gates, levels and order, as arrays over rows.

Written by `engine.ranking.ranker` and carried to the console inside a snapshot, one per preset, so that switching
presets needs no computation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Ints
from engine.prism.board import Board

GATES: Final[tuple[tuple[str, str], ...]] = (
    ("age", "s"),
    ("data", "scored"),
    ("conviction", "points"),
    ("coverage", "frac"),
    ("faces", "count"),
    ("spread", "bps"),
    ("depth", "usd"),
    ("volume_24h", "usd"),
    ("reward_risk", "ratio"),
    ("persistence", "scans"),
)
"""Name and unit of every gate, in the order in which they are reported; the first failed gate is the veto.

A gate with an unknown value fails and says so: an unknown spread is not a narrow one. A volume gate with a limit of 0
passes without a value.
"""


class LevelStatus(IntEnum):
    """Whether the levels can be used."""

    OK = 0
    STALE = 1
    """Price has already reached TP1 or the stop."""
    WARMING = 2
    """Fewer than 15 closed bars of the level timeframe."""
    MISSING = 3
    """No side or price to compute them from, or no valid levels; `Levels.notes` says which."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Entry, stop and targets, quote currency, rounded to the tick so that risk is never understated."""

    status: NDArray[np.int8]
    entry: Floats
    stop: Floats
    target: Floats
    """`[rows, 3]`."""
    risk: Floats
    """R = |entry - stop|."""
    atr: Floats
    atr_timeframe: str
    reward_risk_net: Floats
    """`[rows, 3]` reward/risk to each target, net of taker fees on both sides and half the spread."""
    depth_1pct_usd: Floats
    """`[rows]` notional within 1 % of mid on the thinner side; a lower bound if the book ends sooner."""
    fixed_ms: Ints
    """`[rows]` event time at which they were fixed; -1: they are recomputed each scan."""
    notes: dict[int, str] = field(default_factory=dict)
    """By row, the reason of a status, or how the levels were computed without a quote, a tick or enough bars."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One preset's verdict on every row."""

    preset: str
    side: NDArray[np.int8]
    """+1 long, -1 short, 0 neither (no score, or exactly 50)."""
    conviction: Floats
    """|prism - 50| * 2."""
    faces_agreeing: NDArray[np.int64]
    gate_value: Floats
    """`[rows, G]`; NaN: not known."""
    gate_limit: Floats
    """`[G]`."""
    gate_passed: NDArray[np.bool_]
    """`[rows, G]`."""
    levels: Levels
    candidates: Ints
    """Row numbers by rank: all gates passed; ties by venue and symbol."""
    vetoed: Ints
    """The other rankable rows, highest conviction first."""
    board: Board | None = None
    """The scan's board under this preset's own face weights; None: it has none, and the snapshot's board is used."""
