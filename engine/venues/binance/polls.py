"""Binance's polls: what must be requested repeatedly because no stream pushes it.

Called by `live`. The listing is not polled here; the feed that follows listings requests it. USD-M streams neither open
interest nor the ratios, so both are polled one contract at a time: for 600 contracts that takes 180 of the 1,200 weight
a minute and 400 of the 600 statistics in 5 minutes that `limits` allows. Marks and tickers come on market-wide streams;
they are polled too, because they rank the market before anything is subscribed and include what did not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.binance import limits, queries
from engine.venues.live import Poll, PollKind

TICKERS_S: Final = 300.0
MARKS_S: Final = 300.0
FUNDING_CONFIG_S: Final = 3600.0
FIRST: Final = 60
"""Number of leading contracts that are polled at the full pace."""
OPEN_INTEREST_S: Final = 60.0
OPEN_INTEREST_LATER_S: Final = 300.0
OPEN_INTEREST_LATER_PER_MINUTE: Final = 300.0
"""Open interest requests per minute for all contracts after the first."""
RATIOS_S: Final = 300.0
HISTORY_S: Final = 3600.0
STATISTICS_LATER_S: Final = 1800.0
STATISTICS_LATER_PER_5_MINUTES: Final = 150.0
"""Statistics requests per 5 minutes for all contracts after the first."""
FUNDING_INTERVAL_H: Final = 8.0
"""Hours between settlements of a contract whose interval the venue has not adjusted."""
HISTORY_ROWS: Final = 100
"""Rows of a history: the 96 readings that the state keeps of each series, plus a few."""
INTEREST_PERIOD: Final = "15m"
"""The state keeps open interest by slots of 15 minutes; with a finer period 100 rows would fill a third of them."""

_RATIOS: Final[tuple[tuple[PollKind, queries.History], ...]] = (
    ("accounts", "accounts"),
    ("top_accounts", "top_accounts"),
    ("top_positions", "top_positions"),
    ("taker_volume", "taker_volume"),
)


def polls(venue: str, instruments: Sequence[Instrument]) -> list[Poll]:
    """All polls of a product, the market-wide ones first; `instruments` in order of importance."""
    made = [Poll("ticker", queries.tickers_request(venue), TICKERS_S)]
    if venue != queries.USDM:
        return made
    made.append(Poll("mark", queries.marks_request(), MARKS_S))
    made.append(Poll("funding", queries.funding_config_request(), FUNDING_CONFIG_S))
    trading = [one for one in instruments if one.kind == "perp" and one.status == "trading"]
    later = max(0, len(trading) - FIRST)
    requests = len(_RATIOS) + 1
    statistics_s = max(STATISTICS_LATER_S, later * requests * 300.0 / STATISTICS_LATER_PER_5_MINUTES)
    interest_s = max(OPEN_INTEREST_LATER_S, later * 60.0 / OPEN_INTEREST_LATER_PER_MINUTE)
    for place, one in enumerate(trading):
        if place < FIRST:
            made += _of_contract(one, OPEN_INTEREST_S, RATIOS_S, HISTORY_S)
        else:
            made += _of_contract(one, interest_s, statistics_s, max(HISTORY_S, statistics_s))
    return made


def _of_contract(one: Instrument, interest_s: float, ratios_s: float, history_s: float) -> Iterator[Poll]:
    symbol = one.symbol
    yield Poll("open_interest", queries.open_interest_request(symbol), interest_s, symbol)
    for kind, name in _RATIOS:
        yield Poll(kind, queries.history_request(name, symbol, limits.PERIOD, HISTORY_ROWS), ratios_s, symbol)
    past = queries.history_request("open_interest_history", symbol, INTEREST_PERIOD, HISTORY_ROWS)
    yield Poll("open_interest_history", past, history_s, symbol)
    settled_s = max(1.0, one.funding_interval_h or FUNDING_INTERVAL_H) * 3600.0
    yield Poll("funding_history", queries.funding_history_request(symbol, HISTORY_ROWS), settled_s, symbol)
