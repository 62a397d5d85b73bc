"""Which of the kept levels are nearest to the live price, and what they are called.

Pure functions called by `engine.prism.structure` once a scan. The names go to charts, targets and stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.market.view import Floats
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
    """Nearest open blocks of one timeframe, `[rows]`, NaN where there is none."""

    below_top: Floats
    below_bottom: Floats
    below_strength: Floats
    below_atr: Floats
    """Distance from price down to the block's top in ATR14; 0 inside the block."""
    above_bottom: Floats
    above_top: Floats
    above_strength: Floats
    above_atr: Floats


def nearest_blocks(frame: Frame, price: Floats) -> Nearest:
    """The bullish block that price stands on or in, and the bearish one over it; beyond its middle a block is spent."""
    below = _nearest(price[:, None] - frame.bull_top, price[:, None] >= (frame.bull_top + frame.bull_bottom) / 2)
    above = _nearest(frame.bear_bottom - price[:, None], price[:, None] <= (frame.bear_top + frame.bear_bottom) / 2)
    rows = np.arange(len(price))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Nearest(
            below_top=np.where(below >= 0, frame.bull_top[rows, below], np.nan),
            below_bottom=np.where(below >= 0, frame.bull_bottom[rows, below], np.nan),
            below_strength=np.where(below >= 0, frame.bull_strength[rows, below], np.nan),
            below_atr=np.where(below >= 0, np.maximum(price - frame.bull_top[rows, below], 0) / frame.atr, np.nan),
            above_bottom=np.where(above >= 0, frame.bear_bottom[rows, above], np.nan),
            above_top=np.where(above >= 0, frame.bear_top[rows, above], np.nan),
            above_strength=np.where(above >= 0, frame.bear_strength[rows, above], np.nan),
            above_atr=np.where(above >= 0, np.maximum(frame.bear_bottom[rows, above] - price, 0) / frame.atr, np.nan),
        )


def _nearest(
    gap: Floats, standing: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Column of the least gap (below zero counts as zero, the newest wins ties) where `standing`; -1 where none is."""
    held = np.where(standing, np.maximum(gap, 0.0), np.inf)
    return np.where(np.isfinite(held.min(axis=1)), held.argmin(axis=1), -1)


def named_prices(price: Floats, profiles: Profiles, frames: dict[str, Frame], blocks: dict[str, Nearest]) -> Floats:
    """`[rows, LEVEL_NAMES]`, quote currency, NaN where there is no such level."""
    columns = [
        profiles.session_poc, profiles.session_high, profiles.session_low,
        profiles.day_poc, profiles.day_high, profiles.day_low,
    ]  # fmt: skip
    for name in SCORED:
        level = frames[name].level
        below = np.where(level <= price[:, None], level, -np.inf).max(axis=1, initial=-np.inf)
        above = np.where(level > price[:, None], level, np.inf).min(axis=1, initial=np.inf)
        columns += [np.where(np.isfinite(below), below, np.nan), np.where(np.isfinite(above), above, np.nan)]
    for name in SCORED:
        near = blocks[name]
        columns += [near.below_top, near.below_bottom, near.above_bottom, near.above_top]
    return np.column_stack(columns)
