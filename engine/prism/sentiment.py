"""The sentiment face: how the crowd is positioned.

Called by `engine.prism.score`. The components stand in files of their own; this one only gathers them.
"""

from __future__ import annotations

from engine.market.view import MarketView
from engine.prism.board import Reading
from engine.prism.depth import Depth
from engine.prism.liquidation_pressure import liquidations
from engine.prism.mood import mood
from engine.prism.positioning import funding, funding_volatility, long_short_ratio
from engine.prism.risk import risk
from engine.prism.roster import Roster
from engine.prism.volume_sentiment import volume_sentiment


def sentiment(view: MarketView, roster: Roster, depth: Depth) -> dict[str, Reading]:
    """Readings of the seven components of the face for all rows."""
    return {
        "long_short_ratio": long_short_ratio(view),
        "funding": funding(view, roster),
        "funding_volatility": funding_volatility(view),
        "liquidations": liquidations(view, roster),
        "volume_sentiment": volume_sentiment(view, roster),
        "mood": mood(view, roster),
        "risk": risk(view, roster, depth),
    }
