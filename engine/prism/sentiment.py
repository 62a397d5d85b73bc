"""The sentiment face: positioning of the crowd.

Called by `engine.prism.score`. The components are in modules of their own; this one only gathers them.
"""

from __future__ import annotations

from engine.market.view import MarketView
from engine.prism.across import Across, across
from engine.prism.board import Reading
from engine.prism.depth import Depth
from engine.prism.liquidation_pressure import liquidations
from engine.prism.mood import mood
from engine.prism.positioning import funding, funding_volatility, interval_h, long_short_ratio
from engine.prism.risk import risk
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory
from engine.prism.volume_sentiment import volume_sentiment


def sentiment(
    view: MarketView, roster: Roster, depth: Depth, memory: Memory | None = None, voices: Across | None = None
) -> dict[str, Reading]:
    """Readings of the seven components of the face for all rows; `memory` from the previous scan, if any."""
    memory = Memory() if memory is None else memory
    voices = compared(view, roster) if voices is None else voices
    return {
        "long_short_ratio": long_short_ratio(view, voices),
        "funding": funding(view, roster, memory),
        "funding_volatility": funding_volatility(view, roster, memory),
        "liquidations": liquidations(view, roster, memory),
        "volume_sentiment": volume_sentiment(view, roster, memory),
        "mood": mood(view, roster, memory),
        "risk": risk(view, roster, depth, memory),
    }


def compared(view: MarketView, roster: Roster) -> Across:
    """Inputs compared across venues, for assets that several of them trade."""
    return across(view, roster.groups, interval_h(view, roster))
