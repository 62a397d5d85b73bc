"""Price impact of a market order of a given notional: a walk through the book, all rows at once.

Called by `engine.prism.orderbook`. If the known book ends before the notional is filled, the cost is a bound, never the
average of the levels that were there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats

NEAR_LEVELS: Final = (32, 64)
"""Levels that fill most reference notionals; only the rest is walked through the whole book. Multiples of 8 and at most
64: within that, numpy's pairwise sum adds the terms in the same order."""
FILLED_MARGIN: Final = 1.001


class Walk(NamedTuple):
    """`[rows]` average price of the fill and whether the known book holds all of it."""

    average: Floats
    """If the book ends first: as if the rest were filled at the last known price. Prices beyond it are worse, so the
    true cost is at least this. NaN without a book."""
    complete: Bools


def walk(price: Floats, size: Floats, notional: Floats) -> Walk:
    """Fill `notional [rows]` (quote currency) from `price` and `size` `[rows, L]`, best level first, NaN-padded."""
    looked = min(NEAR_LEVELS[0], price.shape[1])
    found, held = _walk(price[:, :looked], size[:, :looked], notional)
    for levels in (*NEAR_LEVELS[1:], price.shape[1]):
        # Levels beyond a fill add zeros to it, so the walk through the near ones equals the whole walk to the last bit;
        # the margin keeps the running sum's rounding from moving a part of the fill to a level beyond.
        deep = np.flatnonzero(~(held > notional * FILLED_MARGIN) & np.isfinite(price[:, looked - 1]))
        if levels <= looked or not deep.size:
            break
        looked = min(levels, price.shape[1])
        further, held[deep] = _walk(price[deep, :levels], size[deep, :levels], notional[deep])
        found.average[deep], found.complete[deep] = further
    return found


def _walk(price: Floats, size: Floats, notional: Floats) -> tuple[Walk, Floats]:
    """The walk through all given levels, and their total notional, `[rows]`."""
    level = price * size
    known = np.isfinite(level)
    whole = np.count_nonzero(known) == known.size
    if not whole:
        known = np.isfinite(price) & np.isfinite(size)
        level = np.where(known, level, 0.0)
    deeper = np.cumsum(level, axis=1)
    fill = np.clip(notional[:, None] - (deeper - level), 0.0, level)
    base = (fill / price if whole else np.where(known, fill / np.where(known, price, 1.0), 0.0)).sum(axis=1)
    count = known.sum(axis=1)
    last = np.take_along_axis(price, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    held = deeper[:, -1]
    rest = np.maximum(notional - held, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = notional / (base + np.where(rest > 0.0, rest / last, 0.0))
    return Walk(np.where(count > 0, average, np.nan), (count > 0) & (rest == 0.0)), held
