"""Bybit's polls: what must be requested repeatedly because no stream pushes it.

Called by `live`. The listing is not polled here; the feed that follows listings requests all its parts at once. For 600
perpetuals the polls take 1.3 requests a second of the 20 that `limits` allows. Mark, index, funding, open interest and
quotes come on the ticker streams; the market-wide tickers are polled too, because they rank the market before anything
is subscribed and show what no stream carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.bybit import queries
from engine.venues.live import Poll

TICKERS_S: Final = 60.0
HISTORY_S: Final = 3600.0
HISTORY_ROWS: Final = 100
"""Rows of a history: the 96 readings that the state keeps of each series, plus a few."""
INTEREST_PERIOD: Final = "15min"
"""The state keeps open interest by slots of 15 minutes; with a finer period 100 rows would fill a third of them."""
FIRST: Final = 200
"""Number of leading instruments with ratios polled at each of the venue's 5-minute steps."""
FIRST_S: Final = 300.0
LATER_S: Final = 900.0
PERIOD: Final = "5min"


def polls(venue: str, instruments: Sequence[Instrument]) -> list[Poll]:
    """All polls of a product, the market-wide one first; `instruments` in order of importance."""
    made = [Poll("ticker", queries.tickers_request(venue), TICKERS_S)]
    if venue == "bybit-linear":
        trading = [one for one in instruments if one.kind == "perp" and one.status == "trading"]
        for place, one in enumerate(trading):
            made += _of_perpetual(one, FIRST_S if place < FIRST else LATER_S)
    return made


def _of_perpetual(one: Instrument, ratios_s: float) -> Iterator[Poll]:
    symbol = one.symbol
    # The venue publishes ratios of USDT perpetuals only (documentation, long-short-ratio).
    if one.quote == "USDT":
        yield Poll("accounts", queries.accounts_request(symbol, PERIOD, HISTORY_ROWS), ratios_s, symbol)
    history = queries.open_interest_request(symbol, INTEREST_PERIOD, HISTORY_ROWS)
    yield Poll("open_interest_history", history, HISTORY_S, symbol)
    settled_s = max(1.0, one.funding_interval_h or 8.0) * 3600.0
    yield Poll("funding_history", queries.funding_history_request(symbol, HISTORY_ROWS), settled_s, symbol)
