"""Rounding of prices to the venue's tick, up or down, so that they print as the venue would print them.

Called by `engine.ranking.levels`. The caller decides the direction; prices are never rounded to the nearest tick.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats

ON_TICK: Final = 1e-6
"""A price this close to a multiple, in ticks, is on it: floats of exact ticks miss it by about 1e-10."""


def round_to_tick(price: Floats, tick: Floats, direction: Floats) -> Floats:
    """`price` moved to the next multiple of `tick`, up if `direction` > 0, else down.

    Arrays broadcast. A price on a tick stays; a `tick` of NaN leaves the price as it is; a price of NaN stays NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ticks = price / tick
        nearest = np.round(ticks)
        moved = np.where(direction > 0, np.ceil(ticks), np.floor(ticks))
        count = np.where(np.abs(ticks - nearest) < ON_TICK, nearest, moved)
        # Dividing by the whole number 1 / tick gives the double nearest to the decimal; multiplying by 0.1 does not.
        per_unit = np.round(1 / tick)
        whole = np.abs(per_unit * tick - 1) < 1e-9
        rounded = np.where(whole, count / np.where(whole, per_unit, 1.0), count * tick)
    return np.where(np.isnan(tick), price, rounded)
