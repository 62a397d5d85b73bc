"""The score board: every component of every face for every row, with its account.

Written by `engine.prism.score`, read by the ranking, the snapshot and the explanation. Whatever is
shown adds up because it is this and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Status(IntEnum):
    """Why a component counts or does not."""

    OK = 0
    WARMING = 1
    """Not enough closed bars or history yet."""
    STALE = 2
    """Its source is older than that source's limit."""
    MISSING = 3
    """The venue does not publish it, or the feed is down."""


FACES: Final[tuple[str, ...]] = ("technical", "volume", "orderflow", "orderbook", "structure", "sentiment")

COMPONENTS: Final[dict[str, dict[str, float]]] = {
    "technical": {"rsi": 0.20, "ao": 0.20, "macd": 0.15, "williams_r": 0.15, "cci": 0.15, "atr": 0.15},
    "volume": {
        "volume_delta": 0.20,
        "adl": 0.15,
        "cmf": 0.15,
        "relative_volume": 0.20,
        "obv": 0.15,
        "divergence": 0.15,
    },
    "orderflow": {"trade_flow": 0.40, "market_making": 0.30, "toxicity": 0.30},
    "orderbook": {"imbalance": 0.35, "liquidity": 0.35, "impact": 0.30},
    "structure": {
        "order_block": 0.25,
        "value_area": 0.20,
        "vwap": 0.20,
        "support_resistance": 0.20,
        "position_heat": 0.15,
    },
    "sentiment": {
        "long_short_ratio": 0.20,
        "funding": 0.15,
        "funding_volatility": 0.10,
        "liquidations": 0.15,
        "volume_sentiment": 0.10,
        "mood": 0.15,
        "risk": 0.15,
    },
}
"""Faces in order, their components in order, and each component's weight in its face (sums to 1)."""

COMPONENT_NAMES: Final[tuple[str, ...]] = tuple(name for face in FACES for name in COMPONENTS[face])
COMPONENT_INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(COMPONENT_NAMES)}
FACE_OF: Final[tuple[int, ...]] = tuple(i for i, face in enumerate(FACES) for _ in COMPONENTS[face])
TIMEFRAMES: Final[tuple[str, ...]] = ("5m", "15m", "4h")


@dataclass(frozen=True, slots=True)
class Input:
    """One number a component was computed from."""

    name: str
    value: float
    """NaN: not known."""
    unit: str
    age_ms: int | None
    """Event-time age at the scan; None where it has no time of its own (a constant of the venue)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One component for all rows, as a face computed it, before the account.

    All arrays `[rows]` unless said otherwise. `score` is NaN wherever `status` is not OK.
    """

    raw: Floats
    unit: str
    score: Floats
    status: NDArray[np.int8]
    timeframes: Floats | None = None
    """`[rows, 3]` score on 5m, 15m and 4h, NaN while warming; None for components without timeframes."""
    divergence: Floats | None = None
    notes: Mapping[int, str] = field(default_factory=dict)
    """By row, the reason of a status, or a label such as `from candles`."""
    inputs: dict[str, tuple[Floats, str, NDArray[np.int64] | None]] = field(default_factory=dict)
    """By name, what it was computed from: values `[rows]`, unit, event time in ms `[rows]` or None."""
    sources: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """By name of an input and row, whose figure it is where not the row's own: an instrument, venues, the market."""


@dataclass(frozen=True, slots=True)
class Board:
    """All components `[rows, C]`, all faces `[rows, F]` and the prism `[rows]` of one scan."""

    at_ms: int
    raw: Floats
    units: tuple[str, ...]
    """By component."""
    score: Floats
    """As the component computed it; NaN unless its status is OK."""
    divergence: Floats
    """0 where there is none."""
    adjusted: Floats
    """clip(score + divergence, 0, 100)."""
    weight: Floats
    """In force: renormalised over the OK components of the face; 0 for the others."""
    impact: Floats
    """weight * adjusted; 0 for components that do not count."""
    status: NDArray[np.int8]
    timeframes: Floats
    """`[rows, C, 3]`."""
    face_score: Floats
    """`[rows, F]`; NaN where no component of the face is OK."""
    face_weight: Floats
    """In force: renormalised over the faces that have a score."""
    face_impact: Floats
    face_divergence: Floats
    face_coverage: Floats
    """Share of the face's nominal weight that is OK."""
    prism: Floats
    """`[rows]`, 0..100, NaN where no face has a score."""
    coverage: Floats
    """`[rows]` share of the total nominal weight (face weight * component weight) that is OK."""
    readings: dict[str, Reading]
    """By component name: notes and inputs, for explanations."""
