"""OKX's REST requests. No I/O: the transport sends what is built here.

Called by `live` and `polls`. Requests are `GET /path?query`, the form that a capture records, so that a replay reads
answers exactly as live does. Answers are read in `rest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from engine.events import RatioKind
from engine.timeframes import INTERVAL_MS
from engine.venues.okx import limits, rows

PRODUCTS: Final = ("SWAP", "SPOT")
"""Products that prism follows; futures and options are read if a recording holds them."""

_BAR_OF: Final = {length: name for name, length in rows.BARS.items()}


def instruments_requests(products: Sequence[str] = PRODUCTS) -> list[str]:
    """The whole listing: one request per product, without pages."""
    return [_request("instruments", instType=kind) for kind in products]


def time_request() -> str:
    """The venue's clock."""
    return f"GET {limits.PATHS['time']}"


def klines_request(symbol: str, interval: str, limit: int, before_ms: int = 0) -> str:
    """Bars of `interval` (a name of `INTERVAL_MS`), newest first, at most 300.

    With `before_ms`, only bars that open before it, from the endpoint of older history.
    """
    bar = _BAR_OF[INTERVAL_MS[interval]]
    name = "klines_history" if before_ms else "klines"
    return _request(name, instId=symbol, bar=bar, after=before_ms, limit=min(limit, limits.KLINES_MAX))


def depth_request(symbol: str, levels: int) -> str:
    """The current book. The stream sends its own snapshots, so this is only for a one-off look, not for aligning."""
    return _request("depth", instId=symbol, sz=min(levels, limits.DEPTH_MAX))


def trades_request(symbol: str) -> str:
    """The newest 500 trades; the venue accepts no times here."""
    return _request("trades", instId=symbol, limit=limits.TRADES_MAX)


def tickers_request(kind: str = "SWAP") -> str:
    """Statistics and quotes of every instrument of a product."""
    return _request("tickers", instType=kind)


def open_interest_request(kind: str = "SWAP") -> str:
    """Current open interest of every instrument of a product."""
    return _request("open_interest", instType=kind)


def open_interest_history_request(symbol: str, period: str, limit: int) -> str:
    """Open interest of a contract in steps of `period`, newest first, at most 100 rows."""
    return _request("open_interest_history", instId=symbol, period=period, limit=min(limit, limits.RATIOS_MAX))


def marks_request(kind: str = "SWAP") -> str:
    """Current mark prices of every instrument of a product."""
    return _request("mark", instType=kind)


def indices_request(quote: str) -> str:
    """Current index prices of every pair quoted in a currency: USD, USDT, USDC or BTC."""
    return _request("index_tickers", quoteCcy=quote)


def funding_request(symbol: str = "ANY") -> str:
    """Current funding of one perpetual, or of all of them."""
    return _request("funding", instId=symbol)


def funding_history_request(symbol: str, limit: int) -> str:
    """The newest settlements, at most 400, three months back."""
    return _request("funding_history", instId=symbol, limit=min(limit, limits.FUNDING_MAX))


def ratio_request(kind: RatioKind, symbol: str, period: str, limit: int) -> str:
    """Rows of a ratio, newest first; `period` 5m 15m 30m 1H 2H 4H, at most 100 rows."""
    return _request(kind, instId=symbol, period=period, limit=min(limit, limits.RATIOS_MAX))


def _request(name: str, **query: str | int) -> str:
    given = {key: value for key, value in query.items() if value}
    return f"GET {limits.PATHS[name]}?{urlencode(given)}"
