"""Order blocks: the last opposite candle before a displacement, until price trades back to its middle.

Pure functions on `[rows, bars]`, called by `engine.prism.structure_memory` for rows with a new bar. Only closed bars
are passed in; a block exists from the close of the displacing bar. Nothing here knows the live price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.prism.swings import newest_places

DISPLACEMENT_ATR: Final = 1.5
"""Least body of the displacing bar, in the ATR14 before that bar (the bar itself would raise it)."""

VOLUME_BARS: Final = 20
"""Bars before the displacing one whose mean volume it must exceed."""

SEARCH_BARS: Final = 10
"""Bars before the displacement in which the opposite candle must be, and over which its swing is judged."""

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

    A bar displaces if its body is at least 1.5 ATR14 and its volume is above the mean of the 20 bars before it. Its
    block is the whole range of the newest candle of the opposite colour among the 10 bars before it. A block closes
    (is mitigated) when a later bar trades at its middle. strength = 0.6 * (1 - mean volume / volume of the
    displacement) + 0.4 * share of the 10 bars before the block that did not trade beyond its far edge (1: the block
    is the origin of the swing). If two displacements share a block, the first one defines it.
    """
    opened, high, low, close = bars
    mean = _MeanBefore(volume, VOLUME_BARS)
    threshold = DISPLACEMENT_ATR * _shift(atr, 1)
    # Bearish blocks are the bullish blocks of the mirrored market, so one definition serves both.
    bullish = _bullish(opened, high, low, close, volume, threshold, mean)
    mirrored = _bullish(-opened, -low, -high, -close, volume, threshold, mean)
    return bullish, Blocks(-mirrored.bottom, -mirrored.top, mirrored.strength, mirrored.ago)


def _bullish(
    opened: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, threshold: Floats, mean: _MeanBefore
) -> Blocks:
    rows, width = close.shape
    body = close - opened
    # Few bars displace, so everything below is computed for those alone.
    row, bar = np.nonzero((body > 0) & (body >= threshold))
    usual, origin = mean.at(row, bar), _opposite_before(body, row, bar)
    found = _Found(row, bar, usual, origin).chosen((volume[row, bar] > usual) & (origin >= 0))
    again = np.zeros(len(found.row), dtype=np.bool_)
    again[1:] = (found.row[1:] == found.row[:-1]) & (found.origin[1:] == found.origin[:-1])
    middle = (high[found.row, found.origin] + low[found.row, found.origin]) / 2
    found = found.chosen(~again & (_low_after(low)[found.row, found.bar] > middle))
    new, place = newest_places(found.row, rows, KEPT)
    row, bar, usual, origin = found.chosen(new)
    strength = VOLUME_SHARE * (1 - usual / volume[row, bar]) + SWING_SHARE * _share_not_below(low, row, origin)
    made = [np.full((rows, KEPT), np.nan) for _ in range(4)]
    parts = (high[row, origin], low[row, origin], strength, (width - 1 - bar).astype(np.float64))
    for kept, values in zip(made, parts, strict=True):
        kept[row, place[new]] = values
    return Blocks(*made)


class _Found(NamedTuple):
    """Displacing bars, by row and then by bar."""

    row: Ints
    bar: Ints
    usual: Floats
    """Mean volume before it."""
    origin: Ints
    """The bar that is its block; -1: none."""

    def chosen(self, mask: Bools) -> _Found:
        return _Found(self.row[mask], self.bar[mask], self.usual[mask], self.origin[mask])


def _opposite_before(body: Floats, row: Ints, bar: Ints) -> Ints:
    """Newest of the `SEARCH_BARS` bars before each given one that has the opposite colour; -1 if none has."""
    before = bar[:, None] - np.arange(1, SEARCH_BARS + 1)
    opposite = (before >= 0) & (body[row[:, None], np.maximum(before, 0)] < 0)
    return np.where(opposite.any(axis=1), bar - 1 - opposite.argmax(axis=1), -1)


def _shift(values: Floats, by: int) -> Floats:
    """`values` moved `by` columns to the right, NaN at the left."""
    moved = np.full(values.shape, np.nan)
    moved[:, by:] = values[:, :-by]
    return moved


class _MeanBefore:
    """Means of the `bars` columns before given ones, from running sums over the known values."""

    def __init__(self, values: Floats, bars: int) -> None:
        self._bars = bars
        known = ~np.isnan(values)
        whole = np.count_nonzero(known) == known.size
        self._total = np.cumsum(values if whole else np.where(known, values, 0.0), axis=1)
        self._counted = None if whole else np.cumsum(known, axis=1, dtype=np.int32)

    def at(self, row: Ints, bar: Ints) -> Floats:
        """The mean before each (row, bar); NaN if there are fewer columns or one of them is unknown."""
        enough = bar >= self._bars
        first = bar == self._bars
        end, start = np.maximum(bar - 1, 0), np.maximum(bar - 1 - self._bars, 0)
        full = enough
        if self._counted is not None:
            counted = self._counted[row, end] - np.where(first, 0, self._counted[row, start])
            full = enough & (counted == self._bars)
        sums = self._total[row, end] - np.where(first, 0.0, self._total[row, start])
        return np.where(full, sums / self._bars, np.nan)


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
