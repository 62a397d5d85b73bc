"""What it costs to trade a notional at market: the walk through the book, all rows at once.

Called by `engine.prism.orderbook`. Where the known book ends before the notional is filled the cost is a
bound, never an average of what was there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.market.view import Bools, Floats


class Walk(NamedTuple):
    """`[rows]` average price of the fill and whether the known book holds all of it."""

    average: Floats
    """Where the book ends first: as if the rest were filled at the last known price, which is the best that any
    price beyond it can do, so the true cost is at least this. NaN where there is no book."""
    complete: Bools


def walk(price: Floats, size: Floats, notional: Floats) -> Walk:
    """Fill `notional [rows]` (quote currency) from `price` and `size` `[rows, L]`, best level first, NaN-padded."""
    known = np.isfinite(price) & np.isfinite(size)
    level = np.where(known, price * size, 0.0)
    deeper = np.cumsum(level, axis=1)
    fill = np.clip(notional[:, None] - (deeper - level), 0.0, level)
    base = np.where(known, fill / np.where(known, price, 1.0), 0.0).sum(axis=1)
    count = known.sum(axis=1)
    last = np.take_along_axis(price, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    rest = np.maximum(notional - deeper[:, -1], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = notional / (base + np.where(rest > 0.0, rest / last, 0.0))
    return Walk(np.where(count > 0, average, np.nan), (count > 0) & (rest == 0.0))
