"""Position size from the risk per trade and a share of the book's depth.

A pure function, called by `tui.presenters.levels`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Size:
    """A position size and the limit that decided it."""

    base: float
    """Base currency."""
    notional_usd: float
    limit: Literal["risk", "liquidity"]


def position_size(
    equity_usd: float, risk_frac: float, entry: float, stop: float, depth_1pct_usd: float, liquidity_cap_frac: float
) -> Size | None:
    """The smaller of (equity * risk / stop distance) and (cap * depth within 1 %), or None if one is not known.

    `risk_frac` is the share of `equity_usd` lost if the stop fills at its price, before fees and slippage;
    `liquidity_cap_frac` is the largest share of the thinner side's depth that the position may be. Raises ValueError
    for an equity, risk or cap at or below zero. Unknown depth gives None: it supports no size.
    """
    for name, value in (("equity", equity_usd), ("risk", risk_frac), ("liquidity cap", liquidity_cap_frac)):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value}")
    distance = abs(entry - stop)
    if not (distance > 0 and entry > 0 and depth_1pct_usd >= 0):
        return None
    by_risk = equity_usd * risk_frac / distance
    by_depth = liquidity_cap_frac * depth_1pct_usd / entry
    if by_risk <= by_depth:
        return Size(by_risk, by_risk * entry, "risk")
    return Size(by_depth, by_depth * entry, "liquidity")
