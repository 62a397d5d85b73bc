"""The gates that a row must pass to be a candidate under a preset.

Pure functions on arrays over rows, called by `engine.ranking.ranker`. An unknown value is NaN and fails its gate.
Persistence is added by the ranker, since only it remembers earlier scans.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats
from engine.config.presets import Preset
from engine.ranking.result import GATES

Sides = NDArray[np.int8]

GATE_NAMES: Final[tuple[str, ...]] = tuple(name for name, _ in GATES)
GATE_INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(GATE_NAMES)}
ROUNDING: Final = 1e-9
"""Share of a limit within which a value counts as equal: the order of a sum may change it by that much."""
AGE_LIMIT_S: Final = 60.0
"""Limit of the age of the last trade or best quote, whichever is newer. A market that can be entered sends one of them
within seconds; a row without either for a minute is blind, whatever it scored before."""
CEILINGS: Final = frozenset({"age", "spread"})
"""Gates whose value must not exceed the limit; all others must reach it."""


def limits(preset: Preset) -> Floats:
    """Limit of every gate in the order of `GATES`, `[G]`."""
    by_name = {
        "age": AGE_LIMIT_S,
        "data": 1.0,
        "conviction": preset.min_conviction,
        "coverage": preset.min_coverage,
        "faces": float(preset.min_faces),
        "spread": preset.max_spread_bps,
        "depth": preset.min_depth_usd,
        "volume_24h": preset.min_volume_24h_usd,
        "reward_risk": preset.min_reward_risk,
        "persistence": float(preset.persistence),
    }
    return np.array([by_name[name] for name in GATE_NAMES], dtype=np.float64)


def passed(value: Floats, limit: Floats) -> Bools:
    """Which values pass, `[rows, G]`; NaN fails, except a 24 h volume whose limit is 0.

    A value that misses a limit only by `ROUNDING` passes: weights of 0.1, 0.2 and 0.3 are 0.6.
    """
    slack = ROUNDING * np.abs(limit)
    with np.errstate(invalid="ignore"):
        held: Bools = value >= limit - slack
        for name in CEILINGS:
            place = GATE_INDEX[name]
            held[:, place] = value[:, place] <= limit[place] + slack[place]
    volume = GATE_INDEX["volume_24h"]
    if limit[volume] == 0:
        held[:, volume] = True
    return held


def side_of(prism: Floats) -> Sides:
    """+1 above 50, -1 below, 0 at exactly 50 or without a score."""
    return np.asarray(np.sign(np.where(np.isnan(prism), 0.0, prism - 50)), dtype=np.int8)


def faces_agreeing(face_score: Floats, side: Sides) -> NDArray[np.int64]:
    """How many faces have a score on the side's half, `[rows]`; 0 without a side."""
    with np.errstate(invalid="ignore"):
        return np.asarray(((face_score - 50) * side[:, None] > 0).sum(axis=1), dtype=np.int64)
