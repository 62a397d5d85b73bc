"""The kept levels nearest to the live price, and their names.

Pure functions called by `engine.prism.structure` and `engine.prism.structure_memory` once a scan. The names go to
charts, targets and stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.timeframes import SCORED

if TYPE_CHECKING:
    from engine.prism.structure_memory import Frame, Profiles

PROFILE_NAMES: Final = ("POC session", "VAH session", "VAL session", "POC 24h", "VAH 24h", "VAL 24h")
SWING_NAMES: Final = tuple(f"swing {side} {name}" for name in SCORED for side in ("below", "above"))
BLOCK_NAMES: Final = tuple(
    f"{edge} {name}"
    for name in SCORED
    for edge in ("bull block top", "bull block bottom", "bear block bottom", "bear block top")
)
LEVEL_NAMES: Final[tuple[str, ...]] = (*PROFILE_NAMES, *SWING_NAMES, *BLOCK_NAMES)
"""Columns of `StructureMemory.prices`."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """Nearest open blocks of each scored timeframe, `[3, rows]`, NaN if there is none."""

    below_top: Floats
    below_bottom: Floats
    below_strength: Floats
    below_atr: Floats
    """Distance from price down to the block's top in ATR14; 0 inside the block."""
    above_bottom: Floats
    above_top: Floats
    above_strength: Floats
    above_atr: Floats


def nearest_blocks(stack: Frame, price: Floats) -> Nearest:
    """The nearest bullish block under or around price, and bearish block over or around it; a block counts only while
    price has not crossed its middle.

    `stack` holds all scored timeframes, `[3, rows]` or `[3, kept, rows]`.
    """
    below = _nearest(price - stack.bull_top, price >= (stack.bull_top + stack.bull_bottom) / 2)
    above = _nearest(stack.bear_bottom - price, price <= (stack.bear_top + stack.bear_bottom) / 2)
    bull_top, bear_bottom = _chosen(stack.bull_top, below), _chosen(stack.bear_bottom, above)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Nearest(
            below_top=bull_top,
            below_bottom=_chosen(stack.bull_bottom, below),
            below_strength=_chosen(stack.bull_strength, below),
            below_atr=np.maximum(price - bull_top, 0) / stack.atr,
            above_bottom=bear_bottom,
            above_top=_chosen(stack.bear_top, above),
            above_strength=_chosen(stack.bear_strength, above),
            above_atr=np.maximum(bear_bottom - price, 0) / stack.atr,
        )


def _nearest(gap: Floats, standing: Bools) -> Ints:
    """The kept block with the least gap (below zero counts as zero, the newest wins ties) among those `standing`, as an
    index `[3, rows]` into the flat stack; -1 if none is."""
    held = np.where(standing, np.maximum(gap, 0.0), np.inf)
    frames, _, rows = held.shape
    place = held.argmin(axis=1)
    flat = (np.arange(frames)[:, None] * held.shape[1] + place) * rows + np.arange(rows)
    return np.where(np.isfinite(held.reshape(-1)[flat]), flat, -1)


def _chosen(values: Floats, flat: Ints) -> Floats:
    """The chosen of `values [3, kept, rows]`, NaN if none was."""
    return np.where(flat >= 0, values.reshape(-1)[flat], np.nan)


def _around(ascending: Floats, price: Floats) -> tuple[Floats, Floats]:
    """Nearest of `ascending [3, kept, rows]` (NaN last) not above and above `price`, `[3, rows]`, NaN if none is."""
    frames, kept, rows = ascending.shape
    under = (ascending <= price).sum(axis=1)
    flat, column = ascending.reshape(-1), np.arange(frames)[:, None] * kept * rows + np.arange(rows)
    below = np.where(under > 0, flat[column + np.maximum(under - 1, 0) * rows], np.nan)
    above = np.where(under < kept, flat[column + np.minimum(under, kept - 1) * rows], np.nan)
    return below, np.where(np.isnan(price), np.nan, above)


def named_prices(price: Floats, profiles: Profiles, stack: Frame, blocks: Nearest) -> Floats:
    """`[rows, LEVEL_NAMES]`, quote currency, NaN if there is no such level."""
    columns = np.empty((len(LEVEL_NAMES), len(price)))
    held = [
        profiles.session_poc, profiles.session_high, profiles.session_low,
        profiles.day_poc, profiles.day_high, profiles.day_low,
    ]  # fmt: skip
    columns[: len(PROFILE_NAMES)] = held
    swing = columns[len(PROFILE_NAMES) : len(PROFILE_NAMES) + len(SWING_NAMES)]
    swing[0::2], swing[1::2] = _around(stack.level_ascending, price)
    edges = columns[len(PROFILE_NAMES) + len(SWING_NAMES) :]
    for place, each in enumerate((blocks.below_top, blocks.below_bottom, blocks.above_bottom, blocks.above_top)):
        edges[place::4] = each
    return columns.T
