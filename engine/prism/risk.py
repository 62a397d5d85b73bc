"""Risk: how leveraged the symbol is, which side is crowded, and how near the estimated liquidations are.

Called by `engine.prism.sentiment`. Needs no account: leverage is judged by open interest against depth and volume,
ranked in the universe, and liquidation prices are the estimate of `engine.prism.position_heat`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.market.view import MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import Depth
from engine.prism.draft import Draft, blend
from engine.prism.freshness import FUNDING_LIMIT_MS, OPEN_INTEREST_LIMIT_MS, age_ms, books_stale
from engine.prism.mood import usual_day
from engine.prism.position_heat import consecutive, liquidation_concentration
from engine.prism.positioning import interval_h
from engine.prism.roster import WHOLE_MARKET, Roster
from engine.prism.row_memo import Memory
from engine.prism.scales import rank_in_universe, ratio

WEIGHTS: Final = {"leverage": 0.4, "margin tier": 0.3, "liquidation distance": 0.3}
FUNDING_SCALE_PER_HOUR: Final = 1e-4 / 8.0
"""1 bp per 8 h: funding at which the paying side counts as crowded."""
LEAST_SLOTS: Final = 24
"""6 hours of open interest needed to estimate where positions were opened."""


def crowded_side(view: MarketView, roster: Roster) -> Floats:
    """`[rows]` -1..1, above 0 if longs pay: tanh(funding per hour / 1 bp per 8 h); NaN without current funding."""
    facts = view.derivatives
    current = age_ms(view, facts.funding_ms) <= FUNDING_LIMIT_MS
    hours = interval_h(view, roster)
    return np.where(current, np.tanh(facts.funding_frac / hours / FUNDING_SCALE_PER_HOUR), np.nan)


def concentration(interest: Floats, close: Floats) -> Floats:
    """`[rows]` -1..1: (estimated liquidations of shorts above price - those of longs below) / both, near price.

    From open interest and price by 15m slot `[rows, slots]`; NaN below 6 hours of them or if none is near.
    """
    slots = consecutive((close > 0.0) & (interest > 0.0))
    inside = np.arange(close.shape[1])[None, :] >= close.shape[1] - slots[:, None]
    price = np.log(np.where(inside, close, np.nan))
    base = np.log(np.where(inside, interest, np.nan)) - price
    enough = slots >= LEAST_SLOTS
    out = np.full(len(close), np.nan)
    if enough.any():
        out[enough] = liquidation_concentration(base[enough], price[enough])
    return out


def risk(view: MarketView, roster: Roster, depth: Depth, memory: Memory) -> Reading:
    """Reading of `risk`; raw is open interest over 24 h volume.

    Leverage: with p the mean rank in the universe of OI / 24 h volume and OI / depth, 50 - 50 max(0, 2 p - 1) * the
    crowded side; below the median it is neutral. Margin tier: the same with p the rank of the venue's highest leverage
    times a usual day's move, which is how many times over such a position is liquidated in a day; Binance publishes no
    tiers without an account, so its rows lack this part. Liquidation distance: 50 + 25 * concentration.
    """
    facts = view.derivatives
    interest = facts.open_interest_usd
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(~(interest > 0.0) | (facts.open_interest_ms < 0), Status.MISSING, "no open interest")
    age = age_ms(view, facts.open_interest_ms)
    draft.refuse_values(
        age > OPEN_INTEREST_LIMIT_MS, Status.STALE, age, 60_000.0, lambda ms: f"open interest {ms / 60_000:.0f} min old"
    )
    # Compared only between current books that are known that far on both sides.
    resting = np.where(books_stale(view, roster), np.nan, depth.risk_usd)
    per_volume, per_depth = ratio(interest, facts.volume_24h_usd), ratio(interest, resting)
    universe = view.rankable & draft.ok
    rank = blend(
        {
            "volume": (0.5, rank_in_universe(per_volume, universe)),
            "depth": (0.5, rank_in_universe(per_depth, universe)),
        }
    )
    stretch = roster.max_leverage * usual_day(view, memory)
    tier = rank_in_universe(stretch, universe)
    side, history = crowded_side(view, roster), (facts.oi_history_usd, facts.oi_history_close)
    (near,) = memory["risk"].of(history, lambda part: (concentration(history[0][part], history[1][part]),))
    parts = {
        "leverage": (WEIGHTS["leverage"], 50.0 - 50.0 * np.maximum(0.0, 2.0 * rank - 1.0) * side),
        "margin tier": (WEIGHTS["margin tier"], 50.0 - 50.0 * np.maximum(0.0, 2.0 * tier - 1.0) * side),
        "liquidation distance": (WEIGHTS["liquidation distance"], 50.0 + 25.0 * near),
    }
    score = blend(parts)
    draft.refuse(
        np.isnan(score), Status.WARMING, "warming: needs funding with volume or depth, or 6 h of open interest"
    )
    draft.note_absent(parts)
    draft.note(np.isfinite(near), "liquidation prices estimated")
    draft.input("open_interest", interest, "usd", facts.open_interest_ms)
    draft.input("oi_per_24h_volume", per_volume, "ratio", facts.open_interest_ms)
    draft.input("oi_per_depth_50bps", per_depth, "ratio", facts.open_interest_ms)
    draft.input("leverage_rank", rank * 100.0, "percentile", facts.open_interest_ms)
    draft.source(np.isfinite(rank), lambda _: WHOLE_MARKET, "leverage_rank")
    draft.input("max_leverage", roster.max_leverage, "times", None)
    draft.input("usual_day_per_margin", stretch, "times", None)
    draft.input("margin_tier_rank", tier * 100.0, "percentile", None)
    draft.source(np.isfinite(tier), lambda _: WHOLE_MARKET, "margin_tier_rank")
    draft.input("crowded_side", side, "-1..1", facts.funding_ms)
    draft.input("estimated_liquidations_short_less_long", near, "-1..1", facts.open_interest_ms)
    return draft.finish(per_volume, "ratio", score)
