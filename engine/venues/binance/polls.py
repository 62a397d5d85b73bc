"""What Binance must be asked again and again, because no stream pushes it.

Called by `live`. The listing is not among it: whoever follows it asks for it. USD-M has no stream of open interest and
none of the ratios, so both are asked for one contract at a time: 600 contracts are 180 of the 1,200 weight a minute and
400 of the 600 statistics in 5 minutes that `limits` allows. Marks and tickers come on streams of the whole market; they
are asked for besides, since they rank the market before anything is subscribed and show what did not change.
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
"""How many of the first contracts have everything asked for at its full pace."""
OPEN_INTEREST_S: Final = 60.0
OPEN_INTEREST_LATER_S: Final = 300.0
OPEN_INTEREST_LATER_PER_MINUTE: Final = 300.0
"""Open interest asked for in a minute of all contracts but the first."""
RATIOS_S: Final = 300.0
HISTORY_S: Final = 3600.0
STATISTICS_LATER_S: Final = 1800.0
STATISTICS_LATER_PER_5_MINUTES: Final = 150.0
"""Statistics asked for in 5 minutes of all contracts but the first."""
FUNDING_HISTORY_S: Final = 8.0 * 3600.0
HISTORY_ROWS: Final = 100
"""As many 5-minute steps as the state keeps (96), and a few."""

_RATIOS: Final[tuple[tuple[PollKind, queries.History], ...]] = (
    ("accounts", "accounts"),
    ("top_accounts", "top_accounts"),
    ("top_positions", "top_positions"),
    ("taker_volume", "taker_volume"),
)


def polls(venue: str, instruments: Sequence[Instrument]) -> list[Poll]:
    """All polls of a product, those of the whole market first; `instruments` in order of importance."""
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
            made += _of_contract(one.symbol, OPEN_INTEREST_S, RATIOS_S, HISTORY_S)
        else:
            made += _of_contract(one.symbol, interest_s, statistics_s, max(HISTORY_S, statistics_s))
    return made


def _of_contract(symbol: str, interest_s: float, ratios_s: float, history_s: float) -> Iterator[Poll]:
    yield Poll("open_interest", queries.open_interest_request(symbol), interest_s, symbol)
    for kind, name in _RATIOS:
        yield Poll(kind, queries.history_request(name, symbol, limits.PERIOD, HISTORY_ROWS), ratios_s, symbol)
    past = queries.history_request("open_interest_history", symbol, limits.PERIOD, HISTORY_ROWS)
    yield Poll("open_interest_history", past, history_s, symbol)
    yield Poll("funding_history", queries.funding_history_request(symbol, HISTORY_ROWS), FUNDING_HISTORY_S, symbol)
