"""The orderbook face: resting supply and demand, live, from synced books only.

Called by `engine.prism.score`. Reads the books' columns and nothing older; it applies no message and keeps no state.
Imbalance and liquidity do not change when a symbol's prices, or all its sizes, are multiplied by a constant; impact and
the liquidity rating are in dollars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.market.view import Books, MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import LIQUIDITY_REACH_FRAC, TOP_LEVELS, Depth
from engine.prism.draft import Draft, blend
from engine.prism.freshness import refuse_without_book
from engine.prism.impact import Walk, walk
from engine.prism.roster import WHOLE_MARKET, Roster
from engine.prism.row_memo import ALL, Array, Memory, Part
from engine.prism.scales import rank_in_universe, ratio, tilt

IMBALANCE_MIX: Final = {"depth_10": 0.3, "distance_weighted": 0.3, "time_weighted": 0.4}
"""The time-weighted reading weighs most, so that one flickering level does not dominate the component."""
REFERENCE_USD: Final = 10_000.0
REFERENCE_SHARE: Final = 1e-4
"""Of the 24 h volume; the reference notional of the impact is the larger of the two."""
IMPACT_SCALE_BPS: Final = 10.0


def orderbook(view: MarketView, roster: Roster, depth: Depth, memory: Memory | None = None) -> dict[str, Reading]:
    """Readings of `imbalance`, `liquidity` and `impact` for all rows; `memory` from the previous scan, if any."""
    memory = Memory() if memory is None else memory
    return {
        "imbalance": _imbalance(view, roster, depth),
        "liquidity": _liquidity(view, roster, depth),
        "impact": _impact(view, roster, depth, memory),
    }


def _imbalance(view: MarketView, roster: Roster, depth: Depth) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view, roster)
    parts = {
        "depth_10": (IMBALANCE_MIX["depth_10"], depth.top_imbalance),
        "distance_weighted": (IMBALANCE_MIX["distance_weighted"], depth.distance_imbalance),
        "time_weighted": (IMBALANCE_MIX["time_weighted"], books.imbalance_ema),
    }
    mixed = blend(parts)
    draft.refuse(np.isnan(mixed), Status.MISSING, "no sizes in the book")
    draft.note_values(depth.levels < TOP_LEVELS, depth.levels, 1.0, lambda n: f"book of {n:.0f} levels")
    draft.note_absent(parts)
    for name, (_, values) in parts.items():
        draft.input(name, values, "frac", books.updated_ms)
    return draft.finish(mixed, "frac", np.clip(50.0 + 50.0 * mixed, 0.0, 100.0))


def _liquidity(view: MarketView, roster: Roster, depth: Depth) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view, roster)
    reach = np.minimum(depth.reach_frac, LIQUIDITY_REACH_FRAC)
    bid, ask = depth.bid_usd, depth.ask_usd
    bid_per_ask = ratio(bid, ask)
    draft.refuse(~(bid_per_ask > 0), Status.MISSING, "no quotes on both sides within 2 % of mid")
    draft.note_values(
        reach < LIQUIDITY_REACH_FRAC, reach * 100.0, 0.01, lambda percent: f"book known to {percent:.2f} %"
    )
    near = ratio(depth.close_usd, bid + ask)
    depth_usd = np.where(roster.usd, bid + ask, np.nan)
    # Ranked among the rankable rows with a usable book; a spot row gets a rank but is not one of them.
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
    draft.source(np.isfinite(rating), lambda _: WHOLE_MARKET, "liquidity_rating")
    return draft.finish(bid_per_ask, "ratio", score)


def _walks(books: Books, reference: Floats, memory: Memory) -> tuple[Walk, Walk]:
    """The reference bought and sold; recomputed only for rows whose levels or reference changed."""

    def both(part: Part) -> tuple[Array, ...]:
        wanted = reference[part]
        return (*walk(books.ask[part], books.ask_size[part], wanted),
                *walk(books.bid[part], books.bid_size[part], wanted))  # fmt: skip

    found = both(ALL) if books.revision is None else memory["impact"].of((books.revision, reference), both)
    return Walk(*found[:2]), Walk(*found[2:])


def _impact(view: MarketView, roster: Roster, depth: Depth, memory: Memory) -> Reading:
    books = view.books
    draft = Draft(view.rows)
    refuse_without_book(draft, view, roster)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    volume = view.derivatives.volume_24h_usd
    reference = np.fmax(REFERENCE_USD, REFERENCE_SHARE * volume)
    buy, sell = _walks(books, reference, memory)
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
    # If one side runs off the book, the skew is a bound: scored only if the true skew can only be larger, same sign.
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
