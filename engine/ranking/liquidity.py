"""Age of prices, spread and depth as the gates see them.

Pure functions on the market view; NaN where it is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.market.view import Books, MarketView

Floats = NDArray[np.float64]

QUOTE_LIMIT_MS: Final = 120_000
"""Best quotes older than this at the scan are not quotes any more. Venues push them at every change of the best level,
so two minutes without one is a feed that fell silent, not a market that stood still."""

NEAR_FRAC: Final = 0.01
"""Depth is counted within 1 % of mid."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """`[rows]`; NaN where a side is absent, the quotes are old, or they are crossed."""

    bid: Floats
    ask: Floats
    mid: Floats
    spread_bps: Floats


def quotes(view: MarketView) -> Quotes:
    """Best quotes, from the proven book or else from the quote feed."""
    facts = view.derivatives
    with np.errstate(invalid="ignore"):
        sound = (facts.bid > 0) & (facts.ask >= facts.bid) & (view.at_ms - facts.quote_ms <= QUOTE_LIMIT_MS)
    sound &= facts.quote_ms >= 0
    bid, ask = np.where(sound, facts.bid, np.nan), np.where(sound, facts.ask, np.nan)
    mid = (bid + ask) / 2
    return Quotes(bid, ask, mid, (ask - bid) / mid * 1e4)


def price_age_s(view: MarketView) -> Floats:
    """Age at the scan of the last trade or the best quote, whichever is newer, `[rows]` seconds; NaN where none came.

    A mark price does not count: it is polled too, where a venue's streams are gone, and nobody can trade at it.
    """
    facts = view.derivatives
    newest = np.maximum(facts.last_ms, facts.quote_ms)
    return np.where(newest >= 0, (view.at_ms - newest) / 1000, np.nan)


def depth_near_mid(books: Books) -> Floats:
    """Notional within 1 % of mid on the thinner side, `[rows]`; a lower bound where the known book ends sooner.

    NaN without a proven book with both sides.
    """
    mid = (books.bid[:, 0] + books.ask[:, 0]) / 2
    with np.errstate(invalid="ignore"):
        near_bid = books.bid >= (mid * (1 - NEAR_FRAC))[:, None]
        near_ask = books.ask <= (mid * (1 + NEAR_FRAC))[:, None]
    bids = np.where(near_bid, books.bid * books.bid_size, 0.0).sum(axis=1)
    asks = np.where(near_ask, books.ask * books.ask_size, 0.0).sum(axis=1)
    return np.where(np.isnan(mid), np.nan, np.minimum(bids, asks))
