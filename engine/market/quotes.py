"""The best quotes that may be used: current and not crossed.

Read by the structure face, by the gates and levels of `engine.ranking`, and by `engine.picture` for the spread that it
shows, so that all of them use the same. A pure function on the market view; it reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.market.view import MarketView

QUOTE_LIMIT_MS: Final = 120_000
"""Best quotes older than this at the scan are not used. Venues push them at every change of the best level, so two
minutes without one is a silent feed, not a quiet market."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """`[rows]`; NaN if a side is absent, or the quotes are old or crossed."""

    bid: Floats
    ask: Floats
    mid: Floats
    spread_bps: Floats


def quotes(view: MarketView) -> Quotes:
    """Best quotes, from the synced book or else from the quote feed."""
    facts = view.derivatives
    with np.errstate(invalid="ignore"):
        sound = (facts.bid > 0) & (facts.ask >= facts.bid) & (view.at_ms - facts.quote_ms <= QUOTE_LIMIT_MS)
    sound &= facts.quote_ms >= 0
    bid, ask = np.where(sound, facts.bid, np.nan), np.where(sound, facts.ask, np.nan)
    mid = (bid + ask) / 2
    return Quotes(bid, ask, mid, (ask - bid) / mid * 1e4)
