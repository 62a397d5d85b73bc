"""Volume profile of a window of bars: point of control and value area.

Pure functions on `[rows, bars]`, called by `engine.prism.structure_memory` for rows with a new bar. The definitions are
those of the Market Profile literature (J. Dalton, Mind Over Markets): the value area grows from the point of control by
the busier neighbour until it holds 70 % of the volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints

VALUE_SHARE: Final = 0.70
FEWEST_BINS: Final = 20
MOST_BINS: Final = 120
BINS_PER_ATR: Final = 5.0
"""A bin is a fifth of an ATR14, if that gives between 20 and 120 of them over the window's range."""

_POINT_BINS: Final = 1e-6
"""A bar narrower than this part of a bin is treated as a point: its density would be numerically unstable."""


@dataclass(frozen=True, slots=True)
class ValueArea:
    """`[rows]`, quote currency; NaN if the window holds no volume or no range."""

    poc: Floats
    """Middle of the busiest bin; of equal ones, the nearest to the volume's centre."""
    high: Floats
    """Upper edge of the value area."""
    low: Floats


def value_area(high: Floats, low: Floats, volume: Floats, inside: Bools, atr: Floats) -> ValueArea:
    """Value area of the bars under `inside`, all `[rows, bars]`; `atr` `[rows]` sets the bins.

    Each bar's volume is spread evenly over its range. Bars with unknown volume or price are left out.
    """
    return value_areas([(high, low, volume, inside)], atr)[0]


def value_areas(windows: Sequence[tuple[Floats, Floats, Floats, Bools]], atr: Floats) -> list[ValueArea]:
    """`value_area` of several windows (high, low, volume, inside) of the same rows, computed side by side."""
    grids = [_grid(*window, atr) for window in windows]
    profiles = np.concatenate([grid.profile for grid in grids])
    poc = _busiest(profiles)
    first, last = _grow(profiles, poc)
    areas = []
    for grid, middle, start, end in zip(
        grids, *(np.split(places, len(windows)) for places in (poc, first, last)), strict=True
    ):
        areas.append(
            ValueArea(
                poc=np.where(grid.sound, grid.bottom + (middle + 0.5) * grid.width, np.nan),
                high=np.where(grid.sound, grid.bottom + (end + 1.0) * grid.width, np.nan),
                low=np.where(grid.sound, grid.bottom + start * grid.width, np.nan),
            )
        )
    return areas


class _Grid(NamedTuple):
    """The bins of one window and their volume."""

    sound: Bools
    """`[rows]` there is volume and a range."""
    bottom: Floats
    width: Floats
    """Of a bin."""
    profile: Floats
    """`[rows, MOST_BINS]`."""


def _grid(high: Floats, low: Floats, volume: Floats, inside: Bools, atr: Floats) -> _Grid:
    used = inside & (volume > 0) & ~np.isnan(high) & ~np.isnan(low)
    bottom = np.where(used, low, np.inf).min(axis=1, initial=np.inf)
    span = np.where(used, high, -np.inf).max(axis=1, initial=-np.inf) - bottom
    sound = used.any(axis=1) & (span > 0)
    span, bottom = np.where(sound, span, 1.0), np.where(sound, bottom, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(atr > 0, np.round(BINS_PER_ATR * span / atr), MOST_BINS)
    bins = np.clip(wanted, FEWEST_BINS, MOST_BINS)
    width = span / bins
    used &= sound[:, None]
    row = np.repeat(np.arange(len(used)), used.sum(axis=1))
    profile = _profile(
        (low[used] - bottom[row]) / width[row], (high[used] - bottom[row]) / width[row], volume[used], row, len(used)
    )
    # Bins beyond a row's own count hold only rounding errors.
    profile[np.arange(profile.shape[1])[None, :] >= bins[:, None]] = 0.0
    return _Grid(sound, bottom, width, profile)


def _profile(lows: Floats, highs: Floats, sizes: Floats, row: Ints, rows: int) -> Floats:
    """Volume by bin `[rows, MOST_BINS]` of bars whose edges are given in bins, listed by row and then by bar.

    Volume below x is the sum of d (x - low) over bars with low < x, less the same sum for their highs, with d the
    volume per bin: two sums over the bins of the edges, instead of every bar against every bin.
    """
    slots = MOST_BINS + 1
    reach = highs - lows
    point = reach < _POINT_BINS
    points = np.count_nonzero(point) > 0
    density = np.where(point, 0.0, sizes / np.where(point, 1.0, reach)) if points else sizes / reach
    slope, offset = np.zeros(rows * slots), np.zeros(rows * slots)
    first = row * slots
    for edge, weight in ((lows, density), (highs, -density)):
        # An edge inside bin b changes the slope from the upper edge of b on; only values at bin edges are needed.
        flat = first + np.minimum(edge.astype(np.int64) + 1, MOST_BINS)
        slope += np.bincount(flat, weight, rows * slots)
        offset += np.bincount(flat, weight * edge, rows * slots)
    edges = np.arange(slots)[None, :]
    below = np.cumsum(slope.reshape(rows, slots), axis=1) * edges - np.cumsum(offset.reshape(rows, slots), axis=1)
    profile = np.maximum(np.diff(below, axis=1), 0.0)
    if points:
        spot = row[point] * MOST_BINS + np.clip(lows[point].astype(np.int64), 0, MOST_BINS - 1)
        profile = profile + np.bincount(spot, sizes[point], rows * MOST_BINS).reshape(rows, MOST_BINS)
    return np.asarray(profile, dtype=np.float64)


def _busiest(profile: Floats) -> Ints:
    """Bin of the point of control `[rows]`."""
    place = np.arange(profile.shape[1])[None, :]
    total = np.maximum(profile.sum(axis=1), 1e-300)
    centre = (profile * place).sum(axis=1) / total
    equal = profile >= profile.max(axis=1, initial=0.0)[:, None] * (1 - 1e-9)
    return np.asarray(np.where(equal, np.abs(place - centre[:, None]), np.inf).argmin(axis=1), dtype=np.int64)


def _grow(profile: Floats, poc: Ints) -> tuple[Ints, Ints]:
    """First and last bin of the value area around `poc`: each step adds the busier neighbour, or both if equal."""
    width = profile.shape[1]
    padded = np.pad(profile, ((0, 0), (1, 1)), constant_values=-1.0)
    first, last = poc.copy(), poc.copy()
    held = np.take_along_axis(profile, poc[:, None], axis=1)[:, 0]
    wanted = VALUE_SHARE * profile.sum(axis=1)
    share = wanted * (1 - 1e-12)
    start = np.arange(len(profile)) * padded.shape[1]
    flat = padded.reshape(-1)
    for _ in range(width):
        growing = held < share
        if not np.count_nonzero(growing):
            break
        below, above = flat[start + first], flat[start + last + 2]
        down = growing & (below >= above) & (first > 0)
        up = growing & (above >= below) & (last < width - 1)
        if not np.count_nonzero(down | up):
            break
        held = held + np.where(down, below, 0.0) + np.where(up, above, 0.0)
        first, last = first - down, last + up
    return first, last
