"""The orderbook face: resting supply and demand, live, from proven books only.

Called by `engine.prism.score`. Reads the books' columns and nothing older; it applies no message and
keeps no state. Imbalance and liquidity do not change when a symbol's prices, or all its sizes, are
multiplied by a constant; impact and the liquidity rating speak of dollars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.market.view import Books, Floats, MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import Depth, within
from engine.prism.draft import Draft, blend
from engine.prism.freshness import refuse_without_book
from engine.prism.impact import walk
from engine.prism.roster import Roster
from engine.prism.scales import rank_in_universe, ratio, tilt

TOP_LEVELS: Final = 10
DISTANCE_SCALE_FRAC: Final = 0.0025
"""Distance from mid at which a level weighs 1/e in the distance-weighted imbalance."""
IMBALANCE_MIX: Final = {"depth_10": 0.3, "distance_weighted": 0.3, "time_weighted": 0.4}
"""The steady reading weighs most, so that one flickering level does not carry the component."""
LIQUIDITY_REACH_FRAC: Final = 0.02
NEAR_FRAC: Final = 0.001
"""10 bp: quotes nearer than this count as close in the liquidity rating."""
REFERENCE_USD: Final = 10_000.0
REFERENCE_SHARE: Final = 1e-4
"""Of the 24 h volume; the reference notional of the impact is the larger of the two."""
IMPACT_SCALE_BPS: Final = 10.0


def orderbook(view: MarketView, roster: Roster, depth: Depth) -> dict[str, Reading]:
    """Readings of `imbalance`, `liquidity` and `impact` for all rows."""
    return {
        "imbalance": _imbalance(view, depth),
        "liquidity": _liquidity(view, roster, depth),
        "impact": _impact(view, roster, depth),
    }


def depth_imbalance(books: Books) -> Floats:
    """`[rows]` (bid - ask) / (bid + ask) of the base sizes of the top 10 levels a side; NaN without both sides."""
    bid, ask = _top(books.bid_size), _top(books.ask_size)
    return ratio(bid - ask, np.where((bid > 0) & (ask > 0), bid + ask, 0.0))


def _top(size: Floats) -> Floats:
    near = size[:, :TOP_LEVELS]
    total: Floats = np.where(np.isnan(near), 0.0, near).sum(axis=1)
    return total


def distance_imbalance(depth: Depth) -> Floats:
    """`[rows]` the same of notional weighted by exp(-distance / 0.25 %), as far as both sides are known."""
    reach = depth.reach_frac[:, None]
    sides = []
    for distance, usd in ((depth.bid_distance, depth.bid_usd), (depth.ask_distance, depth.ask_usd)):
        # In place: these are the widest arrays of a scan, and every copy of them is felt.
        weighted = distance / -DISTANCE_SCALE_FRAC
        np.exp(weighted, out=weighted)
        weighted *= usd
        np.copyto(weighted, 0.0, where=~(distance <= reach))
        sides.append(weighted.sum(axis=1))
    return ratio(sides[0] - sides[1], sides[0] + sides[1])


def _imbalance(view: MarketView, depth: Depth) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view)
    plain, distance = depth_imbalance(books), distance_imbalance(depth)
    parts = {
        "depth_10": (IMBALANCE_MIX["depth_10"], plain),
        "distance_weighted": (IMBALANCE_MIX["distance_weighted"], distance),
        "time_weighted": (IMBALANCE_MIX["time_weighted"], books.imbalance_ema),
    }
    mixed = blend(parts)
    draft.refuse(np.isnan(mixed), Status.MISSING, "no sizes in the book")
    held = np.isfinite(books.bid_size[:, :TOP_LEVELS]), np.isfinite(books.ask_size[:, :TOP_LEVELS])
    levels = np.minimum(held[0].sum(axis=1), held[1].sum(axis=1))
    draft.note_values(levels < TOP_LEVELS, levels.astype(np.float64), 1.0, lambda n: f"book of {n:.0f} levels")
    draft.note_absent(parts)
    for name, (_, values) in parts.items():
        draft.input(name, values, "frac", books.updated_ms)
    return draft.finish(mixed, "frac", np.clip(50.0 + 50.0 * mixed, 0.0, 100.0))


def _liquidity(view: MarketView, roster: Roster, depth: Depth) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view)
    reach = np.minimum(depth.reach_frac, LIQUIDITY_REACH_FRAC)
    bid, ask = within(depth, reach)
    bid_per_ask = ratio(bid, ask)
    draft.refuse(~(bid_per_ask > 0), Status.MISSING, "no quotes on both sides within 2 % of mid")
    draft.note_values(
        reach < LIQUIDITY_REACH_FRAC, reach * 100.0, 0.01, lambda percent: f"book known to {percent:.2f} %"
    )
    near_bid, near_ask = within(depth, np.minimum(reach, NEAR_FRAC))
    near = ratio(near_bid + near_ask, bid + ask)
    depth_usd = np.where(roster.usd, bid + ask, np.nan)
    # Ranked among the table's own rows with a usable book; a spot row is placed among them, not one of them.
    universe = view.rankable & draft.ok
    ranks = (
        rank_in_universe(depth_usd, universe),
        rank_in_universe(-depth.spread_bps, universe),
        rank_in_universe(near, universe),
    )
    rating = np.where(draft.ok, 100.0 * (ranks[0] + ranks[1] + ranks[2]) / 3.0, np.nan)
    score = tilt(1.5 * np.log(np.where(bid_per_ask > 0, bid_per_ask, np.nan)))
    draft.input("bid_depth", np.where(roster.usd, bid, np.nan), "usd", books.updated_ms)
    draft.input("ask_depth", np.where(roster.usd, ask, np.nan), "usd", books.updated_ms)
    draft.input("reach", reach, "frac", books.updated_ms)
    draft.input("spread", depth.spread_bps, "bps", books.updated_ms)
    draft.input("share_within_10bps", near, "frac", books.updated_ms)
    draft.input("liquidity_rating", rating, "percentile", books.updated_ms)
    return draft.finish(bid_per_ask, "ratio", score)


def _impact(view: MarketView, roster: Roster, depth: Depth) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    volume = view.derivatives.volume_24h_usd
    reference = np.fmax(REFERENCE_USD, REFERENCE_SHARE * volume)
    buy, sell = walk(books.ask, books.ask_size, reference), walk(books.bid, books.bid_size, reference)
    buy_bps = (buy.average / depth.mid - 1.0) * 1e4
    sell_bps = (1.0 - sell.average / depth.mid) * 1e4
    skew = buy_bps - sell_bps
    draft.refuse_values(
        ~buy.complete & ~sell.complete,
        Status.MISSING,
        np.minimum(buy_bps, sell_bps),
        0.1,
        lambda bps: f"impact > {bps:.1f} bp on both sides",
    )
    # One side runs off: the skew is a bound. It scores where the truth can only be further out on its own side.
    for side, off, certain, cost in (
        ("buying", ~buy.complete, skew > 0.0, buy_bps),
        ("selling", ~sell.complete, skew < 0.0, sell_bps),
    ):
        words = _bound(side, "its side not known"), _bound(side, "scored as that")
        draft.refuse_values(off & ~certain, Status.MISSING, cost, 0.1, words[0])
        draft.note_values(off, cost, 0.1, words[1])
    draft.refuse(np.isnan(skew), Status.MISSING, "no sizes in the book")
    draft.note(np.isnan(volume), "24 h volume not known, reference $10k")
    draft.input("buy_cost", buy_bps, "bps", books.updated_ms)
    draft.input("sell_cost", sell_bps, "bps", books.updated_ms)
    draft.input("reference", reference, "usd", None)
    return draft.finish(skew, "bps", 50.0 - 50.0 * np.tanh(skew / IMPACT_SCALE_BPS))


def _bound(side: str, verdict: str) -> Callable[[float], str]:
    return lambda bps: f"{side} impact > {bps:.1f} bp, {verdict}"
