"""Bitget's polls: what must be requested repeatedly because no stream pushes it.

Called by `live`. The listing is not polled here; the feed that follows listings requests it. Ratios are available for
one symbol at a time and once a second, so only the leading instruments get them often: 800 perpetuals take one request
in 1.4 s on each of the three ratio endpoints, and 2.1 requests a second in all, of the 8 that `limits` allows. Mark,
index, quotes, funding and open interest come on the ticker streams. The market-wide answers are polled too: they rank
the market before anything is subscribed, provide the funding interval, and sample the open interest, for which the
venue offers no history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.bitget import limits, queries, ratios
from engine.venues.live import Poll

TICKERS_S: Final = 60.0
OPEN_INTEREST_S: Final = 300.0
FUNDING_S: Final = 300.0
SETTLED_ROWS: Final = limits.FUNDING_MAX
PERIOD: Final = "5m"
RATIO_EVERY_S: Final = ((100, 300.0), (300, 900.0))
"""(place up to which, seconds between polls) for an instrument's ratios; those further down get `RATIO_LATER_S`."""
RATIO_LATER_S: Final = 3600.0


def polls(instruments: Sequence[Instrument]) -> list[Poll]:
    """All polls, the market-wide ones first; `instruments` in order of importance."""
    made = [
        Poll("ticker", queries.tickers_request(), TICKERS_S),
        Poll("open_interest", queries.open_interest_request(), OPEN_INTEREST_S),
        Poll("funding", queries.funding_request(), FUNDING_S),
    ]
    trading = [one for one in instruments if one.kind == "perp" and one.status == "trading"]
    for place, one in enumerate(trading):
        every_s = _ratio_s(place)
        made += [
            Poll(kind, queries.ratio_request(kind, one.symbol, PERIOD), every_s, one.symbol) for kind in ratios.KINDS
        ]
        settled_s = max(1.0, one.funding_interval_h or 8.0) * 3600.0
        request = queries.funding_history_request(one.symbol, SETTLED_ROWS)
        made.append(Poll("funding_history", request, settled_s, one.symbol))
    return made


def _ratio_s(place: int) -> float:
    for upto, every_s in RATIO_EVERY_S:
        if place < upto:
            return every_s
    return RATIO_LATER_S
