"""OKX's polls: what must be requested repeatedly because no stream pushes it, or not for the whole market.

Called by `live`. The listing is not polled here; the feed that follows listings requests it. Each endpoint has its own
budget: 300 swaps take one request in 2.8 s on each of the ratio endpoints, of the one a second that `limits` allows.
Tickers, marks, funding and open interest come on streams of one instrument each; the market-wide answers are polled
too, because they rank the market before anything is subscribed. Index prices are pushed by pair and not by contract, so
all are polled at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.events import RatioKind
from engine.instruments import Instrument
from engine.venues.live import Poll
from engine.venues.okx import queries

MARKET_S: Final = 300.0
INDICES_S: Final = 30.0
INDEX_QUOTES: Final = ("USDT", "USDC", "USD")
FIRST: Final = 60
"""Number of leading swaps with ratios polled at each of the venue's 5-minute steps."""
RATIOS_S: Final = 300.0
RATIOS_LATER_S: Final = 1500.0
RATIOS_LATER_PER_S: Final = 0.3
"""Most requests per second of one ratio for all swaps after the first."""
HISTORY_S: Final = 3600.0
HISTORY_ROWS: Final = 100
"""Rows of a history: the 96 readings that the state keeps of each series, plus a few."""
INTEREST_PERIOD: Final = "15m"
"""The state keeps open interest by slots of 15 minutes; with a finer period 100 rows would fill a third of them."""
PERIOD: Final = "5m"
RATIOS: Final[tuple[RatioKind, ...]] = ("accounts", "top_accounts", "top_positions", "taker_volume")


def polls(instruments: Sequence[Instrument]) -> list[Poll]:
    """All polls, the market-wide ones first; `instruments` in order of importance."""
    made = [Poll("ticker", queries.tickers_request(product), MARKET_S) for product in queries.PRODUCTS]
    made.append(Poll("open_interest", queries.open_interest_request(), MARKET_S))
    made.append(Poll("funding", queries.funding_request(), MARKET_S))
    made.append(Poll("mark", queries.marks_request(), MARKET_S))
    made += [Poll("mark", queries.indices_request(quote), INDICES_S) for quote in INDEX_QUOTES]
    trading = [one for one in instruments if one.kind == "perp" and one.status == "trading"]
    later_s = max(RATIOS_LATER_S, (len(trading) - FIRST) / RATIOS_LATER_PER_S)
    for place, one in enumerate(trading):
        made += _of_swap(one, RATIOS_S if place < FIRST else later_s)
    return made


def _of_swap(one: Instrument, ratios_s: float) -> Iterator[Poll]:
    symbol = one.symbol
    for kind in RATIOS:
        yield Poll(kind, queries.ratio_request(kind, symbol, PERIOD, HISTORY_ROWS), ratios_s, symbol)
    past = queries.open_interest_history_request(symbol, INTEREST_PERIOD, HISTORY_ROWS)
    yield Poll("open_interest_history", past, HISTORY_S, symbol)
    settled_s = max(1.0, one.funding_interval_h or 8.0) * 3600.0
    yield Poll("funding_history", queries.funding_history_request(symbol, HISTORY_ROWS), settled_s, symbol)
