"""Age of prices and depth: inputs of the gates.

Pure functions on the market view, called by `engine.ranking.ranker`; NaN if not known.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.market.view import Books, MarketView
from engine.prism.freshness import books_stale
from engine.prism.roster import Roster

NEAR_FRAC: Final = 0.01
"""Depth is counted within 1 % of mid."""


def price_age_s(view: MarketView) -> Floats:
    """Age at the scan of the last trade or the best quote, whichever is newer, `[rows]` seconds; NaN if there is none.

    A mark price does not count: it is also polled while a venue's streams are down, and it cannot be traded at.
    """
    facts = view.derivatives
    newest = np.maximum(facts.last_ms, facts.quote_ms)
    return np.where(newest >= 0, (view.at_ms - newest) / 1000, np.nan)


def current_depth(view: MarketView, roster: Roster) -> Floats:
    """`depth_near_mid` of the books that the orderbook face would score, `[rows]`; NaN for one too old for that."""
    return np.where(books_stale(view, roster), np.nan, depth_near_mid(view.books))


def depth_near_mid(books: Books) -> Floats:
    """Notional within 1 % of mid on the thinner side, `[rows]`; a lower bound if the known book ends sooner.

    NaN without a synced book with both sides.
    """
    mid = (books.bid[:, 0] + books.ask[:, 0]) / 2
    with np.errstate(invalid="ignore"):
        near_bid = books.bid >= (mid * (1 - NEAR_FRAC))[:, None]
        near_ask = books.ask <= (mid * (1 + NEAR_FRAC))[:, None]
    bids = np.where(near_bid, books.bid * books.bid_size, 0.0).sum(axis=1)
    asks = np.where(near_ask, books.ask * books.ask_size, 0.0).sum(axis=1)
    return np.where(np.isnan(mid), np.nan, np.minimum(bids, asks))
