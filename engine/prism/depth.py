"""The books as distances and dollars: what the orderbook face and the risk of the sentiment face both measure from.

Made once a scan by `engine.prism.score` from `view.books`. A book is only known as far as its channel
goes; nothing here speaks of prices beyond that. No score is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.market.view import Books, Floats

NEAR_LEVELS: Final = 64
"""Levels that narrow limits end within. At most 64: to there, numpy's pairwise sum adds in the same order as over all
of a wider book."""


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
    bid = _held(depth.bid_distance, depth.bid_usd, limit_frac)
    ask = _held(depth.ask_distance, depth.ask_usd, limit_frac)
    unknown = np.isnan(limit_frac)
    bid[unknown] = np.nan
    ask[unknown] = np.nan
    return bid, ask


def _held(distance: Floats, usd: Floats, limit_frac: Floats) -> Floats:
    if usd.shape[1] <= NEAR_LEVELS:
        return _sum_within(distance, usd, limit_frac)
    held = _sum_within(distance[:, :NEAR_LEVELS], usd[:, :NEAR_LEVELS], limit_frac)
    # Distances rise from level to level, so a book whose next level lies beyond the limit has no more within it.
    deep = np.flatnonzero(distance[:, NEAR_LEVELS] <= limit_frac)
    if deep.size:
        held[deep] = _sum_within(distance[deep], usd[deep], limit_frac[deep])
    return held


def _sum_within(distance: Floats, usd: Floats, limit_frac: Floats) -> Floats:
    total: Floats = np.where(distance <= limit_frac[:, None], usd, 0.0).sum(axis=1)
    return total
