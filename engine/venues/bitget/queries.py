"""Bitget's REST requests. No I/O: the transport sends what is built here.

Called by `live` and `polls`. Requests are `GET /path?query`, the form that a capture records, so that a replay reads
answers exactly as live does. Answers are read in `rest`. Sources: Bitget UTA v3 REST pages (early 2026, read again
2026-08-08), for ratios and the clock the classic v2 pages.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from engine.events import RatioKind
from engine.timeframes import INTERVAL_MS
from engine.venues.bitget import limits, ratios
from engine.venues.bitget.candles import INTERVALS

_NAME_OF: Final = {length: name for name, length in INTERVALS.items()}


def instruments_request() -> str:
    """The whole listing in one request; no pages are documented."""
    return _request("instruments")


def klines_request(symbol: str, interval: str, limit: int, start_ms: int = 0, end_ms: int = 0) -> str:
    """Bars of `interval` (a name of `INTERVAL_MS`), the forming one included; at most 1000."""
    count = min(limit, limits.KLINES_MAX)
    return _klines_request("klines", symbol, interval, start_ms, end_ms, count)


def klines_history_request(symbol: str, interval: str, limit: int, start_ms: int, end_ms: int) -> str:
    """Bars older than 90 days, at most 100; raises ValueError for a span beyond the venue's 90 days."""
    if not 0 <= end_ms - start_ms <= limits.KLINES_HISTORY_SPAN_MS:
        raise ValueError(f"bitget answers spans of 0 to 90 days of older bars, not {end_ms - start_ms} ms")
    count = min(limit, limits.KLINES_HISTORY_MAX)
    return _klines_request("klines_history", symbol, interval, start_ms, end_ms, count)


def _klines_request(name: str, symbol: str, interval: str, start_ms: int, end_ms: int, limit: int) -> str:
    bar = _NAME_OF[INTERVAL_MS[interval]]
    return _request(name, symbol=symbol, interval=bar, startTime=start_ms, endTime=end_ms, limit=limit)


def depth_request(symbol: str, levels: int) -> str:
    """The current book, without a sequence: only for a one-off look, it cannot be aligned with the stream."""
    return _request("depth", symbol=symbol, limit=min(levels, limits.DEPTH_MAX))


def trades_request(symbol: str, limit: int = limits.TRADES_MAX) -> str:
    """The newest fills, at most 100. They repeat trades of the stream: the caller must compare `trade_id`."""
    return _request("trades", symbol=symbol, limit=min(limit, limits.TRADES_MAX))


def tickers_request(symbol: str = "") -> str:
    """All symbols in one call, or one: statistics, quote, mark and index, current funding and open interest."""
    return _request("tickers", symbol=symbol)


def open_interest_request(symbol: str = "") -> str:
    """Current open interest, of all symbols or one. The venue offers no history of it."""
    return _request("open_interest", symbol=symbol)


def funding_request(symbol: str = "") -> str:
    """Current funding with its next settlement and interval, of all symbols or one.

    The page documents one symbol only; a request by category returned all of them on 2026-09-15.
    """
    return f"GET {limits.PATHS['funding']}?{_encoded({'symbol': symbol})}" if symbol else _request("funding")


def funding_history_request(symbol: str, limit: int, page: int = 1) -> str:
    """Past settlements, newest page first; at most 100 rows per page and 100 pages."""
    return _request("funding_history", symbol=symbol, cursor=page, limit=min(limit, limits.FUNDING_MAX))


def ratio_request(kind: RatioKind, symbol: str, period: str) -> str:
    """Rows of a ratio: accounts, top_positions or taker_volume; `period` 5m 15m 30m 1h 2h 4h 6h 12h 1d.

    One call per second and address. Raises ValueError for a kind or period that the venue does not offer.
    """
    if kind not in ratios.KINDS or period not in ratios.PERIOD_MS:
        raise ValueError(f"bitget offers the ratios {', '.join(ratios.KINDS)} by {', '.join(ratios.PERIOD_MS)}")
    return f"GET {limits.PATHS[kind]}?{_encoded({'symbol': symbol, 'period': period})}"


def time_request() -> str:
    """The venue's clock."""
    return f"GET {limits.PATHS['time']}"


def _request(name: str, **query: str | int) -> str:
    given = {"category": limits.REST_CATEGORY} | {key: value for key, value in query.items() if value}
    return f"GET {limits.PATHS[name]}?{_encoded(given)}"


def _encoded(query: dict[str, str | int] | dict[str, str]) -> str:
    return urlencode(query, quote_via=quote)
