"""Order blocks: the last opposite candle before a displacement, while price has not come back through it.

Pure functions on `[rows, bars]`, called by `engine.prism.structure_memory` for rows with a new bar. Only closed bars
come in; a block is known from the close of the displacing bar. Nothing here knows the live price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.prism.swings import newest_places

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DISPLACEMENT_ATR: Final = 1.5
"""Least body of the displacing bar, in ATR14 as it stood before that bar (the bar would raise its own yardstick)."""

VOLUME_BARS: Final = 20
"""Bars before the displacing one whose mean volume it must exceed."""

SEARCH_BARS: Final = 10
"""Bars before the displacement in which the opposite candle must lie, and over which its swing is judged."""

KEPT: Final = 6
"""Newest open blocks of each direction that are kept per row."""

VOLUME_SHARE: Final = 0.6
SWING_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Blocks:
    """Open blocks of one direction, `[rows, KEPT]`, newest first, NaN-padded. Prices in quote currency."""

    top: Floats
    bottom: Floats
    strength: Floats
    """0..1."""
    ago: Floats
    """Bars since the displacement."""


def order_blocks(bars: tuple[Floats, Floats, Floats, Floats], volume: Floats, atr: Floats) -> tuple[Blocks, Blocks]:
    """Open bullish and bearish blocks of (open, high, low, close), all `[rows, bars]`.

    A bar displaces where its body is at least 1.5 ATR14 and its volume above the mean of the 20 bars before it. Its
    block is the whole range of the newest candle of the opposite colour among the 10 bars before it. A block closes
    (is mitigated) when a later bar trades at its middle. strength = 0.6 * (1 - mean volume / volume of the
    displacement) + 0.4 * share of the 10 bars before the block that did not trade beyond its far edge (1: the block
    is the origin of the swing). Where two displacements share a block the first one defines it.
    """
    opened, high, low, close = bars
    # Bearish blocks are the bullish blocks of the mirrored market, so one definition serves both.
    bullish = _bullish(opened, high, low, close, volume, atr)
    mirrored = _bullish(-opened, -low, -high, -close, volume, atr)
    return bullish, Blocks(-mirrored.bottom, -mirrored.top, mirrored.strength, mirrored.ago)


def _bullish(opened: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, atr: Floats) -> Blocks:
    rows, width = close.shape
    mean = _mean_before(volume, VOLUME_BARS)
    body = close - opened
    displaced = (body > 0) & (body >= DISPLACEMENT_ATR * _shift(atr, 1)) & (volume > mean)
    row, bar = np.nonzero(displaced)
    opposite = np.maximum.accumulate(np.where(body < 0, np.arange(width)[None, :], -1), axis=1)
    origin = np.where(bar > 0, opposite[row, bar - 1], -1)
    valid = (origin >= 0) & (bar - origin <= SEARCH_BARS)
    row, bar, origin = row[valid], bar[valid], origin[valid]
    again = np.zeros(len(row), dtype=np.bool_)
    again[1:] = (row[1:] == row[:-1]) & (origin[1:] == origin[:-1])
    top, bottom = high[row, origin], low[row, origin]
    valid = ~again & (_low_after(low)[row, bar] > (top + bottom) / 2)
    row, bar, origin, top, bottom = row[valid], bar[valid], origin[valid], top[valid], bottom[valid]
    new, place = newest_places(row, rows, KEPT)
    row, bar, origin, place = row[new], bar[new], origin[new], place[new]
    strength = VOLUME_SHARE * (1 - mean[row, bar] / volume[row, bar]) + SWING_SHARE * _share_not_below(low, row, origin)
    made = [np.full((rows, KEPT), np.nan) for _ in range(4)]
    for held, values in zip(made, (top[new], bottom[new], strength, (width - 1 - bar).astype(np.float64)), strict=True):
        held[row, place] = values
    return Blocks(*made)


def _shift(values: Floats, by: int) -> Floats:
    """`values` moved `by` columns to the right, NaN where nothing came in."""
    moved = np.full(values.shape, np.nan)
    moved[:, by:] = values[:, :-by]
    return moved


def _mean_before(values: Floats, bars: int) -> Floats:
    """Mean of the `bars` columns before each one; NaN where there are fewer or one of them is unknown."""
    known = ~np.isnan(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=1)
    counted = np.cumsum(known, axis=1)
    mean = np.full(values.shape, np.nan)
    if values.shape[1] > bars:
        first = np.zeros((len(values), 1))
        sums = total[:, bars - 1 : -1] - np.hstack([first, total[:, : -bars - 1]])
        full = counted[:, bars - 1 : -1] - np.hstack([first, counted[:, : -bars - 1]]) == bars
        mean[:, bars:] = np.where(full, sums / bars, np.nan)
    return mean


def _low_after(low: Floats) -> Floats:
    """Lowest low of all bars after each one; infinity after the newest."""
    after = np.full(low.shape, np.inf)
    after[:, :-1] = np.minimum.accumulate(low[:, :0:-1], axis=1)[:, ::-1]
    return after


def _share_not_below(low: Floats, row: Ints, bar: Ints) -> Floats:
    """Of the SEARCH_BARS known bars before each given one, the share whose low is not below its own."""
    before = bar[:, None] - np.arange(1, SEARCH_BARS + 1)[None, :]
    lows = np.where(before >= 0, low[row[:, None], np.maximum(before, 0)], np.nan)
    known = (~np.isnan(lows)).sum(axis=1)
    return np.asarray((lows >= low[row, bar][:, None]).sum(axis=1) / np.maximum(known, 1), dtype=np.float64)
