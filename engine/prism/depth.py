"""The books as distances and dollars: what the orderbook face and the risk of the sentiment face both measure from.

Made once a scan by `engine.prism.score` from `view.books`. A book is only known as far as its channel
goes; nothing here speaks of prices beyond that. No score is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.market.view import Books, Floats


@dataclass(frozen=True, slots=True)
class Depth:
    """Distances are fractions of mid, amounts are in quote currency; NaN where there is no proven book."""

    mid: Floats
    """`[rows]`."""
    spread_bps: Floats
    bid_distance: Floats
    """`[rows, L]` how far below mid each bid stands."""
    ask_distance: Floats
    bid_usd: Floats
    """`[rows, L]` price * size of each bid level."""
    ask_usd: Floats
    reach_frac: Floats
    """`[rows]` how far from mid both sides are known: the nearer of the two last known levels."""


def measure(books: Books) -> Depth:
    """Distances, notionals and reach of all books."""
    mid = (books.bid[:, 0] + books.ask[:, 0]) / 2.0
    bid_distance = (mid[:, None] - books.bid) / mid[:, None]
    ask_distance = (books.ask - mid[:, None]) / mid[:, None]
    farthest_bid = np.fmax.reduce(bid_distance, axis=1)
    farthest_ask = np.fmax.reduce(ask_distance, axis=1)
    return Depth(
        mid=mid,
        spread_bps=(books.ask[:, 0] - books.bid[:, 0]) / mid * 1e4,
        bid_distance=bid_distance,
        ask_distance=ask_distance,
        bid_usd=books.bid * books.bid_size,
        ask_usd=books.ask * books.ask_size,
        reach_frac=np.minimum(farthest_bid, farthest_ask),
    )


def within(depth: Depth, limit_frac: Floats) -> tuple[Floats, Floats]:
    """Notional of bids and of asks within `limit_frac [rows]` of mid; NaN where the limit is."""
    limit = limit_frac[:, None]
    bid = np.where(depth.bid_distance <= limit, depth.bid_usd, 0.0).sum(axis=1)
    ask = np.where(depth.ask_distance <= limit, depth.ask_usd, 0.0).sum(axis=1)
    unknown = np.isnan(limit_frac)
    bid[unknown] = np.nan
    ask[unknown] = np.nan
    return bid, ask
