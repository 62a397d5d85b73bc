"""Depth figures of each book: the input of the orderbook face, of risk and of the thin book trap.

Computed once a scan by `engine.prism.score` from `view.books`, only for rows whose levels changed. A book is known only
as far as its channel goes; nothing here may assume anything about prices beyond that. No score is computed here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Floats
from engine.market.view import Books
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import ratio

TOP_LEVELS: Final = 10
DISTANCE_SCALE_FRAC: Final = 0.0025
"""Distance from mid at which a level weighs 1/e in the distance-weighted imbalance."""
LIQUIDITY_REACH_FRAC: Final = 0.02
NEAR_FRAC: Final = 0.001
"""10 bp: quotes nearer than this count as close in the liquidity rating."""
RISK_FRAC: Final = 0.005
"""Depth within 0.5 % of mid is compared with open interest."""
THIN_FRAC: Final = 0.01
"""Depth within 1 % of mid is compared with usual volume."""
NEAR_LEVELS: Final = 64
"""Levels within which narrow limits usually end. At most 64: up to there, numpy's pairwise sum adds in the same order
as over a wider book."""


class Depth(NamedTuple):
    """`[rows]` each. Distances are fractions of mid, amounts in quote currency; NaN without a synced book."""

    mid: Floats
    spread_bps: Floats
    reach_frac: Floats
    """How far from mid both sides are known: the nearer of the two last known levels."""
    levels: Floats
    """Known levels of the top 10, on the side that has fewer; 0 without a book."""
    top_imbalance: Floats
    """(bid - ask) / (bid + ask) of the base sizes of the top 10 levels a side; NaN without both sides."""
    distance_imbalance: Floats
    """The same for notional weighted by exp(-distance / 0.25 %), as far as both sides are known."""
    bid_usd: Floats
    """Notional within 2 % of mid, or within the reach if that is less; the same for asks."""
    ask_usd: Floats
    close_usd: Floats
    """Notional of both sides within 10 bp of mid, or within the reach."""
    risk_usd: Floats
    """Notional of both sides within 0.5 % of mid; NaN if the book is not known that far."""
    bid_1pct_usd: Floats
    """Notional of bids within 1 % of mid; NaN if the book is not known that far; the same for asks."""
    ask_1pct_usd: Floats


class _Sides(NamedTuple):
    """`[rows, L]` by level."""

    bid_distance: Floats
    ask_distance: Floats
    bid_usd: Floats
    ask_usd: Floats


def measure(books: Books, memory: Memory | None = None) -> Depth:
    """All figures of all books; `memory` from the previous scan, if any."""
    if memory is None or books.revision is None:
        return _measure(books, ALL)
    return Depth(*memory["depth"].of((books.revision,), lambda part: _measure(books, part)))


def _measure(books: Books, part: Part) -> Depth:
    bid, bid_size, ask, ask_size = (values[part] for values in (books.bid, books.bid_size, books.ask, books.ask_size))
    mid = (bid[:, 0] + ask[:, 0]) / 2.0
    sides = _Sides((mid[:, None] - bid) / mid[:, None], (ask - mid[:, None]) / mid[:, None], bid * bid_size,
                   ask * ask_size)  # fmt: skip
    reach = np.minimum(np.fmax.reduce(sides.bid_distance, axis=1), np.fmax.reduce(sides.ask_distance, axis=1))
    bids, asks = _within(sides, np.minimum(reach, LIQUIDITY_REACH_FRAC))
    close = _within(sides, np.minimum(reach, NEAR_FRAC))
    risk = _within(sides, np.where(reach >= RISK_FRAC, RISK_FRAC, np.nan))
    thin = _within(sides, np.where(reach >= THIN_FRAC, THIN_FRAC, np.nan))
    known = (np.count_nonzero(np.isfinite(size[:, :TOP_LEVELS]), axis=1) for size in (bid_size, ask_size))
    return Depth(
        mid=mid,
        spread_bps=(ask[:, 0] - bid[:, 0]) / mid * 1e4,
        reach_frac=reach,
        levels=np.minimum(*known).astype(np.float64),
        top_imbalance=_top_imbalance(bid_size, ask_size),
        distance_imbalance=_distance_imbalance(sides, reach),
        bid_usd=bids,
        ask_usd=asks,
        close_usd=close[0] + close[1],
        risk_usd=risk[0] + risk[1],
        bid_1pct_usd=thin[0],
        ask_1pct_usd=thin[1],
    )


def _top_imbalance(bid_size: Floats, ask_size: Floats) -> Floats:
    bid, ask = _top(bid_size), _top(ask_size)
    return ratio(bid - ask, np.where((bid > 0) & (ask > 0), bid + ask, 0.0))


def _top(size: Floats) -> Floats:
    near = size[:, :TOP_LEVELS]
    total: Floats = np.where(np.isnan(near), 0.0, near).sum(axis=1)
    return total


def _distance_imbalance(sides: _Sides, reach: Floats) -> Floats:
    totals = []
    for distance, usd in ((sides.bid_distance, sides.bid_usd), (sides.ask_distance, sides.ask_usd)):
        # In place: these are the widest arrays of a scan, and every copy of them costs time.
        weighted = distance / -DISTANCE_SCALE_FRAC
        np.exp(weighted, out=weighted)
        weighted *= usd
        np.copyto(weighted, 0.0, where=~(distance <= reach[:, None]))
        totals.append(weighted.sum(axis=1))
    return ratio(totals[0] - totals[1], totals[0] + totals[1])


def _within(sides: _Sides, limit_frac: Floats) -> tuple[Floats, Floats]:
    """Notional of bids and of asks within `limit_frac [rows]` of mid; NaN if the limit is NaN."""
    bid = _held(sides.bid_distance, sides.bid_usd, limit_frac)
    ask = _held(sides.ask_distance, sides.ask_usd, limit_frac)
    unknown = np.isnan(limit_frac)
    bid[unknown] = np.nan
    ask[unknown] = np.nan
    return bid, ask


def _held(distance: Floats, usd: Floats, limit_frac: Floats) -> Floats:
    if usd.shape[1] <= NEAR_LEVELS:
        return _sum_within(distance, usd, limit_frac)
    held = _sum_within(distance[:, :NEAR_LEVELS], usd[:, :NEAR_LEVELS], limit_frac)
    # Distances rise from level to level, so if the next level is beyond the limit, all further ones are.
    deep = np.flatnonzero(distance[:, NEAR_LEVELS] <= limit_frac)
    if deep.size:
        held[deep] = _sum_within(distance[deep], usd[deep], limit_frac[deep])
    return held


def _sum_within(distance: Floats, usd: Floats, limit_frac: Floats) -> Floats:
    total: Floats = np.where(distance <= limit_frac[:, None], usd, 0.0).sum(axis=1)
    return total
