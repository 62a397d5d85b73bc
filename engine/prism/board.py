"""The score board: every component of every face for every row, with weights, impacts and sums.

Written by `engine.prism.score`; read by the ranking, the snapshot and the explanation. Everything shown must come from
here, so that it adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats

# Readers of a board name its columns by these.
from engine.prism.faces import COMPONENT_INDEX as COMPONENT_INDEX
from engine.prism.faces import COMPONENT_NAMES as COMPONENT_NAMES
from engine.prism.faces import COMPONENTS as COMPONENTS
from engine.prism.faces import FACE_OF as FACE_OF
from engine.prism.faces import FACES as FACES
from engine.prism.faces import TIMEFRAMES as TIMEFRAMES


class Status(IntEnum):
    """Why a component counts or does not."""

    OK = 0
    WARMING = 1
    """Not enough closed bars or history yet."""
    STALE = 2
    """Its source is older than that source's limit."""
    MISSING = 3
    """The venue does not publish it, or the feed is down."""


@dataclass(frozen=True, slots=True)
class Input:
    """One number a component was computed from."""

    name: str
    value: float
    """NaN: not known."""
    unit: str
    age_ms: int | None
    """Event-time age at the scan; None if it has no time of its own (a constant of the venue)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One component for all rows, as a face computed it, before weighting.

    All arrays `[rows]` unless stated otherwise. `score` is NaN wherever `status` is not OK.
    """

    raw: Floats
    unit: str
    score: Floats
    status: NDArray[np.int8]
    timeframes: Floats | None = None
    """`[rows, 3]` score on 5m, 15m and 4h, NaN if that timeframe does not count; None for components without
    timeframes."""
    divergence: Floats | None = None
    notes: Mapping[int, str] = field(default_factory=dict)
    """By row, the reason of a status, or a label such as `from candles`."""
    inputs: dict[str, tuple[Floats, str, NDArray[np.int64] | None]] = field(default_factory=dict)
    """By name, the inputs it was computed from: values `[rows]`, unit, event time in ms `[rows]` or None."""
    sources: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """By input and row, the source of a figure that is not the row's own: an instrument, venues, the market."""
    other_units: Mapping[int, str] = field(default_factory=dict)
    """By row, the unit of a raw value that is of another window or timeframe than `unit` says. Such a value is not
    ranked among those of the other rows."""


@dataclass(frozen=True, slots=True)
class Board:
    """All components `[rows, C]`, all faces `[rows, F]` and the prism score `[rows]` of one scan."""

    at_ms: int
    raw: Floats
    units: tuple[str, ...]
    """By component."""
    score: Floats
    """As the component computed it; NaN unless its status is OK."""
    divergence: Floats
    """0 if there is none."""
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
    """`[rows, F]`; NaN if no component of the face is OK."""
    face_weight: Floats
    """In force: renormalised over the faces that have a score."""
    face_impact: Floats
    face_divergence: Floats
    face_coverage: Floats
    """Share of the face's nominal weight that is OK."""
    prism: Floats
    """`[rows]`, 0..100, NaN if no face has a score."""
    coverage: Floats
    """`[rows]` share of the total nominal weight (face weight * component weight) that is OK."""
    readings: dict[str, Reading]
    """By component name: notes and inputs, for explanations."""

    def unit(self, row: int, column: int) -> str:
        """Unit of the raw value of a row and a component."""
        return self.readings[COMPONENT_NAMES[column]].other_units.get(row, self.units[column])
