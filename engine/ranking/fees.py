"""Taker fees by venue, for the net reward/risk.

Read by `engine.ranking.ranker`. Base tier, without discounts for volume or for holding the venue's coin, so that the
net figure is never better than what a new account gets. A caller with other fees passes its own table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.config.schema import TAKER_FEES
from engine.instruments import Instrument

UNLISTED_FEE_FRAC: Final = max(TAKER_FEES.values())
"""For a venue that is not in the table: the highest fee in it, so that a reward is never overstated."""


def taker_fees(instruments: Sequence[Instrument], fees: Mapping[str, float]) -> NDArray[np.float64]:
    """Taker fee of each row's venue as a fraction of notional, `[rows]`."""
    return np.array([fees.get(one.venue, UNLISTED_FEE_FRAC) for one in instruments], dtype=np.float64)
